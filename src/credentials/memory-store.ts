import type { Kept, TokenStore } from './store.ts'

/** Keeps tokens for as long as the process lives: `store: none`. */
export class MemoryStore implements TokenStore {
  #kept: Kept | undefined
  #last: Promise<unknown> = Promise.resolve()

  async read(): Promise<Kept | undefined> {
    return Promise.resolve(this.#kept)
  }

  async write(kept: Kept): Promise<void> {
    this.#kept = kept
    return Promise.resolve()
  }

  async remove(): Promise<void> {
    this.#kept = undefined
    return Promise.resolve()
  }

  async exclusively<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(run, run)
    this.#last = turn
    return turn
  }
}
