// Ending sessions from outside, and keeping out who is not to come back. Whoever is logging in while that
// happens is looked at once more when the login is complete: between the two nobody slips through.
import { deniedBy, type Denial, Denials } from './denials.ts'
import type { GovernedEnd } from './endings.ts'
import type { SessionFacts } from './observer.ts'
import { isSameSelector, selects, type SessionSelector } from './session-selector.ts'

/** Why sessions are ended from outside. */
export type RevocationEnd = Extract<GovernedEnd, 'killed' | 'revoked' | 'logged-out'>

/** Sessions to end: those that one of the selectors selects. It crosses the channel between processes. */
export interface EndOrder {
  readonly selectors: readonly SessionSelector[]
  readonly end: RevocationEnd
  /** Until when logins that a selector selects are refused, too; undefined: they are not. */
  readonly refusedUntilMs?: number | undefined
  /** Who gave it, where somebody did. */
  readonly by?: string | undefined
  /** Of one that refuses logins: it is the same wherever it comes from. */
  readonly id?: string | undefined
}

/** What is taken back: what was revoked by just these criteria, or orders by their ids. */
export interface RestoreOrder {
  readonly selector?: SessionSelector | undefined
  readonly ids: readonly string[]
}

/** What came of an order. */
export interface EndCount {
  readonly ended: number
  /** Processes that did not say, in which sessions may go on. */
  readonly unanswered: number
}

/** What came of taking orders back. */
export interface RestoreCount {
  /** Orders that refused logins until now. */
  readonly restored: number
  /** Processes that did not say, in which logins may be refused still. */
  readonly unanswered: number
}

export interface Revocable {
  readonly facts: SessionFacts
  endNow(reason: GovernedEnd): void
}

export interface RevocationOptions {
  /** The sessions that are open. */
  readonly live: () => Iterable<Revocable>
  readonly now: () => Date
  /** Is told of each session that is ended. */
  readonly onEnd: (facts: SessionFacts, end: RevocationEnd, why: string) => void
}

/** The oldest are forgotten first. */
export const maxRememberedOrders = 10_000
/** Orders that a login may meet on its way: one that meets more is refused. */
export const maxMetOrders = 1_000
/** Orders that an operator has given and may take back; what a provider says is for the provider. */
const revoked: RevocationEnd = 'revoked'
/** Sessions that are looked at before others of the process have a turn. */
const sliceOfSessions = 200

export class Revocations {
  readonly #options: RevocationOptions
  readonly #logins = new Set<LoginWatch>()
  /** Of orders that refuse logins, too; in the order in which they came. */
  readonly #remembered = new Denials()
  readonly #order = new Map<Denial, string | undefined>()
  /** Orders that are remembered, each once. */
  readonly #ids = new Map<string, number>()
  readonly #ending = new WeakSet<Revocable>()
  #denials = new Denials()

  constructor(options: RevocationOptions) {
    this.#options = options
  }

  /** What the deny file says. */
  get denials(): Denials {
    return this.#denials
  }

  get remembered(): number {
    return this.#order.size
  }

  /** Watches a login from its beginning until it is in or refused. */
  enter(facts: SessionFacts): LoginWatch {
    const watch = new LoginWatch(facts, this.find, () => this.#logins.delete(watch))
    this.#logins.add(watch)
    return watch
  }

  /** Why somebody is kept out; undefined where nobody says so. */
  readonly find = (facts: SessionFacts): Denial | undefined => {
    const now = this.#options.now()
    return this.#denials.find(facts, now) ?? this.#remembered.find(facts, now)
  }

  /** Ends what is selected, and returns how many sessions that were. */
  end(order: EndOrder): number {
    if (order.refusedUntilMs !== undefined) this.remember(order, order.refusedUntilMs)
    for (const login of this.#logins) login.meet(order)
    let ended = 0
    for (const session of this.#options.live()) {
      const { facts } = session
      if (!order.selectors.some((selector) => selects(selector, facts))) continue
      if (this.#end(session, order.end, 'ordered')) ended++
    }
    return ended
  }

  /** Refuses logins that an order of before selects. */
  remember({ selectors, end, id }: EndOrder, untilMs: number): void {
    if (id !== undefined && this.#ids.has(id)) return
    for (const selector of selectors) {
      const denial = { selector, untilMs, why: end }
      this.#remembered.add(denial)
      this.#order.set(denial, id)
    }
    if (id !== undefined) this.#ids.set(id, selectors.length)
    const nowMs = this.#options.now().getTime()
    for (const denial of this.#order.keys()) {
      const isOver = denial.untilMs !== undefined && denial.untilMs <= nowMs
      if (!isOver && this.#order.size <= maxRememberedOrders) break
      this.#forget(denial)
    }
  }

  /** Takes orders back, and returns how many of those that an operator may take back still stood. */
  restore({ selector, ids }: RestoreOrder): number {
    const nowMs = this.#options.now().getTime()
    const named = new Set(ids)
    let restored = 0
    for (const [denial, id] of this.#order) {
      const isMeant =
        id === undefined
          ? selector !== undefined && isSameSelector(denial.selector, selector)
          : named.has(id)
      if (denial.why !== revoked || !isMeant) continue
      this.#forget(denial)
      if (denial.untilMs !== undefined && nowMs < denial.untilMs) restored++
    }
    return restored
  }

  #forget(denial: Denial): void {
    const id = this.#order.get(denial)
    this.#order.delete(denial)
    this.#remembered.remove(denial)
    if (id === undefined) return
    const left = (this.#ids.get(id) ?? 1) - 1
    if (left > 0) this.#ids.set(id, left)
    else this.#ids.delete(id)
  }

  /** Takes over what a deny file says now, for logins at once, and ends who is in and denied by it. */
  async deny(denials: Denials): Promise<void> {
    this.#denials = denials
    const isNewest = (): boolean => this.#denials === denials
    await inSlices([...this.#options.live()], isNewest, (session) => {
      const denial = denials.find(session.facts, this.#options.now())
      if (denial !== undefined) this.#end(session, 'revoked', denial.why)
    })
  }

  /** Ends those of whom a newer configuration says why they would not be let in, while it is the newest. */
  async enforce<S extends Revocable>(
    sessions: Iterable<S>,
    whyNot: (session: S) => string | undefined,
    isNewest: () => boolean,
  ): Promise<void> {
    await inSlices([...sessions], isNewest, (session) => {
      const reason = whyNot(session)
      if (reason !== undefined) this.#end(session, 'revoked', `configuration: ${reason}`)
    })
  }

  /** Ends one session for a reason that was found out about it alone. */
  revoke(session: Revocable, why: string): void {
    this.#end(session, 'revoked', why)
  }

  /** Whether it was not being ended already: until its client has gone it is still among the open ones. */
  #end(session: Revocable, end: RevocationEnd, why: string): boolean {
    if (this.#ending.has(session)) return false
    this.#ending.add(session)
    this.#options.onEnd(session.facts, end, why)
    session.endNow(end)
    return true
  }
}

/** Whoever else has something to do in the process has a turn now and then. */
async function inSlices<S>(
  all: readonly S[],
  goesOn: () => boolean,
  act: (one: S) => void,
): Promise<void> {
  for (const [index, one] of all.entries()) {
    if (index % sliceOfSessions === sliceOfSessions - 1) {
      await new Promise((resolve) => setImmediate(resolve))
      if (!goesOn()) return
    }
    act(one)
  }
}

/** A login that is under way. */
export class LoginWatch {
  readonly #facts: SessionFacts
  readonly #findDenial: (facts: SessionFacts) => Denial | undefined
  readonly #met: EndOrder[] = []
  readonly leave: () => void

  constructor(
    facts: SessionFacts,
    findDenial: (facts: SessionFacts) => Denial | undefined,
    leave: () => void,
  ) {
    this.#facts = facts
    this.#findDenial = findDenial
    this.leave = leave
  }

  meet(order: EndOrder): void {
    if (this.#met.length <= maxMetOrders) this.#met.push(order)
  }

  /** Why it is not to go on, as far as the session is known: a denial, or an order that came since it began. */
  readonly find = (facts: SessionFacts): Denial | undefined => {
    if (this.#met.length > maxMetOrders) return ended({}, 'by too many orders to compare')
    return this.#findDenial(facts) ?? this.#ofOrders(facts)
  }

  /** Throws where it is not to go on. */
  check(): void {
    const denial = this.find(this.#facts)
    if (denial !== undefined) throw deniedBy(denial)
  }

  #ofOrders(facts: SessionFacts): Denial | undefined {
    for (const { selectors, end } of this.#met) {
      const selector = selectors.find((one) => selects(one, facts))
      if (selector !== undefined) return ended(selector, end)
    }
    return undefined
  }
}

function ended(selector: SessionSelector, how: string): Denial {
  return { selector, untilMs: undefined, why: `ended during its login: ${how}` }
}
