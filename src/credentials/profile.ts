// What somebody has said once about a gateway, so as not to say it again: where it is, as whom they connect, and
// where their tokens come from. There is no secret in it, only where one is found.

/** Where clients of PostgreSQL connect. */
export interface GatewayEndpoint {
  readonly host: string
  readonly port: number
}

/** Where a secret is found; never the secret. */
export type SecretReference =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'environment'; readonly name: string }
  /** A program that has no file of profiles says how it comes by it; never in a file. */
  | { readonly kind: 'program'; readonly read: () => string | Promise<string> }

/** We as a client of the provider. Without a secret it is a public one (RFC 8252, 8.4). */
export interface ProviderClient {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret?: SecretReference | undefined
  readonly scopes: readonly string[]
  /** For whom access tokens are to be, by the `resource` of RFC 8707 and by `audience`, which Auth0 reads. */
  readonly audience?: string | undefined
  /** Which of the tokens is the password; an access token is of use where it is a JWT. */
  readonly use: 'id_token' | 'access_token'
}

export type WorkloadIdentity =
  /** Kubernetes, AKS, EKS: something else writes the file anew before the token in it expires. */
  | { readonly kind: 'file'; readonly path: string }
  /** GitLab and others put it there. */
  | { readonly kind: 'environment'; readonly name: string }
  | { readonly kind: 'github'; readonly audience?: string | undefined }
  | { readonly kind: 'google'; readonly audience: string }
  | { readonly kind: 'azure'; readonly resource: string; readonly clientId?: string | undefined }

/** How tokens are come by. */
export type Flow =
  /** Authorization code with PKCE, the browser coming back to a port of this machine (RFC 8252, 7.3). */
  | ({
      readonly flow: 'browser'
      /**
       * Where the browser comes back to, for providers that compare more than RFC 8252, 7.3 has it:
       * `http://127.0.0.1` or `http://localhost`, with a port where it is always the same, and a path.
       */
      readonly redirectUri?: string | undefined
    } & ProviderClient)
  /** RFC 8628, at the provider. */
  | ({ readonly flow: 'device' } & ProviderClient)
  /** RFC 8628 by way of the gateway, where its client has a secret that we do not: it gives out session tokens. */
  | { readonly flow: 'gateway'; readonly integration?: string | undefined }
  | ({ readonly flow: 'client_credentials' } & ProviderClient)
  /** RFC 6749, 4.3, which RFC 9700, 2.4 forbids: for those who cannot do otherwise yet. */
  | ({
      readonly flow: 'password'
      readonly username: string
      readonly password: SecretReference
    } & ProviderClient)
  | { readonly flow: 'workload'; readonly identity: WorkloadIdentity }
  /** A program that prints a token, or JSON with `token` and `expires_at`; it is run without a shell. */
  | { readonly flow: 'command'; readonly command: readonly [string, ...string[]] }

/** Where tokens are kept between two calls. */
export type StoreKind = 'auto' | 'keyring' | 'file' | 'none'

export interface Profile {
  /** The pages and the API of the gateway, an https URL without a slash at the end; needed for `session` and `flow: gateway`. */
  readonly gateway?: string | undefined
  /** In the order in which they are tried; empty where tokens alone are wanted. */
  readonly endpoints: readonly GatewayEndpoint[]
  readonly database?: string | undefined
  readonly user?: string | undefined
  /** The authorities that certificates of gateway and provider are trusted from (PEM); else those of the system. */
  readonly caFile?: string | undefined
  /** Whether what the provider gives out is exchanged for the compact token of the gateway. */
  readonly session: boolean
  readonly store: StoreKind
  readonly signIn: Flow
}

/** A profile by its name, as it is kept or as it would be. */
export interface NamedProfile {
  readonly name: string
  readonly profile: Profile
}

/** Whether somebody has to be there for a first token. */
export function needsPerson({ flow }: Flow): boolean {
  return flow === 'browser' || flow === 'device' || flow === 'gateway'
}
