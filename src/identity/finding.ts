/** `problem` refuses logins, or will; `warning` may be meant, or may refuse some of them. */
export type Verdict = 'ok' | 'warning' | 'problem'

/** One thing that `portcullis check` looked at. It holds no secret, no token and no part of one. */
export interface Finding {
  /** The entry of the configuration: `integration people`. */
  readonly about: string
  readonly check: string
  readonly verdict: Verdict
  readonly found: string
  /** What to do about it. */
  readonly remedy?: string
}

/** Makes the findings about one entry. */
export class Findings {
  readonly #about: string
  readonly #all: Finding[] = []

  constructor(about: string) {
    this.#about = about
  }

  get all(): readonly Finding[] {
    return this.#all
  }

  ok(check: string, found: string): void {
    this.#all.push({ about: this.#about, check, verdict: 'ok', found })
  }

  warning(check: string, found: string, remedy: string): void {
    this.#all.push({ about: this.#about, check, verdict: 'warning', found, remedy })
  }

  problem(check: string, found: string, remedy: string): void {
    this.#all.push({ about: this.#about, check, verdict: 'problem', found, remedy })
  }
}
