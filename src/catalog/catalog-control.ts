// What can be asked of a catalog from the command line.
import { ConsoleError, type ConsoleFault } from '../admin/answer.ts'
import type { CatalogAuthor, CatalogVersion } from '../admin/catalog-home.ts'
import type { RunningCatalog } from './catalog-home.ts'
import {
  exportSections,
  planSections,
  readSections,
  type ShownChange,
  shownChanges,
} from './declare.ts'
import { asFailure } from './errors.ts'

export interface ApplyRequest {
  readonly text: string
  /** The catalog must still be this version. */
  readonly expectVersion?: number | undefined
  /** Who says so; whoever can ask may say anything. */
  readonly author: string
}

export type Controlled<T> =
  | { readonly kind: 'done'; readonly result: T }
  | { readonly kind: 'fault'; readonly fault: ConsoleFault }

export interface CatalogDiff {
  readonly version: number
  readonly changes: readonly ShownChange[]
}

export interface CatalogApplied {
  readonly version: number
  readonly isChanged: boolean
  readonly notices: readonly string[]
}

export interface CatalogExport {
  readonly version: number
  readonly text: string
}

export interface CatalogControl {
  diff(text: string): Promise<Controlled<CatalogDiff>>
  apply(request: ApplyRequest): Promise<Controlled<CatalogApplied>>
  export(): Promise<Controlled<CatalogExport>>
}

const mostNamed = 20

export function catalogControl(home: RunningCatalog): CatalogControl {
  return {
    diff: async (text) =>
      controlled(home, () => {
        const { version, tree } = home.state
        const after = home.tryOut(planSections(tree, readSections(text)))
        return { version, changes: shownChanges(tree, after) }
      }),
    apply: async ({ text, expectVersion, author: name }) =>
      controlled(home, async () => {
        const sections = readSections(text)
        const author: CatalogAuthor = { name, by: 'apply' }
        const what = `portcullis apply of ${Object.keys(sections).slice(0, mostNamed).join(', ')}`
        const change = await home.change(author, what, (tree) => {
          refuseOther(home.state, expectVersion)
          return planSections(tree, sections)
        })
        if (change === 'unchanged') {
          return { version: home.state.version, isChanged: false, notices: [] }
        }
        return { version: change.version, isChanged: true, notices: change.notices }
      }),
    export: async () =>
      controlled(home, () => ({
        version: home.state.version,
        text: exportSections(home.catalogText),
      })),
  }
}

function refuseOther({ version }: CatalogVersion, expected: number | undefined): void {
  if (expected === undefined || expected === version) return
  throw new ConsoleError({
    sqlstate: '40001',
    message: `the catalog is version ${version}, not ${expected}: somebody has changed it`,
    hint: 'Look at the difference again.',
  })
}

async function controlled<T>(
  home: RunningCatalog,
  work: () => T | Promise<T>,
): Promise<Controlled<T>> {
  try {
    return { kind: 'done', result: await work() }
  } catch (error) {
    const failure = asFailure(home.state.file, error)
    if (!(failure instanceof ConsoleError)) throw error
    return { kind: 'fault', fault: failure.fault }
  }
}
