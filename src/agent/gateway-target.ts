import type { SecureContext } from 'node:tls'
import type { GatewayEndpoint } from '../credentials/profile.ts'
import type { UpstreamTarget } from '../upstream/target.ts'

export interface GatewayOptions {
  /** In the order in which they are tried; those that failed a moment ago come last. */
  readonly endpoints: readonly GatewayEndpoint[]
  readonly secureContext: SecureContext
  /** For how long a client waits until one of them has answered, over all attempts. */
  readonly connectTimeoutMs: number
}

/** Gateways as what they are to the agent: servers of PostgreSQL, over TLS that is verified and in no other way. */
export function gatewayTarget(options: GatewayOptions): UpstreamTarget {
  return {
    hosts: options.endpoints,
    isBalanced: false,
    wantedSession: 'any',
    // The deadline ends them.
    connectRetries: Infinity,
    // The client names it.
    database: '',
    tls: 'verify-full',
    secureContext: options.secureContext,
    serverName: undefined,
    channelBinding: 'disable',
    protocol: '3.2',
    connectTimeoutMs: options.connectTimeoutMs,
    warm: undefined,
    credentials: { method: 'token', form: 'auto', isAnnounced: false },
  }
}
