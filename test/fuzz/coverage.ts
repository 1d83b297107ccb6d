// What the marked code was seen to do. An input is worth keeping when it makes it do something new.
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { compareName, hitsName, instrument, type Numbering } from './instrument.ts'

const maxBranches = 16_384
const maxComparisons = 4_096
/** How near two numbers are, in bits, and how long the common beginning of two texts. */
const nearnessSteps = 64
const sourceFolder = new URL('../../src/', import.meta.url).href

/** A branch that is taken twice or a hundred times is another thing than one taken once. */
const bucketOf = Uint8Array.from({ length: 256 }, (_, count) => {
  const limits = [0, 1, 2, 3, 7, 15, 31, 127]
  const step = limits.findIndex((limit) => count <= limit)
  return count === 0 ? 0 : 1 << ((step === -1 ? limits.length : step) - 1)
})

export class Coverage {
  readonly #hits = new Uint8Array(maxBranches)
  readonly #numbering: Numbering = { nextBranch: 0, nextComparison: 0 }
  readonly #seenBranches = new Uint8Array(maxBranches)
  readonly #seenNearness = new Uint8Array(maxComparisons * nearnessSteps)
  readonly #seenOutcomes = new Set<string>()
  #isNearer = false
  /** What the code compares its input with: the mutator puts it in. */
  readonly words = new Set<string | number>()

  /** From now on modules of src/ are marked as they are loaded. */
  install(): void {
    Object.assign(globalThis, { [hitsName]: this.#hits, [compareName]: this.#comparing() })
    registerHooks({
      load: (url, context, next) => {
        if (!url.startsWith(sourceFolder)) return next(url, context)
        const source = readFileSync(fileURLToPath(url), 'utf8')
        const { code, literals } = instrument(source, url, this.#numbering)
        if (
          this.#numbering.nextBranch > maxBranches ||
          this.#numbering.nextComparison > maxComparisons
        ) {
          throw new Error('more branches than the fuzzer has room for')
        }
        for (const literal of literals) this.words.add(literal)
        return { format: 'module', source: code, shortCircuit: true }
      },
    })
  }

  get branches(): number {
    return this.#numbering.nextBranch
  }

  get branchesSeen(): number {
    return this.#seenBranches.reduce((sum, seen) => sum + (seen === 0 ? 0 : 1), 0)
  }

  begin(): void {
    this.#hits.fill(0, 0, this.#numbering.nextBranch)
    this.#isNearer = false
  }

  /** Whether the input that began last did something new; from now on it is not new any more. */
  end(outcome: string): 'new' | 'nearer' | 'known' {
    let isNew = false
    for (let branch = 0; branch < this.#numbering.nextBranch; branch++) {
      const bucket = bucketOf[this.#hits[branch] ?? 0] ?? 0
      const seen = this.#seenBranches[branch] ?? 0
      if ((bucket & ~seen) === 0) continue
      this.#seenBranches[branch] = seen | bucket
      isNew = true
    }
    if (!this.#seenOutcomes.has(outcome)) {
      this.#seenOutcomes.add(outcome)
      isNew = true
    }
    return isNew ? 'new' : this.#isNearer ? 'nearer' : 'known'
  }

  /** Forgets what was seen, to find out which of the inputs are needed to see it again. */
  forget(): void {
    this.#seenBranches.fill(0)
    this.#seenOutcomes.clear()
  }

  #comparing(): Record<string, (id: number, one: unknown, other: unknown) => boolean> {
    const note = (id: number, one: unknown, other: unknown): void => {
      const step = nearness(one, other)
      if (step === 0) return
      const index = id * nearnessSteps + step
      if (this.#seenNearness[index] !== 0) return
      this.#seenNearness[index] = 1
      this.#isNearer = true
    }
    return {
      equal: (id, one, other) => (note(id, one, other), one === other),
      different: (id, one, other) => (note(id, one, other), one !== other),
      less: (id, one, other) => (note(id, one, other), Number(one) < Number(other)),
      greater: (id, one, other) => (note(id, one, other), Number(one) > Number(other)),
      atMost: (id, one, other) => (note(id, one, other), Number(one) <= Number(other)),
      atLeast: (id, one, other) => (note(id, one, other), Number(one) >= Number(other)),
    }
  }
}

function nearness(one: unknown, other: unknown): number {
  if (typeof one === 'number' && typeof other === 'number') {
    return Math.min(1 + Math.floor(Math.log2(Math.abs(one - other) + 1)), nearnessSteps - 1)
  }
  if (typeof one !== 'string' || typeof other !== 'string') return 0
  const longest = Math.min(one.length, other.length, nearnessSteps - 2)
  let common = 0
  while (common < longest && one.charCodeAt(common) === other.charCodeAt(common)) common++
  return 1 + common
}
