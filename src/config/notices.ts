import type { Finding } from './checks/index.ts'
import type { Config } from './config.ts'
import { suggestion } from './nearest-name.ts'
import { quote, quoteSome } from './problem.ts'
import type { Tree } from './read-tree.ts'
import { isHere } from './upstream-hosts.ts'
import { aboutSettings } from './settings-notices.ts'

/** What a usable configuration says in vain, or what leaves a door open that was perhaps meant to be shut. */
export function findNotices(config: Config, tree: Tree): readonly Finding[] {
  return [
    ...impliedPool(config, tree),
    ...keysWithoutEffect(config).filter(({ path }) => tree.has(path)),
    ...gracesForNothing(config, tree),
    ...insecureUpstreams(config),
    ...loosePatterns(config),
    ...grantsAhead(config),
    ...pagesWithoutSecret(config),
    ...aboutSettings(config, tree),
  ]
}

/** A node that only others' pools are on is perhaps called otherwise than was meant. */
function impliedPool(
  { implied_pool: name, node, connectivity_pools: pools }: Config,
  tree: Tree,
): readonly Finding[] {
  if (name === undefined) return []
  const written = tree.writtenAt(['node']) ?? node
  const [participant] = pools[name]?.participants ?? []
  const { listen_address: address, socket_directory: folder, listen_port: port } = participant ?? {}
  const where = folder ?? address ?? ''
  const others = Object.values(pools).flatMap((pool) => pool.participants.map((one) => one.node))
  const known = [...new Set(others)].filter((one) => one !== node)
  const elsewhere = known.length === 0 ? '' : `; there are some on ${quoteSome(known)}`
  const message = `no pool that is enabled has a participant on this node, ${quote(written)}, so that it has a pool of its own, ${quote(`${written}_default`)}, at ${where} port ${port ?? ''}${elsewhere}`
  return [{ path: ['connectivity_pools'], message }]
}

const ofApi = ['openapi_port', 'openapi_advertised_address', 'openapi_advertised_port']

/** What they are about is there with `web` alone. */
function keysWithoutEffect({ web, connectivity_pools: pools }: Config): readonly Finding[] {
  if (web !== undefined) return []
  const message = 'has no effect without `web`: there is no sign-in API then'
  return Object.entries(pools).flatMap(([name, { participants }]) =>
    participants.flatMap((_, index) =>
      ofApi.map((key): Finding => {
        const path = ['connectivity_pools', name, 'participants', index, key]
        return { path, message, isAboutKey: true }
      }),
    ),
  )
}

function gracesForNothing({ connectivity_pools: pools }: Config, tree: Tree): readonly Finding[] {
  return Object.entries(pools).flatMap(([name, pool]) => {
    const path = ['connectivity_pools', name, 'session_grace']
    if (pool.session_expiry === 'hard' || pool.max_session_lifetime !== undefined) return []
    if (!tree.has(path)) return []
    const message = 'has no effect without `session_expiry: hard` or `max_session_lifetime`'
    return { path, message, isAboutKey: true }
  })
}

/** They may be written down before the database. */
function grantsAhead({ groups, databases }: Config): readonly Finding[] {
  const known = Object.entries(databases).flatMap(([name, { upstream }]) => (upstream ? name : []))
  return Object.entries(groups).flatMap(([group, { grants = [] }]) =>
    grants.flatMap(({ database }, index) => {
      if (Object.hasOwn(databases, database)) return []
      const message = `has no effect yet: there is no such database; ${suggestion(database, known)}`
      return { path: ['groups', group, 'grants', index, 'database'], message }
    }),
  )
}

/** A node alone may do without one. */
function pagesWithoutSecret({ web }: Config): readonly Finding[] {
  if (web === undefined || web.secret !== undefined) return []
  const message =
    'has no `secret`: a random one is made at each start, so that all sign-ins and session tokens end then, and are nothing to other nodes behind `public_url`'
  return [{ path: ['web'], message }]
}

const risks = {
  disable: 'roles and passwords cross the network in the clear',
  require: 'the certificate of the server is not checked, so anyone on the path can be the server',
}

function insecureUpstreams({ databases }: Config): readonly Finding[] {
  return Object.entries(databases).flatMap(([name, { upstream }]) => {
    if (upstream === undefined || upstream.hosts.every(({ host }) => isHere(host))) return []
    if (upstream.tls !== 'disable' && upstream.tls !== 'require') return []
    const message = `${risks[upstream.tls]}; use "verify-full"`
    return { path: ['databases', name, 'upstream', 'tls'], message }
  })
}

/** As CockroachDB has it where nobody says otherwise: nothing is left over. */
const wholeClaim = '(.+)'

function loosePatterns({ integrations }: Config): readonly Finding[] {
  return Object.entries(integrations).flatMap(([name, { principal_regex: pattern, cockroach }]) =>
    pattern === undefined || pattern === wholeClaim || isAnchored(pattern)
      ? []
      : {
          path:
            cockroach === undefined
              ? ['integrations', name, 'principal_regex']
              : ['settings', 'server.oidc_authentication.principal_regex'],
          message:
            'is not anchored with ^ and $, so that it also matches in the middle of a longer claim',
        },
  )
}

function isAnchored(pattern: string): boolean {
  return /^(?:\^|\\A)/.test(pattern) && /(?:^|[^\\])(?:\\\\)*(?:\$|\\z)$/.test(pattern)
}
