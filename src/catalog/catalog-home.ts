// The home of the catalog: the file of the configuration, its versions, and who may change it how.
import { ConsoleError } from '../admin/answer.ts'
import type {
  CatalogAuthor,
  CatalogChange,
  CatalogEdit,
  CatalogHome,
  CatalogState,
  CatalogVersion,
  WrittenMap,
} from '../admin/catalog-home.ts'
import {
  ConfigError,
  editText,
  FileWatch,
  type LoadedConfig,
  readConfigText,
  readWritten,
} from '../config/index.ts'
import type { ChangeRecord } from './change-record.ts'
import {
  ChangedMeanwhile,
  ChangeTurns,
  newNotices,
  nextVersion,
  noSuchVersion,
  planned,
  readOnly,
  starting,
  versionOf,
} from './change-turns.ts'
import { asBroken, asFailure, problemsOf } from './errors.ts'
import { type FileLock, removeUnfinishedLocks, takeLock } from '../files/file-lock.ts'
import { maskedText } from './masked-text.ts'
import { removeLeftovers, replaceFile } from '../files/replace-file.ts'
import { digestOf, type VersionRecord, VersionStore } from './version-store.ts'

export interface CatalogHomeOptions {
  readonly file: string
  /** What is in use at the start. */
  readonly loaded: LoadedConfig
  /** Reads a text as if it were in the file. Throws a ConfigError. */
  readonly read: (text: string) => LoadedConfig
  /** Does a work when no other is under way that takes over a configuration. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>
  /**
   * Makes a configuration that of all sessions to come: it is prepared everywhere, then `keep` makes it
   * last, then it is in use. Throws, and nothing has changed, where it cannot be prepared or kept.
   */
  readonly takeOver: (
    loaded: LoadedConfig,
    version: number,
    keep: () => Promise<void>,
  ) => Promise<void>
  /** Resolves when the record is kept, and rejects where it cannot be and that matters. */
  readonly audit: (record: ChangeRecord) => Promise<void>
  readonly observer: CatalogObserver
  readonly now: () => number
  readonly lockTimeoutMs?: number
}

export interface CatalogObserver {
  changed(version: CatalogVersion): void
  /** A change that was wanted and did not come about. */
  failed(by: CatalogAuthor['by'], error: unknown): void
  /** The file, as it stands, is broken, is another one than that in use, or neither. */
  fileSeen(state: 'same' | 'differs' | 'broken', problems: readonly string[]): void
  /** Versions are in memory, and what that comes from. */
  withoutFolder(folder: string, code: string): void
}

/** A catalog whose home is open. */
export interface RunningCatalog extends CatalogHome {
  readonly version: number
  /** What is in use, as text that `exportSections` reads. */
  readonly catalogText: string
  /** What would be in use after some edits. Throws where that would not be valid, and changes nothing. */
  tryOut(edits: readonly CatalogEdit[]): WrittenMap
  open(): Promise<void>
  close(): void
  reload(): Promise<LoadedConfig>
  refreshed(loaded: LoadedConfig): void
}

/** What is in use. */
interface Used {
  readonly loaded: LoadedConfig
  readonly tree: WrittenMap
  readonly record: VersionRecord
}

const usualLockTimeoutMs = 5_000

export class FileCatalog implements RunningCatalog {
  readonly #options: CatalogHomeOptions
  readonly #store: VersionStore
  readonly #watch = new FileWatch(() => void this.#options.inTurn(async () => this.#lookNow()))
  #used: Used
  #isRecorded: boolean
  #problems: readonly string[] = []
  readonly #turns: ChangeTurns

  constructor(options: CatalogHomeOptions) {
    this.#options = options
    const { file, inTurn, observer } = options
    this.#turns = new ChangeTurns({
      file,
      inTurn,
      failed: (by, error) => {
        observer.failed(by, error)
      },
    })
    this.#store = new VersionStore(`${options.file}.versions`)
    const { loaded } = options
    const sha256 = digestOf(loaded.text)
    const pending = this.#store.pendingOf(sha256)
    const [last] = this.#store.records
    const known = last?.sha256 === sha256 ? last : pending
    this.#isRecorded = known !== undefined && known === last
    const record = known ?? this.#newRecord(starting, 'read at the start', loaded.text)
    this.#used = { loaded, tree: readWritten(loaded.text), record }
  }

  get version(): number {
    return this.#used.record.version
  }

  get state(): CatalogState {
    const { record, tree, loaded } = this.#used
    return {
      ...versionOf(record),
      file: this.#options.file,
      mode: loaded.config.catalog.mode,
      tree,
      problems: this.#problems,
    }
  }

  get catalogText(): string {
    return this.#used.loaded.text
  }

  tryOut(edits: readonly CatalogEdit[]): WrittenMap {
    const { text, tree } = editText(this.#used.loaded.text, edits)
    this.#options.read(text)
    return tree
  }

  /** Takes away what a process left behind that was killed, and notes the version that is in use. */
  async open(): Promise<void> {
    await this.#store.open()
    const { observer, file } = this.#options
    if (this.#store.failure !== undefined) {
      observer.withoutFolder(this.#store.folder, this.#store.failure)
    }
    await this.#openLocked().catch((error: unknown) => {
      observer.failed('start', asFailure(file, error))
    })
    observer.changed(versionOf(this.#used.record))
    this.#follow()
  }

  close(): void {
    this.#watch.stop()
  }

  async change(
    author: CatalogAuthor,
    what: string,
    plan: (tree: WrittenMap) => readonly CatalogEdit[],
  ): Promise<CatalogChange | 'unchanged'> {
    return this.#whileWritable(author.by, async (lock, notices) => {
      const edits = planned(plan, this.#used.tree)
      const { text, tree } = editText(this.#used.loaded.text, edits, this.#used.tree)
      return this.#replace(author, what, { text, tree }, lock, notices)
    })
  }

  async rollback(author: CatalogAuthor, version: number): Promise<CatalogChange | 'unchanged'> {
    return this.#whileWritable(author.by, async (lock, notices) => {
      const text = await this.#store.textOf(version)
      if (text === undefined) throw noSuchVersion(version)
      const what = `ROLLBACK CATALOG TO ${version}`
      return this.#replace(author, what, { text, tree: readWritten(text) }, lock, notices)
    })
  }

  async history(): Promise<readonly CatalogVersion[]> {
    this.#store.load()
    return Promise.resolve(this.#store.records.map(versionOf))
  }

  async textOf(version: number): Promise<string | undefined> {
    const { record, loaded } = this.#used
    this.#store.load()
    const text = record.version === version ? loaded.text : await this.#store.textOf(version)
    return text === undefined ? undefined : maskedText(text)
  }

  /** Takes over the file as it is now. To be called in turn. Throws, and all stays as it is. */
  async reload(): Promise<LoadedConfig> {
    const { file } = this.#options
    const text = readConfigText(file)
    const loaded = this.#options.read(text)
    if (text === this.#used.loaded.text) {
      await this.#takeOver(loaded, this.#used.record, async () => {})
    } else if (this.#store.failure === undefined) {
      const lock = await this.#lock()
      await this.#takeUp(loaded).finally(async () => lock.release())
    } else await this.#takeUp(loaded)
    this.#see('same', [])
    return loaded
  }

  /** What is in use was read once more, with what it refers to. To be called in turn. */
  refreshed(loaded: LoadedConfig): void {
    this.#used = { ...this.#used, loaded }
  }

  async #openLocked(): Promise<void> {
    if (this.#store.failure === undefined) {
      const lock = await this.#lock()
      try {
        await removeLeftovers(this.#options.file)
        await removeUnfinishedLocks(this.#lockFile)
        await this.#noteStart()
        await this.#store.removePending()
      } finally {
        await lock.release()
      }
    } else await this.#noteStart()
  }

  async #noteStart(): Promise<void> {
    if (this.#isRecorded) return
    this.#isRecorded = true
    const { record, loaded } = this.#used
    await this.#store.prepare(record, loaded.text)
    await this.#store.finish(record, loaded.config.catalog.versions)
    // The first one is no change of anything.
    if (record.version === 1) return
    await this.#options.audit({
      outcome: 'done',
      author: starting,
      version: record,
      before: undefined,
      after: this.#used.tree,
    })
  }

  /** Does a work with the lock, on a file that is what is in use; once more where that changes meanwhile. */
  async #whileWritable(
    by: CatalogAuthor['by'],
    work: (lock: FileLock, notices: readonly string[]) => Promise<CatalogChange | 'unchanged'>,
  ): Promise<CatalogChange | 'unchanged'> {
    return this.#turns.run(by, async () => {
      this.#refuseReadOnly()
      const lock = await this.#lock()
      try {
        const notices = await this.#takeUpFile()
        this.#refuseReadOnly()
        return await work(lock, notices)
      } finally {
        await lock.release()
      }
    })
  }

  #refuseReadOnly(): void {
    const { file } = this.#options
    if (this.#used.loaded.config.catalog.mode === 'read-only') throw readOnly(file)
    if (this.#store.failure !== undefined) {
      throw new ConsoleError({
        sqlstate: '25006',
        message: `the folder ${this.#store.folder} cannot be written (${this.#store.failure})`,
        hint: `Let the service write to the folder of ${file} and start it again; or edit that file, then RELOAD.`,
      })
    }
  }

  /** A change by hand that is not in use yet is a version of its own. */
  async #takeUpFile(): Promise<readonly string[]> {
    const { file, read } = this.#options
    let loaded: LoadedConfig
    try {
      const text = readConfigText(file)
      if (text === this.#used.loaded.text) return []
      loaded = read(text)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      this.#see('broken', problemsOf(file, error))
      throw asBroken(file, error)
    }
    await this.#takeUp(loaded)
    this.#see('same', [])
    return [`${file} was changed by hand: that is version ${this.version}`]
  }

  async #replace(
    author: CatalogAuthor,
    what: string,
    { text, tree }: { readonly text: string; readonly tree: WrittenMap },
    lock: FileLock,
    notices: readonly string[],
  ): Promise<CatalogChange | 'unchanged'> {
    const { file, read } = this.#options
    const before = this.#used
    if (text === before.loaded.text) return 'unchanged'
    const loaded = read(text)
    const check = async (): Promise<void> => {
      if (!(await lock.isHeld())) throw new ChangedMeanwhile()
      if (readConfigText(file) !== before.loaded.text) throw new ChangedMeanwhile()
    }
    await this.#adopt(loaded, tree, author, what, async () => replaceFile({ file, text, check }))
    return {
      ...versionOf(this.#used.record),
      notices: [...notices, ...newNotices(before.loaded, loaded)],
    }
  }

  /** What is in the file already. */
  async #takeUp(loaded: LoadedConfig): Promise<void> {
    const tree = readWritten(loaded.text)
    this.#store.load()
    const [last] = this.#store.records
    const isNoted = last?.sha256 === digestOf(loaded.text) && last.version > this.version
    if (!isNoted) {
      await this.#adopt(loaded, tree, byHand, 'the file was changed by hand', async () => {})
      return
    }
    // Another process of ours wrote it.
    await this.#takeOver(loaded, last, async () => {})
    this.#used = { loaded, tree, record: last }
    this.#options.observer.changed(versionOf(last))
  }

  async #adopt(
    loaded: LoadedConfig,
    tree: WrittenMap,
    author: CatalogAuthor,
    what: string,
    write: () => Promise<void>,
  ): Promise<void> {
    const { audit } = this.#options
    this.#store.load()
    const record = this.#newRecord(author, what, loaded.text)
    const change = { author, version: record, before: this.#used.tree, after: tree }
    await this.#takeOver(loaded, record, async () => {
      await this.#store.prepare(record, loaded.text)
      let isRecorded = false
      try {
        // Before it lasts: whoever is killed in between has told of a change too many, never of one too few.
        await audit({ ...change, outcome: 'done' })
        isRecorded = true
        await write()
      } catch (error) {
        await this.#store.discard(record.version)
        if (isRecorded) await audit({ ...change, outcome: 'failed' }).catch(() => {})
        throw error
      }
    })
    this.#used = { loaded, tree, record }
    // What is pending becomes a version at the next start, should this not be possible.
    await this.#store.finish(record, loaded.config.catalog.versions).catch((error: unknown) => {
      this.#options.observer.failed(author.by, error)
    })
    this.#options.observer.changed(versionOf(record))
  }

  async #takeOver(
    loaded: LoadedConfig,
    record: VersionRecord,
    keep: () => Promise<void>,
  ): Promise<void> {
    await this.#options.takeOver(loaded, record.version, keep)
    this.#used = { ...this.#used, loaded }
    this.#follow()
  }

  #newRecord(author: CatalogAuthor, what: string, text: string): VersionRecord {
    const last = Math.max(
      this.#store.records[0]?.version ?? 0,
      (this.#used as Used | undefined)?.record.version ?? 0,
    )
    return { ...nextVersion(last, author, what, this.#options.now()), sha256: digestOf(text) }
  }

  async #lock(): Promise<FileLock> {
    const { lockTimeoutMs = usualLockTimeoutMs } = this.#options
    return takeLock(this.#lockFile, lockTimeoutMs)
  }

  get #lockFile(): string {
    return `${this.#options.file}.lock`
  }

  #follow(): void {
    this.#watch.follow([this.#options.file])
  }

  /** Somebody may have edited the file. */
  async #lookNow(): Promise<void> {
    const { file, read, observer } = this.#options
    try {
      const text = readConfigText(file)
      if (text === this.#used.loaded.text) this.#see('same', [])
      else {
        read(text)
        if (this.#used.loaded.config.catalog.watch) await this.reload()
        else
          this.#see('differs', [`${file}: was changed by hand and is valid: RELOAD takes it over`])
      }
    } catch (error) {
      if (!(error instanceof ConfigError)) observer.failed('file', error)
      this.#see('broken', problemsOf(file, error))
    }
  }

  #see(state: 'same' | 'differs' | 'broken', problems: readonly string[]): void {
    if (problems.join('\n') === this.#problems.join('\n')) return
    this.#problems = problems
    this.#options.observer.fileSeen(state, problems)
  }
}

const byHand: CatalogAuthor = { name: 'file', by: 'file' }
