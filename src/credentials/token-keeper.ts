import type { Grant } from './grant.ts'
import type { Interaction } from './interaction.ts'
import { CredentialProblem } from './problem.ts'
import type { TokenSource } from './source.ts'
import type { Kept, TokenStore } from './store.ts'

export interface KeeperOptions {
  readonly source: TokenSource
  readonly store: TokenStore
  /** Gives the token of the gateway for one of the provider; undefined where the profile does not want it. */
  readonly exchange: ((grant: Grant, signal: AbortSignal) => Promise<Grant>) | undefined
  readonly now: () => number
}

export interface TokenWish {
  /** For how long it is to be good at the least, in milliseconds. */
  readonly minimumMs?: number | undefined
  /** Whether a new one is wanted, however good the last one still is. */
  readonly isNew?: boolean | undefined
  /** The token of the gateway, or that of the provider, whatever the profile says. */
  readonly session?: boolean | undefined
  readonly interaction?: Interaction | undefined
  readonly signal?: AbortSignal | undefined
}

/** Has a token that is good, whoever asks, and asks the provider as seldom as it can. */
export class TokenKeeper {
  readonly #options: KeeperOptions

  constructor(options: KeeperOptions) {
    this.#options = options
  }

  async token({ minimumMs = 0, interaction, signal }: TokenWish = {}): Promise<Grant> {
    const { source, store, now } = this.#options
    const kept = await store.read()
    if (kept !== undefined && kept.grant.expiresAt - now() > minimumMs) return kept.grant
    const grant = await source.obtain(interaction, signal ?? AbortSignal.timeout(60_000))
    await store.write({ grant })
    return grant
  }

  /** What is kept, be it good still or not. Nobody is asked. */
  async kept(): Promise<Kept | undefined> {
    return this.#options.store.read()
  }

  /** Somebody signs in, or what else the flow begins with, whatever is kept. */
  async signIn(interaction: Interaction | undefined, signal: AbortSignal): Promise<Grant> {
    const grant = await this.#options.source.obtain(interaction, signal)
    await this.#options.store.write({ grant })
    return grant
  }

  /** Forgets the tokens, and tells whoever gave them out. Returns whether there were any. */
  async signOut(signal: AbortSignal): Promise<boolean> {
    const kept = await this.#options.store.read()
    await this.#options.store.remove()
    if (kept === undefined) return false
    await this.#options.source.revoke(kept.grant, signal).catch((error: unknown) => {
      if (!(error instanceof CredentialProblem)) throw error
    })
    return true
  }
}
