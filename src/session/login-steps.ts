// The steps of a login that a client makes, as `portcullis explain` has those of one that nobody makes: for
// whoever asks afterwards why it was refused.
import type { Step } from '../policy/decision.ts'

/** No login has so many: whoever makes us compare more sees the first ones. */
const maxParts = 64

export class LoginSteps {
  /** What takes time to say is said only where somebody is refused. */
  #parts: (Step | (() => readonly Step[]))[] = []

  readonly add = (part: Step | (() => readonly Step[])): void => {
    if (this.#parts.length < maxParts) this.#parts.push(part)
  }

  read(): readonly Step[] {
    return this.#parts.flatMap((part) => (typeof part === 'function' ? part() : part))
  }

  /** Whoever is let in is not asked about any more: what is remembered here may hold a token. */
  forget(): void {
    this.#parts = []
  }
}
