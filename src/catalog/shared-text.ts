// The configuration of a replica: its file, but for the catalog, and the catalog of the fleet.
import { stringify } from 'yaml'
import type { CatalogEdit, WrittenMap } from '../admin/catalog-home.ts'
import { isDeepStrictEqual } from 'node:util'
import {
  blankSections,
  ConfigError,
  EditRefused,
  editText,
  type LoadedConfig,
  type Problem,
  readWritten,
} from '../config/index.ts'
import { isCatalogSection } from './sections.ts'

const marker = /^# catalog version \d+ in the store of the fleet$/

/** The catalog of a text, with its comments. */
export function catalogTextOf(text: string): string {
  const tree = readWritten(text)
  const others = Object.keys(tree).filter((name) => !isCatalogSection(name))
  const edits = others.map((name): CatalogEdit => ({ kind: 'remove', path: [name] }))
  try {
    return editText(text, edits, tree).text
  } catch (error) {
    if (!(error instanceof EditRefused)) throw error
    // What it shares with the rest by anchors is written out.
    return asText(catalogOf(tree))
  }
}

export function catalogOf(tree: WrittenMap): WrittenMap {
  return Object.fromEntries(Object.entries(tree).filter(([name]) => isCatalogSection(name)))
}

/** One text of both. Lines of the file are where they are in it, wherever that can be. */
export function joinTexts(own: string, catalog: string, version: number): string {
  const all = readWritten(own)
  const rest = Object.entries(all).filter(([name]) => !isCatalogSection(name))
  const wanted = { ...Object.fromEntries(rest), ...catalogOf(readWritten(catalog)) }
  const kept = blankSections(own, isCatalogSection)
  if (kept !== undefined) {
    const text = `${kept}\n# catalog version ${version} in the store of the fleet\n${catalog}`
    if (says(text, wanted)) return text
  }
  return asText(wanted)
}

/** Reads a text of both, and says of what is wrong where it stands: in the file, or in which version. */
export function readJoined(
  text: string,
  file: string,
  read: (text: string) => LoadedConfig,
): LoadedConfig {
  const lines = text.split('\n')
  const last = lines.findLastIndex((line) => marker.test(line)) + 1
  const name = (lines[last - 1] ?? '').slice(2)
  const place = (problem: Problem): Problem =>
    last === 0 || problem.line < last
      ? problem
      : { ...problem, source: name, line: Math.max(1, problem.line - last) }
  try {
    const loaded = read(text)
    return { ...loaded, notices: loaded.notices.map(place) }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigError(file, error.problems.map(place))
  }
}

function asText(tree: WrittenMap): string {
  return stringify(tree, { lineWidth: 0, aliasDuplicateObjects: false })
}

function says(text: string, wanted: WrittenMap): boolean {
  try {
    return isDeepStrictEqual(readWritten(text), wanted)
  } catch (error) {
    if (error instanceof EditRefused) return false
    throw error
  }
}
