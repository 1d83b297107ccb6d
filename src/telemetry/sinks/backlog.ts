/** A record that is not out yet. */
export interface HeldLine {
  readonly line: string
  readonly bytes: number
  /** Of whoever waits for it. */
  settle: ((isOut: boolean) => void) | undefined
}

export interface BacklogLimits {
  readonly maxBytes: number
  readonly maxLines: number
}

/**
 * What waits to be delivered, the oldest first. Where it is full the newest is not taken: nobody can push
 * out by noise what is already on record, and what somebody waits for is not lost behind their back.
 */
export class Backlog {
  readonly #limits: BacklogLimits
  #lines: HeldLine[] = []
  /** Lines before it are gone: taking each from the front of a long list would be slow. */
  #first = 0
  #bytes = 0

  constructor(limits: BacklogLimits) {
    this.#limits = limits
  }

  get length(): number {
    return this.#lines.length - this.#first
  }

  get bytes(): number {
    return this.#bytes
  }

  /** False where there is no room. */
  push(line: string, settle: HeldLine['settle']): boolean {
    const bytes = Buffer.byteLength(line)
    const { maxBytes, maxLines } = this.#limits
    if (this.length >= maxLines || this.#bytes + bytes > maxBytes) return false
    this.#lines.push({ line, bytes, settle })
    this.#bytes += bytes
    return true
  }

  /** The oldest ones; one at least, however long it is. */
  peek({ maxBytes, maxLines }: BacklogLimits): readonly HeldLine[] {
    const batch: HeldLine[] = []
    let bytes = 0
    for (let at = this.#first; at < this.#lines.length && batch.length < maxLines; at++) {
      const held = this.#lines[at]
      if (held === undefined || (batch.length > 0 && bytes + held.bytes > maxBytes)) break
      batch.push(held)
      bytes += held.bytes
    }
    return batch
  }

  /** Takes the oldest ones away. */
  remove(count: number): readonly HeldLine[] {
    const removed = this.#lines.slice(this.#first, this.#first + count)
    this.#first += removed.length
    for (const { bytes } of removed) this.#bytes -= bytes
    if (this.#first > this.#lines.length / 2) {
      this.#lines = this.#lines.slice(this.#first)
      this.#first = 0
    }
    return removed
  }

  get isAwaited(): boolean {
    return this.#lines.some(({ settle }, at) => at >= this.#first && settle !== undefined)
  }

  /** The lines are kept, and may yet be delivered; nobody waits for that. */
  giveUpWaiting(): void {
    for (const held of this.#lines.slice(this.#first)) {
      held.settle?.(false)
      held.settle = undefined
    }
  }
}
