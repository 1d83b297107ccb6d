// The gates of the databases, as the sessions and logins of one process meet them.
import { Refusal } from '../refusal.ts'
import {
  type DatabaseGate,
  gateOf,
  type GateCensus,
  type GateState,
  isHeld,
  openState,
} from './gate-state.ts'

/** A session that can be made to wait. */
export interface Holdable {
  readonly isHeld: boolean
  /** At its next idle moment outside of a transaction, or at once. */
  hold(how: 'idle' | 'now'): void
  release(): void
  endNow(reason: 'killed'): void
}

/** Of the logins that have waited so many go upstream at a time: PostgreSQL has just come back. */
const mostAtOnce = 32

export class Gates {
  #state = openState
  readonly #passes = new Set<Pass>()
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>()
  /** Passes of logins that have waited and are no sessions yet. */
  #opening = 0

  get state(): GateState {
    return this.#state
  }

  /** Logins that wait. */
  get waiting(): number {
    return this.#waiting.size
  }

  isHeld(database: string): boolean {
    return isHeld(this.#state, database)
  }

  /** Takes over what the primary says, unless it is known already. Says whether it was news. */
  adopt(state: GateState): boolean {
    if (state.version <= this.#state.version) return false
    this.#state = state
    for (const pass of [...this.#passes]) pass.meet(gateOf(state, pass.database))
    for (const login of [...this.#waiting]) {
      const { isDisabled, killedAt } = gateOf(state, login.database)
      if (killedAt > login.version) login.refuse(new Refusal('database-killed'))
      else if (isDisabled) login.refuse(disabled(login.database))
    }
    this.#letIn()
    return true
  }

  census(about: string | undefined): GateCensus {
    let busy = 0
    let old = 0
    for (const pass of this.#passes) {
      if (about !== undefined && pass.database !== about) continue
      const { hold, renewedAt } = gateOf(this.#state, pass.database)
      if (hold !== undefined && !pass.isHeld) busy++
      if (pass.version < renewedAt) old++
    }
    return { busy, old }
  }

  /** Lets a login go on to the database; undefined where it has to wait. Throws where it may not even that. */
  enter(database: string): Pass | undefined {
    const { hold, isDisabled } = gateOf(this.#state, database)
    if (isDisabled) throw disabled(database)
    return hold === undefined ? this.#pass(database, () => {}) : undefined
  }

  /** Has a login wait until the database is open. */
  wait(database: string, most: number): Waiting {
    if (this.#waiting.size >= most) throw new Refusal('too-many-waiting', { values: { database } })
    const login = new Waiting(database, this.#state.version, () => this.#waiting.delete(login))
    this.#waiting.add(login)
    return login
  }

  #pass(database: string, settled: () => void): Pass {
    const pass = new Pass(database, this.#state.version, settled, () => this.#passes.delete(pass))
    this.#passes.add(pass)
    return pass
  }

  #letIn(): void {
    for (const login of [...this.#waiting]) {
      if (this.#opening >= mostAtOnce) return
      if (this.isHeld(login.database)) continue
      this.#opening++
      const pass = this.#pass(login.database, () => {
        this.#opening--
        this.#letIn()
      })
      login.letIn(pass)
    }
  }
}

function disabled(database: string): Refusal {
  return new Refusal('database-disabled', { values: { database } })
}

/** Of one session, from before anything of it goes upstream until it has ended. */
export class Pass {
  readonly database: string
  /** Of the state by which it was let in. */
  readonly version: number
  readonly #leave: () => void
  #settle: (() => void) | undefined
  #session: Holdable | undefined
  #how: 'idle' | 'now' | undefined
  #isKilled = false

  constructor(database: string, version: number, settled: () => void, leave: () => void) {
    this.database = database
    this.version = version
    this.#settle = settled
    this.#leave = leave
  }

  get isHeld(): boolean {
    return this.#session?.isHeld === true
  }

  meet({ hold, killedAt }: DatabaseGate): void {
    if (killedAt > this.version && !this.#isKilled) {
      this.#isKilled = true
      this.#session?.endNow('killed')
    }
    const how = howOf(hold)
    if (how === this.#how) return
    this.#how = how
    if (this.#session !== undefined) this.#apply(this.#session)
  }

  /** Throws where its database was killed while it logged in. */
  check(): void {
    if (this.#isKilled) throw new Refusal('database-killed')
  }

  /** The login is a session now. */
  join(session: Holdable): void {
    this.#session = session
    this.#settled()
    if (this.#how !== undefined) this.#apply(session)
  }

  /** The login has failed, or the session has ended. */
  leave(): void {
    this.#settled()
    this.#leave()
  }

  #apply(session: Holdable): void {
    session.release()
    if (this.#how !== undefined) session.hold(this.#how)
  }

  #settled(): void {
    const settle = this.#settle
    this.#settle = undefined
    settle?.()
  }
}

function howOf(hold: DatabaseGate['hold']): 'idle' | 'now' | undefined {
  if (hold === undefined) return undefined
  return hold === 'suspended' ? 'now' : 'idle'
}

/** A login that waits for its database. */
export class Waiting {
  readonly database: string
  /** Of the state by which it began to wait. */
  readonly version: number
  readonly #turn = Promise.withResolvers<undefined>()
  readonly #leave: () => void
  #pass: Pass | undefined

  constructor(database: string, version: number, leave: () => void) {
    this.database = database
    this.version = version
    this.#leave = leave
    // Whoever waited may be gone by then.
    this.#turn.promise.catch(() => {})
  }

  /** Resolves when it is let in; throws why it is not. */
  get turn(): Promise<undefined> {
    return this.#turn.promise
  }

  /** Once its turn has come. */
  take(): Pass {
    const pass = this.#pass
    if (pass === undefined) throw new Error('its turn has not come')
    this.#pass = undefined
    return pass
  }

  letIn(pass: Pass): void {
    this.#pass = pass
    this.#leave()
    this.#turn.resolve(undefined)
  }

  refuse(refusal: Refusal): void {
    this.#leave()
    this.#turn.reject(refusal)
  }

  /** Gives the turn back that came when nobody waited for it any more. */
  leave(): void {
    this.#leave()
    this.#pass?.leave()
    this.#pass = undefined
  }
}
