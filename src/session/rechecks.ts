// Sessions whose right is looked at again while they are open: at the provider, where it can be asked about
// their token, and by the rules of now.
import type { IntrospectedTokens } from '../identity/introspected-tokens.ts'
import { RequestLimit } from '../identity/request-limit.ts'
import type { Principal } from '../identity/verify-token.ts'
import type { Catalog } from '../policy/catalog.ts'
import { Refusal } from '../refusal.ts'
import type { LiveSession } from './registry.ts'
import { noLongerAllowed } from './still-allowed.ts'

export interface RecheckRule {
  readonly everyMs: number
  /** How long a session may go on after the provider was last heard. */
  readonly maxStaleMs: number
}

export interface RechecksOptions {
  readonly rules: () => {
    readonly catalog: Catalog
    readonly rechecks: ReadonlyMap<string, RecheckRule>
    readonly tokens: ReadonlyMap<string, { readonly introspected: Introspection | undefined }>
  }
  readonly revoke: (session: LiveSession, why: string) => void
  readonly now: () => Date
  /** Milliseconds that never step back. */
  readonly monotonicNow?: () => number
  readonly random?: () => number
}

type Introspection = Pick<IntrospectedTokens, 'verifyAgain'>

/** What is looked at again of a session. */
export interface Rechecked {
  readonly integration: string
  readonly subject: string
  readonly expiresAt: Date
  /** Kept for as long as the session; undefined where the provider cannot be asked about it. */
  readonly token: string | undefined
}

/** At once for each process: logins have most of the requests that a provider is asked at one time. */
const mostRequests = 4
/** After a provider could not be asked; never later than it would be asked anyway. */
const retryMs = 30_000

export class Rechecks {
  readonly #options: RechecksOptions
  readonly #limit = new RequestLimit(mostRequests)
  readonly #monotonicNow: () => number
  readonly #random: () => number

  constructor(options: RechecksOptions) {
    this.#options = options
    this.#monotonicNow = options.monotonicNow ?? performance.now.bind(performance)
    this.#random = options.random ?? Math.random
  }

  /** Looks again and again, until the returned function is called. */
  watch(session: LiveSession, rechecked: Rechecked): () => void {
    let timer: NodeJS.Timeout | undefined
    let isOver = false
    let heardAt = this.#monotonicNow()
    const look = async (): Promise<void> => {
      const rule = this.#options.rules().rechecks.get(rechecked.integration)
      const isHeard = rule === undefined || (await this.#look(session, rechecked, rule))
      if (isOver) return
      if (isHeard) heardAt = this.#monotonicNow()
      else if (this.#monotonicNow() - heardAt >= rule.maxStaleMs) {
        this.#options.revoke(session, 'the provider could not be asked for too long')
        return
      }
      wait(isHeard ? undefined : retryMs)
    }
    const wait = (mostMs = Infinity): void => {
      const rule = this.#options.rules().rechecks.get(rechecked.integration)
      const everyMs = Math.min(rule?.everyMs ?? idleMs, mostMs)
      // Sessions that began together do not ask together, and none asks later than it should.
      timer = setTimeout(() => void look(), everyMs * (0.8 + 0.2 * this.#random()))
      timer.unref()
    }
    wait()
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }

  /** Ends the session where its right is gone. Returns whether the provider was heard, where it is to be. */
  async #look(session: LiveSession, rechecked: Rechecked, rule: RecheckRule): Promise<boolean> {
    const { revoke, rules } = this.#options
    let isHeard = true
    try {
      const principal = await this.#ask(rechecked, rule)
      if (principal !== undefined) {
        if (principal.subject !== rechecked.subject) throw new Refusal('token-inactive')
        session.grant = { ...session.grant, identity: principal }
      }
    } catch (error) {
      if (isAnswer(error)) {
        this.#end(session, rechecked, error)
        return true
      }
      isHeard = false
    }
    const reason = noLongerAllowed(session.grant, session.facts, rules().catalog)
    if (reason !== undefined) revoke(session, `recheck: ${reason}`)
    return isHeard
  }

  /** Never by what is remembered of an answer. Undefined where nobody is to be asked. */
  async #ask({ integration, token }: Rechecked, rule: RecheckRule): Promise<Principal | undefined> {
    const { introspected } = this.#options.rules().tokens.get(integration) ?? {}
    if (token === undefined || introspected === undefined) return undefined
    return this.#limit.run(
      async () => introspected.verifyAgain(token, this.#options.now()),
      Math.min(rule.everyMs, retryMs),
      () => new Refusal('introspection-unavailable'),
    )
  }

  #end(session: LiveSession, { expiresAt }: Rechecked, { reason }: Refusal): void {
    // A provider says of a token that has expired that it is not active, and no more.
    if (expiresAt <= this.#options.now()) session.endNow('token-expired')
    else this.#options.revoke(session, `recheck: ${reason}`)
  }
}

/** For integrations that do not ask for it any more; one that does again is heard of within the minute. */
const idleMs = 60_000

/** Whether it is known by it that the right is gone, and not only that nobody could be asked. */
function isAnswer(error: unknown): error is Refusal {
  if (!(error instanceof Refusal)) return false
  return !['introspection-unavailable', 'keys-unavailable', 'userinfo-unavailable'].includes(
    error.reason,
  )
}
