import { canonicalAddress, canonicalNetwork, isLoopback } from '../addresses.ts'
import { quote, quoteSome } from '../problem.ts'
import type { Finding, PoolView, View } from './view.ts'

export function* checkPools(view: View): Generator<Finding> {
  yield* checkSockets(view)
  yield* checkCleartext(view)
  yield* checkNode(view)
  yield* checkAmbiguity(view)
  yield* checkPoolTls(view)
  yield* checkRelays(view)
  yield* checkAllowed(view)
}

/** What a pool allows must be there, and must not shut out what else it has. */
function* checkAllowed({ pools }: View): Generator<Finding> {
  for (const [name, pool] of pools) {
    const path = ['connectivity_pools', name]
    const { sso_integration: integration, allowed_integrations: allowed } = pool
    if (integration !== undefined && allowed?.includes(integration) === false) {
      const message = 'is not among the `allowed_integrations` of this pool'
      yield { path: [...path, 'sso_integration'], message }
    }
    for (const [index, { from, to }] of (pool.login_hours ?? []).entries()) {
      if (from !== to) continue
      const message = 'is the same time as `from`: write "24:00" for the end of the day'
      yield { path: [...path, 'login_hours', index, 'to'], message }
    }
  }
}

/** A way in that nobody may go is a slip of the pen. */
function* checkRelays({ pools }: View): Generator<Finding> {
  for (const [name, pool] of pools) {
    const { auth_methods: methods, require_sso, password_users: users } = pool
    const { allowed_groups: groups } = pool
    if (methods?.includes('scram-sha-256') !== true) continue
    if ((require_sso !== true && groups === undefined) || users?.length !== 0) continue
    const why = require_sso === true ? '`require_sso` is true' : 'there are `allowed_groups`'
    yield {
      path: ['connectivity_pools', name, 'auth_methods'],
      message: `"scram-sha-256" is for passwords, and ${why}: name who may use one in \`password_users\`, or leave it out`,
    }
  }
}

function* checkPoolTls({ root: { tls }, pools }: View): Generator<Finding> {
  const owners = new Map<string, string>()
  for (const [name, pool] of pools) {
    const path = ['connectivity_pools', name]
    if (pool.client_certificate === 'required' && tls?.client_ca === null) {
      const message = 'needs `tls.client_ca`, whose certificates are accepted'
      yield { path: [...path, 'client_certificate'], message }
    }
    if (pool.tls === undefined || pool.enabled === false) continue
    if (pool.server_names?.length === 0) {
      const message = 'needs `server_names`, for which the certificate is'
      yield { path: [...path, 'tls'], message, isAboutKey: true }
    }
    for (const serverName of pool.server_names ?? []) {
      const other = owners.get(serverName.toLowerCase())
      owners.set(serverName.toLowerCase(), name)
      if (other === undefined) continue
      const message = `pool ${quote(other)} has a certificate for ${quote(serverName)} already`
      yield { path: [...path, 'tls'], message, isAboutKey: true }
    }
  }
}

/** Where a credential may cross the network, it crosses it encrypted. */
function* checkCleartext({ pools }: View): Generator<Finding> {
  for (const [name, pool] of pools) {
    for (const [index, { allow_cleartext, listen_address }] of pool.listeners.entries()) {
      if (allow_cleartext !== true || listen_address === undefined) continue
      if (isLoopback(listen_address)) continue
      yield {
        path: ['connectivity_pools', name, 'participants', index, 'allow_cleartext'],
        message: 'may only be true where `listen_address` is a loopback address',
      }
    }
  }
}

function* checkSockets({ pools }: View): Generator<Finding> {
  const modes = new Map<string, string | undefined>()
  for (const [name, pool] of pools) {
    for (const [index, listener] of pool.listeners.entries()) {
      const path = ['connectivity_pools', name, 'participants', index]
      const { socket_directory: directory, socket_mode: mode, listen_port: port } = listener
      if (!('socket_directory' in listener && 'listen_address' in listener)) continue
      if (directory === undefined) {
        if (listener.listen_address !== undefined) continue
        yield { path, message: 'needs `listen_address`, or `socket_directory` for a Unix socket' }
        continue
      }
      if (listener.listen_address !== undefined) {
        const message = 'is not allowed beside `listen_address`: give each a participant of its own'
        yield { path: [...path, 'socket_directory'], message, isAboutKey: true }
      }
      if (port === 0) {
        const message = 'must not be 0 with `socket_directory`: it names the file of the socket'
        yield { path: [...path, 'listen_port'], message }
      }
      for (const key of tcpKeys(listener)) {
        const message = 'is not allowed with `socket_directory`: it is for TCP'
        yield { path: [...path, key], message, isAboutKey: true }
      }
      if (pool.client_certificate === 'required') {
        const message =
          'is not allowed with `client_certificate: required`: a Unix socket has no TLS'
        yield { path: [...path, 'socket_directory'], message, isAboutKey: true }
      }
      const socket = `${listener.node ?? ''} ${directory} ${port ?? ''}`
      if (pool.enabled === false) continue
      if (modes.has(socket) && modes.get(socket) !== mode) {
        const message = 'must be the same in every pool of this socket'
        yield { path: [...path, 'socket_mode'], message }
      }
      modes.set(socket, mode)
    }
  }
}

function tcpKeys({
  allow_cleartext: allows,
  proxy_protocol: proxy,
}: PoolView['listeners'][number]) {
  return [
    ...(allows === true ? ['allow_cleartext'] : []),
    ...(proxy !== undefined && proxy !== 'trusted' ? ['proxy_protocol'] : []),
  ]
}

function* checkNode(view: View): Generator<Finding> {
  const { node } = view.root
  if (node === undefined) return
  const known = new Set<string>()
  for (const [name, pool] of view.pools) {
    if (pool.enabled === false) continue
    for (const [index, listener] of pool.listeners.entries()) {
      // A participant whose node cannot be read may well be on this one.
      if (listener.node === node || listener.node === undefined) return
      known.add(
        view.written(['connectivity_pools', name, 'participants', index, 'node'], listener.node),
      )
    }
  }
  const others =
    known.size === 0 ? 'there are no participants' : `there are some on ${quoteSome([...known])}`
  yield {
    path: ['connectivity_pools'],
    message: `no pool that is enabled has a participant on this node, ${quote(view.written(['node'], node))}, and it has no \`default_pool\`; ${others}`,
  }
}

/** Two pools that claim the same clients with the same right must treat them alike. */
function* checkAmbiguity({ root: { node }, pools }: View): Generator<Finding> {
  const claims = new Map<string, { readonly name: string; readonly policy: string }>()
  for (const [name, pool] of pools) {
    const policy = policyOf(pool)
    if (policy === undefined || pool.enabled === false) continue
    for (const claim of claimsOf(pool, node)) {
      const other = claims.get(claim)
      if (other === undefined) {
        claims.set(claim, { name, policy })
      } else if (other.policy !== policy) {
        yield {
          path: ['connectivity_pools', name],
          message: `pools ${quote(other.name)} and ${quote(name)} serve the same source addresses on the same listener with the same priority, and differ in policy: give one a higher \`priority\``,
        }
      }
    }
  }
}

function policyOf(pool: PoolView): string | undefined {
  const { require_sso, password_users, auth_methods, allow_replication, client_certificate } = pool
  if (require_sso === undefined || password_users === undefined) return undefined
  if (auth_methods === undefined || allow_replication === undefined) return undefined
  if (!('sso_integration' in pool)) return undefined
  return JSON.stringify([
    require_sso,
    [...new Set(password_users)].sort(),
    pool.sso_integration,
    pool.sso_flows,
    auth_methods,
    allow_replication,
    client_certificate,
    ...[pool.allowed_databases, pool.allowed_groups, pool.allowed_integrations].map(
      (names) => names && [...new Set(names)].sort(),
    ),
    pool.login_hours,
    pool.session_expiry,
    pool.session_grace,
    pool.max_session_lifetime,
    pool.idle_timeout,
    pool.idle_in_transaction_timeout,
  ])
}

function claimsOf(pool: PoolView, node: string | undefined): ReadonlySet<string> {
  const { source_address: ranges = [], priority, listeners, server_names: names = [] } = pool
  if (node === undefined || priority === undefined) return new Set()
  const claims = listeners
    // Port 0 is a listener of its own each time.
    .filter((listener) => listener.node === node && listener.listen_port !== 0)
    .flatMap(({ listen_address, listen_port, socket_directory }) => {
      if (listen_port === undefined) return []
      const asked = names.length === 0 ? [undefined] : names.map((name) => name.toLowerCase())
      if (socket_directory !== undefined) {
        const socket = [socket_directory, listen_port]
        return asked.map((name) => JSON.stringify([socket, priority, 'unix', name]))
      }
      if (listen_address === undefined) return []
      const listener = [canonicalAddress(listen_address), listen_port]
      return ranges.flatMap((range) =>
        asked.map((name) => JSON.stringify([listener, priority, canonicalNetwork(range), name])),
      )
    })
  return new Set(claims)
}
