// Tokens in a file that its user alone can read: `~/.cache/portcullis/tokens/<account>.json`.
import { randomUUID } from 'node:crypto'
import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../files/file-lock.ts'
import { syncFolder, writeNew } from '../files/replace-file.ts'
import { type Account, isOfProfile } from './account.ts'
import { maxKeptBytes, parseKept, printKept } from './kept-text.ts'
import { cacheProblem, type TokenFolder } from './own-folder.ts'
import { readOwnFile } from './read-own-file.ts'
import type { Kept, TokenStore, Turn } from './store.ts'
import { inTurn } from './turns.ts'

const rules = {
  maxBytes: maxKeptBytes,
  forbiddenMode: 0o077,
  mayBeLink: false,
  whenTooLong: 'nothing',
} as const

const unfinished = '.tmp'

export class FileStore implements TokenStore {
  readonly #folder: TokenFolder
  readonly #account: Account
  readonly #path: string

  constructor(folder: TokenFolder, account: Account) {
    this.#folder = folder
    this.#account = account
    this.#path = join(folder.path, `${account.id}.json`)
  }

  async read(): Promise<Kept | undefined> {
    if (!(await this.#folder.check())) return undefined
    const text = await readOwnFile(this.#path, rules)
    return text === undefined ? undefined : parseKept(text)
  }

  async write(kept: Kept): Promise<void> {
    await this.#folder.make()
    try {
      await this.#removeUnfinished()
      const temporary = `${this.#path}.${randomUUID()}${unfinished}`
      try {
        await writeNew(temporary, printKept(kept))
        await rename(temporary, this.#path)
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => {})
        throw error
      }
      await syncFolder(this.#folder.path)
    } catch (error) {
      throw cacheProblem(this.#path, error)
    }
  }

  async remove(): Promise<void> {
    if (!(await this.#folder.check())) return
    try {
      for (const file of await readdir(this.#folder.path)) {
        if (!file.endsWith('.json') || !isOfProfile(file.slice(0, -5), this.#account)) continue
        await rm(join(this.#folder.path, file), { force: true })
      }
      await this.#removeUnfinished()
      await syncFolder(this.#folder.path)
    } catch (error) {
      throw cacheProblem(this.#path, error)
    }
  }

  async exclusively<T>(turn: Turn<T>): Promise<T> {
    return inTurn(this.#folder, this.#account.id, turn)
  }

  async describe(): Promise<string> {
    return Promise.resolve(`the file ${this.#path}`)
  }

  /** Of processes that were killed while they wrote; nobody writes now, since this is our turn. */
  async #removeUnfinished(): Promise<void> {
    const begin = `${this.#account.id}.json.`
    for (const file of await readdir(this.#folder.path)) {
      if (!file.startsWith(begin) || !file.endsWith(unfinished)) continue
      await rm(join(this.#folder.path, file), { force: true })
    }
  }
}

/** Whether there is one, whatever it is like. */
export async function hasTokenFile(folder: TokenFolder, account: Account): Promise<boolean> {
  try {
    return (await readdir(folder.path)).includes(`${account.id}.json`)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw cacheProblem(folder.path, error)
  }
}
