// Secrets and authorities that are replaced while the service runs.
import { isDeepStrictEqual } from 'node:util'
import { contentsOf, filesReadFor, FileWatch, type LoadedConfig } from './config/index.ts'

/** Whoever logs in may have the files looked at, and that costs reading a configuration. */
const leastIntervalMs = 500

/** What is in use, and what it was made of. */
interface Used {
  readonly loaded: LoadedConfig
  readonly contents: string
}

export interface SecretFileOptions {
  /** Reads a configuration of this text, with the files that it names. */
  readonly readAgain: (text: string) => LoadedConfig
  /** Does a work when no other is under way that takes over a configuration. */
  readonly inTurn: (work: () => Promise<void>) => Promise<void>
  readonly takeOver: (loaded: LoadedConfig) => Promise<void>
  /** Files have been replaced, and what is in them is in use. */
  readonly onReplaced: () => void
  readonly onFailure: (error: unknown) => void
}

/**
 * Follows the files that a configuration in use leads to. Looking means to read that configuration once
 * more, as it was: what has been written into its own file since waits for whoever asks for it.
 */
export class SecretFiles {
  readonly #options: SecretFileOptions
  readonly #watch = new FileWatch(() => void this.look())
  #used: Used
  #looking: Promise<void> | undefined
  #lastLookAt = -Infinity
  #lastFailure: string | undefined
  #isStopped = false

  constructor(options: SecretFileOptions, loaded: LoadedConfig) {
    this.#options = options
    this.#used = toBeUsed(loaded)
  }

  /** Takes over a configuration, or throws and leaves all as it is. */
  async use(loaded: LoadedConfig, takeOver = this.#options.takeOver): Promise<void> {
    // Before the files are read for use: what changes later is then seen to have changed.
    const used = toBeUsed(loaded)
    await takeOver(loaded)
    this.#used = used
    this.#lastFailure = undefined
    this.follow()
  }

  follow(): void {
    const { config, secretFiles } = this.#used.loaded
    this.#watch.follow([...secretFiles, ...filesReadFor(config)])
  }

  /** Whoever looks from now on changes nothing. */
  stop(): void {
    this.#isStopped = true
    this.#watch.stop()
  }

  /** Never throws. Whoever comes while somebody looks waits for what comes of that. */
  async look(): Promise<void> {
    this.#looking ??= this.#lookSoon().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #lookSoon(): Promise<void> {
    const waitMs = this.#lastLookAt + leastIntervalMs - performance.now()
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    this.#lastLookAt = performance.now()
    await this.#options.inTurn(async () => this.#lookNow())
  }

  async #lookNow(): Promise<void> {
    if (this.#isStopped) return
    try {
      const loaded = this.#options.readAgain(this.#used.loaded.text)
      if (isSame(toBeUsed(loaded), this.#used)) this.#lastFailure = undefined
      else {
        await this.use(loaded)
        this.#options.onReplaced()
      }
    } catch (error) {
      // One file that is broken would be told of at every login.
      const failure = String(error)
      if (failure === this.#lastFailure) return
      this.#lastFailure = failure
      this.#options.onFailure(error)
    }
  }
}

function toBeUsed(loaded: LoadedConfig): Used {
  return { loaded, contents: contentsOf(filesReadFor(loaded.config)) }
}

function isSame(one: Used, other: Used): boolean {
  return (
    one.contents === other.contents && isDeepStrictEqual(one.loaded.config, other.loaded.config)
  )
}
