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
  type Problem,
  readConfigText,
  readWritten,
} from '../config/index.ts'
import type { ChangeRecord } from './change-record.ts'
import { asBroken, asFailure, problemsOf } from './errors.ts'
import { type FileLock, removeUnfinishedLocks, takeLock } from '../files/file-lock.ts'
import { maskedText } from './masked-text.ts'
import { removeLeftovers, replaceFile } from '../files/replace-file.ts'
import { isCatalogSection } from './sections.ts'
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

/** What is in use. */
interface Used {
  readonly loaded: LoadedConfig
  readonly tree: WrittenMap
  readonly record: VersionRecord
}

/** There is nothing to be done; the cause is what was thrown. */
class PlanFailed extends Error {}

/** Somebody wrote the file while a change of it was under way. */
class ChangedMeanwhile extends Error {}

const usualLockTimeoutMs = 5_000
/** Changes that wait for each other; each is soon done. */
const maxWaiting = 1_000
/** How often others may come in between. */
const maxAttempts = 5
const maxWhatLength = 8_192

export class FileCatalog implements CatalogHome {
  readonly #options: CatalogHomeOptions
  readonly #store: VersionStore
  readonly #watch = new FileWatch(() => void this.#options.inTurn(async () => this.#lookNow()))
  #used: Used
  #isRecorded: boolean
  #problems: readonly string[] = []
  #waiting = 0

  constructor(options: CatalogHomeOptions) {
    this.#options = options
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

  /** What is in use, as text. */
  get text(): string {
    return this.#used.loaded.text
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
      for (const { path } of edits) {
        if (!isCatalogSection(path[0])) throw new ConsoleError(notOfCatalog)
      }
      const { text, tree } = editText(this.#used.loaded.text, edits, this.#used.tree)
      return this.#replace(author, what, { text, tree }, lock, notices)
    })
  }

  async rollback(author: CatalogAuthor, version: number): Promise<CatalogChange | 'unchanged'> {
    return this.#whileWritable(author.by, async (lock, notices) => {
      const text = await this.#store.textOf(version)
      if (text === undefined) {
        throw new ConsoleError({
          sqlstate: '42704',
          message: `there is no version ${version} of the catalog any more`,
          hint: 'SHOW HISTORY lists those that there are.',
        })
      }
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
    if (this.#waiting >= maxWaiting) throw new ConsoleError(tooMany)
    this.#waiting++
    try {
      return await this.#options.inTurn(async () => this.#attempt(work))
    } catch (error) {
      // Whoever planned it knows what to say.
      if (error instanceof PlanFailed) throw error.cause
      const { file, observer } = this.#options
      const failure = asFailure(file, error)
      observer.failed(by, failure)
      throw failure
    } finally {
      this.#waiting--
    }
  }

  async #attempt(
    work: (lock: FileLock, notices: readonly string[]) => Promise<CatalogChange | 'unchanged'>,
  ): Promise<CatalogChange | 'unchanged'> {
    for (let attempt = 1; ; attempt++) {
      this.#refuseReadOnly()
      const lock = await this.#lock()
      try {
        const notices = await this.#takeUpFile()
        this.#refuseReadOnly()
        return await work(lock, notices)
      } catch (error) {
        if (!(error instanceof ChangedMeanwhile)) throw error
        if (attempt >= maxAttempts) throw new ConsoleError(changing(this.#options.file))
      } finally {
        await lock.release()
      }
    }
  }

  #refuseReadOnly(): void {
    const { file } = this.#options
    if (this.#used.loaded.config.catalog.mode === 'read-only') {
      throw new ConsoleError({
        sqlstate: '25006',
        message: 'the catalog is read-only',
        hint: `Edit ${file}, or what it is made from; then RELOAD.`,
      })
    }
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

  #newRecord({ name, by }: CatalogAuthor, what: string, text: string): VersionRecord {
    const last = Math.max(
      this.#store.records[0]?.version ?? 0,
      (this.#used as Used | undefined)?.record.version ?? 0,
    )
    const cut = what.length <= maxWhatLength ? what : `${what.slice(0, maxWhatLength)}...`
    return {
      version: last + 1,
      at: this.#options.now(),
      author: name,
      by,
      what: cut,
      sha256: digestOf(text),
    }
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

function planned(
  plan: (tree: WrittenMap) => readonly CatalogEdit[],
  tree: WrittenMap,
): readonly CatalogEdit[] {
  try {
    return plan(tree)
  } catch (cause) {
    throw new PlanFailed('no plan', { cause })
  }
}

const starting: CatalogAuthor = { name: 'portcullis', by: 'start' }
const byHand: CatalogAuthor = { name: 'file', by: 'file' }

const notOfCatalog = {
  sqlstate: '42501',
  message: 'only the catalog is changed here: the rest of the configuration is changed in its file',
}

const tooMany = {
  sqlstate: '53300',
  message: 'too many changes of the catalog wait for each other',
}

function changing(file: string): { readonly sqlstate: string; readonly message: string } {
  return { sqlstate: '40001', message: `${file} is being written by others: try again` }
}

function versionOf({ version, at, author, by, what }: VersionRecord): CatalogVersion {
  return { version, at, author, by, what }
}

function newNotices(before: LoadedConfig, after: LoadedConfig): readonly string[] {
  const shown = ({ path, message }: Problem): string => `${path}: ${message}`
  const known = new Set(before.notices.map(shown))
  return after.notices.map(shown).filter((notice) => !known.has(notice))
}
