// The places of those whom nobody vouches for yet: how many there are in this process, and how many of
// them one address may take.
import { blockOf } from '../policy/network.ts'
import type { Reason } from '../refusal.ts'

export interface PlaceLimits {
  readonly maxUnauthenticated: number
  /** Undefined: one address may take them all. */
  readonly maxUnauthenticatedPerAddress: number | undefined
}

/**
 * Beyond the limits so many are led as far as their startup packet, to be told there why they are
 * refused: no client reads an error in front of it. The others are cut off without a word.
 */
export const maxTold = 32

type GiveBack = () => void

export class Places {
  #within = 0
  #told = 0
  readonly #ofBlock = new Map<string, number>()

  /** Connections that have not given back what they took. */
  get taken(): number {
    return this.#within + this.#told
  }

  /** Addresses that are counted: never more than `taken`. */
  get addresses(): number {
    return this.#ofBlock.size
  }

  enter(limits: PlaceLimits): Place {
    const place = new Place(this)
    if (this.#within < limits.maxUnauthenticated) {
      this.#within++
      place.hold(() => this.#within--)
    } else place.refuse('too-many-unauthenticated')
    return place
  }

  takeTold(): GiveBack | undefined {
    if (this.#told >= maxTold) return undefined
    this.#told++
    return () => this.#told--
  }

  takeOf(block: string, limit: number): GiveBack | undefined {
    const taken = this.#ofBlock.get(block) ?? 0
    if (taken >= limit) return undefined
    this.#ofBlock.set(block, taken + 1)
    return () => {
      const left = (this.#ofBlock.get(block) ?? 0) - 1
      if (left > 0) this.#ofBlock.set(block, left)
      else this.#ofBlock.delete(block)
    }
  }
}

/** What one connection takes, from accept until it is admitted or closed. */
export class Place {
  readonly #places: Places
  readonly #held: GiveBack[] = []
  #refusal: Reason | undefined
  #isSilenced = false
  #keptMs = 0

  constructor(places: Places) {
    this.#places = places
  }

  /** Why there is no room for it; undefined while there is. */
  get refusal(): Reason | undefined {
    return this.#refusal
  }

  /** Whether its client is told nothing but that the connection is closed. */
  get isSilenced(): boolean {
    return this.#isSilenced
  }

  /** Counts it for the address that it comes from, once that is known. */
  takeFor(address: string, { maxUnauthenticatedPerAddress: limit }: PlaceLimits): void {
    const block = blockOf(address)
    if (this.#refusal !== undefined || limit === undefined || block === undefined) return
    const giveBack = this.#places.takeOf(block, limit)
    if (giveBack !== undefined) this.hold(giveBack)
    else this.refuse('too-many-from-address')
  }

  /** Gives up what it holds, for one of the few places of those who are told so. */
  refuse(reason: Reason): void {
    this.release()
    this.#refusal = reason
    const giveBack = this.#places.takeTold()
    if (giveBack === undefined) this.silence()
    else this.hold(giveBack)
  }

  /** Gives up what it holds, and is not told why. */
  turnAway(reason: Reason): void {
    this.release()
    this.#refusal = reason
    this.silence()
  }

  silence(): void {
    this.#isSilenced = true
  }

  hold(giveBack: GiveBack): void {
    this.#held.push(giveBack)
  }

  /** It is not given back before so long after its client has left. */
  keepFor(durationMs: number): void {
    this.#keptMs = durationMs
  }

  leave(): void {
    if (this.#keptMs === 0) {
      this.release()
      return
    }
    setTimeout(() => {
      this.release()
    }, this.#keptMs).unref()
  }

  /** Gives everything back, once however often it is called. */
  release(): void {
    for (const giveBack of this.#held.splice(0)) giveBack()
  }
}
