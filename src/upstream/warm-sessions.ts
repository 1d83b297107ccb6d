// Sessions that are logged in before anybody needs them. Each is one client's, once, unless it is chosen
// that they come back.
import { setTimeout as delay } from 'node:timers/promises'
import { closeSession } from './close-session.ts'
import { Demand } from './demand.ts'
import { type LoginRequest, ServerFull, type UpstreamSession } from './log-in.ts'
import { openSession, type UpstreamAccess } from './open-session.ts'
import { ParkedSession } from './parked-session.ts'
import type { UpstreamTarget, WarmLimits } from './target.ts'

export type WarmEvent = 'opened' | 'taken' | 'dropped' | 'returned'

export interface WarmObserver {
  /** Whether a login found a session that was ready for it. */
  warmLogin(outcome: 'ready' | 'none'): void
  warmSessions(event: WarmEvent, count: number): void
}

/** Sessions that only differ in whose they will be. */
interface Shelf {
  readonly role: string
  readonly demand: Demand
  /** Oldest first. */
  readonly parked: ParkedSession[]
  /** Those that clients have and that may come back, by when they got them. */
  readonly lent: Map<ParkedSession, number>
  /** How many have come back and are being made what they were. */
  returning: number
  opening: number
  failures: number
  retryAtMs: number
}

/** What is kept for one upstream of the configuration that is in force. */
interface Store {
  readonly target: UpstreamTarget
  readonly limits: WarmLimits
  readonly shelves: Map<string, Shelf>
}

const maxShelves = 1_000
const maxKeyLength = 4_096
const mostAtOnce = 4
const sweepMs = 1_000
/** PostgreSQL needs a moment to end what was closed. */
const roomMs = 100
const firstRestMs = 1_000
const longestRestMs = 60_000
/** Whoever was asked for within this time is not robbed for somebody else. */
const recentMs = 10_000

/**
 * Opens sessions for logins, where it is configured by means of some that are ready. One that is ready is
 * used only if nothing has changed that a login depends on; in every other case there is a login as
 * without it, and what the server says to that counts.
 */
export class WarmSessions {
  readonly #access: UpstreamAccess
  readonly #observer: WarmObserver | undefined
  readonly #nowMs: () => number
  #stores = new Map<UpstreamTarget, Store>()
  #sweeper: NodeJS.Timeout | undefined

  constructor(
    access: UpstreamAccess,
    observer?: WarmObserver,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#access = access
    this.#observer = observer
    this.#nowMs = nowMs
  }

  /** How many are ready. */
  get size(): number {
    return [...this.#stores.values()].reduce((sum, store) => sum + parkedIn(store), 0)
  }

  /** Keeps nothing of upstreams that are not among these: their credentials may not be good any more. */
  adopt(targets: Iterable<UpstreamTarget>): void {
    const before = this.#stores
    this.#stores = new Map()
    for (const target of targets) {
      const { warm: limits } = target
      if (limits === undefined) continue
      const store = before.get(target) ?? { target, limits, shelves: new Map<string, Shelf>() }
      this.#stores.set(target, store)
    }
    for (const [target, store] of before) if (!this.#stores.has(target)) this.#empty(store)
  }

  /** Logs in as `openSession` does. */
  async open(target: UpstreamTarget, request: LoginRequest): Promise<UpstreamSession> {
    const store = this.#stores.get(target)
    const key = keyOf(request)
    if (store === undefined || key === undefined) return openSession(target, request, this.#access)
    const shelf = this.#shelfFor(store, key, request.role)
    shelf.demand.note(this.#nowMs())
    const ready = await this.#take(store, shelf, request)
    this.#observer?.warmLogin(ready === undefined ? 'none' : 'ready')
    const session = ready ?? (await this.#logIn(store, request))
    this.#refill(store, shelf, request)
    return session
  }

  close(): void {
    this.adopt([])
  }

  async #logIn(store: Store, request: LoginRequest): Promise<UpstreamSession> {
    try {
      return await openSession(store.target, request, this.#access)
    } catch (error) {
      if (!(error instanceof ServerFull) || parkedIn(store) === 0) throw error
      // Nobody is refused for want of a place that is kept for somebody who may come.
      this.#empty(store)
      await delay(roomMs)
      return openSession(store.target, request, this.#access)
    }
  }

  /** The youngest: what is too many then grows old and is closed. */
  async #take(
    store: Store,
    shelf: Shelf,
    request: LoginRequest,
  ): Promise<UpstreamSession | undefined> {
    const parked = shelf.parked.pop()
    if (parked === undefined) return undefined
    const session = await parked.handOver(request)
    if (session === undefined) {
      // What has changed for one has changed for all.
      this.#tell('dropped', 1)
      this.#drop(shelf, shelf.parked.length)
      return undefined
    }
    const allowsSuperuser = request.requirement?.allowsSuperuser
    if (session.isSuperuser && allowsSuperuser === false) {
      closeSession(session)
      this.#tell('dropped', 1)
      return undefined
    }
    this.#tell('taken', 1)
    return parked.canComeBack && !session.isSuperuser
      ? this.#lend(store, shelf, parked, session)
      : session
  }

  #lend(
    store: Store,
    shelf: Shelf,
    parked: ParkedSession,
    session: UpstreamSession,
  ): UpstreamSession {
    const forget = (): void => {
      shelf.lent.delete(parked)
    }
    shelf.lent.set(parked, this.#nowMs())
    session.socket.once('close', forget)
    const giveBack = (): void => {
      session.socket.off('close', forget)
      // Who was asked twice would be two clients'.
      if (!shelf.lent.delete(parked)) return
      void this.#takeBack(store, shelf, parked, session)
    }
    return { ...session, giveBack }
  }

  async #takeBack(
    store: Store,
    shelf: Shelf,
    parked: ParkedSession,
    session: UpstreamSession,
  ): Promise<void> {
    if (!this.#isWelcome(store, shelf, parked)) {
      closeSession(session)
      return
    }
    shelf.returning++
    const again = await parked.comeBack((gone) => {
      this.#forget(shelf, gone)
    })
    shelf.returning--
    if (again === undefined) return
    if (!this.#isWelcome(store, shelf, again)) {
      again.close()
      return
    }
    this.#shelve(shelf, again, 'returned')
  }

  #isWelcome(store: Store, shelf: Shelf, { openedAtMs }: ParkedSession): boolean {
    const nowMs = this.#nowMs()
    return (
      this.#isCurrent(store) &&
      [...store.shelves.values()].includes(shelf) &&
      nowMs - openedAtMs < store.limits.maxAgeMs &&
      kept(shelf) < shelf.demand.wanted(nowMs) &&
      this.#hasRoom(store, shelf, nowMs)
    )
  }

  /** Oldest first, by when they were opened. */
  #shelve({ parked }: Shelf, one: ParkedSession, event: 'opened' | 'returned'): void {
    const younger = parked.findIndex(({ openedAtMs }) => openedAtMs > one.openedAtMs)
    parked.splice(younger === -1 ? parked.length : younger, 0, one)
    this.#tell(event, 1)
    this.#sweeper ??= setInterval(() => {
      this.#sweep()
    }, sweepMs).unref()
  }

  #shelfFor({ shelves, limits }: Store, key: string, role: string): Shelf {
    const shelf = shelves.get(key) ?? {
      role,
      demand: new Demand(limits.maxPerRole, limits.maxAgeMs),
      parked: [],
      lent: new Map<ParkedSession, number>(),
      returning: 0,
      opening: 0,
      failures: 0,
      retryAtMs: -Infinity,
    }
    // Those that were asked for last stand last.
    shelves.delete(key)
    shelves.set(key, shelf)
    if (shelves.size > maxShelves) {
      const [oldest, its] = [...shelves].find(([, { opening }]) => opening === 0) ?? []
      if (oldest !== undefined && its !== undefined) {
        this.#drop(its, its.parked.length)
        shelves.delete(oldest)
      }
    }
    return shelf
  }

  /** With the credential of a login that has just gone through, so that none is kept for it. */
  #refill(store: Store, shelf: Shelf, request: LoginRequest): void {
    const nowMs = this.#nowMs()
    const wanted = shelf.demand.wanted(nowMs)
    // Those that were lent a moment ago may be back as soon; one is there for whoever comes before.
    const lent = [...shelf.lent.values()].filter((sinceMs) => nowMs - sinceMs < recentMs).length
    const toOpen = Math.min(wanted, Math.max(wanted - lent, 1))
    const mayOpen = (): boolean =>
      sumOf([...store.shelves.values()], ({ opening }) => opening) < mostAtOnce
    while (
      this.#isCurrent(store) &&
      nowMs >= shelf.retryAtMs &&
      kept(shelf) < toOpen &&
      mayOpen() &&
      this.#hasRoom(store, shelf, nowMs)
    ) {
      void this.#openOne(store, shelf, request)
    }
  }

  #hasRoom(store: Store, shelf: Shelf, nowMs: number): boolean {
    const { limits } = store
    const all = [...store.shelves.values()]
    const ofRole = all.filter(({ role }) => role === shelf.role)
    const crowd =
      sumOf(ofRole, kept) >= limits.maxPerRole
        ? ofRole
        : sumOf(all, kept) >= limits.max
          ? all
          : undefined
    if (crowd === undefined) return true
    const idle = crowd.find(
      (one) => one !== shelf && one.parked.length > 0 && nowMs - one.demand.lastMs > recentMs,
    )
    if (idle === undefined) return false
    this.#drop(idle, 1)
    return true
  }

  async #openOne(store: Store, shelf: Shelf, request: LoginRequest): Promise<void> {
    shelf.opening++
    try {
      const { target } = store
      const session = await openSession(
        { ...target, connectRetries: 0 },
        { ...request, requirement: undefined },
        this.#access,
      )
      const parked = await ParkedSession.park(
        session,
        request,
        ({ isStandby }) => target.wantedSession !== 'prefer-standby' || isStandby,
        (gone) => {
          this.#forget(shelf, gone)
        },
        this.#nowMs(),
        store.limits.reuse === 'reset',
      )
      shelf.failures = 0
      if (!this.#isCurrent(store)) {
        parked.close()
        return
      }
      this.#shelve(shelf, parked, 'opened')
    } catch (error) {
      shelf.retryAtMs = this.#nowMs() + Math.min(firstRestMs * 2 ** shelf.failures, longestRestMs)
      shelf.failures++
      if (error instanceof ServerFull) this.#empty(store)
    } finally {
      shelf.opening--
    }
  }

  #isCurrent(store: Store): boolean {
    return this.#stores.get(store.target) === store
  }

  /** The server has closed it, or said something that nobody asked for. */
  #forget(shelf: Shelf, gone: ParkedSession): void {
    const index = shelf.parked.indexOf(gone)
    if (index === -1) return
    shelf.parked.splice(index, 1)
    gone.close()
    this.#tell('dropped', 1)
  }

  /** Closes what is too old, and what nobody is likely to ask for. */
  #sweep(): void {
    const nowMs = this.#nowMs()
    for (const { shelves, limits } of this.#stores.values()) {
      for (const [key, shelf] of shelves) {
        const old = shelf.parked.filter(({ openedAtMs }) => nowMs - openedAtMs >= limits.maxAgeMs)
        const surplus = shelf.parked.length - shelf.demand.wanted(nowMs)
        this.#drop(shelf, Math.max(old.length, surplus, 0))
        const isIdle = nowMs - shelf.demand.lastMs >= limits.maxAgeMs
        if (isIdle && shelf.opening === 0) shelves.delete(key)
      }
    }
    if (this.size > 0) return
    clearInterval(this.#sweeper)
    this.#sweeper = undefined
  }

  #empty({ shelves }: Store): void {
    for (const shelf of shelves.values()) this.#drop(shelf, shelf.parked.length)
  }

  /** The oldest. */
  #drop(shelf: Shelf, count: number): void {
    const dropped = shelf.parked.splice(0, count)
    for (const one of dropped) one.close()
    this.#tell('dropped', dropped.length)
  }

  #tell(event: WarmEvent, count: number): void {
    if (count > 0) this.#observer?.warmSessions(event, count)
  }
}

/**
 * What a session is by the time that a client gets it, but for `application_name`, which can be given to it
 * then: by all other parameters it has to have begun, since `RESET` goes back to them and some cannot be
 * set later. Undefined where a login must be one.
 */
function keyOf(request: LoginRequest): string | undefined {
  const { role, credential, parameters, ownParameters } = request
  // What a session is told of one identity is never another's.
  if (ownParameters !== undefined) return undefined
  const isOurs =
    credential.kind === 'none' ||
    credential.kind === 'certificate' ||
    (credential.kind === 'password' && !credential.isClients)
  if (!isOurs) return undefined
  const names = [...parameters.keys()]
  // Another protocol, whose sessions are asked for seldom and live long.
  if (names.some((name) => name.toLowerCase() === 'replication')) return undefined
  const others = names.filter((name) => name !== 'application_name').toSorted()
  const isNamed = parameters.has('application_name')
  const key = JSON.stringify([role, isNamed, others.map((name) => [name, parameters.get(name)])])
  return key.length > maxKeyLength ? undefined : key
}

/** What waits, or is about to. */
function kept({ parked, opening, returning }: Shelf): number {
  return parked.length + opening + returning
}

function parkedIn({ shelves }: Store): number {
  return sumOf([...shelves.values()], ({ parked }) => parked.length)
}

function sumOf<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0)
}
