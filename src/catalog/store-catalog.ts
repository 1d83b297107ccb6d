// The home of the catalog where replicas share it: its versions are in the store of the fleet, and of the file of
// each replica everything else is read.
import { ConsoleError } from '../admin/answer.ts'
import type {
  CatalogAuthor,
  CatalogChange,
  CatalogEdit,
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
import { isDeepStrictEqual } from 'node:util'
import { StoreAway, type Store } from '../fleet/store/store.ts'
import type { CatalogHomeOptions, RunningCatalog } from './catalog-home.ts'
import { CatalogTable, NotTheLast, OutcomeUnknown, type StoredVersion } from './catalog-table.ts'
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
import { problemsOf } from './errors.ts'
import { maskedText } from './masked-text.ts'
import { catalogOf, catalogTextOf, joinTexts, readJoined } from './shared-text.ts'

export interface StoreCatalogOptions extends Omit<CatalogHomeOptions, 'lockTimeoutMs' | 'loaded'> {
  readonly store: Store
  /** What is in use at the start. */
  readonly begun: BegunCatalog
  readonly fleet: FleetCatalogObserver
}

/** What a replica begins with: its file, and the version of the catalog that goes with it. */
export interface BegunCatalog {
  readonly own: string
  readonly stored: StoredVersion
  readonly loaded: LoadedConfig
}

export interface FleetCatalogObserver {
  /** This is in use from now on. */
  used(stored: StoredVersion): void
  /** A later version cannot be taken over here; undefined: none is later than that in use. */
  behind(version: number | undefined, problems: readonly string[]): void
  /** The store had an older version than this replica, and has this one again. */
  putBack(version: number): void
}

interface Used extends BegunCatalog {
  readonly tree: WrittenMap
}

/** As much as a file of a configuration may be. */
const maxCatalogLength = 1024 * 1024

export class StoreCatalog implements RunningCatalog {
  readonly #options: StoreCatalogOptions
  readonly #table: CatalogTable
  readonly #turns: ChangeTurns
  readonly #watch = new FileWatch(() => void this.#options.inTurn(async () => this.#lookAtFile()))
  #used: Used
  #fileProblems: readonly string[] = []
  #behind: { readonly version: number; readonly problems: readonly string[] } | undefined
  #unfollow: () => void = () => {}

  constructor(options: StoreCatalogOptions) {
    this.#options = options
    const { file, inTurn, observer, store, begun } = options
    this.#table = new CatalogTable(store)
    this.#turns = new ChangeTurns({
      ...{ file, inTurn },
      failed: (by, error) => {
        observer.failed(by, error)
      },
    })
    this.#used = { ...begun, tree: readWritten(begun.loaded.text) }
  }

  get version(): number {
    return this.#used.stored.record.version
  }

  get state(): CatalogState {
    const { stored, tree, loaded } = this.#used
    return {
      ...versionOf(stored.record),
      file: this.#options.file,
      mode: loaded.config.catalog.mode,
      tree,
      problems: [...this.#fileProblems, ...(this.#behind?.problems ?? [])],
    }
  }

  get catalogText(): string {
    return this.#used.stored.text
  }

  tryOut(edits: readonly CatalogEdit[]): WrittenMap {
    const { text } = this.#edited(edits)
    return readWritten(this.#read(this.#used.own, text, this.version + 1).text)
  }

  async open(): Promise<void> {
    const { observer, fleet, store, inTurn, begun } = this.#options
    observer.changed(versionOf(begun.stored.record))
    fleet.used(begun.stored)
    this.#watch.follow([this.#options.file])
    this.#unfollow = store.follow('catalog', async () => inTurn(async () => this.#catchUp()))
    return Promise.resolve()
  }

  close(): void {
    this.#watch.stop()
    this.#unfollow()
  }

  async change(
    author: CatalogAuthor,
    what: string,
    plan: (tree: WrittenMap) => readonly CatalogEdit[],
  ): Promise<CatalogChange | 'unchanged'> {
    return this.#turns.run(author.by, async () => {
      await this.#prepare()
      return this.#replace(author, what, this.#edited(planned(plan, this.#used.tree)).text)
    })
  }

  async rollback(author: CatalogAuthor, version: number): Promise<CatalogChange | 'unchanged'> {
    return this.#turns.run(author.by, async () => {
      await this.#prepare()
      const stored = await this.#table.read(version)
      if (stored === undefined) throw noSuchVersion(version)
      return this.#replace(author, `ROLLBACK CATALOG TO ${version}`, stored.text)
    })
  }

  async history(): Promise<readonly CatalogVersion[]> {
    if (this.#table.isAway) return [versionOf(this.#used.stored.record)]
    return this.#table.list(this.#used.loaded.config.catalog.versions)
  }

  async textOf(version: number): Promise<string | undefined> {
    const { stored } = this.#used
    const found = version === this.version ? stored : await this.#table.read(version)
    return found && maskedText(found.text)
  }

  /** Takes over the file as it is now, but for its catalog. To be called in turn. Throws, and all stays as it is. */
  async reload(): Promise<LoadedConfig> {
    const own = readConfigText(this.#options.file)
    const { stored } = this.#used
    const loaded = this.#read(own, stored.text, this.version)
    await this.#takeOver({ own, stored, loaded }, async () => {})
    this.#seeFile('same', [])
    // What this replica could not take over may be possible with its file as it is now.
    if (!this.#table.isAway) await this.#catchUp().catch(() => {})
    return this.#used.loaded
  }

  refreshed(loaded: LoadedConfig): void {
    this.#used = { ...this.#used, loaded }
  }

  /** Before a change: it is made to what is the last version of all. */
  async #prepare(): Promise<void> {
    const { file } = this.#options
    if (this.#used.loaded.config.catalog.mode === 'read-only') throw readOnly(file)
    await this.#catchUp()
  }

  #edited(edits: readonly CatalogEdit[]): { readonly text: string } {
    const { text } = this.#used.stored
    return editText(text, edits, catalogOf(this.#used.tree))
  }

  async #replace(
    author: CatalogAuthor,
    what: string,
    text: string,
  ): Promise<CatalogChange | 'unchanged'> {
    const before = this.#used
    if (text === before.stored.text) return 'unchanged'
    if (text.length > maxCatalogLength) throw new ConsoleError(tooLong)
    const record = nextVersion(this.version, author, what, this.#options.now())
    const stored = { record, text }
    const loaded = this.#read(before.own, text, record.version)
    const next = { own: before.own, stored, loaded }
    await this.#takeOver(next, async () => this.#keep(next, author))
    this.#options.observer.changed(versionOf(record))
    return { ...versionOf(record), notices: newNotices(before.loaded, loaded) }
  }

  async #keep({ stored, loaded }: BegunCatalog, author: CatalogAuthor): Promise<void> {
    const { audit } = this.#options
    const version = stored.record
    const after = readWritten(loaded.text)
    const change = { author, version, before: this.#used.tree, after }
    const progress = { isRecorded: false }
    try {
      await this.#table.add(stored, this.version, loaded.config.catalog.versions, async () => {
        // Before it lasts: there may be a change too many in the audit, and never one too few.
        await audit({ ...change, outcome: 'done' })
        progress.isRecorded = true
      })
    } catch (error) {
      // Of what nobody knows whether it lasts it was right to say that it was done.
      if (progress.isRecorded && !(error instanceof OutcomeUnknown)) {
        await audit({ ...change, outcome: 'failed' }).catch(() => {})
      }
      throw error instanceof NotTheLast ? new ChangedMeanwhile() : error
    }
  }

  /** Takes over what others have made of it. Throws where that cannot be, and keeps what it has. */
  async #catchUp(): Promise<void> {
    const { fleet, observer } = this.#options
    const last = await this.#table.last(this.version).catch((error: unknown) => {
      if (!(error instanceof StoreAway)) this.#fallBehind(this.version + 1, error)
      throw error
    })
    if (last.version < this.version) {
      // A store that was put back, by whomever, does not make anything come to be what it was.
      await this.#table.putBack(this.#used.stored)
      fleet.putBack(this.version)
    }
    const { stored } = last
    if (stored === undefined) return
    try {
      const loaded = this.#read(this.#used.own, stored.text, last.version)
      await this.#takeOver({ own: this.#used.own, stored, loaded }, async () => {})
    } catch (error) {
      this.#fallBehind(last.version, error)
      throw error
    }
    observer.changed(versionOf(stored.record))
  }

  #fallBehind(version: number, error: unknown): void {
    const problems = problemsOf(this.#options.file, error)
    const isTold = isDeepStrictEqual(this.#behind, { version, problems })
    this.#behind = { version, problems }
    if (!isTold) this.#options.fleet.behind(version, problems)
  }

  #read(own: string, text: string, version: number): LoadedConfig {
    return readJoined(joinTexts(own, text, version), this.#options.file, this.#options.read)
  }

  async #takeOver(next: BegunCatalog, keep: () => Promise<void>): Promise<void> {
    await this.#options.takeOver(next.loaded, next.stored.record.version, keep)
    const isNewer = next.stored.record.version > this.version
    this.#used = { ...next, tree: readWritten(next.loaded.text) }
    if (!isNewer) return
    this.#options.fleet.used(next.stored)
    if (this.#behind === undefined) return
    this.#behind = undefined
    this.#options.fleet.behind(undefined, [])
  }

  /** Somebody may have edited the file. */
  async #lookAtFile(): Promise<void> {
    const { file, observer } = this.#options
    try {
      const own = readConfigText(file)
      if (own === this.#used.own) this.#seeFile('same', [])
      else {
        this.#read(own, this.#used.stored.text, this.version)
        if (this.#used.loaded.config.catalog.watch) await this.reload()
        else {
          this.#seeFile('differs', [
            `${file}: was changed by hand and is valid: RELOAD takes it over, but for its catalog`,
          ])
        }
      }
    } catch (error) {
      if (!(error instanceof ConfigError)) observer.failed('file', error)
      this.#seeFile('broken', problemsOf(file, error))
    }
  }

  #seeFile(state: 'same' | 'differs' | 'broken', problems: readonly string[]): void {
    if (problems.join('\n') === this.#fileProblems.join('\n')) return
    this.#fileProblems = problems
    this.#options.observer.fileSeen(state, problems)
  }
}

/** The catalog of a file, as the first version of a fleet that has none. */
export function firstVersion(own: string, now: number): StoredVersion {
  return {
    record: nextVersion(0, starting, 'read at the start', now),
    text: catalogTextOf(own),
  }
}

/** Reads what a replica begins with. Throws a ConfigError. */
export function beginWith(
  own: string,
  stored: StoredVersion,
  file: string,
  read: (text: string) => LoadedConfig,
): BegunCatalog {
  const text = joinTexts(own, stored.text, stored.record.version)
  return { own, stored, loaded: readJoined(text, file, read) }
}

/** Whether a file says another catalog than the one that is in use. */
export function saysAnother(own: string, stored: StoredVersion): boolean {
  const written = catalogOf(readWritten(own))
  return (
    Object.keys(written).length > 0 &&
    !isDeepStrictEqual(written, catalogOf(readWritten(stored.text)))
  )
}

const tooLong = { sqlstate: '54000', message: 'the catalog would be longer than 1 MiB' }
