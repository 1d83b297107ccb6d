// The versions of a catalog that can be had back: a folder with a file for each of them.
import { createHash } from 'node:crypto'
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { CatalogVersion } from '../admin/catalog-home.ts'
import { codeOf } from '../files/file-lock.ts'
import { syncFolder, writeNew } from '../files/replace-file.ts'

export interface VersionRecord extends CatalogVersion {
  readonly sha256: string
}

const maxHeaderBytes = 65_536
const maxTotalBytes = 64 * 1024 * 1024
const folderMode = 0o700
const pendingSuffix = '.pending'

export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/**
 * A file begins with a comment that says which version it is, and the text follows. That of a change which
 * is under way is pending: it becomes one when the configuration has been written.
 */
export class VersionStore {
  readonly #folder: string
  readonly #texts = new Map<number, string>()
  #records: readonly VersionRecord[] = []
  /** Why versions are in memory alone. */
  #failure: string | undefined

  constructor(folder: string) {
    this.#folder = folder
    this.load()
  }

  /** The latest first. */
  get records(): readonly VersionRecord[] {
    return this.#records
  }

  get failure(): string | undefined {
    return this.#failure
  }

  get folder(): string {
    return this.#folder
  }

  /** Another process may have written some. */
  load(): void {
    if (this.#failure !== undefined) return
    const known = new Map(this.#records.map((record) => [record.version, record]))
    const found = this.#numbers('').map(
      (version) => known.get(version) ?? this.#readRecord(version, ''),
    )
    this.#records = found
      .filter((record) => record !== undefined)
      .sort((one, other) => other.version - one.version)
  }

  /** Of a change whose process did not come to its end. */
  pendingOf(sha256: string): VersionRecord | undefined {
    return this.#numbers(pendingSuffix)
      .map((version) => this.#readRecord(version, pendingSuffix))
      .find((record) => record?.sha256 === sha256)
  }

  /** Makes the folder; where that cannot be done versions are in memory from now on. */
  async open(): Promise<void> {
    try {
      await mkdir(this.#folder, { mode: folderMode, recursive: true })
      const probe = join(this.#folder, '.probe')
      await rm(probe, { force: true })
      await writeNew(probe, '')
      await rm(probe, { force: true })
    } catch (error) {
      this.#failure = codeOf(error) ?? 'failed'
    }
  }

  async prepare(record: VersionRecord, text: string): Promise<void> {
    if (this.#failure !== undefined) {
      this.#texts.set(record.version, text)
      return
    }
    const path = this.#pathOf(record.version, pendingSuffix)
    await rm(path, { force: true })
    await writeNew(path, `# ${JSON.stringify(record)}\n${text}`)
  }

  async discard(version: number): Promise<void> {
    this.#texts.delete(version)
    if (this.#failure === undefined) await rm(this.#pathOf(version, pendingSuffix), { force: true })
  }

  /** Makes a pending version one, and forgets the oldest. */
  async finish(record: VersionRecord, keep: number): Promise<void> {
    if (this.#failure === undefined) {
      await rename(this.#pathOf(record.version, pendingSuffix), this.#pathOf(record.version, ''))
      await syncFolder(this.#folder)
    }
    this.#records = [record, ...this.#records.filter(({ version }) => version !== record.version)]
    await this.#trim(keep)
  }

  async removePending(): Promise<void> {
    for (const version of this.#numbers(pendingSuffix)) await this.discard(version)
  }

  /** Undefined: it is not there any more. */
  async textOf(version: number): Promise<string | undefined> {
    if (this.#failure !== undefined) return this.#texts.get(version)
    const record = this.#records.find((one) => one.version === version)
    if (record === undefined) return undefined
    try {
      const content = await readFile(this.#pathOf(version, ''), 'utf8')
      const text = content.slice(content.indexOf('\n') + 1)
      return digestOf(text) === record.sha256 ? text : undefined
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    }
  }

  async #trim(keep: number): Promise<void> {
    let total = 0
    const kept: VersionRecord[] = []
    const gone: VersionRecord[] = []
    for (const [index, record] of this.#records.entries()) {
      total += this.#sizeOf(record.version)
      // What is in use is never forgotten.
      const isKept = index === 0 || (index < keep && total <= maxTotalBytes)
      ;(isKept ? kept : gone).push(record)
    }
    this.#records = kept
    for (const { version } of gone) {
      this.#texts.delete(version)
      if (this.#failure === undefined) await rm(this.#pathOf(version, ''), { force: true })
    }
  }

  #sizeOf(version: number): number {
    if (this.#failure !== undefined) return this.#texts.get(version)?.length ?? 0
    return statSync(this.#pathOf(version, ''), { throwIfNoEntry: false })?.size ?? 0
  }

  #numbers(suffix: string): readonly number[] {
    let names: readonly string[]
    try {
      names = readdirSync(this.#folder)
    } catch {
      return []
    }
    return names.flatMap((name) => {
      const [, digits = '', rest] = /^([1-9]\d{0,14})\.yaml(.*)$/.exec(name) ?? []
      return digits !== '' && rest === suffix ? [Number(digits)] : []
    })
  }

  #pathOf(version: number, suffix: string): string {
    return join(this.#folder, `${version}.yaml${suffix}`)
  }

  /** Undefined where it is not what was written. */
  #readRecord(version: number, suffix: string): VersionRecord | undefined {
    try {
      const header = readFirstLine(this.#pathOf(version, suffix))
      const record = JSON.parse(header.slice(2)) as VersionRecord
      return header.startsWith('# ') && record.version === version ? record : undefined
    } catch {
      return undefined
    }
  }
}

function readFirstLine(path: string): string {
  const descriptor = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(maxHeaderBytes)
    const length = readSync(descriptor, bytes, 0, maxHeaderBytes, 0)
    const end = bytes.subarray(0, length).indexOf('\n')
    return bytes.toString('utf8', 0, end === -1 ? 0 : end)
  } finally {
    closeSync(descriptor)
  }
}
