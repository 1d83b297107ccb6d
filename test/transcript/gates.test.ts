// Databases that are paused, disabled and killed, as clients and the server see it.
import { beforeAll, describe, expect, test } from 'vitest'
import { Pools } from '../../src/policy/pools.ts'
import { changed, type DatabaseGate } from '../../src/session/gate-state.ts'
import type { Gates } from '../../src/session/gates.ts'
import { message, startup } from '../unit/wire/bytes.ts'
import { type Frontend, readError } from './frontend.ts'
import { createTrust, database, Gate, type GateOptions, role, type Trust } from './gate.ts'
import { endOf, Session } from './spliced-session.ts'
import { turns, until } from './until.ts'
import { ready, trust as letIn, Upstream, welcome } from './upstream.ts'

let trust: Trust

beforeAll(async () => {
  trust = await createTrust()
})

function change(gates: Gates, what: Partial<DatabaseGate>, name: string | undefined): void {
  gates.adopt(changed(gates.state, name, (_, version) => ({ heldAt: version, ...what })))
}

const pause = (gates: Gates): void => {
  change(gates, { hold: 'paused' }, database)
}
const suspend = (gates: Gates): void => {
  change(gates, { hold: 'suspended' }, undefined)
}
const resume = (gates: Gates): void => {
  change(gates, { hold: undefined }, database)
  change(gates, { hold: undefined }, undefined)
}
const disable = (gates: Gates): void => {
  change(gates, { isDisabled: true }, database)
}
const kill = (gates: Gates): void => {
  const killedAt = gates.state.version + 1
  change(gates, { hold: 'killed', killedAt }, database)
}

const select = message('Q', 'select 1\0')
const idleRow = Buffer.concat([message('C', 'SELECT 1\0'), ready])
const begun = Buffer.concat([message('C', 'BEGIN\0'), message('Z', 'T')])
const goodbye = message('X')

async function start(options: Partial<GateOptions> = {}): Promise<Session> {
  return Session.start({ trust, ...options })
}

describe('a session of a database that is paused', () => {
  test('is held at once where it is idle, and what its client sends meanwhile is read behind', async () => {
    await using session = await start()
    const { gate, frontend, server } = session
    pause(gate.gates)
    expect(gate.gates.census(database)).toEqual({ busy: 0, old: 0 })
    frontend.send(select)
    await turns(20)
    expect(server.unread).toHaveLength(0)
    resume(gate.gates)
    expect((await server.takeMessage()).raw).toEqual(select)
  })

  test('goes on to the end of its transaction', async () => {
    await using session = await start()
    const { gate, frontend, server } = session
    frontend.send(select)
    await server.takeMessage()
    server.send(begun)
    await frontend.takeMessage()
    pause(gate.gates)
    expect(gate.gates.census(undefined).busy).toBe(1)
    frontend.send(select)
    await server.takeMessage()
    server.send(idleRow)
    await until('it to be held', () => gate.gates.census(undefined).busy === 0)
    frontend.send(select)
    await turns(20)
    expect(server.unread).toHaveLength(0)
  })

  test('of another database is not concerned', async () => {
    await using session = await start()
    const { gate, frontend, server } = session
    change(gate.gates, { hold: 'paused' }, 'other')
    frontend.send(select)
    expect((await server.takeMessage()).raw).toEqual(select)
    expect(gate.gates.census('other').busy).toBe(0)
  })

  test('passes on what the server says of itself', async () => {
    await using session = await start()
    const { gate, frontend, server } = session
    pause(gate.gates)
    server.send(message('A', 'hello'))
    expect((await frontend.takeMessage()).type).toBe('A')
  })

  test('ends for its client when the server goes away', async () => {
    await using session = await start()
    const { gate, frontend, server } = session
    pause(gate.gates)
    frontend.send(select)
    server.close()
    await frontend.rest()
    expect(await endOf(session)).toBe('upstream-closed')
    expect(gate.gates.census(undefined)).toEqual({ busy: 0, old: 0 })
  })

  test('ends when its client says goodbye', async () => {
    await using session = await start()
    const { gate, frontend, server } = session
    pause(gate.gates)
    frontend.send(goodbye)
    frontend.socket.end()
    expect((await server.rest()).subarray(0, 5)).toEqual(goodbye)
    expect(await endOf(session)).toBe('client-closed')
  })

  test('ends when its client is gone without a word', async () => {
    await using session = await start()
    pause(session.gate.gates)
    session.frontend.socket.end()
    await session.server.rest()
    expect(await endOf(session)).toBe('client-closed')
  })

  test('ends when the connection of its client breaks', async () => {
    await using session = await start()
    pause(session.gate.gates)
    await turns(3)
    session.frontend.reset()
    await session.server.rest()
    expect(await endOf(session)).toBe('client-lost')
  })

  test('is ended by an order, with the reason, whatever its client has sent', async () => {
    await using session = await start()
    const { gate, frontend } = session
    pause(gate.gates)
    frontend.send(select)
    await turns(5)
    gate.revocations.end({ selectors: [{ role }], end: 'killed' })
    expect((await frontend.rest()).toString()).toContain('57P01')
    expect(await endOf(session)).toBe('killed')
  })

  test('is ended by a drain', async () => {
    await using session = await start()
    pause(session.gate.gates)
    const drained = session.gate.registry.drain(60_000)
    expect((await session.frontend.rest()).toString()).toContain('57P01')
    await drained
    expect(await endOf(session)).toBe('drain')
  })

  test('is ended by its lifetime, and not by idleness, which is ours', async () => {
    await using session = await start({ sessionLimits: { idleMs: 800, maxLifetimeMs: 1_800 } })
    pause(session.gate.gates)
    expect((await session.frontend.rest()).toString()).toContain('57P01')
    expect(await endOf(session)).toBe('session-lifetime')
  })
})

describe('a session that is suspended', () => {
  test('is held within its transaction, and goes on there', async () => {
    await using session = await start()
    const { gate, frontend, server } = session
    frontend.send(select)
    await server.takeMessage()
    server.send(begun)
    for (let type = ''; type !== 'Z';) type = (await frontend.takeMessage()).type
    suspend(gate.gates)
    expect(gate.gates.census(undefined).busy).toBe(0)
    server.send(idleRow)
    frontend.send(select)
    await turns(20)
    expect(frontend.unread).toHaveLength(0)
    expect(server.unread).toHaveLength(0)
    resume(gate.gates)
    expect((await frontend.takeMessage()).type).toBe('C')
    expect((await server.takeMessage()).raw).toEqual(select)
  })

  test('is ended by an order between two messages', async () => {
    await using session = await start()
    const { gate, frontend, server } = session
    frontend.send(select)
    await server.takeMessage()
    const row = message('D', Buffer.alloc(1_000, 'r'))
    server.send(row.subarray(0, 500))
    await until('half of it', () => frontend.unread.length >= 500)
    suspend(gate.gates)
    expect(gate.gates.census(undefined).busy).toBe(1)
    gate.revocations.end({ selectors: [{ role }], end: 'killed' })
    server.send(row.subarray(500), idleRow)
    const rest = await frontend.rest()
    const at = rest.indexOf(row)
    expect(at).toBeGreaterThanOrEqual(0)
    expect(rest.subarray(at + row.length).toString('latin1', 0, 1)).toBe('E')
    expect(await endOf(session)).toBe('killed')
  })
})

async function open(options: Partial<GateOptions> = {}) {
  const upstream = await Upstream.start(letIn)
  const { port } = upstream
  const gate = await Gate.start({ trust, allowsCleartext: true, upstream: { port }, ...options })
  return {
    gate,
    upstream,
    [Symbol.asyncDispose]: async () => {
      await gate[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

describe('a login to a database', () => {
  test('that is paused waits, with nothing sent upstream, until it is resumed', async () => {
    await using side = await open()
    const { gate, upstream } = side
    pause(gate.gates)
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    await until('it to wait', () => gate.gates.waiting === 1)
    expect(upstream.connections).toHaveLength(0)
    expect(gate.ledger.open).toBe(0)
    // Who is vouched for takes no place of those who are not.
    expect(gate.registry.places.taken).toBe(0)
    resume(gate.gates)
    for (let type = ''; type !== 'Z';) type = (await frontend.takeMessage()).type
    expect(gate.gates.waiting).toBe(0)
  })

  test('that waits for longer than it may is refused', async () => {
    await using side = await open({ timeouts: { pauseMs: 50 } })
    const { gate } = side
    pause(gate.gates)
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    expect(readError(await frontend.rest())).toMatchObject({ sqlstate: '57P03' })
    expect((await gate.settled()).at(-1)).toMatchObject({ refusal: { reason: 'pause-timeout' } })
    expect(gate.gates.waiting).toBe(0)
  })

  test('that is paused is refused where too many wait', async () => {
    await using side = await open({ limits: { maxPausedLogins: 1 } })
    const { gate } = side
    pause(gate.gates)
    await using first = await gate.connect()
    await gate.logIn(first)
    await until('it to wait', () => gate.gates.waiting === 1)
    await using second = await gate.connect()
    await gate.logIn(second)
    expect(readError(await second.rest())).toMatchObject({ sqlstate: '53300' })
  })

  test('by a password, which nobody has looked at yet, leaves room for those who are known', async () => {
    await using side = await open({ requireSso: false, limits: { maxPausedLogins: 2 } })
    const { gate } = side
    pause(gate.gates)
    const byPassword = async (): Promise<Frontend> => {
      const frontend = await gate.connect()
      frontend.send(startup(['user', role, 'database', database]))
      await frontend.takeMessage()
      frontend.send(message('p', 'secret\0'))
      return frontend
    }
    await using first = await byPassword()
    await until('it to wait', () => gate.gates.waiting === 1)
    expect(first.unread).toHaveLength(0)
    expect(gate.registry.places.taken).toBe(1)
    await using second = await byPassword()
    expect(readError(await second.rest()).sqlstate).toBe('53300')
    await using known = await gate.connect()
    await gate.logIn(known)
    await until('it to wait', () => gate.gates.waiting === 2)
  })

  test('whose client goes is forgotten', async () => {
    await using side = await open()
    const { gate } = side
    pause(gate.gates)
    const frontend = await gate.connect()
    await gate.logIn(frontend)
    await until('it to wait', () => gate.gates.waiting === 1)
    await frontend[Symbol.asyncDispose]()
    await until('it to be gone', () => gate.gates.waiting === 0)
    expect((await gate.settled()).at(-1)?.kind).toBe('abandoned')
  })

  test.each([
    ['disabled', disable, 'database-disabled', '57P03'],
    ['killed', kill, 'database-killed', '57P01'],
  ] as const)('that is %s while it waits is refused', async (_, act, reason, sqlstate) => {
    await using side = await open()
    const { gate } = side
    pause(gate.gates)
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    await until('it to wait', () => gate.gates.waiting === 1)
    act(gate.gates)
    expect(readError(await frontend.rest())).toMatchObject({ sqlstate })
    expect((await gate.settled()).at(-1)).toMatchObject({ refusal: { reason } })
  })

  test('that is disabled is refused, and told so', async () => {
    await using side = await open()
    const { gate, upstream } = side
    disable(gate.gates)
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    expect(readError(await frontend.rest())).toMatchObject({
      sqlstate: '57P03',
      message: 'database "app" is disabled',
    })
    expect(upstream.connections).toHaveLength(0)
  })

  test('nobody is told of a database that is disabled before they are verified', async () => {
    await using side = await open()
    const { gate } = side
    disable(gate.gates)
    await using frontend = await gate.connect()
    frontend.send(startup(['user', role, 'database', database]))
    await frontend.takeMessage()
    frontend.send(message('p', 'eyJhbGciOiJFUzI1NiJ9.e30.AAAA\0'))
    expect(readError(await frontend.rest()).sqlstate).toBe('28P01')
  })

  test('that waits is refused when the gate drains', async () => {
    await using side = await open()
    const { gate } = side
    pause(gate.gates)
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    await until('it to wait', () => gate.gates.waiting === 1)
    const drained = gate.registry.drain(60_000)
    expect(readError(await frontend.rest()).message).toBe('the gateway is shutting down')
    await drained
  })

  test('whose token has expired while it waited is refused', async () => {
    let now = new Date()
    await using side = await open({ now: () => now })
    const { gate } = side
    pause(gate.gates)
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    await until('it to wait', () => gate.gates.waiting === 1)
    now = new Date(now.getTime() + 3_600_000)
    resume(gate.gates)
    expect(readError(await frontend.rest()).sqlstate).toBe('28P01')
    expect((await gate.settled()).at(-1)).toMatchObject({ refusal: { reason: 'token-expired' } })
  })

  test('that has waited goes where the database is by then', async () => {
    await using side = await open()
    await using other = await open()
    const { gate } = side
    pause(gate.gates)
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    await until('it to wait', () => gate.gates.waiting === 1)
    gate.rules = { ...gate.rules, upstreams: other.gate.rules.upstreams }
    resume(gate.gates)
    for (let type = ''; type !== 'Z';) type = (await frontend.takeMessage()).type
    expect(side.upstream.connections).toHaveLength(0)
    expect(other.upstream.connections).toHaveLength(1)
  })

  test('that has waited is refused where a newer configuration would not let it in', async () => {
    await using side = await open()
    const { gate } = side
    pause(gate.gates)
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    await until('it to wait', () => gate.gates.waiting === 1)
    const { catalog } = gate.rules
    gate.rules = { ...gate.rules, catalog: { ...catalog, pools: new Pools([]) } }
    resume(gate.gates)
    await frontend.rest()
    expect((await gate.settled()).at(-1)).toMatchObject({ refusal: { reason: 'no-pool' } })
    expect(side.upstream.connections).toHaveLength(0)
  })

  test('that was under way when the database was paused is counted until it is in, and then held', async () => {
    let goOn: (() => void) | undefined
    const upstream = await Upstream.start(async (connection) => {
      await connection.takeStartup()
      await new Promise<void>((resolve) => (goOn = resolve))
      connection.send(welcome)
    })
    const { port } = upstream
    await using gate = await Gate.start({ trust, allowsCleartext: true, upstream: { port } })
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    await until('it to go upstream', () => goOn !== undefined)
    pause(gate.gates)
    expect(gate.gates.census(database).busy).toBe(1)
    goOn?.()
    for (let type = ''; type !== 'Z';) type = (await frontend.takeMessage()).type
    await until('it to be held', () => gate.gates.census(database).busy === 0)
    frontend.send(select)
    await turns(20)
    expect(upstream.connections[0]?.unread).toHaveLength(0)
    await upstream[Symbol.asyncDispose]()
  })

  test('that was under way when its sessions were ended is refused', async () => {
    let goOn: (() => void) | undefined
    const upstream = await Upstream.start(async (connection) => {
      await connection.takeStartup()
      await new Promise<void>((resolve) => (goOn = resolve))
      connection.send(welcome)
    })
    const { port } = upstream
    await using gate = await Gate.start({ trust, allowsCleartext: true, upstream: { port } })
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    await until('it to go upstream', () => goOn !== undefined)
    kill(gate.gates)
    goOn?.()
    expect(readError(await frontend.rest()).sqlstate).toBe('57P01')
    await gate.settled()
    expect(gate.gates.census(undefined)).toEqual({ busy: 0, old: 0 })
    await upstream[Symbol.asyncDispose]()
  })
})

test('sessions of a database that is killed end at once, within a transaction too', async () => {
  await using session = await start()
  const { gate, frontend, server } = session
  frontend.send(select)
  await server.takeMessage()
  server.send(begun)
  kill(gate.gates)
  expect((await frontend.rest()).toString()).toContain('57P01')
  expect(await endOf(session)).toBe('killed')
})

test('sessions of before a database was renewed are counted until they are gone', async () => {
  await using session = await start()
  const { gate, frontend } = session
  expect(gate.gates.census(database).old).toBe(0)
  change(gate.gates, { renewedAt: gate.gates.state.version + 1 }, database)
  expect(gate.gates.census(database)).toEqual({ busy: 0, old: 1 })
  expect(gate.gates.census('other').old).toBe(0)
  frontend.send(goodbye)
  frontend.socket.end()
  await until('it to be gone', () => gate.gates.census(undefined).old === 0)
})
