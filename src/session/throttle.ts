// The delay of guesses: how soon after a failed credential the next one is tried. Pure; the clock is the
// caller's, and never steps back.
import { LRUCache } from 'lru-cache'
import {
  delayOf,
  failedOnce,
  type Failures,
  firstDelayMs,
  memoryMs,
  mergeFailures,
  noFailures,
} from './failures.ts'

export { longestDelayMs, memoryMs } from './failures.ts'

/** A try of a credential that somebody could have guessed. */
export interface Guess {
  /** What counts as one address. */
  readonly address: string
  readonly kind: 'password' | 'opaque-token'
  readonly user: string
  /**
   * The same for the same credential and, but for accidents, for no other; undefined where the credential
   * is not seen.
   */
  readonly digest: number | undefined
}

export interface ThrottleSwitches {
  /** The kinds of credentials that are guesses to it; the others are tried as they come. */
  readonly throttled: ReadonlySet<Guess['kind']>
}

export type Verdict =
  { readonly kind: 'admitted' } | { readonly kind: 'throttled'; readonly retryMs: number }

/** What came of a try; `neither` where nobody found out whether the credential was right. */
export type TrialOutcome = 'passed' | 'failed' | 'neither'

export interface Trial {
  /** Whether there is no verdict yet. */
  readonly isWaiting: boolean
  /** Once; before there is a verdict it gives up waiting for one. */
  settle(outcome: TrialOutcome, nowMs: number): void
}

/** Pairs of address and user that are remembered. */
export const maxRemembered = 100_000
/** Of one address; all its other users are one, so that it can neither forget nor fill anything by names. */
export const maxUsersOfAddress = 50
/** Different credentials that are tried at once for a pair that has not failed. */
export const maxAtOnce = 8
/** Pairs of which is known that a credential passed. */
const maxCleared = 20_000
/** Tries of one address that wait for others to end. */
export const maxWaitingOfAddress = 128

/** What is remembered of a pair, and what it comes to. */
interface Remembered {
  readonly address: string
  readonly failures: Failures
  readonly lastAtMs: number
  readonly notBeforeMs: number
}

/** The failures of a pair, for throttles of other processes. */
export interface PairFailures {
  readonly key: string
  readonly address: string
  readonly failures: Failures
}

export interface ThrottleOptions {
  /** Under which name it counts, among throttles that tell each other. */
  readonly name?: string
  /** Is told of a pair of which something is to be told. */
  readonly onChange?: (key: string) => void
}

/** What is under way for one pair of address and user. */
interface Tries {
  /** How many there are of each credential; a symbol stands for one that is not seen. */
  readonly inFlight: Map<number | symbol, number>
  readonly waiting: Set<OpenTrial>
}

interface OpenTrial {
  readonly guess: Guess
  readonly answer: (verdict: Verdict) => void
  readonly identity: number | symbol
  state: 'waiting' | 'in-flight' | 'over'
}

/**
 * Doubles the delay with each failed guess, from a second to an hour: of one address and user, 12 guesses in
 * any hour and 35 in any day. Whatever is tried at the same time costs as much as one after the other.
 */
export class Throttle {
  readonly #usersOf = new Map<string, number>()
  /** In the order of the last failure: they are looked at by `peek`, which leaves it as it is. */
  readonly #remembered = new LRUCache<string, Remembered>({
    max: maxRemembered,
    disposeAfter: ({ address }, key, reason) => {
      if (reason !== 'set' && !isShared(key)) decrement(this.#usersOf, address)
    },
  })
  /** When a credential of a pair passed that had failed before, and what its address is. */
  readonly #cleared = new LRUCache<string, { readonly address: string; readonly atMs: number }>({
    max: maxCleared,
  })
  readonly #name: string
  readonly #onChange: (key: string) => void
  /** Before that nobody is forgotten for age. */
  #forgetAtMs = 0
  readonly #tries = new Map<string, Tries>()
  readonly #waitingOf = new Map<string, number>()

  constructor({ name = '', onChange = () => {} }: ThrottleOptions = {}) {
    this.#name = name
    this.#onChange = onChange
  }

  /** What others are to know of a pair; undefined: nothing. */
  tell(key: string): PairFailures | undefined {
    const remembered = this.#remembered.peek(key)
    const cleared = this.#cleared.peek(key)
    const address = remembered?.address ?? cleared?.address
    if (address === undefined) return undefined
    return { key, address, failures: this.#failuresOf(key) }
  }

  /** Takes over what others have counted, by the clock of this one. It leads to no shorter delay. */
  take({ key, address, failures }: PairFailures, nowMs: number): void {
    this.#remember(key, address, mergeFailures(this.#failuresOf(key), failures))
    this.#forgetOld(nowMs)
    this.#recheck(key, nowMs)
  }

  /** Pairs of address and user with a failure that is not forgotten. */
  get remembered(): number {
    return this.#remembered.size
  }

  /** Those of them that have to wait now. */
  delayed(nowMs: number): number {
    let count = 0
    for (const { notBeforeMs } of this.#remembered.values()) if (notBeforeMs > nowMs) count++
    return count
  }

  /** Pairs for which something is under way. */
  get busy(): number {
    return this.#tries.size
  }

  /** Answers now, or when tries that are under way have shown whether it may be another one. */
  begin(guess: Guess, nowMs: number, answer: (verdict: Verdict) => void): Trial {
    this.#forgetOld(nowMs)
    const key = this.#keyOf(guess)
    const trial: OpenTrial = {
      guess,
      answer,
      identity: guess.digest ?? Symbol('unseen'),
      state: 'over',
    }
    const verdict = this.#judge(key, trial, nowMs)
    if (verdict === undefined) this.#wait(key, trial)
    else this.#conclude(key, trial, verdict)
    return {
      get isWaiting() {
        return trial.state === 'waiting'
      },
      settle: (outcome, atMs) => {
        this.#settle(key, trial, outcome, atMs)
      },
    }
  }

  /** Undefined: not before others have ended. */
  #judge(key: string, { identity, guess }: OpenTrial, nowMs: number): Verdict | undefined {
    // Its address may have got too many users while it waited.
    const failures = this.#remembered.peek(this.#keyOf(guess))
    const retryMs = (failures?.notBeforeMs ?? 0) - nowMs
    if (failures !== undefined && retryMs > 0) return { kind: 'throttled', retryMs }
    const inFlight = this.#tries.get(key)?.inFlight
    if (inFlight === undefined || inFlight.has(identity)) return { kind: 'admitted' }
    const most = failures === undefined ? maxAtOnce : 1
    return inFlight.size < most ? { kind: 'admitted' } : undefined
  }

  #conclude(key: string, trial: OpenTrial, verdict: Verdict): void {
    if (verdict.kind === 'admitted') {
      const { inFlight } = this.#triesOf(key)
      inFlight.set(trial.identity, (inFlight.get(trial.identity) ?? 0) + 1)
      trial.state = 'in-flight'
    } else trial.state = 'over'
    trial.answer(verdict)
  }

  #wait(key: string, trial: OpenTrial): void {
    const { address } = trial.guess
    const waiting = this.#waitingOf.get(address) ?? 0
    if (waiting >= maxWaitingOfAddress) {
      trial.answer({ kind: 'throttled', retryMs: firstDelayMs })
      return
    }
    this.#waitingOf.set(address, waiting + 1)
    this.#triesOf(key).waiting.add(trial)
    trial.state = 'waiting'
  }

  #settle(key: string, trial: OpenTrial, outcome: TrialOutcome, nowMs: number): void {
    const { state, guess, identity } = trial
    trial.state = 'over'
    switch (state) {
      case 'over':
        return
      case 'waiting':
        this.#leaveQueue(key, trial)
        this.#tidy(key)
        trial.answer({ kind: 'throttled', retryMs: firstDelayMs })
        return
      case 'in-flight': {
        this.#forgetOld(nowMs)
        const { inFlight } = this.#triesOf(key)
        const left = (inFlight.get(identity) ?? 0) - 1
        if (left > 0) inFlight.set(identity, left)
        else inFlight.delete(identity)
        if (outcome === 'failed') this.#fail(guess, nowMs)
        // Whoever has one right credential must not be let guess those of everybody else.
        if (outcome === 'passed' && !isShared(key)) this.#pass(key, nowMs)
        this.#recheck(key, nowMs)
        this.#tidy(key)
      }
    }
  }

  /** Whoever waits is let go on, or told, in the order in which they came. */
  #recheck(key: string, nowMs: number): void {
    for (const trial of [...(this.#tries.get(key)?.waiting ?? [])]) {
      const verdict = this.#judge(key, trial, nowMs)
      if (verdict === undefined) return
      this.#leaveQueue(key, trial)
      this.#conclude(key, trial, verdict)
    }
  }

  #leaveQueue(key: string, trial: OpenTrial): void {
    this.#tries.get(key)?.waiting.delete(trial)
    decrement(this.#waitingOf, trial.guess.address)
  }

  #fail(guess: Guess, nowMs: number): void {
    const key = this.#keyOf(guess)
    const { address, digest } = guess
    this.#remember(key, address, failedOnce(this.#failuresOf(key), this.#name, digest, nowMs))
    this.#onChange(key)
  }

  #pass(key: string, nowMs: number): void {
    const known = this.#remembered.peek(key)
    if (known === undefined) return
    this.#remember(key, known.address, { ...noFailures, clearedAtMs: nowMs })
    this.#onChange(key)
  }

  #failuresOf(key: string): Failures {
    const clearedAtMs = this.#cleared.peek(key)?.atMs ?? -Infinity
    return this.#remembered.peek(key)?.failures ?? { ...noFailures, clearedAtMs }
  }

  #remember(key: string, address: string, failures: Failures): void {
    if (failures.clearedAtMs > -Infinity) {
      this.#cleared.set(key, { address, atMs: failures.clearedAtMs })
    }
    const delay = delayOf(failures)
    if (delay === undefined) {
      this.#remembered.delete(key)
      return
    }
    const { lastAtMs, notBeforeMs } = delay
    if (!this.#remembered.has(key) && !isShared(key)) increment(this.#usersOf, address)
    this.#remembered.set(key, { address, failures, lastAtMs, notBeforeMs })
  }

  #forgetOld(nowMs: number): void {
    while (nowMs >= this.#forgetAtMs) {
      const { value: oldest } = this.#remembered.rkeys().next()
      const failures = oldest === undefined ? undefined : this.#remembered.peek(oldest)
      this.#forgetAtMs = (failures?.lastAtMs ?? nowMs) + memoryMs
      if (oldest !== undefined && nowMs >= this.#forgetAtMs) this.#remembered.delete(oldest)
    }
  }

  /** That of its address and user, or the one that all further users of the address share. */
  #keyOf({ address, kind, user }: Guess): string {
    const own = `${address} ${kind} ${user}`
    if (this.#remembered.has(own)) return own
    const isFull = (this.#usersOf.get(address) ?? 0) >= maxUsersOfAddress
    return isFull || this.#remembered.has(address) ? address : own
  }

  #triesOf(key: string): Tries {
    const known = this.#tries.get(key)
    if (known !== undefined) return known
    const tries: Tries = { inFlight: new Map(), waiting: new Set() }
    this.#tries.set(key, tries)
    return tries
  }

  #tidy(key: string): void {
    const tries = this.#tries.get(key)
    if (tries?.inFlight.size === 0 && tries.waiting.size === 0) this.#tries.delete(key)
  }
}

/** Addresses have no blank. */
function isShared(key: string): boolean {
  return !key.includes(' ')
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function decrement(counts: Map<string, number>, key: string): void {
  const left = (counts.get(key) ?? 0) - 1
  if (left > 0) counts.set(key, left)
  else counts.delete(key)
}
