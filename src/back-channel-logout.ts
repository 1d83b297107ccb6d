// What the primary does with a logout token: a worker verifies it, all of them end the sessions.
import { LRUCache } from 'lru-cache'
import type { Logout } from './identity/verify-logout-token.ts'
import { printable } from './refusal.ts'
import { orderFor } from './session/logout-order.ts'
import type { EndCount, EndOrder } from './session/revocations.ts'
import type { UsedOnce } from './shared/marks.ts'

export interface LogoutCall {
  readonly integration: string
  readonly token: string
}

/** What a worker found out about a logout token. */
export type LogoutVerdict =
  | { readonly kind: 'genuine'; readonly logout: Logout }
  | { readonly kind: 'refused'; readonly reason: string; readonly detail: string | undefined }

export type LogoutOutcome = 'done' | 'refused' | 'failed'

export interface BackChannelLogoutOptions {
  /** The integration that a token says to be for, if it takes them. */
  readonly find: (token: string) => string | undefined
  readonly verify: (call: LogoutCall) => Promise<LogoutVerdict>
  readonly end: (order: EndOrder) => Promise<EndCount>
  /** Tokens that other replicas have taken. */
  readonly once: UsedOnce
  readonly now: () => Date
  readonly tell: (outcome: LogoutOutcome, fields: Readonly<Record<string, unknown>>) => void
}

/** Of genuine tokens alone; the one that was used longest ago is forgotten first. */
const maxRememberedTokens = 10_000

export class BackChannelLogout {
  readonly #options: BackChannelLogoutOptions
  readonly #seen = new LRUCache<string, true>({ max: maxRememberedTokens })

  constructor(options: BackChannelLogoutOptions) {
    this.#options = options
  }

  async accept(token: string): Promise<LogoutOutcome> {
    const integration = this.#options.find(token)
    if (integration === undefined) {
      this.#options.tell('refused', { reason: 'it is for no integration that takes any' })
      return 'refused'
    }
    try {
      return await this.#accept({ integration, token })
    } catch (error) {
      this.#options.tell('failed', { integration, error })
      return 'failed'
    }
  }

  async #accept(call: LogoutCall): Promise<LogoutOutcome> {
    const { verify, now, tell } = this.#options
    const { integration } = call
    const verdict = await verify(call)
    if (verdict.kind === 'refused') {
      const { reason, detail } = verdict
      tell('refused', { integration, reason, detail })
      return 'refused'
    }
    const { logout } = verdict
    const key = `${logout.issuer} ${logout.tokenIdHash}`
    if (this.#seen.has(key)) {
      tell('refused', { integration, reason: 'it was used before' })
      return 'refused'
    }
    // Before anybody is waited for: of two that come at once, one alone is taken.
    const forMs = Math.max(1, logout.freshUntilMs - now().getTime()) + clockStepMs
    this.#seen.set(key, true, { ttl: forMs })
    const count = await this.#endOnce(key, forMs, orderFor(logout, now()))
    if (count === 'used before') {
      tell('refused', { integration, reason: 'it was used before' })
      return 'refused'
    }
    const { issuer, subject, sid } = logout
    const fields = {
      integration,
      issuer,
      subject: printable(subject ?? ''),
      hasSid: sid !== undefined,
      ...count,
    }
    if (count.unanswered > 0) {
      // The provider may say it again, and is to be believed then.
      await this.#giveBack(key)
      tell('failed', fields)
      return 'failed'
    }
    tell('done', fields)
    return 'done'
  }

  async #endOnce(key: string, forMs: number, order: EndOrder): Promise<EndCount | 'used before'> {
    const { end, once } = this.#options
    if (!(await once.take(purpose, key, forMs))) return 'used before'
    try {
      return await end(order)
    } catch (error) {
      await this.#giveBack(key)
      throw error
    }
  }

  async #giveBack(key: string): Promise<void> {
    this.#seen.delete(key)
    await this.#options.once.giveBack(purpose, key)
  }
}

const purpose = 'logout token'

/** A wall clock that is set back makes a token fresh for longer. */
const clockStepMs = 10 * 60_000
