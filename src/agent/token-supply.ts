import type { Grant } from '../credentials/grant.ts'
import { CredentialProblem } from '../credentials/problem.ts'
import type { TokenKeeper } from '../credentials/token-keeper.ts'

/** A token has to live through a login, and what a gateway waits for in it. */
const mostMinimumMs = 30_000
/** Then it is looked whether somebody has signed out, or in as somebody else. */
const memoryMs = 60_000
/** Whoever is asked for another token has so long; clients wait with it. */
const patienceMs = 30_000

/** The tokens of all connections: out of memory while one is good, and one request for however many wait. */
export class TokenSupply {
  readonly #keeper: Pick<TokenKeeper, 'token'>
  readonly #say: (line: string) => void
  readonly #now: () => number
  #last: Grant | undefined
  #lastAt = 0
  #asking: Promise<Grant> | undefined
  /** What was said last of why there is no token, so that it is said once. */
  #told: string | undefined
  /** The same of what went wrong while there still is one. */
  #warned: string | undefined

  constructor(keeper: Pick<TokenKeeper, 'token'>, say: (line: string) => void, now = Date.now) {
    this.#keeper = keeper
    this.#say = say
    this.#now = now
  }

  /** Throws a CredentialProblem. */
  async grant(): Promise<Grant> {
    const now = this.#now()
    const last = this.#last
    const isRecent = now >= this.#lastAt && now < this.#lastAt + memoryMs
    if (last !== undefined && isRecent && last.expiresAt - now > minimumFor(last)) return last
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #ask(): Promise<Grant> {
    try {
      const signal = AbortSignal.timeout(patienceMs)
      const grant = await this.#keeper.token({ minimumMs: mostMinimumMs, signal })
      this.#last = grant
      this.#lastAt = this.#now()
      if (this.#told !== undefined) {
        this.#say('there is a token again')
        this.#warned = undefined
      }
      this.#told = undefined
      return grant
    } catch (error) {
      this.#last = undefined
      if (error instanceof CredentialProblem) this.#tell(error)
      throw error
    }
  }

  /** Says once what went wrong, and was no reason to have no token. */
  warn(problem: CredentialProblem): void {
    if (this.#warned === problem.message) return
    this.#warned = problem.message
    this.#sayProblem(problem)
  }

  #tell(problem: CredentialProblem): void {
    const { message } = problem
    if (this.#told !== message && this.#warned !== message) this.#sayProblem(problem)
    this.#told = message
  }

  #sayProblem({ message, hint }: CredentialProblem): void {
    this.#say(hint === undefined ? message : `${message}. ${hint}`)
  }
}

/** Of a token that is good for seconds half of them is enough. */
function minimumFor({ issuedAt, expiresAt }: Grant): number {
  return Math.max(Math.min(mostMinimumMs, (expiresAt - issuedAt) / 2), 0)
}
