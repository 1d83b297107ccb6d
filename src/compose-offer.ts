// From a configuration to what anybody may know of it: no address that only a network of its own reaches, and no
// secret.
import type { Config } from './config/index.ts'
import type { SignInProvider } from './identity/sign-in-provider.ts'
import type { GatewayOffer, OfferedIntegration, OfferedPool } from './web/web-rules.ts'

type Pools = Config['connectivity_pools']
type Participant = Pools[string]['participants'][number]

export function composeOffer(
  {
    connectivity_pools: pools,
    integrations,
    tls,
  }: Pick<Config, 'connectivity_pools' | 'integrations' | 'tls'>,
  publicUrl: string,
  providers: ReadonlyMap<string, Pick<SignInProvider, 'client' | 'scopes'>>,
): GatewayOffer {
  return {
    tlsMinVersion: tls.min_version,
    pools: Object.entries(pools).map(([name, { participants }]): OfferedPool => ({
      name,
      endpoints: endpointsOf(participants, publicUrl),
      apiUrl: apiUrlOf(participants, publicUrl),
    })),
    integrations: [...providers].flatMap(([name, { client, scopes }]): OfferedIntegration[] => {
      const integration = integrations[name]
      if (integration === undefined) return []
      const clientId = client.secret === undefined ? client.id : undefined
      return [{ name, issuer: integration.issuer, clientId, scopes }]
    }),
  }
}

/** The address that is advertised; else the machine of the pages, where the listener is for everybody there. */
function endpointsOf(
  participants: readonly Participant[],
  publicUrl: string,
): OfferedPool['endpoints'] {
  const { hostname } = new URL(publicUrl)
  const all = participants.flatMap((participant) => {
    const { socket_directory: socket, listen_address: address, listen_port: own } = participant
    const { advertised_address: advertised, advertised_port: port = own } = participant
    const isEverywhere = address !== undefined && everywhere.has(address)
    const host = advertised ?? (isEverywhere || isSame(address, hostname) ? hostname : undefined)
    // A port that is chosen at the start is not in the configuration.
    return socket !== undefined || host === undefined || port === 0 ? [] : [{ host, port }]
  })
  return uniqueOf(all)
}

const everywhere: ReadonlySet<string> = new Set(['0.0.0.0', '::'])
const loopback: ReadonlySet<string> = new Set(['127.0.0.1', '::1', '[::1]', 'localhost'])

function isSame(address: string | undefined, hostname: string): boolean {
  return address === hostname || (loopback.has(address ?? '') && loopback.has(hostname))
}

function uniqueOf(endpoints: OfferedPool['endpoints']): OfferedPool['endpoints'] {
  return [...new Map(endpoints.map((one) => [`${one.host} ${one.port}`, one])).values()]
}

/** As the first participant advertises it that does. */
function apiUrlOf(participants: readonly Participant[], publicUrl: string): string {
  for (const participant of participants) {
    const { openapi_advertised_address: address, openapi_advertised_port: advertised } = participant
    const port = advertised ?? participant.openapi_port
    if (address === undefined && port === undefined) continue
    const url = new URL(publicUrl)
    if (address !== undefined) url.hostname = address.includes(':') ? `[${address}]` : address
    if (port !== undefined) url.port = String(port)
    return url.origin
  }
  return publicUrl
}
