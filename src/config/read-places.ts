import { dirname, resolve } from 'node:path'
import { interpolate, type Sources } from './interpolate.ts'
import { readConfigFile } from './read-config-file.ts'
import { ConfigError, sortProblems } from './problem.ts'
import { readTree, type Tree } from './read-tree.ts'
import { usualHttpAddress, usualHttpPort } from './usual-http.ts'

/** Where a service with a configuration is asked. */
export interface Places {
  readonly httpAddress: string
  readonly httpPort: number
  readonly controlSocket: string | undefined
  /** Of the audit, where there are any. */
  readonly auditFiles: readonly string[]
}

/**
 * Reads these keys of a file and none of its secrets: it is done every few seconds, by users who may read no more,
 * and for a service whose file has been broken since. Throws a `ConfigError`.
 */
export function readPlaces(file: string, environment: NodeJS.ProcessEnv = process.env): Places {
  const tree = readTree(readConfigFile(file))
  const folder = dirname(resolve(file))
  const reader = new Reader(file, tree, { environment, folder })
  const socket = reader.read(['control_socket'])
  const address = reader.read(['http', 'listen_address'])
  return {
    httpAddress: address ?? usualHttpAddress,
    httpPort: reader.readPort(['http', 'listen_port']),
    controlSocket: socket === undefined ? undefined : resolve(folder, socket),
    auditFiles: auditFiles(reader).map((file) => resolve(folder, file)),
  }
}

/** One file, or those among the places of a list. */
function auditFiles(reader: Reader): readonly string[] {
  const listed = reader
    .indicesOf(['audit', 'sinks'])
    .map((index): Keys => ['audit', 'sinks', index])
  return [['audit'] as Keys, ...listed].flatMap((place) => {
    const isFile = reader.read([...place, 'sink']) === 'file'
    return (isFile ? reader.read([...place, 'file']) : undefined) ?? []
  })
}

type Keys = readonly [string, ...string[]]

class Reader {
  readonly #file: string
  readonly #tree: Tree
  readonly #sources: Sources

  constructor(file: string, tree: Tree, sources: Sources) {
    this.#file = file
    this.#tree = tree
    this.#sources = sources
    if (tree.value === undefined) throw new ConfigError(file, sortProblems(tree.problems))
  }

  read(keys: Keys): string | undefined {
    const value = keys.reduce<unknown>(memberOf, this.#tree.value)
    if (value === undefined || value === null) return undefined
    if (typeof value !== 'string' && typeof value !== 'number') {
      throw this.#problem(keys, 'must be one value')
    }
    const { text, problems } = interpolate(String(value), this.#sources)
    if (problems[0] !== undefined) throw this.#problem(keys, problems[0])
    return text
  }

  /** Of a list; none where there is no list. */
  indicesOf(keys: Keys): readonly string[] {
    const value = keys.reduce<unknown>(memberOf, this.#tree.value)
    return Array.isArray(value) ? [...value.keys()].map(String) : []
  }

  readPort(keys: Keys): number {
    const text = this.read(keys) ?? String(usualHttpPort)
    const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN
    if (!(port <= 65_535)) throw this.#problem(keys, 'must be a port')
    return port
  }

  #problem(keys: Keys, message: string): ConfigError {
    const at = this.#tree.positionOf(keys)
    return new ConfigError(this.#file, [{ path: keys.join('.'), ...at, message }])
  }
}

function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
  return (value as Readonly<Record<string, unknown>>)[key]
}
