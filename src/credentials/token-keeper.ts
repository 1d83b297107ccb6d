import { arrived, aheadOf, isAlive, isEnough, isFresh } from './freshness.ts'
import type { Grant } from './grant.ts'
import type { Interaction } from './interaction.ts'
import { CredentialProblem } from './problem.ts'
import { SharedCalls } from './shared-calls.ts'
import type { TokenSource } from './source.ts'
import type { Kept, TokenStore } from './store.ts'

/** Gives the token of the gateway for one of the provider. */
export type Exchange = (grant: Grant, signal: AbortSignal) => Promise<Grant>

export interface KeeperOptions {
  readonly source: TokenSource
  readonly store: TokenStore
  /** Undefined where there is no gateway to ask; `given`: the source gives tokens of the gateway already. */
  readonly exchange: Exchange | 'given' | undefined
  /** Whether those are wanted where nothing else is said. */
  readonly session?: boolean | undefined
  readonly now: () => number
  /** What went wrong, and was no reason to give out no token. */
  readonly onWarning?: ((problem: CredentialProblem) => void) | undefined
}

export interface TokenWish {
  /** For how long it is to be good at the least, in milliseconds, but no more than half of its life. */
  readonly minimumMs?: number | undefined
  /** Whether a new one is wanted, however good the last one still is. */
  readonly isNew?: boolean | undefined
  /** The token of the gateway, or that of the provider, whatever the profile says. */
  readonly session?: boolean | undefined
  readonly interaction?: Interaction | undefined
  readonly signal?: AbortSignal | undefined
}

/** A wish with all that was left open. */
interface Order {
  readonly minimumMs: number
  readonly isNew: boolean
  readonly session: boolean
  readonly interaction: Interaction | undefined
}

/** A refresh is two requests with deadlines of their own; whoever waits for it waits no longer. */
const renewalMs = 60_000
const patienceMs = 45_000
/** For as long as somebody may take to sign in. */
const signInMs = 15 * 60_000
/** After one try in vain, while what there is can still be used. */
const pauseMs = 10_000
/** The same where there is nothing: programs ask for every connection. */
const failurePauseMs = 1_000
const mostUntilLookMs = 5 * 60_000
const leastUntilLookMs = 1_000

/** Has a token that is good, whoever asks, and asks the provider as seldom as it can. */
export class TokenKeeper {
  readonly #options: KeeperOptions
  readonly #calls = new SharedCalls<Grant>()
  /** What could not be written, and in place of which token. */
  #unwritten: { readonly kept: Kept; readonly over: string | undefined } | undefined
  #failure: { readonly problem: CredentialProblem; readonly at: number } | undefined
  #timer: NodeJS.Timeout | undefined
  #isKeepingFresh = false

  constructor(options: KeeperOptions) {
    this.#options = options
  }

  async token(wish: TokenWish = {}): Promise<Grant> {
    const order = this.#orderOf(wish)
    const key = JSON.stringify({ ...order, interaction: order.interaction !== undefined })
    wish.signal?.throwIfAborted()
    const kept = await this.#read()
    const found = order.isNew ? undefined : this.#find(kept, order, this.#calls.has(key))
    if (found !== undefined) return found
    const limitMs = order.interaction === undefined ? renewalMs : signInMs
    return this.#calls.join(key, wish.signal, limitMs, async (signal) => this.#get(order, signal))
  }

  /** Somebody signs in, or what else the flow begins with, whatever is kept. */
  async signIn(interaction: Interaction | undefined, signal: AbortSignal): Promise<Grant> {
    const grant = await this.#options.source.obtain(interaction, signal)
    return (await this.#keepFirst(grant, signal)).grant
  }

  /** Forgets the tokens, and tells whoever gave them out. Returns whether there were any. */
  async signOut(signal: AbortSignal): Promise<boolean> {
    const { source } = this.#options
    const kept = await this.#alone(signal, async () => {
      const found = await this.#read()
      this.#unwritten = undefined
      this.#failure = undefined
      await this.#options.store.remove()
      return found
    })
    if (kept === undefined) return false
    await source.revoke(kept.grant, signal).catch((error: unknown) => {
      this.#warn(problemIn(error))
    })
    return true
  }

  /** What is kept, be it good still or not. Nobody is asked. */
  async kept(): Promise<Kept | undefined> {
    return this.#read()
  }

  /** For messages. */
  async describeStore(): Promise<string> {
    return this.#options.store.describe()
  }

  /** For those who live long: has a fresh token ready before anybody asks, until `close`. Keeps no process alive. */
  keepFresh(): void {
    if (this.#isKeepingFresh) return
    this.#isKeepingFresh = true
    void this.#look()
  }

  close(): void {
    this.#isKeepingFresh = false
    clearTimeout(this.#timer)
  }

  async #look(): Promise<void> {
    let untilMs = pauseMs
    try {
      const grant = await this.token()
      untilMs = grant.expiresAt - aheadOf(grant) - this.#options.now()
    } catch (error) {
      // Whatever it is, whoever asks next hears of it.
      if (error instanceof CredentialProblem) this.#warn(error)
    }
    if (!this.#isKeepingFresh) return
    // Never for long: machines sleep, clocks are set, and others sign out.
    const waitMs = Math.min(Math.max(untilMs, leastUntilLookMs), mostUntilLookMs)
    this.#timer = setTimeout(() => void this.#look(), waitMs)
    this.#timer.unref()
  }

  #orderOf({ minimumMs = 0, isNew = false, session, interaction }: TokenWish): Order {
    const { exchange, session: usual = false } = this.#options
    const isSession = session ?? usual
    if (isSession && exchange === undefined) {
      throw new CredentialProblem('configuration', 'the profile names no gateway to exchange at', {
        hint: 'Give the profile a `gateway`, or go without --session.',
      })
    }
    if (session === false && exchange === 'given') {
      throw new CredentialProblem(
        'configuration',
        'the gateway gives out tokens of its own alone',
        {
          hint: 'Go without --no-session, or sign in with a flow that asks the provider.',
        },
      )
    }
    return { minimumMs, isNew, session: isSession && exchange !== 'given', interaction }
  }

  /** What is kept, where it does: a fresh one, or one that is still good while there is no better one. */
  #find(kept: Kept | undefined, order: Order, isBusy: boolean): Grant | undefined {
    const now = this.#options.now()
    const grant = pick(kept, order)
    if (kept === undefined || grant === undefined) return undefined
    if (isFresh(grant, order.minimumMs, now)) return grant
    if (isBusy && isEnough(grant, order.minimumMs, now)) return grant
    return this.#isPausing(kept, now) && isAlive(grant, now) ? grant : undefined
  }

  #isPausing({ triedAt }: Kept, now: number): boolean {
    return triedAt !== undefined && triedAt <= now && now < triedAt + pauseMs
  }

  async #get(order: Order, signal: AbortSignal): Promise<Grant> {
    const failure = this.#lastFailure(order)
    if (failure !== undefined) return this.#lastResort(failure, order)
    try {
      const got = await this.#renew(order, signal)
      this.#failure = undefined
      if (got !== 'ask') return got
      await this.#ask(order, signal)
      const again = await this.#renew({ ...order, isNew: false, interaction: undefined }, signal)
      if (again !== 'ask') return again
      throw new CredentialProblem('failed', 'the tokens were gone as soon as they had come')
    } catch (error) {
      const problem = problemIn(error)
      const isLasting = problem.kind === 'unreachable' && !signal.aborted
      if (isLasting) this.#failure = { problem, at: this.#options.now() }
      return this.#lastResort(problem, order)
    }
  }

  /** It was not our turn in time, or there is no room for the lock: what there is may do. */
  async #lastResort(problem: CredentialProblem, order: Order): Promise<Grant> {
    const grant = order.isNew ? undefined : pick(await this.#read(), order)
    const canWait = problem.kind === 'unreachable' || problem.kind === 'failed'
    if (!canWait || grant === undefined || !isAlive(grant, this.#options.now())) throw problem
    this.#warn(problem)
    return grant
  }

  #lastFailure({ isNew }: Order): CredentialProblem | undefined {
    if (isNew || this.#failure === undefined) return undefined
    const sinceMs = this.#options.now() - this.#failure.at
    return sinceMs >= 0 && sinceMs < failurePauseMs ? this.#failure.problem : undefined
  }

  async #renew(order: Order, signal: AbortSignal): Promise<Grant | 'ask'> {
    return this.#options.store.exclusively<Grant | 'ask'>({
      errand: 'renewing',
      patienceMs,
      signal,
      meanwhile: async () =>
        order.isNew ? undefined : this.#find(await this.#read(), order, true),
      run: async () => this.#renewAlone(order, signal),
    })
  }

  async #renewAlone(order: Order, signal: AbortSignal): Promise<Grant | 'ask'> {
    const kept = await this.#read()
    if (this.#unwritten !== undefined) await this.#write(this.#unwritten.kept)
    const found = order.isNew ? undefined : this.#find(kept, order, false)
    if (found !== undefined) return found
    try {
      const renewed = await this.#renewGrant(kept, order, signal)
      if (renewed === 'ask') return 'ask'
      const whole = order.session ? await this.#exchange(renewed, order, signal) : renewed
      return await this.#give(whole, order)
    } catch (error) {
      return this.#makeDo(problemIn(error), order)
    }
  }

  /** That of the provider. The old one stays where another one is not to be had and it does. */
  async #renewGrant(
    kept: Kept | undefined,
    order: Order,
    signal: AbortSignal,
  ): Promise<Kept | 'ask'> {
    const { source, now } = this.#options
    if (kept !== undefined && !order.isNew && isFresh(kept.grant, neededFor(order), now())) {
      return kept
    }
    try {
      const refreshed = kept && (await this.#refresh(kept))
      if (refreshed !== undefined) return refreshed
      if (source.needsPerson && order.interaction !== undefined && !this.#does(kept, order)) {
        return 'ask'
      }
      const grant = await source.obtain(undefined, signal)
      return await this.#keep({ grant: arrived(grant, now()) })
    } catch (error) {
      const problem = problemIn(error)
      const canWait = problem.kind === 'unreachable' || problem.kind === 'sign-in-needed'
      const last = await this.#read()
      if (order.isNew || !canWait || last === undefined || !isAlive(last.grant, now())) {
        throw problem
      }
      this.#warn(problem)
      return last
    }
  }

  #does(kept: Kept | undefined, { isNew, minimumMs }: Order): boolean {
    return !isNew && kept !== undefined && isEnough(kept.grant, minimumMs, this.#options.now())
  }

  async #refresh(kept: Kept): Promise<Kept | undefined> {
    const { source, now } = this.#options
    // Even if nobody waits any more: the provider may have taken the old refresh token, and the answer has the new one.
    const next = await source.refresh(kept.grant, AbortSignal.timeout(renewalMs))
    if (next !== undefined) {
      // RFC 6749, 6: the old one stays good where there is no other.
      const refreshToken = next.refreshToken ?? kept.grant.refreshToken
      const grant = arrived({ ...next, refreshToken }, now())
      return this.#keep({ grant, session: kept.session })
    }
    // Who has taken the lock from us, or knows of none, may have been there first.
    const last = await this.#read()
    const { refreshToken } = kept.grant
    if (last !== undefined && last.grant.refreshToken !== refreshToken) return last
    if (refreshToken !== undefined && last !== undefined) {
      await this.#write({ ...last, grant: { ...last.grant, refreshToken: undefined } })
    }
    return undefined
  }

  async #exchange(kept: Kept, order: Order, signal: AbortSignal): Promise<Kept> {
    const { exchange, now } = this.#options
    const { session } = kept
    if (!order.isNew && session && isFresh(session, order.minimumMs, now())) return kept
    if (typeof exchange !== 'function') return kept
    const given = arrived(await exchange(kept.grant, signal), now())
    return this.#keep({ ...kept, session: given, triedAt: undefined })
  }

  async #give(kept: Kept, order: Order): Promise<Grant> {
    const now = this.#options.now()
    const grant = pick(kept, order)
    if (grant === undefined || !isAlive(grant, now)) {
      throw new CredentialProblem('failed', 'the token that came has expired already', {
        hint: 'Look at the clock of this machine, and at how old the token is where it comes from.',
      })
    }
    // Some give out the same one until it is nearly over: they are not asked at every call.
    if (!isFresh(grant, order.minimumMs, now)) await this.#write({ ...kept, triedAt: now })
    return grant
  }

  /** What there is, as long as it is good; else the problem. */
  async #makeDo(problem: CredentialProblem, order: Order): Promise<Grant> {
    const now = this.#options.now()
    const kept = await this.#read()
    const grant = pick(kept, order)
    const canWait = problem.kind === 'unreachable' || problem.kind === 'sign-in-needed'
    if (order.isNew || !canWait || kept === undefined || !grant || !isAlive(grant, now)) {
      throw problem
    }
    this.#warn(problem)
    await this.#write({ ...kept, triedAt: now })
    return grant
  }

  /** Nobody is asked twice: who comes later waits for the answer to the first. */
  async #ask(order: Order, signal: AbortSignal): Promise<void> {
    const { source, store, now } = this.#options
    const enough = async (): Promise<true | undefined> => {
      const kept = await this.#read()
      const does = !order.isNew && kept !== undefined && isFresh(kept.grant, order.minimumMs, now())
      return does ? true : undefined
    }
    let isOver: (() => void) | undefined
    try {
      await store.exclusively<true>({
        errand: 'signing-in',
        patienceMs: signInMs,
        signal,
        meanwhile: async () => {
          isOver ??= order.interaction?.waiting('the sign-in that another process asks for')
          return enough()
        },
        run: async () => {
          isOver?.()
          isOver = undefined
          if ((await enough()) === true) return true
          await this.#keepFirst(await source.obtain(order.interaction, signal), signal)
          return true
        },
      })
    } finally {
      isOver?.()
    }
  }

  /** Whoever has signed in may be somebody else than before: no token of the gateway stays. */
  async #keepFirst(grant: Grant, signal: AbortSignal): Promise<Kept> {
    this.#failure = undefined
    const kept = { grant: arrived(grant, this.#options.now()) }
    return this.#alone(signal, async () => this.#keep(kept))
  }

  async #alone<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    const meanwhile = async (): Promise<undefined> => Promise.resolve(undefined)
    return this.#options.store.exclusively({
      errand: 'renewing',
      patienceMs,
      signal,
      meanwhile,
      run,
    })
  }

  async #keep(kept: Kept): Promise<Kept> {
    await this.#write(kept)
    return kept
  }

  /** A token that cannot be written is a token: it is used, and written with the next one. */
  async #write(kept: Kept): Promise<void> {
    const { store } = this.#options
    try {
      await store.write(kept)
      this.#unwritten = undefined
    } catch (error) {
      const before = await store.read().catch(() => undefined)
      this.#unwritten = { kept, over: before?.grant.token }
      this.#warn(problemIn(error))
    }
  }

  async #read(): Promise<Kept | undefined> {
    const found = await this.#options.store.read()
    if (this.#unwritten === undefined) return found
    if (found?.grant.token === this.#unwritten.over) return this.#unwritten.kept
    // Somebody else could write.
    this.#unwritten = undefined
    return found
  }

  #warn(problem: CredentialProblem): void {
    this.#options.onWarning?.(problem)
  }
}

function pick(kept: Kept | undefined, { session }: Order): Grant | undefined {
  return session ? kept?.session : kept?.grant
}

/** How long one of the provider has to be good: for an exchange no longer than it takes. */
function neededFor({ session, minimumMs }: Order): number {
  return session ? 0 : minimumMs
}

/** Whatever is no problem of ours is a defect, and is thrown as it is. */
function problemIn(error: unknown): CredentialProblem {
  if (error instanceof CredentialProblem) return error
  if (error instanceof DOMException && ['TimeoutError', 'AbortError'].includes(error.name)) {
    return new CredentialProblem('unreachable', 'there was no token in time', { cause: error })
  }
  throw error
}
