import { inspect } from 'node:util'

/** What stands for a secret wherever something is shown. */
export const mask = '********'

/** A secret of a statement. Whatever prints, logs or serialises it shows the mask. */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** The secret itself: for whoever keeps it, and nobody who shows it. */
  reveal(): string {
    return this.#text
  }

  toString(): string {
    return mask
  }

  toJSON(): string {
    return mask
  }

  [inspect.custom](): string {
    return mask
  }
}
