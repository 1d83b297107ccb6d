import { quote, type Path } from '../problem.ts'
import { hostsOf, isSocketHost } from '../upstream-hosts.ts'
import type { Finding, View } from './view.ts'

type Upstream = NonNullable<
  View['databases'] extends ReadonlyMap<string, infer D extends { upstream?: unknown }>
    ? D['upstream']
    : never
>

/** The least of what systems have room for, 108 bytes on Linux, without the terminator. */
const maxSocketBytes = 103

/** Where servers are, and what that means for how they are logged in to. */
export function* checkUpstreamHosts({ databases }: View): Generator<Finding> {
  for (const [name, { upstream, session_settings: settings }] of databases) {
    if (upstream === undefined) continue
    const path = ['databases', name, 'upstream']
    yield* checkNames(upstream, path)
    yield* checkSockets(upstream, path)
    if (upstream.warm === undefined) continue
    const { method } = upstream.auth
    if (method === 'token' || method === 'rds-iam') {
      const message = `is not possible with the method ${quote(method)}: a login has a token of its own`
      yield { path: [...path, 'warm'], message, isAboutKey: true }
    }
    if (settings !== undefined) {
      const message =
        'is not possible beside `session_settings`: a session is told whose it is when it begins'
      yield { path: [...path, 'warm'], message, isAboutKey: true }
    }
  }
}

function* checkNames(upstream: Upstream, path: Path): Generator<Finding> {
  const { host, hosts } = upstream
  if (host === undefined && hosts === undefined) {
    yield { path: [...path, 'host'], message: 'is required, or `hosts` for several servers' }
  }
  if (host !== undefined && hosts !== undefined) {
    const message = 'is not allowed beside `host`: name all servers here, or one there'
    yield { path: [...path, 'hosts'], message, isAboutKey: true }
  }
  const seen = new Set<string>()
  for (const [index, one] of hostsOf(upstream).entries()) {
    const key = JSON.stringify([one.host.toLowerCase(), one.port])
    if (seen.has(key)) {
      const message = `is in the list twice: ${quote(one.host)} with port ${one.port}`
      yield { path: [...path, 'hosts', index], message }
    }
    seen.add(key)
  }
}

function* checkSockets(upstream: Upstream, path: Path): Generator<Finding> {
  const sockets = hostsOf(upstream).filter(({ host }) => isSocketHost(host))
  const [socket] = sockets
  if (socket === undefined) return
  const { method } = upstream.auth
  if (method !== 'trust' && method !== 'password') {
    const message = `must be "trust" or "password" for a Unix socket: ${quote(method)} needs TLS, which it has not`
    yield { path: [...path, 'auth', 'method'], message }
  } else if (upstream.tls !== 'disable') {
    const message = `must be "disable" for ${quote(socket.host)}: there is no TLS on a Unix socket`
    yield { path: [...path, 'tls'], message }
  }
  for (const { host, port } of sockets) {
    const bytes = Buffer.byteLength(`${host}/.s.PGSQL.${port}`)
    if (bytes <= maxSocketBytes) continue
    const message = `is too long for a Unix socket: ${bytes} bytes with its name, at most ${maxSocketBytes}`
    const key = upstream.hosts === undefined ? 'host' : 'hosts'
    yield { path: [...path, key], message }
  }
}
