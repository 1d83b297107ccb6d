import { createHook } from 'node:async_hooks'

const ourCode = /[/\\]src[/\\](?:wire|sasl|upstream|session)[/\\]/

/** Counts the timers that our own code started and that are neither cleared nor over. */
export class OwnTimers implements Disposable {
  readonly #live = new Set<number>()
  readonly #hook = createHook({
    init: (id, type) => {
      if (type === 'Timeout' && ourCode.test(new Error('here').stack ?? '')) this.#live.add(id)
    },
    destroy: (id) => {
      this.#live.delete(id)
    },
  }).enable()

  get count(): number {
    return this.#live.size
  }

  [Symbol.dispose](): void {
    this.#hook.disable()
  }
}
