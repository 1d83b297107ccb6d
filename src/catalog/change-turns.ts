// Changes of the catalog one after the other, and what is told of one that does not come about.
import { ConsoleError } from '../admin/answer.ts'
import type {
  CatalogAuthor,
  CatalogChange,
  CatalogEdit,
  CatalogVersion,
  WrittenMap,
} from '../admin/catalog-home.ts'
import type { LoadedConfig, Problem } from '../config/index.ts'
import { asFailure } from './errors.ts'
import { isCatalogSection } from './sections.ts'

export interface ChangeTurnsOptions {
  readonly file: string
  /** Does a work when no other is under way that takes over a configuration. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>
  readonly failed: (by: CatalogAuthor['by'], error: unknown) => void
}

/** Somebody else made a change while one was under way. */
export class ChangedMeanwhile extends Error {}

/** There is nothing to be done; the cause is what was thrown. */
class PlanFailed extends Error {}

/** Changes that wait for each other; each is soon done. */
const maxWaiting = 1_000
/** How often others may come in between. */
const maxAttempts = 10
const maxWhatLength = 8_192

export class ChangeTurns {
  readonly #options: ChangeTurnsOptions
  #waiting = 0

  constructor(options: ChangeTurnsOptions) {
    this.#options = options
  }

  /** Does a work in its turn, and once more where something has changed meanwhile. */
  async run(
    by: CatalogAuthor['by'],
    attempt: () => Promise<CatalogChange | 'unchanged'>,
  ): Promise<CatalogChange | 'unchanged'> {
    const { file, inTurn, failed } = this.#options
    if (this.#waiting >= maxWaiting) throw new ConsoleError(tooMany)
    this.#waiting++
    try {
      return await inTurn(async () => this.#attempt(attempt))
    } catch (error) {
      // Whoever planned it knows what to say.
      if (error instanceof PlanFailed) throw error.cause
      const failure = asFailure(file, error)
      failed(by, failure)
      throw failure
    } finally {
      this.#waiting--
    }
  }

  async #attempt(
    attempt: () => Promise<CatalogChange | 'unchanged'>,
  ): Promise<CatalogChange | 'unchanged'> {
    for (let tried = 1; ; tried++) {
      try {
        return await attempt()
      } catch (error) {
        if (!(error instanceof ChangedMeanwhile)) throw error
        if (tried >= maxAttempts) throw new ConsoleError(changing(this.#options.file))
      }
    }
  }
}

/** The edits of a plan, all of which are of the catalog. */
export function planned(
  plan: (tree: WrittenMap) => readonly CatalogEdit[],
  tree: WrittenMap,
): readonly CatalogEdit[] {
  let edits: readonly CatalogEdit[]
  try {
    edits = plan(tree)
  } catch (cause) {
    throw new PlanFailed('no plan', { cause })
  }
  for (const { path } of edits) {
    if (!isCatalogSection(path[0])) throw new ConsoleError(notOfCatalog)
  }
  return edits
}

export function versionOf({ version, at, author, by, what }: CatalogVersion): CatalogVersion {
  return { version, at, author, by, what }
}

export function nextVersion(
  last: number,
  { name, by }: CatalogAuthor,
  what: string,
  at: number,
): CatalogVersion {
  const cut = what.length <= maxWhatLength ? what : `${what.slice(0, maxWhatLength)}...`
  return { version: last + 1, at, author: name, by, what: cut }
}

/** What is remarked on a configuration, and was not on the one before. */
export function newNotices(before: LoadedConfig, after: LoadedConfig): readonly string[] {
  const shown = ({ path, message }: Problem): string => `${path}: ${message}`
  const known = new Set(before.notices.map(shown))
  return after.notices.map(shown).filter((notice) => !known.has(notice))
}

export function noSuchVersion(version: number): ConsoleError {
  return new ConsoleError({
    sqlstate: '42704',
    message: `there is no version ${version} of the catalog any more`,
    hint: 'SHOW HISTORY lists those that there are.',
  })
}

export function readOnly(file: string): ConsoleError {
  return new ConsoleError({
    sqlstate: '25006',
    message: 'the catalog is read-only',
    hint: `Edit ${file}, or what it is made from; then RELOAD.`,
  })
}

export const starting: CatalogAuthor = { name: 'portcullis', by: 'start' }

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
