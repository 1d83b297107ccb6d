// How many sessions there are, in all and of each kind that may be limited. Pure.

/** What sessions are counted by, in the order in which limits are looked at. */
export type CountedBy = 'console' | 'all' | 'database' | 'pool' | 'role' | 'principal'

export interface Counted {
  readonly by: CountedBy
  /** Unique among those of its kind; what a client reads is not made of it. */
  readonly name: string
  /** Undefined: it is counted all the same, for the limit that a reload may bring. */
  readonly limit: number | undefined
}

/** Undefined is no limit. */
export interface SessionCountLimits {
  readonly maxSessions: number
  readonly maxSessionsPerPrincipal: number | undefined
  readonly maxSessionsPerRole: number | undefined
  /** By its name. */
  readonly maxSessionsOfPool: ReadonlyMap<string, number>
  readonly maxSessionsOfDatabase: ReadonlyMap<string, number>
}

export class SessionCounts {
  readonly #counts = new Map<string, number>()

  /** Counts a session, or says what there are enough of already. */
  take(claim: readonly Counted[]): Counted | undefined {
    const full = claim.find(
      (counted) => counted.limit !== undefined && this.count(counted) >= counted.limit,
    )
    if (full !== undefined) return full
    for (const counted of claim) this.#counts.set(keyOf(counted), this.count(counted) + 1)
    return undefined
  }

  giveBack(claim: readonly Counted[]): void {
    for (const counted of claim) {
      const left = this.count(counted) - 1
      if (left > 0) this.#counts.set(keyOf(counted), left)
      else this.#counts.delete(keyOf(counted))
    }
  }

  count(counted: Pick<Counted, 'by' | 'name'>): number {
    return this.#counts.get(keyOf(counted)) ?? 0
  }

  /** Names that are counted: none when there are no sessions. */
  get size(): number {
    return this.#counts.size
  }
}

function keyOf({ by, name }: Pick<Counted, 'by' | 'name'>): string {
  return `${by} ${name}`
}
