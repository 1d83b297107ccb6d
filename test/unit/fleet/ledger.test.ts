// The ledger of the primary, as a worker has it over its channel.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Channel } from '../../../src/fleet/channel.ts'
import { channelLedger } from '../../../src/fleet/channel-ledger.ts'
import { WorkerClaims } from '../../../src/fleet/worker-claims.ts'
import { type Ledger, LocalLedger } from '../../../src/session/ledger.ts'
import type { Counted } from '../../../src/session/session-counts.ts'
import type { Guess } from '../../../src/session/throttle.ts'
import { Wire } from './wire.ts'

const claim: readonly Counted[] = [{ by: 'role', name: 'app', limit: 2 }]
const guess: Guess = { address: 'a', kind: 'password', user: 'alice', digest: undefined }
const throttled = { kind: 'throttled', retryMs: 1_000 }

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  vi.useRealTimers()
})

/** A worker of a primary that has this ledger. */
function workerOf(ledger: LocalLedger): { ledger: Ledger; claims: WorkerClaims; wire: Wire } {
  const [wire, far] = Wire.pair()
  const claims = new WorkerClaims(ledger)
  new Channel(far, claims.handlers)
  return { ledger: channelLedger(new Channel(wire, {})), claims, wire }
}

/** A primary that hears everything and answers nothing. */
function stopped(): { ledger: Ledger; heard: { method: string; argument: unknown }[] } {
  const [wire, far] = Wire.pair()
  const heard: { method: string; argument: unknown }[] = []
  far.onMessage((message) => heard.push(message as { method: string; argument: unknown }))
  return { ledger: channelLedger(new Channel(wire, {})), heard }
}

async function delivered(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}

describe('the sessions of two workers', () => {
  test('are counted together, and each gives back its own', async () => {
    const primary = new LocalLedger()
    const [a, b] = [workerOf(primary), workerOf(primary)]
    const [first] = [await a.ledger.reserve(claim), await b.ledger.reserve(claim)]
    expect(await a.ledger.reserve(claim)).toEqual({ kind: 'full', counted: claim[0] })
    expect(await b.ledger.reserve(claim)).toMatchObject({ kind: 'full' })
    if (first.kind === 'reserved') {
      first.release()
      first.release()
    }
    await delivered()
    expect(await b.ledger.reserve(claim)).toMatchObject({ kind: 'reserved' })
    expect(await b.ledger.reserve(claim)).toMatchObject({ kind: 'full' })
  })

  test('are given back when their worker has ended, and those of the other are not', async () => {
    const primary = new LocalLedger()
    const [a, b] = [workerOf(primary), workerOf(primary)]
    await a.ledger.reserve(claim)
    await b.ledger.reserve(claim)
    a.claims.end()
    expect(await b.ledger.reserve(claim)).toMatchObject({ kind: 'reserved' })
    expect(await b.ledger.reserve(claim)).toMatchObject({ kind: 'full' })
    b.claims.end()
    expect(primary.open).toBe(0)
  })

  test('are not counted when their call comes behind the end of their worker', async () => {
    const primary = new LocalLedger()
    const { ledger, claims } = workerOf(primary)
    claims.end()
    await ledger.reserve(claim)
    expect(primary.open).toBe(0)
  })
})

describe('a primary that does not answer', () => {
  test('lets in no session, and is told to forget it', async () => {
    const { ledger, heard } = stopped()
    const reserved = expect(ledger.reserve(claim)).rejects.toThrow('no answer within 2000 ms')
    await vi.advanceTimersByTimeAsync(2_000)
    await reserved
    expect(heard.map(({ method }) => method)).toEqual(['reserve', 'release'])
    expect(heard[1]?.argument).toBe((heard[0]?.argument as { id: number }).id)
  })

  test('lets nobody try a credential', async () => {
    const { ledger } = stopped()
    const tried = expect(ledger.tryCredential(guess).verdict).rejects.toThrow('no answer within')
    await vi.advanceTimersByTimeAsync(7_000)
    await tried
  })

  test('is asked no more when four hundred wait for it', async () => {
    const { ledger } = stopped()
    for (let i = 0; i < 400; i++) {
      ledger.reserve(claim).catch(() => {})
      ledger.tryCredential(guess).verdict.catch(() => {})
    }
    await expect(ledger.reserve(claim)).rejects.toThrow('too many calls')
    await expect(ledger.tryCredential(guess).verdict).rejects.toThrow('too many calls')
    await vi.advanceTimersByTimeAsync(7_000)
  })

  test('that has ended lets nobody in either', async () => {
    const { ledger, wire } = workerOf(new LocalLedger())
    wire.disconnect()
    await expect(ledger.reserve(claim)).rejects.toThrow('disconnected')
    await expect(ledger.tryCredential(guess).verdict).rejects.toThrow('disconnected')
  })
})

describe('the tries of two workers', () => {
  test('are those of one address and user, whichever it comes to', async () => {
    const primary = new LocalLedger()
    const [a, b] = [workerOf(primary), workerOf(primary)]
    const trial = a.ledger.tryCredential(guess)
    expect(await trial.verdict).toEqual({ kind: 'admitted' })
    trial.settle('failed')
    await delivered()
    expect(await b.ledger.tryCredential(guess).verdict).toEqual(throttled)
    expect(primary.delayed).toBe(1)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(primary.delayed).toBe(0)
    const right = b.ledger.tryCredential(guess)
    expect(await right.verdict).toEqual({ kind: 'admitted' })
    right.settle('passed')
    await delivered()
    expect(await a.ledger.tryCredential(guess).verdict).toEqual({ kind: 'admitted' })
  })

  test('wait for each other, and go on when one is over or its worker is', async () => {
    const primary = new LocalLedger()
    const [a, b] = [workerOf(primary), workerOf(primary)]
    const running = Array.from({ length: 8 }, () => a.ledger.tryCredential(guess))
    await Promise.all(running.map(async ({ verdict }) => verdict))
    const [ninth, tenth] = [b.ledger.tryCredential(guess), b.ledger.tryCredential(guess)]
    await delivered()
    running[0]!.settle('passed')
    expect(await ninth.verdict).toEqual({ kind: 'admitted' })
    a.claims.end()
    expect(await tenth.verdict).toEqual({ kind: 'admitted' })
    b.claims.end()
    expect(primary.open).toBe(0)
  })

  test('wait five seconds and no longer', async () => {
    const primary = new LocalLedger()
    const running = Array.from({ length: 8 }, () => primary.tryCredential(guess))
    const waiting = primary.tryCredential(guess)
    await vi.advanceTimersByTimeAsync(4_999)
    const verdict = Promise.race([waiting.verdict, Promise.resolve('waits')])
    expect(await verdict).toBe('waits')
    await vi.advanceTimersByTimeAsync(1)
    expect(await waiting.verdict).toEqual(throttled)
    for (const one of running) one.settle('neither')
    waiting.settle('neither')
    expect(primary.open).toBe(0)
  })

  test('of a worker that has ended are no tries', async () => {
    const primary = new LocalLedger()
    const { ledger, claims } = workerOf(primary)
    claims.end()
    await ledger.tryCredential(guess).verdict
    expect(primary.open).toBe(0)
  })
})

test('a reservation is given back once', async () => {
  const ledger = new LocalLedger()
  const [first] = [await ledger.reserve(claim), await ledger.reserve(claim)]
  if (first.kind === 'reserved') {
    first.release()
    first.release()
  }
  expect(await ledger.reserve(claim)).toMatchObject({ kind: 'reserved' })
  expect(await ledger.reserve(claim)).toMatchObject({ kind: 'full' })
})
