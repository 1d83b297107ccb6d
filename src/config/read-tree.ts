import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Alias,
  type Document,
  type ErrorCode,
  type Pair,
  type YAMLError,
} from 'yaml'
import { interpolate, type Sources } from './interpolate.ts'
import { formatPath, type Path, type Position, type Problem } from './problem.ts'

/** A configuration file as plain values, with the places where they were written. */
export interface Tree {
  readonly value: unknown
  /** What is wrong already: duplicate keys, references that lead nowhere, aliases that explode. */
  readonly problems: readonly Problem[]
  has(path: Path): boolean
  /** Of the value, or of the nearest mapping around a value that is absent. */
  positionOf(path: Path): Position
  keyPositionOf(path: Path): Position
  /** A scalar as it stands in the file: fit for a message, since references are not resolved. */
  writtenAt(path: Path): string | undefined
  /** True where a reference could not be resolved, so that nothing can be said about the value. */
  isUnresolved(path: Path): boolean
}

interface Place {
  readonly key?: Position | undefined
  readonly value?: Position | undefined
}

interface Entry extends Place {
  readonly isScalar: boolean
  readonly written?: string
  readonly isUnresolved: boolean
}

const start: Position = { line: 1, column: 1 }
const maxAliases = 100

/**
 * Parses YAML 1.2 (core schema). `value` is `undefined` where the text is no YAML; then see the problems.
 * Without sources values are as they are written.
 */
export function readTree(text: string, sources?: Sources): Tree {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    schema: 'core',
    stringKeys: true,
    // Looked for below, with the path and in linear time.
    uniqueKeys: false,
    resolveKnownTags: false,
    // Its own messages quote the file, and the file holds secrets.
    prettyErrors: false,
    // A second document is only reported at this level.
    logLevel: 'error',
  })
  const reader = new TreeReader(document, lines, sources)
  for (const error of [...document.errors, ...document.warnings]) reader.report(error)
  const value = document.errors.length === 0 ? reader.read(document.contents) : undefined
  return {
    value,
    problems: reader.problems,
    has: (path) => reader.entries.has(keyOf(path)),
    positionOf: (path) => positionOf(reader.entries, path),
    keyPositionOf: (path) =>
      reader.entries.get(keyOf(path))?.key ?? positionOf(reader.entries, path),
    writtenAt: (path) => reader.entries.get(keyOf(path))?.written,
    isUnresolved: (path) => reader.entries.get(keyOf(path))?.isUnresolved ?? false,
  }
}

function keyOf(path: Path): string {
  return JSON.stringify(path)
}

function positionOf(entries: ReadonlyMap<string, Entry>, path: Path): Position {
  const entry = entries.get(keyOf(path))
  if (entry === undefined) return path.length === 0 ? start : positionOf(entries, path.slice(0, -1))
  const [first, second] = entry.isScalar ? [entry.value, entry.key] : [entry.key, entry.value]
  return first ?? second ?? start
}

class TreeReader {
  readonly entries = new Map<string, Entry>()
  readonly problems: Problem[] = []
  readonly #document: Document.Parsed
  readonly #lines: LineCounter
  readonly #sources: Sources | undefined
  readonly #ancestors: unknown[] = []
  #aliases = 0

  constructor(document: Document.Parsed, lines: LineCounter, sources: Sources | undefined) {
    this.#document = document
    this.#lines = lines
    this.#sources = sources
  }

  report(error: YAMLError): void {
    const { line, column } = this.#position(error.pos[0]) ?? start
    this.problems.push({ path: '', line, column, message: explain(error.code) })
  }

  read(node: unknown, path: Path = [], key?: Position): unknown {
    const value = isNode(node) ? this.#position(node.range?.[0]) : undefined
    if (isAlias(node)) return this.#readAlias(node, path, { key, value })
    if (isScalar(node)) return this.#readScalar(node.value, path, { key, value })
    if (!isMap(node) && !isSeq(node)) return this.#readScalar(null, path, { key })
    this.entries.set(keyOf(path), { key, value, isScalar: false, isUnresolved: false })
    this.#ancestors.push(node)
    const collection = isSeq(node)
      ? node.items.map((item, index) => this.read(item, [...path, index]))
      : this.#readMapping(node.items, path)
    this.#ancestors.pop()
    return collection
  }

  #readMapping(pairs: readonly Pair[], path: Path): unknown {
    const mapping: Record<string, unknown> = {}
    for (const pair of pairs) {
      const name = isScalar(pair.key) ? String(pair.key.value) : ''
      const position = isNode(pair.key) ? this.#position(pair.key.range?.[0]) : undefined
      const inside = [...path, name]
      if (name === '__proto__') {
        this.#complain(inside, position, 'may not be used as a name')
      } else if (Object.hasOwn(mapping, name)) {
        this.#complain(inside, position, 'duplicate key: this mapping already has it')
      } else {
        mapping[name] = this.read(pair.value, inside, position)
      }
    }
    return mapping
  }

  #readScalar(value: unknown, path: Path, position: Place): unknown {
    const entry = { ...position, isScalar: true, isUnresolved: false }
    if (typeof value !== 'string' || this.#sources === undefined) {
      this.entries.set(keyOf(path), { ...entry, written: String(value) })
      return value
    }
    const { text, problems } = interpolate(value, this.#sources)
    for (const problem of problems) {
      this.#complain(path, position.value ?? position.key, problem)
    }
    const isUnresolved = problems.length > 0
    this.entries.set(keyOf(path), { ...entry, written: value, isUnresolved })
    return text
  }

  /** A few aliases of aliases can stand for billions of values, and one inside its anchor for ever more. */
  #readAlias(alias: Alias, path: Path, { key, value }: Place): unknown {
    this.#aliases += 1
    if (this.#aliases > maxAliases) {
      if (this.#aliases === maxAliases + 1) {
        this.#complain(path, value, `too many aliases: at most ${maxAliases} are followed`)
      }
      return undefined
    }
    const target = alias.resolve(this.#document)
    if (target === undefined) {
      this.#complain(path, value, explain('BAD_ALIAS'))
    } else if (this.#ancestors.includes(target)) {
      this.#complain(path, value, 'an alias may not stand inside what it refers to')
    } else {
      return this.read(target, path, key ?? value)
    }
    this.entries.set(keyOf(path), { key, value, isScalar: true, isUnresolved: true })
    return undefined
  }

  #complain(path: Path, position: Position | undefined, message: string): void {
    const { line, column } = position ?? start
    this.problems.push({ path: formatPath(path), line, column, message })
  }

  #position(offset: number | undefined): Position | undefined {
    if (offset === undefined) return undefined
    const { line, col } = this.#lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }
}

const quoting = 'text with special characters needs quotes'

/** The library's own messages repeat parts of the file; these do not. */
function explain(code: ErrorCode): string {
  switch (code) {
    case 'MULTIPLE_DOCS':
      return 'only one YAML document is allowed: remove what follows "---"'
    case 'TAB_AS_INDENT':
      return 'invalid YAML: indent with spaces, not with tabs'
    case 'BAD_INDENT':
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'BLOCK_IN_FLOW':
    case 'MULTILINE_IMPLICIT_KEY':
      return `invalid YAML: wrong indentation, a bracket without its partner, or ${quoting}`
    case 'BAD_ALIAS':
      return 'invalid YAML: "*" begins an alias and there is no such anchor; text that begins with "*" needs quotes'
    case 'BAD_SCALAR_START':
    case 'ALIAS_PROPS':
    case 'BAD_PROP_ORDER':
    case 'MULTIPLE_ANCHORS':
    case 'MULTIPLE_TAGS':
      return `invalid YAML: ${quoting}`
    case 'TAG_RESOLVE_FAILED':
    case 'BAD_COLLECTION_TYPE':
      return 'unknown YAML tag: text that begins with "!" needs quotes'
    case 'NON_STRING_KEY':
      return 'invalid YAML: a key must be a plain name'
    case 'KEY_OVER_1024_CHARS':
      return 'invalid YAML: a key is longer than 1024 characters'
    case 'BAD_DQ_ESCAPE':
      return 'invalid YAML: unknown escape after "\\" in double quotes; single quotes take "\\" literally'
    case 'BAD_DIRECTIVE':
      return 'invalid YAML: unknown directive'
    case 'RESOURCE_EXHAUSTION':
      return 'invalid YAML: nested too deeply'
    case 'MISSING_CHAR':
    case 'UNEXPECTED_TOKEN':
      return 'invalid YAML: a quote, comma, colon or bracket is missing; between { } and [ ] a "${...}" needs quotes'
    case 'DUPLICATE_KEY':
    case 'IMPOSSIBLE':
      return 'invalid YAML'
  }
}
