// From a configuration to what the pages go by.
import { composeLoginRules, composeSignIns, type KeyCaches } from './compose-rules.ts'
import { type Config, isAutomaticForPeople, nameForPeople } from './config/index.ts'
import { composeOffer } from './compose-offer.ts'
import type { IssuerObserver } from './identity/observer.ts'
import type { KeptParts } from './kept-parts.ts'
import type { DatabaseEndpoint, SignInButton, WebRules } from './web/web-rules.ts'

export type WebConfig = Config & { readonly web: NonNullable<Config['web']> }

export function composeWebRules(
  config: WebConfig,
  observer: IssuerObserver,
  caches: KeyCaches,
  parts: KeptParts,
): WebRules {
  const { web } = config
  const providers = composeSignIns(config)
  return {
    ...composeLoginRules(config, observer, caches, parts),
    providers,
    buttons: buttonsOf(config, new Set(providers.keys())),
    isAutomatic: web.autologin || isAutomaticForPeople(config.settings),
    shownTokens: shownTokensOf(config),
    sessionLifetimeMs: web.session_lifetime,
    stepUp: { requiredAcr: web.step_up.required_acr, maxAgeMs: web.step_up.max_age },
    endpoints: endpointsOf(config),
    rootCertificate: web.root_certificate,
    throttled: new Set(config.limits.throttle),
    offer: composeOffer(config, web.public_url, providers),
  }
}

function buttonsOf(config: WebConfig, possible: ReadonlySet<string>): readonly SignInButton[] {
  const { web, integrations, connectivity_pools: pools } = config
  const ofPools = Object.values(pools).flatMap(({ sso_integration: name }) => name ?? [])
  const usual = ofPools.length > 0 ? [nameForPeople, ...ofPools] : [...possible]
  return [...new Set(web.integrations ?? usual)]
    .filter((name) => possible.has(name))
    .map((integration) => ({
      integration,
      label: integrations[integration]?.button_text ?? `Sign in with ${integration}`,
    }))
}

function shownTokensOf({ integrations }: WebConfig): WebRules['shownTokens'] {
  return new Map(
    Object.entries(integrations).flatMap(([name, { enabled, shown_token: shown }]) =>
      enabled && shown !== undefined
        ? [[name, { token: shown.use_token, host: shown.host, port: shown.port }] as const]
        : [],
    ),
  )
}

/** Where clients can come by TCP, on whichever node. */
function endpointsOf({ web, connectivity_pools: pools }: WebConfig): readonly DatabaseEndpoint[] {
  return Object.entries(pools).flatMap(([pool, { participants, allowed_integrations: allowed }]) =>
    participants.flatMap((participant): readonly DatabaseEndpoint[] => {
      const { listen_address: address, listen_port: port, socket_directory: socket } = participant
      if (socket !== undefined || address === undefined) return []
      return [
        {
          pool,
          host: participant.advertised_address ?? reachable(address, web.public_url),
          port: participant.advertised_port ?? port,
          integrations: allowed && new Set(allowed),
        },
      ]
    }),
  )
}

/** Nobody connects to every address: then it is the machine that serves the pages. */
function reachable(address: string, publicUrl: string): string {
  return ['0.0.0.0', '::', '*'].includes(address) ? new URL(publicUrl).hostname : address
}
