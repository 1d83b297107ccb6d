// The catalog as a file that says all of it, or of some of its sections.
import { ConsoleError } from '../admin/answer.ts'
import type { CatalogEdit, CatalogPath, Written, WrittenMap } from '../admin/catalog-home.ts'
import {
  createMasker,
  EditRefused,
  editText,
  formatPath,
  isList,
  isMapping,
  type Masker,
  maskedSecret,
  readWritten,
} from '../config/index.ts'
import { differences } from './differences.ts'
import { catalogSections, isCatalogSection } from './sections.ts'

/** A place of the catalog and what becomes of it, fit to be shown; undefined: there is nothing. */
export interface ShownChange {
  readonly path: string
  readonly before?: Written
  readonly after?: Written
}

/** Reads the sections of a text. Throws a ConsoleError. */
export function readSections(text: string): WrittenMap {
  let tree: WrittenMap
  try {
    tree = readWritten(text)
  } catch (error) {
    if (!(error instanceof EditRefused)) throw error
    throw invalid('it is no mapping in YAML')
  }
  const other = Object.keys(tree).find((name) => !isCatalogSection(name))
  if (other === undefined) return tree
  throw invalid(
    `${formatPath([other])} is not of the catalog, which is ${catalogSections.join(', ')}`,
  )
}

/** What makes the sections that there are what they say; sections that are not there stay as they are. */
export function planSections(tree: WrittenMap, sections: WrittenMap): readonly CatalogEdit[] {
  return Object.entries(sections).flatMap(([name, value]): readonly CatalogEdit[] => {
    const before = Object.hasOwn(tree, name) ? tree[name] : undefined
    if (value === null) return before === undefined ? [] : [{ kind: 'remove', path: [name] }]
    const wanted = withSecretsOf(before, value, [name])
    return [{ kind: 'set', path: [name], value: wanted, isWritten: true }]
  })
}

/** What was exported has no secrets: where it says so, the one that there is stays. */
function withSecretsOf(before: Written | undefined, wanted: Written, path: CatalogPath): Written {
  if (wanted === maskedSecret) {
    if (typeof before === 'string') return before
    throw invalid(
      `${formatPath(path)} is masked, and there is none yet: write it, or a reference to it`,
    )
  }
  if (isList(wanted)) {
    const known = isList(before) ? before : []
    return wanted.map((one, index) => withSecretsOf(known[index], one, [...path, index]))
  }
  if (!isMapping(wanted)) return wanted
  return Object.fromEntries(
    Object.entries(wanted).map(([key, one]) => {
      const known = isMapping(before) && Object.hasOwn(before, key) ? before[key] : undefined
      return [key, withSecretsOf(known, one, [...path, key])]
    }),
  )
}

export function shownChanges(
  before: WrittenMap,
  after: WrittenMap,
  masked: Masker = createMasker(),
): readonly ShownChange[] {
  return differences(before, after).map((one) => ({
    path: formatPath(one.path),
    ...(one.before !== undefined && { before: masked(one.before, one.path) }),
    ...(one.after !== undefined && { after: masked(one.after, one.path) }),
  }))
}

/** The catalog of a text with its comments, and with the mask where secrets are. Throws an EditRefused. */
export function exportSections(text: string): string {
  const tree = readWritten(text)
  const masked = createMasker()
  const edits = Object.entries(tree).map(([name, value]): CatalogEdit =>
    isCatalogSection(name)
      ? { kind: 'set', path: [name], value: masked(value, [name]), isWritten: true }
      : { kind: 'remove', path: [name] },
  )
  return editText(text, edits).text
}

function invalid(message: string): ConsoleError {
  return new ConsoleError({ sqlstate: '22023', message, hint: 'Nothing was changed.' })
}
