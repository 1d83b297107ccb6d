import type { z } from 'zod'
import type { exchange as exchangeSchema } from '../schema/exchange.ts'
import { isLoopback } from '../addresses.ts'
import { hostsOf, isSocketHost } from '../upstream-hosts.ts'
import { quote, type Path } from '../problem.ts'
import { keySources, systemDatabase } from './entries.ts'
import type { Finding, View } from './view.ts'

/** What passes tokens on to the upstream, and what exchanges them before. */
export function* checkTokenUpstreams(view: View): Generator<Finding> {
  for (const [name, database] of view.databases) {
    const path = ['databases', name]
    const { upstream, exchange } = database
    if (upstream?.auth.method === 'rds-iam' && upstream.tls !== 'verify-full') {
      const message =
        'must be "verify-full" with the method "rds-iam": whoever gets the token can use it'
      yield { path: [...path, 'upstream', 'tls'], message }
    }
    if (upstream?.auth.method === 'token') {
      const hosts = hostsOf(upstream)
      const isHere = upstream.tls === 'require' && hosts.every(({ host }) => isLoopback(host))
      const hasSocket = hosts.some(({ host }) => isSocketHost(host))
      if (!upstream.tls.startsWith('verify-') && !isHere && !hasSocket) {
        const message =
          'must be "verify-full" or "verify-ca" with the method "token": whoever gets the token can use it'
        yield { path: [...path, 'upstream', 'tls'], message }
      }
      // Whoever has any certificate of a public authority would get the token.
      if (upstream.tls === 'verify-ca' && upstream.ca === undefined) {
        const message = 'needs `upstream.ca` with the method "token", or must be "verify-full"'
        yield { path: [...path, 'upstream', 'tls'], message }
      }
      if (upstream.auth.cockroachdb && upstream.auth.as === 'oauthbearer') {
        const message = 'CockroachDB takes tokens as a cleartext password: leave this out'
        yield { path: [...path, 'upstream', 'auth', 'as'], message }
      }
    } else if (exchange !== undefined && 'upstream' in database) {
      const message = 'needs `upstream.auth.method: token`, which passes the issued token on'
      yield { path: [...path, 'exchange'], message, isAboutKey: true }
    }
    if (exchange === undefined) continue
    yield* checkParameters(exchange, [...path, 'exchange'])
    yield* checkProviders(view, name, exchange, [...path, 'exchange'])
  }
}

type Exchange = z.output<typeof exchangeSchema>

function* checkParameters(exchange: Exchange, path: Path): Generator<Finding> {
  const { audience, resource, client_id, client_secret, authentication } = exchange
  if (audience === undefined && resource === undefined) {
    const message = 'needs `audience` or `resource`, so that it is known whom the token must be for'
    yield { path, message, isAboutKey: true }
  }
  if (client_secret !== undefined && client_id === undefined) {
    yield { path: [...path, 'client_secret'], message: 'needs `client_id`', isAboutKey: true }
  }
  if (client_secret !== undefined && authentication === 'none') {
    const message = 'is not sent with `authentication: none`'
    yield { path: [...path, 'client_secret'], message, isAboutKey: true }
  }
  if (client_id !== undefined && client_secret === undefined && authentication !== 'none') {
    const message = 'needs `client_secret`, or `authentication: none`'
    yield { path: [...path, 'client_id'], message, isAboutKey: true }
  }
}

/** Every integration whose provider may be asked must say where and by which client. */
function* checkProviders(
  { databases, integrations }: View,
  name: string,
  exchange: Exchange,
  path: Path,
): Generator<Finding> {
  const own = databases.get(name)?.integrations ?? []
  const scope = own.length > 0 ? own : (databases.get(systemDatabase)?.integrations ?? [])
  const { integration: named } = exchange
  for (const one of named === undefined ? scope : [named]) {
    const integration = integrations.get(one)
    // Nobody logs in by one that is switched off.
    if (integration === undefined || (integration.enabled === false && named === undefined))
      continue
    const lack = lackOf(integration, exchange)
    if (lack === undefined) continue
    yield { path, message: `integration ${quote(one)} ${lack}`, isAboutKey: true }
  }
}

type Integration = View['integrations'] extends ReadonlyMap<string, infer I> ? I : never

function lackOf(integration: Integration, exchange: Exchange): string | undefined {
  if (integration.enabled === false) return 'is switched off'
  if (keySources.some((key) => integration[key] !== undefined)) {
    return 'reads no discovery document, which has the token endpoint'
  }
  if (exchange.client_id !== undefined) return undefined
  if ('client_id' in integration && integration.client_id === undefined) {
    return 'has no `client_id`: name one here'
  }
  const needsSecret = exchange.authentication !== 'none'
  const hasNone = 'client_secret' in integration && integration.client_secret === undefined
  return needsSecret && hasNone ? 'has no `client_secret`: name a client here' : undefined
}
