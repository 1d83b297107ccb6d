import { describe, expect, test } from 'vitest'
import { changed, type DatabaseGate, gateOf, openState } from '../../../src/session/gate-state.ts'
import { Gates, type Holdable, type Waiting } from '../../../src/session/gates.ts'

/** A session that is idle, or is not, as the test says. */
class Fake implements Holdable {
  isIdle = true
  isHeld = false
  readonly said: string[] = []

  hold(how: 'idle' | 'now'): void {
    this.said.push(how)
    this.isHeld = how === 'now' || this.isIdle
  }
  release(): void {
    this.said.push('release')
    this.isHeld = false
  }
  endNow(reason: 'killed'): void {
    this.said.push(reason)
  }
}

function change(gates: Gates, what: Partial<DatabaseGate>, name?: string): void {
  gates.adopt(changed(gates.state, name, () => what))
}

const next = (gates: Gates): number => gates.state.version + 1

test('what was said of all holds for each, and what was said of one for it alone', () => {
  const paused = changed(openState, 'app', () => ({ hold: 'paused' }))
  expect(gateOf(paused, 'app').hold).toBe('paused')
  expect(gateOf(paused, 'other').hold).toBeUndefined()
  const suspended = changed(paused, undefined, () => ({ hold: 'suspended' }))
  expect(gateOf(suspended, 'app').hold).toBe('suspended')
  expect(gateOf(suspended, 'other').hold).toBe('suspended')
  const killed = changed(suspended, 'app', (_, version) => ({ killedAt: version }))
  expect([gateOf(killed, 'app').killedAt, gateOf(killed, 'other').killedAt]).toEqual([3, 0])
  const disabled = changed(openState, 'app', () => ({ isDisabled: true }))
  expect([gateOf(disabled, 'app').isDisabled, gateOf(disabled, 'other').isDisabled]).toEqual([
    ...[true, false],
  ])
})

test('a name is no property of an object', () => {
  const state = changed(openState, '__proto__', () => ({ hold: 'paused' }))
  expect(gateOf(state, '__proto__').hold).toBe('paused')
  expect(gateOf(state, 'constructor').hold).toBeUndefined()
})

test('what is older than what is known changes nothing, nor does the same', () => {
  const gates = new Gates()
  const first = changed(openState, 'app', () => ({ hold: 'paused' as const }))
  const second = changed(first, 'app', () => ({ hold: undefined }))
  expect(gates.adopt(second)).toBe(true)
  expect(gates.adopt(first)).toBe(false)
  expect(gates.adopt(second)).toBe(false)
  expect(gates.isHeld('app')).toBe(false)
})

describe('a session', () => {
  test('is held and released with its database, and told nothing twice', () => {
    const gates = new Gates()
    const session = new Fake()
    gates.enter('app')?.join(session)
    change(gates, { hold: 'paused' }, 'app')
    change(gates, { hold: 'killed' }, 'app')
    change(gates, { isDisabled: true }, 'other')
    expect(session.said).toEqual(['release', 'idle'])
    change(gates, { hold: 'suspended' })
    change(gates, { hold: undefined })
    expect(session.said.slice(2)).toEqual(['release', 'now', 'release', 'idle'])
    change(gates, { hold: undefined }, 'app')
    expect(session.said.slice(6)).toEqual(['release'])
  })

  test('that is not idle is busy, and one that has left is not', () => {
    const gates = new Gates()
    const session = new Fake()
    session.isIdle = false
    const pass = gates.enter('app')
    pass?.join(session)
    change(gates, { hold: 'paused' }, 'app')
    expect(gates.census('app')).toEqual({ busy: 1, old: 0 })
    expect(gates.census(undefined)).toEqual({ busy: 1, old: 0 })
    expect(gates.census('other')).toEqual({ busy: 0, old: 0 })
    pass?.leave()
    expect(gates.census('app').busy).toBe(0)
  })

  test('that joins while its database is paused is held then', () => {
    const gates = new Gates()
    const session = new Fake()
    const pass = gates.enter('app')
    change(gates, { hold: 'paused' }, 'app')
    expect(gates.census('app').busy).toBe(1)
    pass?.join(session)
    expect(session.isHeld).toBe(true)
    expect(gates.census('app').busy).toBe(0)
  })

  test('is ended once by a kill, and one of after it is not', () => {
    const gates = new Gates()
    const [old, young] = [new Fake(), new Fake()]
    gates.enter('app')?.join(old)
    change(gates, { killedAt: next(gates) }, 'app')
    gates.enter('app')?.join(young)
    change(gates, { isDisabled: true }, 'app')
    expect(old.said).toEqual(['killed'])
    expect(young.said).toEqual([])
  })

  test('is old where it entered before a renewal, and not where it entered behind it', () => {
    const gates = new Gates()
    gates.enter('app')?.join(new Fake())
    change(gates, { renewedAt: next(gates) })
    gates.enter('app')?.join(new Fake())
    expect(gates.census('app').old).toBe(1)
  })
})

test('a login that is killed under way does not become a session', () => {
  const gates = new Gates()
  const pass = gates.enter('app')
  pass?.check()
  change(gates, { killedAt: next(gates) }, 'app')
  expect(() => pass?.check()).toThrow('terminating connection due to administrator command')
})

test('a database that is disabled lets nobody in, paused or not', () => {
  const gates = new Gates()
  change(gates, { isDisabled: true }, 'app')
  expect(() => gates.enter('app')).toThrow('is disabled')
  change(gates, { hold: 'paused' }, 'app')
  expect(() => gates.enter('app')).toThrow('is disabled')
  expect(gates.enter('other')).toBeDefined()
})

describe('logins that wait', () => {
  const crowd = (gates: Gates, count: number, name = 'app'): Waiting[] =>
    Array.from({ length: count }, () => gates.wait(name, 100))

  async function turns(all: readonly Waiting[]): Promise<number> {
    let count = 0
    for (const one of all) void one.turn.then(() => count++)
    await new Promise((resolve) => setImmediate(resolve))
    return count
  }

  test('are let in in their order, so many at a time', async () => {
    const gates = new Gates()
    change(gates, { hold: 'paused' }, 'app')
    const logins = crowd(gates, 40)
    expect(gates.waiting).toBe(40)
    change(gates, { hold: undefined }, 'app')
    expect(await turns(logins.slice(0, 32))).toBe(32)
    expect(await turns(logins.slice(32))).toBe(0)
    // One becomes a session, one fails, one has gone before its turn came to anything.
    logins[0]?.take().join(new Fake())
    logins[1]?.take().leave()
    logins[2]?.leave()
    expect(await turns(logins.slice(32))).toBe(3)
    expect(gates.waiting).toBe(5)
  })

  test('wait on where the database of others is open again', async () => {
    const gates = new Gates()
    change(gates, { hold: 'paused' })
    const [ours, theirs] = [crowd(gates, 1), crowd(gates, 1, 'other')]
    change(gates, { hold: 'paused' }, 'app')
    change(gates, { hold: undefined })
    expect(await turns(ours)).toBe(0)
    expect(await turns(theirs)).toBe(1)
  })

  test('are no more than they may be', () => {
    const gates = new Gates()
    change(gates, { hold: 'paused' })
    const login = gates.wait('app', 1)
    expect(() => gates.wait('app', 1)).toThrow('too many clients wait')
    login.leave()
    expect(() => gates.wait('app', 1)).not.toThrow()
    expect(() => gates.wait('app', 0)).toThrow('too many clients wait')
  })

  test('are refused by a kill and by a disable of their database alone', async () => {
    const gates = new Gates()
    change(gates, { hold: 'paused' })
    const other = gates.wait('other', 9)
    const killed = gates.wait('app', 9)
    change(gates, { killedAt: next(gates) }, 'app')
    await expect(killed.turn).rejects.toMatchObject({ reason: 'database-killed' })
    // It came behind the kill.
    const disabled = gates.wait('app', 9)
    change(gates, { hold: 'paused' })
    expect(gates.waiting).toBe(2)
    change(gates, { isDisabled: true }, 'app')
    await expect(disabled.turn).rejects.toMatchObject({ reason: 'database-disabled' })
    expect(await turns([other])).toBe(0)
    expect(gates.waiting).toBe(1)
  })
})
