// Calls that wait for somebody to sign in: bounded in number, in all and for each address, and one for each grant.
import { blockOf } from '../../policy/network.ts'
import { ApiError } from './api-error.ts'

/** Of what a server has connections for, most are left to others. */
export const mostPolls = 96
export const mostPollsOfAddress = 16
const retryAfterSeconds = 5

export class LongPolls {
  readonly #grants = new Set<string>()
  readonly #byAddress = new Map<string, number>()

  get size(): number {
    return this.#grants.size
  }

  /** `grant` names the grant. Throws where there are too many; what it returns ends the wait. */
  enter(grant: string, address: string): () => void {
    const key = blockOf(address) ?? address
    const own = this.#byAddress.get(key) ?? 0
    if (this.#grants.has(grant)) {
      throw new ApiError('conflict', 'another call waits for this sign-in', { retryAfterSeconds })
    }
    if (own >= mostPollsOfAddress) {
      throw new ApiError('slow_down', 'too many calls of this address wait for sign-ins', {
        retryAfterSeconds,
      })
    }
    if (this.#grants.size >= mostPolls) {
      throw new ApiError('temporarily_unavailable', 'too many calls wait for sign-ins', {
        retryAfterSeconds,
      })
    }
    this.#grants.add(grant)
    this.#byAddress.set(key, own + 1)
    let isIn = true
    return () => {
      if (!isIn) return
      isIn = false
      this.#grants.delete(grant)
      const left = (this.#byAddress.get(key) ?? 1) - 1
      if (left === 0) this.#byAddress.delete(key)
      else this.#byAddress.set(key, left)
    }
  }
}
