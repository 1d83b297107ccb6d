// Sessions that are held and released at any moment: no byte is lost, changed or moved, and none passes meanwhile.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { connect as connectTls, createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthority } from '../../demo/certificates.ts'
import { Splice } from '../../src/session/splice.ts'
import { QueryState } from '../../src/wire/query-state.ts'
import { turns, until } from '../transcript/until.ts'
import { message } from '../unit/wire/bytes.ts'

/** Two ends of one connection over loopback. */
interface Line {
  readonly near: Socket
  readonly far: Socket
}

const server = createServer({ allowHalfOpen: true, noDelay: true })
let tls: { readonly ca: string; readonly context: SecureContext }

beforeAll(async () => {
  const authority = await createAuthority('hold')
  const { certificate, key } = await authority.issue({ commonName: 'localhost' })
  tls = { ca: authority.certificate, context: createSecureContext({ cert: certificate, key }) }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

afterAll(() => {
  server.close()
})

async function line(): Promise<Line> {
  const { port } = server.address() as AddressInfo
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  const near = await accepted
  for (const socket of [near, far]) socket.on('error', () => {})
  return { near, far }
}

async function secure({ near, far }: Line): Promise<Line> {
  const secured = new TLSSocket(near, { isServer: true, secureContext: tls.context })
  const client = connectTls({ socket: far, ca: tls.ca, servername: 'localhost' })
  for (const socket of [secured, client]) socket.on('error', () => {})
  await new Promise<void>((resolve) => client.once('secureConnect', resolve))
  return { near: secured, far: client }
}

/** What one end has received. */
function receivedBy(socket: Socket): () => Buffer {
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  return () => Buffer.concat(chunks)
}

async function spliced(isSecure: boolean) {
  const plain = await line()
  const frontend = isSecure ? await secure(plain) : plain
  const upstream = await line()
  const atClient = receivedBy(frontend.far)
  const atServer = receivedBy(upstream.far)
  let end: string | undefined
  const splice = new Splice({
    frontend: frontend.near,
    upstream: upstream.near,
    cancel: () => {},
    onEnd: (reason) => (end = reason),
    traffic: { fromFrontend: 0, fromUpstream: 0 },
    keepsTime: false,
  })
  splice.start(Buffer.alloc(0), Buffer.alloc(0))
  return {
    splice,
    atClient,
    atServer,
    client: frontend.far,
    server: upstream.far,
    ended: () => end,
    close: async () => {
      for (const socket of [frontend.far, upstream.far]) socket.destroy()
      await until('the session to end', () => end !== undefined)
    },
  }
}

const rowOf = (size: number): Buffer => message('D', Buffer.alloc(size, 'r'))
const ready = message('Z', 'I')

const step = fc.oneof(
  fc.record({ kind: fc.constant('ask' as const), size: fc.constantFrom(1, 10, 70_000) }),
  fc.record({
    kind: fc.constant('answer' as const),
    size: fc.constantFrom(0, 100, 200_000),
    status: fc.constantFrom('I', 'T'),
  }),
  fc.record({ kind: fc.constant('notify' as const) }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ kind: fc.constant('hold' as const), how: fc.constantFrom('idle', 'now') }),
  fc.record({ kind: fc.constant('release' as const) }),
  // Without a turn of the loop between what comes before and what comes behind.
  fc.record({ kind: fc.constant('turns' as const), count: fc.integer({ min: 1, max: 6 }) }),
)

describe.each([
  ['in the clear', false],
  ['over TLS', true],
])('%s', (_, isSecure) => {
  test(
    'bytes arrive unchanged and in order, however often a session is held',
    { timeout: 60_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          const session = await spliced(isSecure)
          const { splice, client, server: upstream } = session
          const sent = { client: [] as Buffer[], server: [] as Buffer[] }
          const send = (side: 'client' | 'server', bytes: Buffer): void => {
            sent[side].push(bytes)
            const socket = side === 'client' ? client : upstream
            socket.write(bytes)
          }
          for (const one of steps) {
            switch (one.kind) {
              case 'ask':
                send('client', message('Q', Buffer.alloc(one.size, 'q')))
                break
              case 'answer':
                send('server', Buffer.concat([rowOf(one.size), message('Z', one.status)]))
                break
              case 'notify':
                send('server', message('A', Buffer.from('hello')))
                break
              case 'cut': {
                const whole = message('Q', Buffer.alloc(20, 'c'))
                send('client', whole.subarray(0, one.at))
                await turns(3)
                send('client', whole.subarray(one.at))
                break
              }
              case 'hold':
                splice.release()
                splice.hold(one.how)
                break
              case 'release':
                splice.release()
                break
              case 'turns':
                await turns(one.count)
            }
          }
          splice.release()
          const expected = {
            atServer: Buffer.concat(sent.client),
            atClient: Buffer.concat(sent.server),
          }
          await until(
            'all that the client sent',
            () => session.atServer().length >= expected.atServer.length,
          )
          await until(
            'all that the server sent',
            () => session.atClient().length >= expected.atClient.length,
          )
          expect(session.atServer().equals(expected.atServer)).toBe(true)
          expect(session.atClient().equals(expected.atClient)).toBe(true)
          await session.close()
        }),
        { numRuns: 250 },
      )
    },
  )

  const heldStep = fc.oneof(
    fc.constant('ask' as const),
    fc.constant('part' as const),
    fc.constant('notify' as const),
    fc.constant('turn' as const),
  )

  test('nothing of the client passes while it is held idle, and what the server says of itself does', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(heldStep, { maxLength: 12 }),
        fc.boolean(),
        async (steps, isFlapping) => {
          const session = await spliced(isSecure)
          const { splice, client, server: upstream } = session
          client.write(message('Q', 'select 1\0'))
          await until('the statement', () => session.atServer().length > 0)
          splice.hold('idle')
          if (isFlapping) {
            splice.release()
            splice.hold('idle')
          }
          expect(splice.isHeld).toBe(false)
          upstream.write(ready)
          await until('it to be held', () => splice.isHeld)
          const before = session.atServer().length
          let told = ready.length
          let asked = 0
          for (const one of steps) {
            if (one === 'turn') await turns(3)
            else if (one === 'notify') {
              const note = message('A', Buffer.from('hello'))
              upstream.write(note)
              told += note.length
            } else {
              const bytes = one === 'ask' ? message('Q', Buffer.alloc(50, 'q')) : Buffer.from('Q')
              client.write(bytes)
              asked += bytes.length
            }
          }
          await turns(10)
          expect(session.atServer()).toHaveLength(before)
          await until('the notifications', () => session.atClient().length === told)
          splice.release()
          await until('what was asked', () => session.atServer().length === before + asked)
          await session.close()
        },
      ),
      { numRuns: 60 },
    )
  })

  test('nothing passes either way while it is suspended, and it is held between two messages', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 300_000 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 0, max: 8 }),
        async (sizes, wait) => {
          const session = await spliced(isSecure)
          const { splice, client, server: upstream } = session
          client.write(message('Q', 'copy\0'))
          await until('the statement', () => session.atServer().length > 0)
          const rows = Buffer.concat(sizes.map(rowOf))
          upstream.write(rows)
          await turns(wait)
          splice.hold('now')
          client.write(message('Q', 'more\0'))
          await until('it to be held', () => splice.isHeld)
          const read = new QueryState()
          // What was written before may still be on its way.
          await until('what is on its way', () => {
            const { bytesFromUpstream } = splice
            return session.atClient().length === bytesFromUpstream
          })
          read.fromUpstream(session.atClient())
          expect(read.atUpstreamBoundary).toBe(true)
          const counts = [session.atClient().length, session.atServer().length]
          await turns(10)
          expect([session.atClient().length, session.atServer().length]).toEqual(counts)
          splice.release()
          await until('the rows', () => session.atClient().length === rows.length)
          expect(session.atClient().equals(rows)).toBe(true)
          await until('the rest', () => session.atServer().toString().includes('more'))
          await session.close()
        },
      ),
      { numRuns: 60 },
    )
  })
})
