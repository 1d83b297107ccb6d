import { Refusal } from '../refusal.ts'
import type { Place, PlaceLimits } from './places.ts'

interface Waiting {
  readonly place: Place
  interrupt(refusal: Refusal): void
}

/**
 * Connections of trusted proxies before their PROXY header. They count for no address: some proxies send
 * it with the client's first bytes, so that one silent client would use up what all behind its proxy have.
 * When they are too many the one that has waited longest gives way, since others send it at once.
 */
export class Nameless {
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>()

  add(connection: Waiting, { maxUnauthenticated }: PlaceLimits): void {
    this.#waiting.add(connection)
    const [longest] = this.#waiting
    // Half, so that whoever comes without a proxy finds a place too.
    if (longest === undefined || this.#waiting.size <= Math.ceil(maxUnauthenticated / 2)) return
    this.#waiting.delete(longest)
    longest.place.silence()
    longest.interrupt(
      new Refusal('too-many-unauthenticated', { logDetail: 'no PROXY header came' }),
    )
  }

  delete(connection: Waiting): void {
    this.#waiting.delete(connection)
  }
}
