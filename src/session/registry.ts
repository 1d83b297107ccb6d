import { randomBytes } from 'node:crypto'
import { Refusal } from '../refusal.ts'
import { DatabaseStatistics } from './database-statistics.ts'
import type { GovernedEnd } from './endings.ts'
import { Nameless } from './nameless.ts'
import type { SessionFacts } from './observer.ts'
import type { Grant } from './grant.ts'
import type { SessionActivity, SessionServer } from './session-activity.ts'
import { type Place, type PlaceLimits, Places } from './places.ts'

/** An admitted session, as seen by those who may end it or cancel its statement. */
export interface LiveSession {
  readonly facts: SessionFacts
  /** When it ends as soon as it is in no transaction, as far as that is known. */
  readonly endsAtMs?: number | undefined
  /** What it has done; undefined for one that passes no bytes on. */
  readonly activity?: SessionActivity | undefined
  /** Where its bytes go. */
  readonly server?: SessionServer | undefined
  /** How long it waited for that. */
  readonly waitedMs?: number | undefined
  /** Sends a cancel request upstream; throws where it could not be delivered. */
  /** What it was let in by, as far as it is decided on again. */
  grant: Grant
  cancel(): Promise<void>
  drain(): void
  /** As at the end of a drain, or for the reason. */
  endNow(reason?: GovernedEnd): void
}

/** How sessions end when the service stops. It crosses the channel. */
export interface DrainOrder {
  readonly deadlineMs: number
  /** Whether sessions are ended at their next idle moment; else their clients are waited for. */
  readonly endsIdle: boolean
}

/** A connection before it is admitted. */
export class Entry {
  readonly leave: () => void
  readonly place: Place
  readonly #nameless: Nameless
  /** Whoever waits for the client, if anybody does. */
  #waiter: ((refusal: Refusal) => void) | undefined

  constructor(place: Place, nameless: Nameless, leave: () => void) {
    this.leave = leave
    this.place = place
    this.#nameless = nameless
  }

  /** Waits for the PROXY header, before which nobody knows whose connection it is. */
  async whileNameless<T>(limits: PlaceLimits, wait: () => Promise<T>): Promise<T> {
    this.#nameless.add(this, limits)
    try {
      return await wait()
    } finally {
      this.#nameless.delete(this)
    }
  }

  /**
   * Calls back when the client is not to be waited for any longer, until it is called with undefined. A
   * callback and no promise: a promise that is never settled would keep what was raced with it, and so
   * the client's token, for as long as the session lasts.
   */
  whenInterrupted(waiter: ((refusal: Refusal) => void) | undefined): void {
    this.#waiter = waiter
  }

  interrupt(refusal: Refusal): void {
    this.#waiter?.(refusal)
  }
}

/** Protocol 3.2 has room for more than an integer. */
export function secretKeyBytesFor(minorVersion: number): number {
  return minorVersion >= 2 ? 32 : 4
}

/** The sessions of this process, by the cancel keys that their clients were given. */
export class SessionRegistry {
  readonly #live = new Map<string, LiveSession>()
  /** The connections that nobody vouches for yet. */
  readonly #entered = new Set<Entry>()
  readonly places = new Places()
  /** Of the sessions that were open here. */
  readonly statistics = new DatabaseStatistics()
  readonly #nameless = new Nameless()
  #signIns = 0
  #relays = 0
  #isDraining = false
  #isEnding = false
  #endsIdle = true
  readonly #whenEmpty: (() => void)[] = []

  get size(): number {
    return this.#live.size
  }

  /** The sessions that are open. */
  live(): Iterable<LiveSession> {
    return this.#live.values()
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  /** Counts a connection that nobody vouches for yet; its place says when there are too many of them. */
  enter(limits: PlaceLimits): Entry {
    const entry = new Entry(this.places.enter(limits), this.#nameless, () => {
      this.#entered.delete(entry)
      this.#checkEmpty()
    })
    this.#entered.add(entry)
    return entry
  }

  refuseWhileDraining(): void {
    if (this.#isDraining) throw new Refusal('draining')
  }

  /** What is taken of the limits to those that are not admitted yet. */
  get taken(): { unauthenticated: number; signIns: number; relays: number } {
    return { unauthenticated: this.places.taken, signIns: this.#signIns, relays: this.#relays }
  }

  /** Counts somebody who signs in with a browser: that may take minutes. */
  reserveSignIn({ maxSignIns }: { readonly maxSignIns: number }): () => void {
    this.refuseWhileDraining()
    if (this.#signIns >= maxSignIns) throw new Refusal('too-many-sign-ins')
    this.#signIns++
    return once(() => this.#signIns--)
  }

  /** Counts a client that nobody vouches for and that has a connection to a server all the same. */
  reserveRelay({ maxRelays }: { readonly maxRelays: number }): () => void {
    if (this.#relays >= maxRelays) throw new Refusal('too-many-relays')
    this.#relays++
    return once(() => this.#relays--)
  }

  /** Adds a session and returns the secret of its cancel key. */
  add(processId: number, session: LiveSession, secretKeyBytes: number): Buffer {
    for (;;) {
      const secretKey = randomBytes(secretKeyBytes)
      const index = indexOf(processId, secretKey)
      if (this.#live.has(index)) continue
      this.#live.set(index, session)
      return secretKey
    }
  }

  remove(processId: number, secretKey: Buffer): void {
    this.#live.delete(indexOf(processId, secretKey))
    this.#checkEmpty()
  }

  find(processId: number, secretKey: Buffer): LiveSession | undefined {
    return this.#live.get(indexOf(processId, secretKey))
  }

  /** Admits nobody any more, ends each session at its next idle moment and the rest at the deadline. */
  async drain(deadlineMs: number, endsIdle = true): Promise<void> {
    this.#isDraining = true
    this.#endsIdle = endsIdle
    for (const entry of this.#entered) entry.interrupt(new Refusal('draining'))
    for (const session of this.#live.values()) this.#drain(session)
    const timer = setTimeout(() => {
      this.endNow()
    }, deadlineMs)
    await this.#empty()
    clearTimeout(timer)
  }

  /** Ends a session that was let in while the drain was under way. */
  joinDrain(session: LiveSession): void {
    if (this.#isEnding) session.endNow()
    else if (this.#isDraining) this.#drain(session)
  }

  /** A console is nobody's client: it may stay open for years. */
  #drain(session: LiveSession): void {
    if (this.#endsIdle || session.grant.guest !== undefined) session.drain()
  }

  endNow(): void {
    this.#isDraining = true
    this.#isEnding = true
    for (const session of this.#live.values()) session.endNow()
  }

  async #empty(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenEmpty.push(resolve)
      this.#checkEmpty()
    })
  }

  #checkEmpty(): void {
    if (this.#live.size === 0 && this.#entered.size === 0)
      for (const resolve of this.#whenEmpty.splice(0)) resolve()
  }
}

function indexOf(processId: number, secretKey: Buffer): string {
  return `${processId}:${secretKey.toString('hex')}`
}

function once(action: () => void): () => void {
  let done = false
  return () => {
    if (done) return
    done = true
    action()
  }
}
