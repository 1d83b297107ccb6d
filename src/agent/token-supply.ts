import type { Grant } from '../credentials/grant.ts'
import { CredentialProblem } from '../credentials/problem.ts'
import type { TokenKeeper } from '../credentials/token-keeper.ts'

/** A token has to live through a login, and what a gateway waits for in it. */
const mostMinimumMs = 30_000
/** Whoever is asked for another token has so long; clients wait with it. */
const patienceMs = 30_000

/** The tokens of all connections: out of memory while one is good, and one request for however many wait. */
export class TokenSupply {
  readonly #keeper: Pick<TokenKeeper, 'token'>
  readonly #say: (line: string) => void
  readonly #now: () => number
  #last: Grant | undefined
  #asking: Promise<Grant> | undefined
  /** What was said last, so that it is said once. */
  #told: string | undefined

  constructor(keeper: Pick<TokenKeeper, 'token'>, say: (line: string) => void, now = Date.now) {
    this.#keeper = keeper
    this.#say = say
    this.#now = now
  }

  /** Throws a CredentialProblem. */
  async grant(): Promise<Grant> {
    const last = this.#last
    if (last !== undefined && last.expiresAt - this.#now() > minimumFor(last)) return last
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #ask(): Promise<Grant> {
    try {
      const minimumMs = this.#last === undefined ? 0 : minimumFor(this.#last)
      const grant = await this.#keeper.token({ minimumMs, signal: AbortSignal.timeout(patienceMs) })
      this.#last = grant
      if (this.#told !== undefined) this.#say('there is a token again')
      this.#told = undefined
      return grant
    } catch (error) {
      if (error instanceof CredentialProblem) this.#tell(error)
      throw error
    }
  }

  #tell({ message, hint }: CredentialProblem): void {
    if (this.#told === message) return
    this.#told = message
    this.#say(hint === undefined ? message : `${message}. ${hint}`)
  }
}

/** Of a token that is good for seconds half of them is enough. */
function minimumFor({ issuedAt, expiresAt }: Grant): number {
  return Math.max(Math.min(mostMinimumMs, (expiresAt - issuedAt) / 2), 0)
}
