// What is asked of a server about the version of the protocol, and what comes of its answers.
import { beforeAll, describe, expect, test } from 'vitest'
import type { UpstreamProtocol } from '../../src/upstream/target.ts'
import { codes, cstrings, int32, message, packet, startup } from '../unit/wire/bytes.ts'
import { createTrust, database, Gate, role, type Trust } from './gate.ts'
import { until } from './until.ts'
import { authentication, greeting, ready, Upstream } from './upstream.ts'

let trust: Trust

beforeAll(async () => {
  trust = await createTrust()
})

const processId = 4711
const versions = { '3.0': codes.version(3, 0), '3.2': codes.version(3, 2) }

function negotiation(version: number, ...options: readonly string[]): Buffer {
  return message('v', Buffer.concat([int32(version), int32(options.length), cstrings(...options)]))
}

function welcomeWith(key: Buffer): Buffer {
  const keyData = message('K', Buffer.concat([int32(processId), key]))
  return Buffer.concat([authentication.ok, greeting, keyData, ready])
}

/** The version that the server is asked for, and the key of the cancel request that comes of the session. */
async function cancelThrough(
  protocol: UpstreamProtocol,
  clientMinor: number,
  answer: Buffer,
): Promise<{ asked: number; clientKeyBytes: number; cancelKey: Buffer }> {
  const asked: number[] = []
  const cancelled = Promise.withResolvers<Buffer>()
  await using upstream = await Upstream.start(async (connection) => {
    const { code, body } = await connection.takePacket()
    if (code === codes.cancel) {
      cancelled.resolve(body)
      connection.close()
      return
    }
    asked.push(code)
    connection.send(answer)
  })
  await using gate = await Gate.start({
    trust,
    allowsCleartext: true,
    upstream: { port: upstream.port, protocol },
  })
  await using frontend = await gate.connect()
  frontend.send(startup(['user', role, 'database', database], clientMinor))
  await frontend.takeMessage()
  frontend.send(message('p', `${await trust.token()}\0`))
  let ours: Buffer | undefined
  while (ours === undefined) {
    const { type, body } = await frontend.takeMessage()
    expect(type).not.toBe('E')
    if (type === 'K') ours = Buffer.from(body)
  }
  await using canceller = await gate.connect()
  canceller.send(packet(codes.cancel, ours))
  expect(await canceller.rest()).toHaveLength(0)
  const body = await cancelled.promise
  expect(body.readInt32BE(0)).toBe(processId)
  const [version = -1] = asked
  return { asked: version, clientKeyBytes: ours.length - 4, cancelKey: body.subarray(4) }
}

describe('a server with cancel keys', () => {
  test.each<[number, UpstreamProtocol, number, number]>([
    [4, '3.0', 0, 4],
    [4, '3.0', 2, 32],
    [4, '3.2', 0, 4],
    [32, '3.2', 0, 4],
    [32, '3.2', 2, 32],
    [256, '3.2', 0, 4],
    [256, '3.2', 2, 32],
  ])(
    'of %d bytes, asked for %s, gets its own key back, whatever key the client of 3.%d has',
    async (keyBytes, protocol, clientMinor, clientKeyBytes) => {
      const key = Buffer.from(Array.from({ length: keyBytes }, (_, index) => index))
      const seen = await cancelThrough(protocol, clientMinor, welcomeWith(key))
      expect(seen).toEqual({ asked: versions[protocol], clientKeyBytes, cancelKey: key })
    },
  )

  test('that has 3.0 alone is taken as it is', async () => {
    const key = Buffer.from('4321')
    const answer = Buffer.concat([negotiation(versions['3.0']), welcomeWith(key)])
    const seen = await cancelThrough('3.2', 2, answer)
    expect(seen).toEqual({ asked: versions['3.2'], clientKeyBytes: 32, cancelKey: key })
  })
})

describe('a server that is asked for 3.2', () => {
  const letIn = welcomeWith(Buffer.alloc(32))

  test.each([
    ['and has something newer', [negotiation(codes.version(3, 3)), letIn]],
    ['and says that it has it', [negotiation(versions['3.2']), letIn]],
    ['and has 3.1, which there is not', [negotiation(codes.version(3, 1)), letIn]],
    ['and has protocol 2', [negotiation(codes.version(2, 0)), letIn]],
    ['and has an option that nobody gave', [negotiation(versions['3.0'], '_pq_.x'), letIn]],
    ['and negotiates twice', [negotiation(versions['3.0']), negotiation(versions['3.0']), letIn]],
    ['and negotiates late', [authentication.ok, negotiation(versions['3.0']), letIn]],
    ['and negotiates behind a notice', [message('N', 'x'), negotiation(versions['3.0']), letIn]],
    ['and miscounts its options', [message('v', Buffer.concat([int32(196_608), int32(9)])), letIn]],
    ['and has a key of 257 bytes', [welcomeWith(Buffer.alloc(257))]],
    ['and has a key of 3 bytes', [welcomeWith(Buffer.alloc(3))]],
  ])('%s is left', async (_, answers) => {
    await using upstream = await Upstream.start(async (connection) => {
      await connection.takeStartup()
      connection.send(...answers)
    })
    await using gate = await Gate.start({
      trust,
      allowsCleartext: true,
      upstream: { port: upstream.port, protocol: '3.2' },
    })
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    expect((await frontend.takeMessage()).type).toBe('E')
    expect(await gate.outcome()).toMatchObject({
      kind: 'refused',
      refusal: { reason: 'upstream-protocol' },
    })
    await until('the upstream to be left', () => upstream.isDeserted)
  })
})
