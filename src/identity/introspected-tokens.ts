import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { Refusal } from '../refusal.ts'
import type { IntrospectionAccess } from './ask-introspection.ts'
import { introspect } from './introspect.ts'
import { RequestLimit } from './request-limit.ts'
import type { TokenRules } from './token-rules.ts'
import { type Principal, verifyIntrospected } from './verify-token.ts'

interface Remembered {
  readonly principal: Principal
  readonly untilMs: number
}

/** At one provider at once, for each process. */
const mostRequests = 16

/**
 * Asks the provider about access tokens and remembers the good ones by their SHA-256, for as long as the
 * operator lets a revoked token live, and never past their end. A token that is asked about by several at
 * once is asked about once; what is refused is never remembered.
 */
export class IntrospectedTokens {
  readonly #rules: TokenRules
  readonly #access: IntrospectionAccess
  readonly #remembered: LRUCache<string, Remembered>
  readonly #inFlight = new Map<string, Promise<Principal>>()
  readonly #limit = new RequestLimit(mostRequests)
  readonly #now: () => number

  /** `monotonicNow` tells milliseconds that never step back, whatever the wall clock does. */
  constructor(
    rules: TokenRules,
    access: IntrospectionAccess,
    maxTokenBytes: number,
    monotonicNow: () => number = performance.now.bind(performance),
  ) {
    this.#rules = rules
    this.#access = access
    this.#remembered = new LRUCache({ maxSize: maxTokenBytes })
    this.#now = monotonicNow
  }

  async verify(token: string, now: Date): Promise<Principal> {
    const digest = createHash('sha256').update(token).digest('base64')
    const known = this.#remembered.get(digest)
    if (known !== undefined && this.#now() < known.untilMs && now < known.principal.goodUntil) {
      return known.principal
    }
    return this.#askOnce(digest, token, now)
  }

  /** Asks whatever is remembered, which counts for nothing from then on. */
  async verifyAgain(token: string, now: Date): Promise<Principal> {
    const digest = createHash('sha256').update(token).digest('base64')
    this.#remembered.delete(digest)
    return this.#askOnce(digest, token, now)
  }

  async #askOnce(digest: string, token: string, now: Date): Promise<Principal> {
    const flight =
      this.#inFlight.get(digest) ??
      this.#ask(digest, token, now).finally(() => this.#inFlight.delete(digest))
    this.#inFlight.set(digest, flight)
    return flight
  }

  async #ask(digest: string, token: string, now: Date): Promise<Principal> {
    const { timeoutMs } = this.#access.limits
    const { principal, askedAt } = await this.#limit.run(
      async () => {
        const beginning = this.#now()
        const active = await introspect(token, this.#rules)
        const its = await verifyIntrospected(active, token, this.#rules, now)
        return { principal: its, askedAt: beginning }
      },
      timeoutMs,
      () =>
        new Refusal('introspection-unavailable', {
          logDetail: `${mostRequests} requests were under way for ${timeoutMs} ms`,
        }),
    )
    if (this.#access.cacheMs > 0) {
      const size = principal.groups.reduce((sum, group) => sum + group.length, token.length)
      const untilMs = askedAt + this.#access.cacheMs
      this.#remembered.set(digest, { principal, untilMs }, { size })
    }
    return principal
  }
}
