import { describe, expect, test } from 'vitest'
import { LocalLedger } from '../../../src/session/ledger.ts'
import type { Guess } from '../../../src/session/throttle.ts'
import { SharedFailures } from '../../../src/shared/failures.ts'
import { MemoryDatabase, type MemoryStore } from '../../support/memory-store.ts'
import { until } from '../../support/until.ts'

interface Replica {
  readonly ledger: LocalLedger
  readonly shared: SharedFailures
  readonly store: MemoryStore
}

/** Each with a clock of its own, which shows another time. */
function join(database: MemoryDatabase, clock: { nowMs: number }, aheadMs: number): Replica {
  const ledger = new LocalLedger(() => clock.nowMs + aheadMs)
  const store = database.store()
  const shared = new SharedFailures({ store, ledger, writeIntervalMs: 1 })
  shared.start()
  return { ledger, shared, store }
}

const guess = (digest: number): Guess => ({
  ...{ address: '192.0.2.1', kind: 'password', user: 'alice', digest },
})

async function tryOne(
  { ledger }: Replica,
  digest: number,
  outcome: 'passed' | 'failed' = 'failed',
): Promise<string> {
  const trial = ledger.tryCredential(guess(digest))
  const verdict = await trial.verdict
  if (verdict.kind === 'throttled') return `retry in ${Math.round(verdict.retryMs)}`
  trial.settle(outcome)
  return verdict.kind
}

describe('failures of guesses', () => {
  test('delay them on every replica, and what passes lifts the delay everywhere', async () => {
    const database = new MemoryDatabase()
    const clock = { nowMs: 0 }
    const pass = (ms: number): void => {
      clock.nowMs += ms
      database.nowMs += ms
    }
    const [one, other] = [join(database, clock, 0), join(database, clock, 5_000_000)]
    expect(await tryOne(one, 1)).toBe('admitted')
    await until('the other knows', () => other.ledger.delayed === 1)
    pass(400)
    expect(await tryOne(other, 2)).toBe('retry in 600')
    pass(600)
    expect(await tryOne(other, 2)).toBe('admitted')
    await until('the one knows', () => one.ledger.delayed === 1)
    expect(await tryOne(one, 3)).toBe('retry in 2000')
    pass(2_000)
    expect(await tryOne(one, 3, 'passed')).toBe('admitted')
    await until('the other lets in', async () => {
      await other.store.looked()
      return (await tryOne(other, 3, 'passed')) === 'admitted'
    })
  })

  test('are remembered by those that start later: a restart is no pardon', async () => {
    const database = new MemoryDatabase()
    const clock = { nowMs: 0 }
    const one = join(database, clock, 0)
    await tryOne(one, 1)
    await one.shared.stop()
    const later = join(database, clock, 99)
    await database.settled()
    expect(await tryOne(later, 2)).toBe('retry in 1000')
  })

  test('that were counted without the store are told when it is back', async () => {
    const database = new MemoryDatabase()
    const clock = { nowMs: 0 }
    const [one, other] = [join(database, clock, 0), join(database, clock, 0)]
    one.store.goAway()
    await tryOne(one, 1)
    await tryOne(other, 2)
    await one.store.comeBack()
    await until('all is counted', () => one.ledger.delayed === 1 && other.ledger.delayed === 1)
    await until('together', async () => (await tryOne(other, 3)) === 'retry in 3000')
  })

  test('of somebody without the secret of the fleet delay nobody', async () => {
    const database = new MemoryDatabase()
    const clock = { nowMs: 0 }
    database.tables.failures.set('x', { mark: 'x', sealed: 'x', last_at: 0, seq: '1' })
    const one = join(database, clock, 0)
    await database.settled()
    expect(one.ledger.delayed).toBe(0)
    expect(await tryOne(one, 1)).toBe('admitted')
  })
})
