import { describe, expect, test } from 'vitest'
import { Refusal } from '../../../src/refusal.ts'
import type { Admission } from '../../../src/session/attempt.ts'
import { type Ledger, LocalLedger } from '../../../src/session/ledger.ts'
import type { SessionFacts } from '../../../src/session/observer.ts'
import { SessionRegistry } from '../../../src/session/registry.ts'
import { reserveConsole, reserveSession } from '../../../src/session/reserve-session.ts'
import type { SessionCountLimits } from '../../../src/session/session-counts.ts'

const unlimited: SessionCountLimits = {
  maxSessions: 100,
  maxSessionsPerPrincipal: undefined,
  maxSessionsPerRole: undefined,
  maxSessionsOfPool: new Map(),
  maxSessionsOfDatabase: new Map(),
}

interface Login {
  readonly subject?: string
  readonly issuer?: string
  readonly role?: string
  readonly pool?: string
  readonly database?: string
}

class Gate {
  readonly registry = new SessionRegistry()
  readonly #ledger: Ledger
  readonly #limits: SessionCountLimits

  constructor(limits: Partial<SessionCountLimits>, ledger: Ledger = new LocalLedger()) {
    this.#limits = { ...unlimited, ...limits }
    this.#ledger = ledger
  }

  /** Gives what frees the place, or the refusal. */
  async enter({
    subject = 'alice',
    issuer = 'https://issuer.example',
    role = 'app',
    pool = 'main',
    database = 'sandbox',
  }: Login = {}): Promise<(() => void) | Refusal> {
    const identity = { issuer, subject, principal: `${subject}@example.com` }
    const facts = { pool, ...(subject !== '' && { identity }) } as SessionFacts
    const admission = { kind: 'token', role, intent: { database } } as Admission
    const services = { ledger: this.#ledger, registry: this.registry }
    try {
      return await reserveSession(services, facts, admission, this.#limits)
    } catch (error) {
      if (error instanceof Refusal) return error
      throw error
    }
  }
}

describe('a limit of sessions', () => {
  test.each<[string, Partial<SessionCountLimits>, Login, string]>([
    [
      'database',
      { maxSessionsOfDatabase: new Map([['sandbox', 1]]) },
      { database: 'other' },
      'database "sandbox"',
    ],
    ['pool', { maxSessionsOfPool: new Map([['main', 1]]) }, { pool: 'other' }, 'pool "main"'],
    ['role', { maxSessionsPerRole: 1 }, { role: 'other' }, 'role "app"'],
    [
      'identity',
      { maxSessionsPerPrincipal: 1 },
      { subject: 'bob' },
      'identity "alice@example.com"',
    ],
    [
      'identity, by its issuer',
      { maxSessionsPerPrincipal: 1 },
      { issuer: 'https://other.example' },
      'identity "alice@example.com"',
    ],
  ])(
    'of one %s refuses the next of it, says so, and lets in another',
    async (_, limits, other, said) => {
      const gate = new Gate(limits)
      expect(await gate.enter()).toBeTypeOf('function')
      const refused = await gate.enter()
      expect(refused).toMatchObject({ reason: 'session-limit', sqlstate: '53300' })
      if (!(refused instanceof Refusal)) return
      expect(refused.messageFor({})).toBe(`too many sessions for ${said}`)
      expect(refused.logDetail).toMatch(new RegExp(`^1 of ${said} are open: `))
      expect(await gate.enter(other)).toBeTypeOf('function')
    },
  )

  test('in all is told as PostgreSQL does, and before any other', async () => {
    const gate = new Gate({ maxSessions: 1, maxSessionsPerRole: 1 })
    await gate.enter()
    expect(await gate.enter()).toMatchObject({ reason: 'too-many-sessions' })
  })

  test('of one identity counts those who logged in by a password by their role', async () => {
    const gate = new Gate({ maxSessionsPerPrincipal: 1 })
    await gate.enter({ subject: '', role: 'ann' })
    const refused = await gate.enter({ subject: '', role: 'ann' })
    expect(refused instanceof Refusal && refused.messageFor({})).toBe(
      'too many sessions for identity "ann"',
    )
    expect(await gate.enter({ subject: '', role: 'ben' })).toBeTypeOf('function')
    expect(await gate.enter({ subject: 'ann', role: 'x' })).toBeTypeOf('function')
  })

  test('lets in the next when one has ended', async () => {
    const gate = new Gate({ maxSessionsPerRole: 1 })
    const leave = await gate.enter()
    if (typeof leave === 'function') leave()
    expect(await gate.enter()).toBeTypeOf('function')
  })

  test('is not what a name could get round', async () => {
    const gate = new Gate({ maxSessionsPerPrincipal: 1 })
    await gate.enter({ issuer: 'a', subject: 'b","c' })
    expect(await gate.enter({ issuer: 'a","b', subject: 'c' })).toBeTypeOf('function')
  })
})

test('nobody is let in while nobody counts', async () => {
  const silent: Ledger = {
    reserve: async () => Promise.reject(new Error('no answer')),
    tryCredential: () => {
      throw new Error('not asked')
    },
  }
  expect(await new Gate({}, silent).enter()).toMatchObject({
    reason: 'limits-unavailable',
    sqlstate: '57P03',
  })
})

test('nobody is let in while the gate drains', async () => {
  const gate = new Gate({})
  await gate.registry.drain(0)
  expect(await gate.enter()).toMatchObject({ reason: 'draining' })
})

describe('sessions of the console', () => {
  const limits = { maxConsoleSessions: 1 }

  test('are counted apart, and no more of them than there may be', async () => {
    const ledger = new LocalLedger()
    const full = new Gate({ maxSessions: 1 }, ledger)
    const held = await full.enter()
    expect(held).not.toBeInstanceOf(Refusal)
    const services = { ledger, registry: full.registry }
    const release = await reserveConsole(services, limits)
    await expect(reserveConsole(services, limits)).rejects.toMatchObject({
      reason: 'console-limit',
    })
    release()
    ;(await reserveConsole(services, limits))()
  })

  test('are not begun while the gateway is being stopped', async () => {
    const registry = new SessionRegistry()
    registry.endNow()
    const services = { ledger: new LocalLedger(), registry }
    await expect(reserveConsole(services, limits)).rejects.toMatchObject({ reason: 'draining' })
  })
})
