// Clients that are at the console and mean no good.
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { cstrings, message, startup } from '../unit/wire/bytes.ts'
import { type Frontend } from '../transcript/frontend.ts'
import { createTrust, Gate, type GateOptions, type Trust } from '../transcript/gate.ts'
import { until } from '../transcript/until.ts'

let trust: Trust

beforeAll(async () => {
  trust = await createTrust()
})

async function start(options: Partial<GateOptions> = {}): Promise<Gate> {
  return Gate.start({ trust, allowsCleartext: true, adminGroups: ['readonly'], ...options })
}

async function entered(gate: Gate): Promise<Frontend> {
  const frontend = await gate.connect()
  frontend.send(startup(['user', 'alice', 'database', 'system']))
  await frontend.takeMessage()
  frontend.send(message('p', `${await trust.token()}\0`))
  await frontend.takeCancelKey()
  return frontend
}

const query = (text: string): Buffer => message('Q', cstrings(text))

test('who asks for more than it takes is answered no further', async () => {
  await using gate = await start()
  const frontend = await entered(gate)
  frontend.socket.pause()
  const text = query(`select '${'x'.repeat(60_000)}'`)
  const count = 1_000
  for (let index = 0; index < count; index++) frontend.socket.write(text)
  await until('it is not read any more', () => frontend.socket.writableLength > 0)
  frontend.socket.destroy()
  await frontend[Symbol.asyncDispose]()
  const ended = (await gate.settled()).find(({ kind }) => kind === 'ended')
  const { bytesFromUpstream = Infinity } = ended?.kind === 'ended' ? ended.end : {}
  expect(bytesFromUpstream).toBeLessThan((count * text.length) / 2)
})

test('who sends more than is read while a statement waits is read no further', async () => {
  let isAsked = false
  const order = async () => {
    isAsked = true
    return Promise.resolve({ kind: 'waiting', ticket: 't' } as const)
  }
  await using gate = await start({ order })
  const frontend = await entered(gate)
  frontend.send(query('pause'))
  await until('the order', () => isAsked)
  const flood = Buffer.alloc(64 * 1024 * 1024)
  frontend.socket.write(flood)
  await until('some of it', () => frontend.socket.bytesWritten > 100_000)
  expect(frontend.socket.writableLength).toBeGreaterThan(flood.length / 2)
  frontend.reset()
  await frontend[Symbol.asyncDispose]()
  gate.registry.endNow()
  await gate.settled()
})

test('whatever bytes come, the session answers or ends, and nothing is a bug', async () => {
  await using gate = await start({ limits: { maxConsoleSessions: 1_000 } })
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.tuple(fc.constantFrom('Q', 'P', 'B', 'D', 'E', 'S', 'X', 'p', '\0'), fc.uint8Array()),
        {
          maxLength: 8,
        },
      ),
      async (messages) => {
        const frontend = await entered(gate)
        frontend.send(...messages.map(([type, bytes]) => message(type, Buffer.from(bytes))))
        frontend.send(message('X'))
        await frontend.rest()
        await frontend[Symbol.asyncDispose]()
        expect(gate.bugs).toEqual([])
      },
    ),
    { numRuns: 60 },
  )
  await gate.settled()
})
