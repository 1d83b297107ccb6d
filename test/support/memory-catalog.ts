// A catalog's home in memory: it keeps the tree as YAML text and checks it as a file, and nothing else.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Document, isCollection, isSeq, parse, stringify } from 'yaml'
import { ConsoleError } from '../../src/admin/answer.ts'
import type {
  CatalogEdit,
  CatalogHome,
  CatalogVersion,
  Written,
  WrittenMap,
} from '../../src/admin/catalog-home.ts'
import { maskedText } from '../../src/catalog/masked-text.ts'
import {
  ConfigError,
  formatProblem,
  loadConfig,
  type LoadedConfig,
} from '../../src/config/index.ts'

/** A node that has its certificate, listens by its default pool, and knows nobody. */
export const emptyInstallation: WrittenMap = {
  node: 'gw0',
  tls: { certificate: 'server.crt', key: 'server.key' },
}

export class MemoryCatalog implements CatalogHome, Disposable {
  /** Where there are files beside it; the file itself is in memory. */
  readonly #folder: string | undefined
  readonly #file: string
  readonly #versions: CatalogVersion[] = []
  readonly #texts: string[] = []
  #text: string
  #loaded: LoadedConfig

  readonly #environment: Readonly<Record<string, string>>

  constructor(
    tree: WrittenMap = emptyInstallation,
    files: Readonly<Record<string, string>> = {},
    environment: Readonly<Record<string, string>> = {},
  ) {
    this.#environment = environment
    const written = Object.entries(files)
    const place = join(tmpdir(), 'portcullis-catalog-')
    this.#folder = written.length === 0 ? undefined : mkdtempSync(place)
    const folder = this.#folder ?? place
    this.#file = join(folder, 'portcullis.yaml')
    for (const [name, contents] of written) writeFileSync(join(folder, name), contents)
    this.#text = stringify(tree, { aliasDuplicateObjects: false })
    this.#loaded = this.#load(this.#text)
    this.#texts.push(this.#text)
    this.#versions.push({ version: 1, at: 0, author: 'nobody', by: 'start', what: 'start' })
  }

  [Symbol.dispose](): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true })
  }

  get tree(): WrittenMap {
    return parse(this.#text) as WrittenMap
  }

  get loaded(): LoadedConfig {
    return this.#loaded
  }

  get state(): CatalogHome['state'] {
    return {
      ...this.#versions.at(-1)!,
      file: this.#file,
      mode: 'read-write',
      tree: this.tree,
      problems: [],
    }
  }

  readonly change: CatalogHome['change'] = async (author, what, plan) => {
    const edits = plan(this.tree)
    if (edits.length === 0) return Promise.resolve('unchanged')
    const document = new Document(this.tree, { aliasDuplicateObjects: false })
    for (const edit of edits) apply(document, edit)
    const text = document.toString()
    const before = this.#loaded
    this.#loaded = this.#load(text)
    this.#text = text
    this.#texts.push(text)
    const known = before.notices.map(({ path, message }) => `${path}: ${message}`)
    const remarks = this.#loaded.notices.map(({ path, message }) => `${path}: ${message}`)
    const version: CatalogVersion = {
      version: this.#versions.length + 1,
      at: 0,
      author: author.name,
      by: author.by,
      what,
    }
    this.#versions.push(version)
    const notices = remarks.filter((remark) => !known.includes(remark))
    return Promise.resolve({ ...version, notices })
  }

  readonly history: CatalogHome['history'] = async () =>
    Promise.resolve(this.#versions.toReversed())

  readonly textOf: CatalogHome['textOf'] = async (version) =>
    Promise.resolve(this.#texts.slice(version - 1, version).map(maskedText)[0])

  readonly rollback: CatalogHome['rollback'] = async () => Promise.reject(new Error('not here'))

  #load(text: string): LoadedConfig {
    try {
      return loadConfig(this.#file, this.#environment, undefined, text)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      const [first, ...others] = error.problems.map((problem) =>
        formatProblem('', problem).replace(/^[\d:]* /, ''),
      )
      throw new ConsoleError({
        sqlstate: '22023',
        message: first ?? 'wrong',
        detail: others.length === 0 ? undefined : others.join('\n'),
      })
    }
  }
}

function apply(document: Document, edit: CatalogEdit): void {
  if (edit.kind === 'remove') {
    document.deleteIn(edit.path)
    return
  }
  const value = document.createNode(literally(edit.value))
  const parent = document.getIn(edit.path.slice(0, -1), true)
  if (isSeq(parent) && parent.items.length === edit.path.at(-1)) parent.add(value)
  else if (parent !== undefined && !isCollection(parent)) {
    document.setIn(
      edit.path.slice(0, -1),
      document.createNode({ [String(edit.path.at(-1))]: value }),
    )
  } else document.setIn(edit.path, value)
}

/** As the file has text that is meant as it stands. */
export function literally<W extends Written>(value: W): W
export function literally(value: Written): Written {
  if (typeof value === 'string') return value.replaceAll('${', () => '$${')
  if (Array.isArray(value)) return (value as readonly Written[]).map((item) => literally(item))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, literally(inner)]))
}
