// What this replica knew last of what all share, sealed, beside its configuration: by it a replica starts while the
// store is away.
import { readFile } from 'node:fs/promises'
import type { StoredVersion } from '../catalog/catalog-table.ts'
import { codeOf } from '../files/file-lock.ts'
import { removeLeftovers, replaceFile, writeNew } from '../files/replace-file.ts'
import type { KnownOrder } from '../fleet-sessions.ts'
import type { Store } from '../fleet/store/store.ts'
import type { GateState } from '../session/gate-state.ts'

export interface SharedCopy {
  /** Undefined where each replica goes by its own file. */
  readonly catalog: StoredVersion | undefined
  readonly orders: readonly KnownOrder[]
  readonly gates: GateState
}

export interface CopyFileOptions {
  readonly file: string
  readonly store: Pick<Store, 'seal' | 'open'>
  readonly now: () => SharedCopy
  /** Told once until it can be written again. */
  readonly onFailure: (code: string) => void
}

const purpose = 'copy of a replica'

export function copyFileOf(configFile: string): string {
  return `${configFile}.fleet`
}

/** Undefined where there is none, or none that this fleet has sealed. */
export async function readCopy(
  file: string,
  store: Pick<Store, 'open'>,
): Promise<SharedCopy | undefined> {
  try {
    return (await store.open(purpose, await readFile(file, 'utf8'))) as SharedCopy
  } catch {
    return undefined
  }
}

export class CopyFile {
  readonly #options: CopyFileOptions
  #writing: Promise<void> | undefined
  #isChanged = false
  #isTold = false

  constructor(options: CopyFileOptions) {
    this.#options = options
  }

  /** Something has changed. One is written at a time, and the last that there is. */
  renew(): void {
    this.#isChanged = true
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
  }

  async settled(): Promise<void> {
    await this.#writing
  }

  async #write(): Promise<void> {
    const { file, store, now, onFailure } = this.#options
    // What changes together is written together.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#isChanged) {
      this.#isChanged = false
      try {
        await put(file, await store.seal(purpose, now()))
        this.#isTold = false
      } catch (error) {
        if (!this.#isTold) onFailure(codeOf(error) ?? 'failed')
        this.#isTold = true
      }
    }
  }
}

async function put(file: string, text: string): Promise<void> {
  try {
    await replaceFile({ file, text, check: async () => {} })
    await removeLeftovers(file)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
    await writeNew(file, text)
  }
}
