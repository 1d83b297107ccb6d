// From what a gateway says of itself to where and how a client connects: pure.
import { isSameIssuer } from '../identity/issuer-name.ts'
import { printable } from '../refusal.ts'
import type {
  DescribedIntegration,
  DescribedPool,
  GatewayDescription,
} from './gateway-description.ts'
import { CredentialProblem } from './problem.ts'
import type { GatewayEndpoint, ProviderClient } from './profile.ts'

/** What somebody has said beside the address. */
export interface GatewayWish {
  readonly pool?: string | undefined
  readonly integration?: string | undefined
}

export interface KnownGateway {
  /** For profiles: its pages and its API. */
  readonly url: string
  readonly endpoints: readonly GatewayEndpoint[]
  /** Whether it gives out tokens of its own. */
  readonly hasSessions: boolean
  /** The client that it told us to be, where that has no secret; else it signs in for us. */
  readonly client: Pick<ProviderClient, 'issuer' | 'clientId' | 'scopes'> | undefined
  /** The provider of the integration: somebody may be a client of their own there. */
  readonly issuer: string
  readonly integration: string
  readonly pool: string
  /** What somebody should know of what was chosen. They can be printed. */
  readonly notes: readonly string[]
}

export function chooseGateway(
  description: GatewayDescription,
  typedHost: string,
  wish: GatewayWish,
): KnownGateway {
  const pool = choosePool(description, typedHost, wish)
  const integration = chooseIntegration(description, pool, wish)
  const { name, issuer, client_id: clientId, scopes } = integration
  const isPublic = isPublicClient(integration)
  const endpoints = endpointsOf(pool)
  return {
    url: pool.api_url,
    endpoints,
    hasSessions: description.session_tokens,
    client: isPublic && clientId !== undefined ? { issuer, clientId, scopes } : undefined,
    issuer,
    integration: name,
    pool: pool.name,
    notes: notesOf(description, pool, integration, endpoints),
  }
}

/** The one that is named; the only one; the one that the host is of; the first where a tool can sign in by itself. */
function choosePool(
  description: GatewayDescription,
  typedHost: string,
  { pool: wanted }: GatewayWish,
): DescribedPool {
  const { pools } = description
  if (wanted !== undefined) {
    const found = pools.find(({ name }) => name === wanted)
    if (found !== undefined) return found
    throw unknown('pool', wanted, pools, '--pool')
  }
  const isOfHost = ({ endpoints, server_names: names }: DescribedPool): boolean =>
    [...endpoints.map(({ host }) => host), ...names].some(
      (host) => host.toLowerCase() === typedHost,
    )
  const found =
    pools.find(isOfHost) ??
    pools.find((pool) => integrationsOf(description, pool).some(isPublicClient)) ??
    pools[0]
  if (found !== undefined) return found
  throw new CredentialProblem('configuration', 'the gateway has no connectivity pool', {
    hint: 'Whoever runs it has to configure one.',
  })
}

/**
 * The one that is named; else where people sign in for the pool, or else at databases without integrations of their
 * own. A public client of the same provider is as good, and needs no help of the gateway.
 */
function chooseIntegration(
  description: GatewayDescription,
  pool: DescribedPool,
  { integration: wanted }: GatewayWish,
): DescribedIntegration {
  const open = integrationsOf(description, pool)
  if (wanted !== undefined) {
    const found = open.find(({ name }) => name === wanted)
    if (found !== undefined) return found
    throw unknown('integration', wanted, open, '--integration')
  }
  const usual = open.filter((one) => one.usual)
  const own =
    open.find(({ name }) => name === pool.sso_integration) ??
    usual.find(({ primary }) => primary) ??
    usual[0] ??
    open[0]
  if (own === undefined) {
    throw new CredentialProblem(
      'configuration',
      `there is no identity provider at which people sign in for the pool ${printable(pool.name)}`,
      { hint: 'Whoever runs the gateway has to configure an integration with a client_id.' },
    )
  }
  if (isPublicClient(own)) return own
  return usual.find((one) => isPublicClient(one) && isSameIssuer(one.issuer, own.issuer)) ?? own
}

function integrationsOf(
  { integrations }: GatewayDescription,
  { integrations: allowed }: DescribedPool,
): readonly DescribedIntegration[] {
  return integrations.filter(({ name }) => allowed?.includes(name) ?? true)
}

function isPublicClient({ public_client: isPublic, client_id: id }: DescribedIntegration): boolean {
  return isPublic && id !== undefined
}

/** A pool with names in TLS is found by one of them alone. */
function endpointsOf({
  endpoints,
  server_names: names,
}: DescribedPool): readonly GatewayEndpoint[] {
  const [first] = names
  if (first === undefined) return endpoints
  const known = new Set(names.map((name) => name.toLowerCase()))
  const named = endpoints.filter(({ host }) => known.has(host.toLowerCase()))
  if (named.length > 0) return named
  const ports = [...new Set(endpoints.map(({ port }) => port))]
  return ports.map((port) => ({ host: first, port }))
}

function notesOf(
  { pools, integrations }: GatewayDescription,
  pool: DescribedPool,
  integration: DescribedIntegration,
  endpoints: readonly GatewayEndpoint[],
): readonly string[] {
  const notes: string[] = []
  if (pools.length > 1) {
    notes.push(`The pool is ${printable(pool.name)}; choose another one with --pool.`)
  }
  if (integrations.length > 1) {
    notes.push(
      `The integration is ${printable(integration.name)}; choose another one with --integration.`,
    )
  }
  if (endpoints.length === 0) {
    notes.push('The gateway does not say where clients connect: say it with --host and --port.')
  }
  if (pool.client_certificate) {
    notes.push('The pool wants a client certificate besides the token: set sslcert and sslkey.')
  }
  return notes
}

function unknown(
  what: string,
  wanted: string,
  there: readonly { readonly name: string }[],
  option: string,
): CredentialProblem {
  const names = there.map(({ name }) => printable(name)).join(', ')
  return new CredentialProblem('usage', `the gateway has no ${what} ${printable(wanted)}`, {
    hint: names === '' ? `Leave out ${option}.` : `Use ${option} with one of: ${names}.`,
  })
}
