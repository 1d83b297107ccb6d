// What a file leaves to its own defaults, put where it belongs before anything is checked: the upstream of
// databases that have none, and the pool of a node that no other pool is on.
import { hostname } from 'node:os'
import { isName, longestName } from './fields.ts'
import type { Path } from './problem.ts'
import type { Tree } from './read-tree.ts'
import { defaultPoolKeys, participantKeys } from './schema/default-pool.ts'
import { defaultUpstreamKeys } from './schema/database.ts'
import { isMapping, type Mapping } from './mapping.ts'

/** A tree whose paths lead to what was filled in as well. */
export interface ExpandedTree extends Tree {
  /** Where the file has what is at a path: in a section of defaults, where it comes from there. */
  readonly originOf: (path: Path) => Path
  /** The pool that the node has because no other is on it. */
  readonly impliedPool: string | undefined
}

/** Databases of the console. `system` has an upstream only where it says so itself. */
export const databasesOfConsole: readonly string[] = ['system', 'portcullis', 'pgbouncer']

/** Where keys of an entry stand that are not in the entry itself. */
type Origins = ReadonlyMap<string, Path>

export function expandDefaults(tree: Tree): ExpandedTree {
  const { value } = tree
  if (!isMapping(value)) {
    return { ...tree, originOf: (path) => path, impliedPool: undefined }
  }
  const upstreams = expandUpstreams(value)
  const pools = expandPools(value)
  const origins: Origins = new Map([...upstreams.origins, ...pools.origins])
  const originOf = (path: Path): Path => origin(origins, path)
  return {
    value: {
      ...value,
      ...(upstreams.databases && { databases: upstreams.databases }),
      ...(pools.pools && { connectivity_pools: pools.pools }),
    },
    problems: tree.problems,
    has: (path) => tree.has(originOf(path)),
    positionOf: (path) => tree.positionOf(originOf(path)),
    keyPositionOf: (path) => tree.keyPositionOf(originOf(path)),
    writtenAt: (path) => tree.writtenAt(originOf(path)),
    isUnresolved: (path) => tree.isUnresolved(originOf(path)),
    originOf,
    impliedPool: pools.implied,
  }
}

function origin(origins: Origins, path: Path): Path {
  for (let length = path.length; length > 0; length--) {
    const found = origins.get(keyOf(path.slice(0, length)))
    if (found !== undefined) return [...found, ...path.slice(length)]
  }
  return path
}

function keyOf(path: Path): string {
  return JSON.stringify(path)
}

interface Upstreams {
  readonly databases?: Mapping
  readonly origins: Origins
}

/** Keys of a database's own upstream are laid over the default ones, each as a whole. */
function expandUpstreams({ default_upstream: section, databases }: Mapping): Upstreams {
  const origins = new Map<string, Path>()
  if (!isMapping(section) || !isMapping(databases)) return { origins }
  const expanded = mapEntries(databases, (name, database) => {
    if (databasesOfConsole.includes(name) || !isMapping(database)) return database
    const own = database['upstream'] ?? {}
    // What is empty there is a mistake, and stays one.
    if (!isMapping(own) || database['upstream'] === null) return database
    // Where a server is stands in one of two keys.
    const isElsewhere = has(own, 'host') || has(own, 'hosts')
    const keys = defaultUpstreamKeys.filter(
      (key) =>
        has(section, key) &&
        !has(own, key) &&
        !(isElsewhere && (key === 'host' || key === 'hosts')),
    )
    for (const key of keys) {
      origins.set(keyOf(['databases', name, 'upstream', key]), ['default_upstream', key])
    }
    return { ...database, upstream: { ...pick(section, keys), ...own } }
  })
  return { databases: expanded, origins }
}

interface Pools {
  readonly pools?: Mapping
  readonly origins: Origins
  readonly implied: string | undefined
}

const suffix = '_default'
const mostOfName = longestName - suffix.length

const loopback = { listen_address: '127.0.0.1', listen_port: 6432 }

/** The pool `<node>_default`: an entry of that name without participants has its own, and none is made then. */
function expandPools({
  node = hostname(),
  default_pool: section = {},
  connectivity_pools: pools = {},
}: Mapping): Pools {
  const none: Pools = { origins: new Map(), implied: undefined }
  if (typeof node !== 'string' || !isMapping(section) || !isMapping(pools)) return none
  const name = defaultPoolName(node)
  if (name === undefined) return none
  const own = pools[name]
  const isNamed = has(pools, name)
  if (isNamed && (!isMapping(own) || has(own, 'participants'))) return none
  if (!isNamed && Object.values(pools).some((pool) => mayBeOn(node, pool))) return none

  const path = ['connectivity_pools', name]
  const keys = defaultPoolKeys.filter(
    (key) => has(section, key) && !(isMapping(own) && has(own, key)),
  )
  const ofListener = participantKeys.filter((key) => has(section, key))
  const { listen_address: address, ...rest } = loopback
  const participant = {
    node,
    ...rest,
    ...(has(section, 'socket_directory') ? {} : { listen_address: address }),
    ...pick(section, ofListener),
  }
  const origins = new Map<string, Path>([
    ...(isNamed ? [] : [[keyOf(path), ['default_pool']] as const]),
    ...keys.map((key) => [keyOf([...path, key]), ['default_pool', key]] as const),
    [keyOf([...path, 'participants', 0]), ['default_pool']],
  ])
  const entry = { ...pick(section, keys), ...(isMapping(own) && own), participants: [participant] }
  return {
    pools: { ...pools, [name]: entry },
    origins,
    implied: isNamed ? undefined : name,
  }
}

/** Undefined for a node that cannot be called so. A long one is cut, since names have 63 characters. */
function defaultPoolName(node: string): string | undefined {
  return isName(node) ? `${node.slice(0, mostOfName)}${suffix}` : undefined
}

/** A participant whose node cannot be read may well be on this one. */
function mayBeOn(node: string, pool: unknown): boolean {
  if (!isMapping(pool) || pool['enabled'] === false || pool['enabled'] === 'false') return false
  const { participants } = pool
  if (!Array.isArray(participants)) return false
  return participants.some((one: unknown) => {
    const its = isMapping(one) ? one['node'] : undefined
    return typeof its !== 'string' || its === node
  })
}

function pick(section: Mapping, keys: readonly string[]): Mapping {
  return Object.fromEntries(keys.map((key) => [key, section[key]]))
}

function mapEntries(entries: Mapping, change: (name: string, value: unknown) => unknown): Mapping {
  const changed = Object.entries(entries).map(([name, value]) => [name, change(name, value)])
  return Object.fromEntries(changed) as Mapping
}

function has(mapping: Mapping, key: string): boolean {
  return Object.hasOwn(mapping, key)
}
