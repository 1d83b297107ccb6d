// Passwords that are signed for a role as they are needed, such as those of AWS RDS, and good for minutes.
import { LRUCache } from 'lru-cache'
import { Refusal } from '../refusal.ts'

/** Whom a token is good for. */
export interface TokenScope {
  readonly host: string
  readonly port: number
  readonly role: string
}

export interface SignedTokenOptions {
  /** Makes a token. What it throws is told by its name alone: its text may have parts of credentials. */
  readonly sign: (scope: TokenScope) => Promise<string>
  /** What the tokens are, in the words of the log. */
  readonly what: string
  /** So long a token is used; it is good for longer. */
  readonly useMs: number
  /** So long whoever signs may take: it may have to ask for credentials. */
  readonly timeoutMs: number
  /** Roles are as many as identities where principals are mapped to them. */
  readonly maxTokens: number
  readonly now: () => number
}

interface Entry {
  readonly signedAtMs: number
  readonly token: Promise<string>
}

export class SignedTokens {
  readonly #options: SignedTokenOptions
  readonly #entries: LRUCache<string, Entry>

  constructor(options: SignedTokenOptions) {
    this.#options = options
    this.#entries = new LRUCache({ max: options.maxTokens })
  }

  /** Whoever comes while one is signed for the same waits for it. Throws a Refusal where there can be none. */
  async tokenFor(scope: TokenScope): Promise<string> {
    const { useMs, now } = this.#options
    const key = keyOf(scope)
    const known = this.#entries.get(key)
    const ageMs = known === undefined ? NaN : now() - known.signedAtMs
    // One of the future is of a clock that was set back since.
    if (known !== undefined && ageMs >= 0 && ageMs < useMs) return known.token
    const entry = { signedAtMs: now(), token: this.#sign(scope) }
    this.#entries.set(key, entry)
    try {
      return await entry.token
    } catch (error) {
      if (this.#entries.peek(key) === entry) this.#entries.delete(key)
      throw error
    }
  }

  /** For one that was refused: what it was signed with may not be good any more. */
  forget(scope: TokenScope): void {
    this.#entries.delete(keyOf(scope))
  }

  async #sign(scope: TokenScope): Promise<string> {
    const { sign, what, timeoutMs } = this.#options
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      late.reject(impossible(`no ${what} within ${timeoutMs} ms`))
    }, timeoutMs)
    try {
      return await Promise.race([sign(scope), late.promise])
    } catch (error) {
      if (error instanceof Refusal) throw error
      throw impossible(`no ${what}: ${error instanceof Error ? error.name : 'it failed'}`)
    } finally {
      clearTimeout(timer)
    }
  }
}

function keyOf({ host, port, role }: TokenScope): string {
  return JSON.stringify([host, port, role])
}

function impossible(logDetail: string): Refusal {
  return new Refusal('upstream-authentication', { logDetail })
}
