import type { SignInProvider } from '../identity/sign-in-provider.ts'
import type { VerifiedTokens } from '../identity/verified-tokens.ts'
import type { Catalog } from '../policy/catalog.ts'
import type { ThrottleSwitches } from '../session/throttle.ts'

/** What the pages go by. A reload makes a new one, whole. */
export interface WebRules {
  readonly catalog: Catalog
  /** By integration. */
  readonly tokens: ReadonlyMap<string, VerifiedTokens>
  readonly providers: ReadonlyMap<string, SignInProvider>
  /** Where people may sign in, in the order of the buttons. */
  readonly buttons: readonly SignInButton[]
  /** Whether whoever opens a page is sent to the only provider at once. */
  readonly isAutomatic: boolean
  /** Where people may have a token shown to use as a password, by integration. */
  readonly shownTokens: ReadonlyMap<string, ShownToken>
  readonly sessionLifetimeMs: number
  readonly stepUp: {
    readonly requiredAcr: readonly string[]
    readonly maxAgeMs: number | undefined
  }
  readonly endpoints: readonly DatabaseEndpoint[]
  /** The file, where clients run, of the authority of the listeners; undefined: one that the system trusts. */
  readonly rootCertificate: string | undefined
  /** The kinds of credentials that are guesses. */
  readonly throttled: ThrottleSwitches['throttled']
  /** What anybody may know of the pools, and of how to sign in. */
  readonly offer: GatewayOffer
}

export interface GatewayOffer {
  readonly tlsMinVersion: string
  readonly pools: readonly OfferedPool[]
  readonly integrations: readonly OfferedIntegration[]
}

export interface OfferedPool {
  readonly name: string
  readonly endpoints: readonly { readonly host: string; readonly port: number }[]
  /** Where the API is reached by who comes by this pool. */
  readonly apiUrl: string
}

export interface OfferedIntegration {
  readonly name: string
  readonly issuer: string
  /** Undefined for a client that has a secret: it is of no use to anybody but us. */
  readonly clientId: string | undefined
  readonly scopes: readonly string[]
}

export interface ShownToken {
  readonly token: 'id_token' | 'access_token'
  /** What is shown beside it. */
  readonly host: string
  readonly port: number
}

export interface SignInButton {
  readonly integration: string
  readonly label: string
}

/** Where clients connect, as they are to write it. */
export interface DatabaseEndpoint {
  readonly pool: string
  readonly host: string
  readonly port: number
  /** Integrations that the pool takes; undefined: all. */
  readonly integrations: ReadonlySet<string> | undefined
}
