import type { Kept, TokenStore, Turn } from './store.ts'

/** Keeps tokens for as long as the process lives: `store: none`. */
export class MemoryStore implements TokenStore {
  #kept: Kept | undefined
  readonly #last = new Map<string, Promise<unknown>>()

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

  async exclusively<T>({ errand, run, meanwhile }: Turn<T>): Promise<T> {
    const before = this.#last.get(errand)
    const turn = (async () => {
      if (before === undefined) return run()
      await before.catch(() => {})
      return (await meanwhile()) ?? run()
    })()
    this.#last.set(errand, turn)
    return turn
  }

  async describe(): Promise<string> {
    return Promise.resolve('the memory of this process')
  }
}
