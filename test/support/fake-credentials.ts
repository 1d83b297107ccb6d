import type { Grant } from '../../src/credentials/grant.ts'
import type { Interaction } from '../../src/credentials/interaction.ts'
import { CredentialProblem, type ProblemKind } from '../../src/credentials/problem.ts'
import type { TokenSource } from '../../src/credentials/source.ts'
import type { Kept, TokenStore, Turn } from '../../src/credentials/store.ts'

export class Clock {
  ms = Date.UTC(2_026, 0, 1)

  readonly now = (): number => this.ms

  pass(ms: number): void {
    this.ms += ms
  }
}

/** A provider with refresh tokens that are good once, and what is wrong with it as a test says. */
export class FakeSource implements TokenSource {
  needsPerson = true
  lifeMs = 3_600_000
  /** What every call throws. */
  problem: ProblemKind | undefined
  rotates = true
  /** The one refresh token that is good. */
  good: string | undefined
  readonly calls: string[] = []
  /** Where calls wait for whoever lets them go on. */
  gate: Promise<void> | undefined
  /** For how long somebody thinks about it. */
  thinking: Promise<void> | undefined
  readonly #clock: Clock
  #count = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async refresh(last: Grant, signal: AbortSignal): Promise<Grant | undefined> {
    this.calls.push(`refresh ${last.refreshToken ?? 'nothing'}`)
    await this.#enter(signal)
    if (last.refreshToken === undefined || last.refreshToken !== this.good) return undefined
    return this.#grant()
  }

  async obtain(interaction: Interaction | undefined, signal: AbortSignal): Promise<Grant> {
    this.calls.push(interaction === undefined ? 'obtain' : 'ask')
    await this.#enter(signal)
    if (this.needsPerson && interaction === undefined) {
      throw new CredentialProblem('sign-in-needed', 'nobody is signed in')
    }
    await this.thinking
    return this.#grant()
  }

  async revoke(last: Grant): Promise<void> {
    this.calls.push(`revoke ${last.token}`)
    return Promise.resolve()
  }

  async #enter(signal: AbortSignal): Promise<void> {
    const { gate } = this
    if (gate !== undefined) {
      await Promise.race([
        gate,
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            reject(new DOMException('aborted', 'AbortError'))
          })
        }),
      ])
    }
    if (this.problem !== undefined) throw new CredentialProblem(this.problem, 'it did not work')
  }

  #grant(): Grant {
    this.#count++
    const refreshToken = this.needsPerson ? `r${this.rotates ? this.#count : 1}` : undefined
    this.good = refreshToken
    const issuedAt = this.#clock.now()
    return { token: `t${this.#count}`, issuedAt, expiresAt: issuedAt + this.lifeMs, refreshToken }
  }
}

/** What processes share: each has a store of its own, `FakeStore`. */
export class FakeDisk {
  kept: Kept | undefined
  isFull = false
  writes = 0
  readonly turns = new Map<string, Promise<unknown>>()
}

export class FakeStore implements TokenStore {
  readonly #disk: FakeDisk

  constructor(disk: FakeDisk) {
    this.#disk = disk
  }

  async read(): Promise<Kept | undefined> {
    return Promise.resolve(this.#disk.kept)
  }

  async write(kept: Kept): Promise<void> {
    await Promise.resolve()
    if (this.#disk.isFull) throw new CredentialProblem('failed', 'the disk is full')
    this.#disk.writes++
    this.#disk.kept = kept
  }

  async remove(): Promise<void> {
    this.#disk.kept = undefined
    return Promise.resolve()
  }

  async exclusively<T>({ errand, run, meanwhile, signal }: Turn<T>): Promise<T> {
    for (;;) {
      const other = this.#disk.turns.get(errand)
      if (other === undefined) break
      const found = await meanwhile()
      if (found !== undefined) return found
      signal.throwIfAborted()
      await other.catch(() => {})
    }
    const turn = run().finally(() => this.#disk.turns.delete(errand))
    this.#disk.turns.set(errand, turn)
    return turn
  }

  async describe(): Promise<string> {
    return Promise.resolve('a fake')
  }
}

export const person: Interaction = {
  openBrowser: async () => Promise.resolve(true),
  show: () => {},
  waiting: () => () => {},
}
