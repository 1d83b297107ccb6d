import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { SessionLimits } from '../../src/policy/catalog.ts'
import { message } from '../unit/wire/bytes.ts'
import { readError } from './frontend.ts'
import { createTrust, type Trust } from './gate.ts'
import { endOf, Session } from './spliced-session.ts'
import { turns, until } from './until.ts'
import { ready } from './upstream.ts'

let trust: Trust
/** What the clock of the gate, which stands still by itself, said at the beginning. */
let origin = 0

beforeAll(async () => {
  trust = await createTrust()
})

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
  origin = performance.now()
})

afterEach(() => {
  vi.useRealTimers()
})

const tokenLifeMs = 300_000
const query = message('Q', 'select 1\0')
const parse = message('P', '\0select 1\0\0\0')
const answer = Buffer.concat([message('C', 'SELECT 1\0'), ready])
const inTransaction = Buffer.concat([message('C', 'BEGIN\0'), message('Z', 'T')])
const terminate = '5800000004'
const expired = {
  sqlstate: '57P01',
  message: 'terminating connection: token expired',
  hint: 'Connect again with a new token.',
}
const ended = {
  sqlstate: '57P01',
  message: 'terminating connection: session lifetime exceeded',
}
const idle = { sqlstate: '57P05', message: 'terminating connection due to idle-session timeout' }
const idleInTransaction = {
  sqlstate: '25P03',
  message: 'terminating connection due to idle-in-transaction timeout',
}

async function start(sessionLimits: Partial<SessionLimits>): Promise<Session> {
  const now = (): Date => new Date(Date.now() + performance.now() - origin)
  return Session.start({ trust, sessionLimits, now })
}

/** Lets time pass, and the sockets deliver what comes of it. */
async function pass(ms: number): Promise<void> {
  vi.advanceTimersByTime(ms)
  await turns(20)
}

/** Has the client say something, and the server answer. */
async function exchange({ frontend, server }: Session, said: Buffer, answered: Buffer) {
  frontend.send(said)
  await server.take(said.length)
  server.send(answered)
  await frontend.take(answered.length)
}

const idleExpiry = { expiry: 'idle' } as const
const hardExpiry = { expiry: 'hard', graceMs: 10_000 } as const

describe('a token that expires', () => {
  test.each([
    ['idle', idleExpiry],
    ['hard', hardExpiry],
  ])('ends an idle session at once with %s', async (_, limits) => {
    await using session = await start(limits)
    await pass(tokenLifeMs - 2_000)
    expect(session.frontend.unread).toHaveLength(0)
    await pass(3_000)
    expect(readError(await session.frontend.rest())).toMatchObject(expired)
    expect((await session.server.rest()).toString('hex')).toBe(terminate)
    expect(await endOf(session)).toBe('token-expired')
  })

  test('does nothing with ignore', async () => {
    await using session = await start({ expiry: 'ignore' })
    await pass(tokenLifeMs * 10)
    await exchange(session, query, answer)
    session.frontend.socket.end()
    expect(await endOf(session)).toBe('client-closed')
  })

  test.each([
    ['idle', idleExpiry],
    ['hard', hardExpiry],
  ])('lets a transaction go to its end with %s', async (_, limits) => {
    await using session = await start(limits)
    await exchange(session, query, inTransaction)
    await pass(tokenLifeMs + 1_000)
    await exchange(session, query, inTransaction)
    session.frontend.send(query)
    await session.server.take(query.length)
    session.server.send(answer)
    expect(await session.frontend.take(answer.length)).toBe(answer.toString('latin1'))
    expect(readError(await session.frontend.rest())).toMatchObject(expired)
    expect(await endOf(session)).toBe('token-expired')
  })

  test('waits as long as it takes with idle', async () => {
    await using session = await start(idleExpiry)
    session.frontend.send(query)
    await session.server.take(query.length)
    await pass(tokenLifeMs * 100)
    expect(session.frontend.unread).toHaveLength(0)
    session.server.send(answer)
    await session.frontend.take(answer.length)
    expect(readError(await session.frontend.rest())).toMatchObject(expired)
  })

  test.each([
    ['a statement', query],
    ['a pipeline without its Sync', parse],
  ])('ends %s after the grace, which is cancelled', async (_, said) => {
    await using session = await start(hardExpiry)
    session.frontend.send(said)
    await session.server.take(said.length)
    await pass(tokenLifeMs + 8_000)
    expect(session.frontend.unread).toHaveLength(0)
    await pass(3_000)
    expect(readError(await session.frontend.rest())).toMatchObject(expired)
    expect((await session.server.rest()).toString('hex')).toBe(terminate)
    expect(session.cancels).toBeGreaterThan(0)
    expect(await endOf(session)).toBe('token-expired')
  })

  test('ends a transaction that waits for its client after the grace, with nothing to cancel', async () => {
    await using session = await start(hardExpiry)
    await exchange(session, query, inTransaction)
    await pass(tokenLifeMs + 10_000)
    expect(readError(await session.frontend.rest())).toMatchObject(expired)
    expect((await session.server.rest()).toString('hex')).toBe(terminate)
    expect(session.cancels).toBe(0)
  })

  test('has the message under way finished first, and nothing behind it', async () => {
    await using session = await start(hardExpiry)
    session.frontend.send(query)
    await session.server.take(query.length)
    const row = message('d', 'a row of a copy')
    session.server.send(row, row.subarray(0, 9))
    await session.frontend.take(row.length + 9)
    await pass(tokenLifeMs + 10_000)
    expect(session.frontend.unread).toHaveLength(0)
    session.server.send(row.subarray(9), row, row.subarray(0, 3))
    const rest = row.subarray(9)
    expect(await session.frontend.take(rest.length)).toBe(rest.toString('latin1'))
    expect(readError(await session.frontend.rest())).toMatchObject(expired)
    expect(await endOf(session)).toBe('token-expired')
  })

  test('has a header under way finished first, and its body', async () => {
    await using session = await start(hardExpiry)
    session.frontend.send(query)
    await session.server.take(query.length)
    const row = message('d', 'a row')
    session.server.send(row.subarray(0, 3))
    await session.frontend.take(3)
    await pass(tokenLifeMs + 10_000)
    for (const byte of row.subarray(3)) {
      session.server.send(Buffer.of(byte))
      await turns(5)
    }
    expect(await session.frontend.take(row.length - 3)).toBe(row.toString('latin1', 3))
    expect(readError(await session.frontend.rest())).toMatchObject(expired)
  })

  test('closes without a word where the message under way does not end', async () => {
    await using session = await start(hardExpiry)
    const row = message('d', 'a row')
    session.frontend.send(query)
    await session.server.take(query.length)
    session.server.send(row.subarray(0, 7))
    await session.frontend.take(7)
    await pass(tokenLifeMs + 10_000)
    await pass(1_000)
    expect(await session.frontend.rest()).toHaveLength(0)
    expect(await endOf(session)).toBe('token-expired')
  })

  test('puts no Terminate into a message that the client has not finished', async () => {
    await using session = await start(hardExpiry)
    session.frontend.send(query.subarray(0, 8))
    await session.server.take(8)
    await pass(tokenLifeMs + 10_000)
    expect(readError(await session.frontend.rest())).toMatchObject(expired)
    expect(await session.server.rest()).toHaveLength(0)
  })

  test('ends at once a session that is drained while it waits, and says why it waited', async () => {
    await using session = await start(idleExpiry)
    await exchange(session, query, inTransaction)
    await pass(tokenLifeMs + 1_000)
    void session.gate.registry.drain(60_000)
    session.frontend.send(query)
    await session.server.take(query.length)
    session.server.send(answer)
    await session.frontend.take(answer.length)
    expect(readError(await session.frontend.rest())).toMatchObject(expired)
    expect(await endOf(session)).toBe('token-expired')
  })

  test('leaves no timer to a session that ended before', async () => {
    await using session = await start(hardExpiry)
    session.frontend.socket.end()
    expect(await endOf(session)).toBe('client-closed')
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a session with a greatest age', () => {
  const limits = { maxLifetimeMs: 60_000, graceMs: 10_000 } as const

  test('ends then where it is idle', async () => {
    await using session = await start(limits)
    await pass(59_000)
    await exchange(session, query, answer)
    await pass(1_001)
    expect(readError(await session.frontend.rest())).toMatchObject(ended)
    expect(await endOf(session)).toBe('session-lifetime')
  })

  test('ends after the grace where it is not', async () => {
    await using session = await start(limits)
    session.frontend.send(query)
    await session.server.take(query.length)
    await pass(69_000)
    expect(session.frontend.unread).toHaveLength(0)
    await pass(1_001)
    expect(readError(await session.frontend.rest())).toMatchObject(ended)
    expect(session.cancels).toBeGreaterThan(0)
    expect(await endOf(session)).toBe('session-lifetime')
  })
})

describe('a session that asks for nothing', () => {
  const notice = message('A', 'a notification')

  test('ends after that time, counted from the last answer', async () => {
    await using session = await start({ idleMs: 10_000 })
    await pass(9_000)
    session.frontend.send(query)
    await session.server.take(query.length)
    await pass(50_000)
    session.server.send(answer)
    await session.frontend.take(answer.length)
    await pass(9_999)
    expect(session.frontend.unread).toHaveLength(0)
    await pass(1)
    expect(readError(await session.frontend.rest())).toMatchObject(idle)
    expect((await session.server.rest()).toString('hex')).toBe(terminate)
    expect(await endOf(session)).toBe('idle')
  })

  test('is not kept by what the server says of its own accord', async () => {
    await using session = await start({ idleMs: 10_000 })
    await pass(9_000)
    session.server.send(notice)
    await session.frontend.take(notice.length)
    await pass(1_000)
    expect(readError(await session.frontend.rest())).toMatchObject(idle)
  })

  test('is told so behind a message of the server that is under way', async () => {
    await using session = await start({ idleMs: 10_000 })
    session.server.send(notice.subarray(0, 9))
    await session.frontend.take(9)
    await pass(10_000)
    expect(session.frontend.unread).toHaveLength(0)
    session.server.send(notice.subarray(9))
    await session.frontend.take(notice.length - 9)
    expect(readError(await session.frontend.rest())).toMatchObject(idle)
  })

  test('within a transaction is not idle, but idle in a transaction', async () => {
    await using session = await start({ idleMs: 1_000, idleInTransactionMs: 10_000 })
    await exchange(session, query, inTransaction)
    await pass(9_999)
    expect(session.frontend.unread).toHaveLength(0)
    await pass(1)
    expect(readError(await session.frontend.rest())).toMatchObject(idleInTransaction)
    expect((await session.server.rest()).toString('hex')).toBe(terminate)
    expect(session.cancels).toBe(0)
    expect(await endOf(session)).toBe('idle-in-transaction')
  })

  test('in no transaction is not idle in one', async () => {
    await using session = await start({ idleInTransactionMs: 10_000 })
    await exchange(session, query, inTransaction)
    await exchange(session, query, answer)
    await pass(100_000)
    await exchange(session, query, answer)
  })

  test('is idle also with a part of a message sent', async () => {
    await using session = await start({ idleMs: 10_000 })
    session.frontend.send(query.subarray(0, 3))
    await session.server.take(3)
    await pass(10_000)
    expect(readError(await session.frontend.rest())).toMatchObject(idle)
    expect(await session.server.rest()).toHaveLength(0)
  })
})

test('a client that does not read is cut off at its end', async () => {
  await using session = await start(hardExpiry)
  session.frontend.send(query)
  await session.server.take(query.length)
  session.frontend.socket.pause()
  session.server.send(message('d', Buffer.alloc(32 * 1024 * 1024)))
  await turns(200)
  await pass(tokenLifeMs + 10_000)
  await pass(1_000)
  await until('the server to be left', () => session.server.isClosed)
  session.frontend.socket.resume()
  expect(await endOf(session)).toBe('token-expired')
})
