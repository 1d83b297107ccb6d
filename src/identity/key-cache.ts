import { errors, type JWTVerifyGetKey } from 'jose'
import { printable, Refusal } from '../refusal.ts'
import type { FetchKeys, IssuerKeys } from './discovery.ts'
import type { IssuerObserver } from './observer.ts'

const minute = 60_000

export const keyAges = {
  /** Older keys are refreshed in the background, while logins go on with them. */
  refreshAfterMs: 5 * minute,
  /** Older keys make a login wait for the refresh; a failed one still leaves them in use. */
  waitAfterMs: 60 * minute,
  /** Older keys are not believed any more. */
  discardAfterMs: 24 * 60 * minute,
  /** At least this long between two fetches for a key that is not known, or after a failure. */
  cooldownMs: 30_000,
  /** While there are no keys at all, a failed fetch is repeated this soon. */
  retryWithoutKeysMs: 1_000,
} as const

/** What a cache holds, for whoever looks at it: nothing of a key but its name. */
export interface KeyCacheState {
  readonly issuer: string
  /** How old the keys are; undefined where there are none. */
  readonly ageMs: number | undefined
  /** How long they are believed still if nobody can fetch others. */
  readonly believedForMs: number | undefined
  readonly keys: readonly PublicKeyName[]
  /** How long ago they were last asked for; undefined: never. */
  readonly triedMs: number | undefined
  /** What came of that, where it failed. */
  readonly failure: string | undefined
  /** As `clockAheadMs` of the cache. */
  readonly clockAheadMs: number | undefined
}

export interface PublicKeyName {
  readonly kid: string | undefined
  readonly kty: string | undefined
  readonly alg: string | undefined
  readonly use: string | undefined
}

interface Options {
  readonly issuer: string
  readonly fetch: FetchKeys
  readonly observer: IssuerObserver
  /** Milliseconds that never step back, whatever the wall clock does. */
  readonly monotonicNow?: () => number
}

/** The keys of one issuer: fetched once for all who wait, kept while the issuer is away. */
export class KeyCache {
  readonly issuer: string
  readonly #fetch: FetchKeys
  readonly #observer: IssuerObserver
  readonly #now: () => number
  #keys: { readonly current: IssuerKeys; readonly fetchedAt: number } | undefined
  #lastAttemptAt = Number.NEGATIVE_INFINITY
  #lastError: unknown
  #inFlight: Promise<void> | undefined

  constructor(options: Options) {
    this.issuer = options.issuer
    this.#fetch = options.fetch
    this.#observer = options.observer
    this.#now = options.monotonicNow ?? performance.now.bind(performance)
  }

  /** Whether keys were ever fetched and are still believed. */
  get hasKeys(): boolean {
    return this.#believed() !== undefined
  }

  get state(): KeyCacheState {
    const known = this.#believed()
    const ageMs = known && this.#now() - known.fetchedAt
    return {
      issuer: this.issuer,
      ageMs,
      believedForMs: ageMs === undefined ? undefined : keyAges.discardAfterMs - ageMs,
      keys: (known?.current.findKey.jwks().keys ?? []).map(({ kid, kty, alg, use }) => ({
        ...{ kid: text(kid), kty: text(kty), alg: text(alg), use: text(use) },
      })),
      triedMs: Number.isFinite(this.#lastAttemptAt) ? this.#now() - this.#lastAttemptAt : undefined,
      failure: this.#lastError === undefined ? undefined : described(this.#lastError),
      clockAheadMs: this.clockAheadMs,
    }
  }

  /** By how much the provider's clock was ahead of ours, at the least, when its keys were fetched. */
  get clockAheadMs(): number | undefined {
    return this.#believed()?.current.clockAheadMs
  }

  /** Fetches ahead of the first login; a failure is told to the observer and to that login. */
  async warm(): Promise<void> {
    await this.#refresh()
  }

  /** The keys to verify with now. Throws `keys-unavailable` when there are none to be had. */
  async current(): Promise<IssuerKeys> {
    const known = this.#believed()
    const age = known === undefined ? Number.POSITIVE_INFINITY : this.#now() - known.fetchedAt
    if (age > keyAges.waitAfterMs) {
      const pause = known === undefined ? keyAges.retryWithoutKeysMs : keyAges.cooldownMs
      if (this.#inFlight !== undefined || this.#attemptedLongerAgoThan(pause)) await this.#refresh()
    } else if (
      age > keyAges.refreshAfterMs &&
      this.#inFlight === undefined &&
      this.#attemptedLongerAgoThan(keyAges.cooldownMs)
    ) {
      void this.#refresh()
    }
    const believed = this.#believed()
    if (believed === undefined) {
      throw new Refusal('keys-unavailable', {
        logDetail: `no keys of ${this.issuer}`,
        cause: this.#lastError,
      })
    }
    return believed.current
  }

  /**
   * Finds the key for a token's header. A key that is not in the set buys one fetch, then nothing until
   * the cooldown is over: made-up key ids must not turn into requests to the issuer.
   */
  readonly findKey: JWTVerifyGetKey = async (header, token) => {
    const keys = await this.current()
    try {
      return await keys.findKey(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      this.#observer.unknownKey(this.issuer)
      if (this.#inFlight === undefined && !this.#attemptedLongerAgoThan(keyAges.cooldownMs))
        throw error
      await this.#refresh()
      return (await this.current()).findKey(header, token)
    }
  }

  #believed(): { readonly current: IssuerKeys; readonly fetchedAt: number } | undefined {
    if (this.#keys === undefined) return undefined
    return this.#now() - this.#keys.fetchedAt <= keyAges.discardAfterMs ? this.#keys : undefined
  }

  #attemptedLongerAgoThan(pauseMs: number): boolean {
    return this.#now() - this.#lastAttemptAt >= pauseMs
  }

  /** Never throws: what came of it is in the keys and in the last error. */
  async #refresh(): Promise<void> {
    this.#inFlight ??= this.#attempt().finally(() => (this.#inFlight = undefined))
    await this.#inFlight
  }

  async #attempt(): Promise<void> {
    this.#lastAttemptAt = this.#now()
    try {
      this.#keys = { current: await this.#fetch(), fetchedAt: this.#now() }
      this.#lastError = undefined
      this.#observer.keysRefreshed(this.issuer, 'ok')
    } catch (error) {
      this.#lastError = error
      this.#observer.keysRefreshed(this.issuer, 'failed', error)
    }
  }
}

/** What failed, and what that came from. */
function described(error: unknown): string {
  if (!(error instanceof Error)) return 'failed'
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return printable(`${error.message}${cause}`)
}

/** The members of a key are whatever its issuer has written. */
function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
