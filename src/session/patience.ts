/**
 * How long a client is waited for at one stage of its login, in all. It is spent by waiting alone, and by
 * every wait of the stage: whoever sends byte by byte, or packet by packet, gets no more of it.
 */
export class Patience {
  #leftMs: number

  constructor(limitMs: number) {
    this.#leftMs = limitMs
  }

  /** What is left; what passes until `stop` is called is spent. */
  begin(): { readonly leftMs: number; stop(): void } {
    const leftMs = this.#leftMs
    const startedAt = performance.now()
    return {
      leftMs,
      stop: () => {
        this.#leftMs = Math.max(0, leftMs - (performance.now() - startedAt))
      },
    }
  }
}
