// Which store a profile means.
import { codeOf } from '../files/file-lock.ts'
import { type Account, accountOf } from './account.ts'
import type { Environment } from './environment.ts'
import { FileStore, hasTokenFile } from './file-store.ts'
import { keyringProblem, KeyringStore, mayHaveKeyring } from './keyring-store.ts'
import { MemoryStore } from './memory-store.ts'
import type { NamedProfile } from './profile.ts'
import { type TokenFolder, tokenFolder } from './own-folder.ts'
import { CredentialProblem } from './problem.ts'
import type { Kept, TokenStore, Turn } from './store.ts'

export interface StoreOptions {
  readonly environment: Environment
  /** Whether somebody at a terminal can unlock a keyring. */
  readonly isAttended: boolean
  readonly now: () => number
  readonly onWarning: (problem: CredentialProblem) => void
  readonly platform?: NodeJS.Platform | undefined
  /** In place of the program that speaks to the keyring. */
  readonly keyringChild?: string | undefined
}

/** Opens nothing yet. */
export function openStore(named: NamedProfile, options: StoreOptions): TokenStore {
  const { environment, platform = process.platform } = options
  const [folder, account] = [tokenFolder(environment), accountOf(named)]
  const keyring = (): KeyringStore =>
    new KeyringStore({ ...options, folder, account, child: options.keyringChild })
  switch (named.profile.store) {
    case 'none':
      return new MemoryStore()
    case 'file':
      return new FileStore(folder, account)
    case 'keyring':
      if (mayHaveKeyring(environment, platform)) return keyring()
      throw keyringProblem('there is no keyring here: DBUS_SESSION_BUS_ADDRESS is not set')
    case 'auto':
      return new AutoStore({ folder, account, onWarning: options.onWarning }, () =>
        mayHaveKeyring(environment, platform) ? keyring() : undefined,
      )
  }
}

interface AutoOptions {
  readonly folder: TokenFolder
  readonly account: Account
  readonly onWarning: (problem: CredentialProblem) => void
}

/**
 * The keyring where it works, else a file, else memory where nothing can be written. Once there is a file it stays
 * with it: tokens are never in two places, and a keyring that answers now and then hides none.
 */
class AutoStore implements TokenStore {
  readonly #options: AutoOptions
  readonly #openKeyring: () => KeyringStore | undefined
  #chosen: Promise<TokenStore> | undefined

  constructor(options: AutoOptions, openKeyring: () => KeyringStore | undefined) {
    this.#options = options
    this.#openKeyring = openKeyring
  }

  async read(): Promise<Kept | undefined> {
    return (await this.#store()).read()
  }

  async write(kept: Kept): Promise<void> {
    const store = await this.#store()
    try {
      await store.write(kept)
    } catch (error) {
      if (!(store instanceof KeyringStore)) throw error
      const file = this.#file()
      await file.write(kept)
      this.#chosen = Promise.resolve(file)
    }
  }

  async remove(): Promise<void> {
    const store = await this.#store()
    await store.remove()
    // One may be left from a time when there was no file yet.
    if (store instanceof FileStore)
      await this.#openKeyring()
        ?.remove()
        .catch(() => {})
  }

  async exclusively<T>(turn: Turn<T>): Promise<T> {
    return (await this.#store()).exclusively(turn)
  }

  async describe(): Promise<string> {
    return (await this.#store()).describe()
  }

  async #store(): Promise<TokenStore> {
    // What is wrong with a folder can be put right while a program runs.
    this.#chosen ??= this.#choose().catch((error: unknown) => {
      this.#chosen = undefined
      throw error
    })
    return this.#chosen
  }

  async #choose(): Promise<TokenStore> {
    const { folder, account, onWarning } = this.#options
    if ((await folder.check()) && (await hasTokenFile(folder, account))) return this.#file()
    const keyring = this.#openKeyring()
    try {
      await keyring?.read()
      if (keyring !== undefined) return keyring
    } catch (error) {
      if (!(error instanceof CredentialProblem)) throw error
      onWarning(error)
    }
    return this.#fileOrMemory()
  }

  /** A container may have nothing that can be written to, and is to have tokens all the same. */
  async #fileOrMemory(): Promise<TokenStore> {
    const { folder, onWarning } = this.#options
    try {
      await folder.make()
      return this.#file()
    } catch (error) {
      if (!(error instanceof CredentialProblem) || codeOf(error.cause) === undefined) throw error
      onWarning(error)
      return new MemoryStore()
    }
  }

  #file(): FileStore {
    return new FileStore(this.#options.folder, this.#options.account)
  }
}
