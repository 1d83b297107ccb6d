// What the console says of the catalog's versions, and how it goes back to one.
import { type Answer, type Cell, type Column, ConsoleError, type ConsoleNotice } from '../answer.ts'
import type { CatalogAuthor, CatalogChange, CatalogHome, CatalogVersion } from '../catalog-home.ts'
import type { Count } from '../grammar/statement.ts'
import type { ConsoleUser } from '../order.ts'

const versionColumns: readonly Column[] = [
  { name: 'version', type: 'int8' },
  { name: 'changed', type: 'timestamptz' },
  { name: 'author', type: 'text' },
  { name: 'by', type: 'text' },
  { name: 'change', type: 'text' },
]

export const historyColumns: readonly Column[] = [
  ...versionColumns,
  { name: 'in_use', type: 'bool' },
]

export const catalogColumns: readonly Column[] = [
  ...versionColumns,
  { name: 'file', type: 'text' },
  { name: 'mode', type: 'text' },
  { name: 'problems', type: 'text[]' },
]

export function showCatalog({ state }: CatalogHome): Answer {
  const row = [...cellsOf(state), state.file, state.mode, state.problems]
  return { tag: 'SHOW', table: { columns: catalogColumns, rows: [row] } }
}

export async function showHistory(home: CatalogHome, limit: Count | undefined): Promise<Answer> {
  const { version: current } = home.state
  const versions = await home.history()
  const rows = versions.map((one) => [...cellsOf(one), one.version === current])
  const shown = limit?.kind === 'number' ? rows.slice(0, limit.value) : rows
  return { tag: 'SHOW', table: { columns: historyColumns, rows: shown } }
}

export async function rollbackCatalog(
  home: CatalogHome,
  version: Count,
  user: ConsoleUser,
  position: number,
): Promise<Answer> {
  if (version.kind !== 'number') {
    throw new ConsoleError({ sqlstate: '22023', message: 'a version is a number', position })
  }
  const change = await home.rollback({ ...authorOf(user), by: 'rollback' }, version.value)
  const notices: readonly ConsoleNotice[] =
    change === 'unchanged'
      ? [{ severity: 'NOTICE', message: `the catalog is what it was in version ${version.value}` }]
      : noticesOf(change)
  return { tag: 'ROLLBACK CATALOG', notices }
}

/** Who sits at the console, for the version and the audit. */
export function authorOf({ name, session, address, issuer, subject }: ConsoleUser): CatalogAuthor {
  return { name, by: 'console', session, address, issuer, subject }
}

/** What is told with a change. */
export function noticesOf({ version, notices }: CatalogChange): readonly ConsoleNotice[] {
  return [
    { severity: 'NOTICE', message: `version ${version} of the catalog is in use` },
    ...notices.map((message): ConsoleNotice => ({ severity: 'WARNING', message })),
  ]
}

function cellsOf({ version, at, author, by, what }: CatalogVersion): readonly Cell[] {
  return [version, at, author, by, what]
}
