// The sessions of all processes as one: those of this replica's, and of the other replicas'.
import { randomUUID } from 'node:crypto'
import { addUp, type Answers, type Bus, bothOf, nobody, type WorkerHandle } from './fleet/bus.ts'
import type { CancelKey } from './fleet/primary.ts'
import { type StandingOrder, StandingOrders } from './fleet/standing-orders.ts'
import type { SignInCall, SignInReply } from './session/pending-sign-ins.ts'
import type { EndCount, EndOrder, RestoreCount, RestoreOrder } from './session/revocations.ts'
import type { CancelOutcome } from './session/services.ts'
import { isSameSelector, type SessionSelector } from './session/session-selector.ts'
import { joinLists, type SessionList, type SessionQuery } from './session/session-summary.ts'

export interface FleetSessionsOptions {
  /** The processes of this replica. */
  readonly own: () => Bus
  /** The other replicas. */
  readonly peers?: Bus | undefined
  /** How this replica is called among others; undefined where it is alone. */
  readonly replica?: string | undefined
}

/** A cancel request upstream has its own, shorter deadline. */
const cancelTimeoutMs = 20_000
/** Behind an answer of the provider are requests to it, and behind each a login, with deadlines of their own. */
const signInAnswerTimeoutMs = 90_000
const signInTimeoutMs = 5_000
/** Of the sessions of one replica that another asks for, so that they fit into one message. */
const maxListed = 10_000

/** An order that refuses logins, as all replicas know it. */
export type KnownOrder = StandingOrder

/** Where orders are that all replicas carry out, also those that are started later. */
export interface OrderShare {
  /** Never throws: what cannot be written now will be. */
  add(order: KnownOrder): Promise<void>
  restored(ids: readonly string[]): Promise<void>
  /** Sees what others have written until now. Never throws. */
  refresh(): Promise<void>
}

export class FleetSessions {
  readonly #options: FleetSessionsOptions
  readonly #peers: Bus
  readonly #orders = new StandingOrders(() => Date.now())
  #share: OrderShare | undefined

  constructor(options: FleetSessionsOptions) {
    this.#options = options
    this.#peers = options.peers ?? nobody
  }

  /** From now on orders are kept where other replicas find them. */
  shareWith(share: OrderShare): void {
    this.#share = share
  }

  /** For workers that are started from now on. */
  get standingOrders(): readonly StandingOrder[] {
    return this.#orders.standing
  }

  async end(order: EndOrder): Promise<EndCount> {
    const known = this.#note(order)
    const own = this.#options.own().askEach<number>('endSessions', known)
    // Before any other replica is asked: one that has started since reads it before it lets anybody in, and is
    // not asked; one that had started before is asked, and has to answer.
    if (isStanding(known)) await this.#share?.add(known)
    const peers = await this.#peers.askEach<number>('endSessions', known)
    return ended(addUp([await own, peers]))
  }

  /** Has an order carried out that another replica has given, by the processes of this one. */
  async endHere(order: EndOrder): Promise<EndCount> {
    return ended(await this.#options.own().askEach<number>('endSessions', this.#note(order)))
  }

  /** Takes back what was revoked by just these criteria. */
  async restore(selector: SessionSelector): Promise<RestoreCount> {
    await this.#share?.refresh()
    // First, so that no worker is started with it that does not hear of its end.
    const ids = this.#orders.remove(
      ({ end, selectors }) =>
        end === 'revoked' && selectors.every((one) => isSameSelector(one, selector)),
    )
    await this.#share?.restored(ids)
    const order: RestoreOrder = { selector, ids }
    const { answers, unanswered } = await this.#all.askEach<number>('restoreSessions', order)
    return { restored: Math.max(ids.length, ...answers), unanswered }
  }

  /** Takes back on this replica what was taken back on another. */
  async restoreHere(order: RestoreOrder): Promise<Answers<number>> {
    const named = new Set(order.ids)
    const standing = this.#orders.remove(({ id }) => named.has(id))
    const own = await this.#options.own().askEach<number>('restoreSessions', order)
    return addUp([{ answers: [standing.length], unanswered: 0 }, own])
  }

  async list(query: SessionQuery): Promise<SessionList> {
    const [own, peers] = await Promise.all([
      this.#listOwn(query),
      this.#peers.askEach<SessionList>('listSessions', {
        ...query,
        limit: Math.min(query.limit, maxListed),
      }),
    ])
    const { unanswered } = peers
    const lists = [own, ...peers.answers, { sessions: [], total: 0, unanswered }]
    return joinLists(lists, query.limit)
  }

  /** Has the session with this key canceled, wherever it is but at the worker that asks. */
  async cancel(key: CancelKey, except?: WorkerHandle): Promise<CancelOutcome> {
    const { answers, unanswered } = await this.#all.askEach<CancelOutcome>('cancel', key, {
      timeoutMs: cancelTimeoutMs,
      until: isKnown,
      except,
    })
    return answers.find(isKnown) ?? (unanswered > 0 ? 'failed' : 'unknown-key')
  }

  /** Asks whoever has the sign-in: first here, where most of them are. */
  async signIn(call: SignInCall): Promise<SignInReply> {
    for (const bus of [this.#options.own(), this.#peers]) {
      const { answers } = await this.#signInAt(bus, call)
      const found = answers.find(isFound)
      if (found !== undefined) return found
    }
    return { kind: 'unknown' }
  }

  /** What another replica asks of this one. Each answer is of a process here, or of what outlives them. */
  async serve(method: string, argument: unknown, timeoutMs: number): Promise<Answers<unknown>> {
    // Both ends are the same program, and the call was authenticated.
    const own = this.#options.own()
    switch (method) {
      case 'endSessions':
        this.#note(argument as EndOrder)
        break
      case 'restoreSessions':
        return this.restoreHere(argument as RestoreOrder)
      case 'listSessions':
        return { answers: [await this.#listOwn(argument as SessionQuery)], unanswered: 0 }
      case 'cancel':
        return own.askEach(method, argument, { timeoutMs, until: isKnown })
      case 'signIn':
        return this.#signInAt(own, argument as SignInCall)
    }
    return own.askEach(method, argument, { timeoutMs })
  }

  get #all(): Bus {
    return bothOf(this.#options.own(), this.#peers)
  }

  /** First, so that no worker is started without it that does not hear of it. */
  #note(order: EndOrder): EndOrder {
    if (order.refusedUntilMs === undefined) return order
    const known = { ...order, id: order.id ?? randomUUID() }
    if (isStanding(known)) this.#orders.add(known)
    return known
  }

  async #listOwn(query: SessionQuery): Promise<SessionList> {
    const { own, replica } = this.#options
    const { answers, unanswered } = await own().askEach<SessionList>('listSessions', query)
    const list = joinLists([...answers, { sessions: [], total: 0, unanswered }], query.limit)
    if (replica === undefined) return list
    return { ...list, sessions: list.sessions.map((session) => ({ ...session, replica })) }
  }

  async #signInAt(bus: Bus, call: SignInCall): Promise<Answers<SignInReply>> {
    const isLong = call.kind === 'answer' || call.kind === 'approve'
    return bus.askEach<SignInReply>('signIn', call, {
      timeoutMs: isLong ? signInAnswerTimeoutMs : signInTimeoutMs,
      until: isFound,
    })
  }
}

function isKnown(outcome: CancelOutcome): boolean {
  return outcome !== 'unknown-key'
}

function isFound(reply: SignInReply): boolean {
  return reply.kind !== 'unknown'
}

function isStanding(order: EndOrder): order is StandingOrder {
  return order.refusedUntilMs !== undefined && order.id !== undefined
}

function ended({ answers, unanswered }: Answers<number>): EndCount {
  return { ended: answers.reduce((sum, count) => sum + count, 0), unanswered }
}
