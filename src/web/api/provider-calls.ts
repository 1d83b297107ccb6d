// Requests to providers that strangers can have us make: bounded.
import { ApiError } from './api-error.ts'

/** Whoever is not among them comes again: a provider that hangs must not gather calls. */
const mostAtOnce = 32

export class ProviderCalls {
  #running = 0

  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#running >= mostAtOnce) {
      throw new ApiError('temporarily_unavailable', 'too many people are signing in', {
        retryAfterSeconds: 5,
      })
    }
    this.#running += 1
    try {
      return await call()
    } finally {
      this.#running -= 1
    }
  }
}
