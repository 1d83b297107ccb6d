// How somebody signs in at the provider of an integration, by whichever flow.
import {
  AuthorizationResponseError,
  ClientError,
  Configuration,
  customFetch,
  type CustomFetch,
  ResponseBodyError,
} from 'openid-client'
import { Refusal } from '../refusal.ts'
import { FetchError } from './bounded-fetch.ts'
import type { ProviderEndpoints } from './discovery.ts'
import { authenticationOf, formFetch, type OauthClient } from './oauth-client.ts'
import type { ProviderAccess } from './provider-access.ts'
import { withoutSecretIfRefused } from './public-client.ts'

export interface SignInProvider {
  readonly client: OauthClient
  readonly access: Pick<ProviderAccess, 'customCa' | 'limits' | 'proxy'>
  readonly scopes: readonly string[]
  readonly algorithms: readonly string[]
  /** For whom access tokens are to be, where that is not said by scopes. */
  readonly audience?: string | undefined
}

/** The endpoints that a flow needs, by their names in the discovery document. */
type Endpoints = Readonly<
  Partial<
    Record<
      | 'token_endpoint'
      | 'device_authorization_endpoint'
      | 'authorization_endpoint'
      | 'revocation_endpoint',
      string
    >
  >
>

/** We as a client of the provider, with no more endpoints than the flow has use for. */
export function configure(
  { issuer, announcesIssuer }: ProviderEndpoints,
  { client, access, algorithms }: SignInProvider,
  endpoints: Endpoints,
): { readonly configuration: Configuration; readonly post: CustomFetch } {
  const configuration = new Configuration(
    {
      issuer,
      ...endpoints,
      id_token_signing_alg_values_supported: [...algorithms],
      authorization_response_iss_parameter_supported: announcesIssuer === true,
    },
    client.id,
    {},
    authenticationOf(client),
  )
  const post = withoutSecretIfRefused(formFetch(access), client.id)
  configuration[customFetch] = post
  return { configuration, post }
}

/** RFC 8707, 2, which is for URIs alone; and what Auth0 and others read instead. */
export function audienceOf({
  audience,
}: Pick<SignInProvider, 'audience'>): Readonly<Record<string, string>> {
  if (audience === undefined) return {}
  const isResource = URL.canParse(audience) && !audience.includes('#')
  return { audience, ...(isResource && { resource: audience }) }
}

/** The provider has said no, by a code of OAuth (RFC 6749, 5.2) or of its own. */
export class ProviderRefusal extends Refusal {
  /** Undefined where it is no code that may be shown. */
  readonly code: string | undefined

  constructor(code: string | undefined, logDetail: string) {
    super('sign-in-failed', { logDetail })
    this.code = code
  }
}

export function failed(logDetail: string, cause?: unknown): Refusal {
  return new Refusal('sign-in-failed', { logDetail, cause })
}

/**
 * The library's own errors have whole responses beside them: of those only the code is told. `seconds` is how
 * long a device code was good for, where there was one.
 */
export function toSignInRefusal(error: unknown, endpoint: string, seconds?: number): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof ResponseBodyError || error instanceof AuthorizationResponseError) {
    if (error.error === 'access_denied') return new Refusal('sign-in-denied')
    if (error.error === 'expired_token' && seconds !== undefined) {
      return new Refusal('sign-in-timeout', { values: { seconds } })
    }
    const code = /^[a-z_]{1,40}$/.test(error.error) ? error.error : undefined
    const status = error instanceof ResponseBodyError ? `answered ${error.status}: ` : 'answered '
    return new ProviderRefusal(code, `${endpoint} ${status}${code ?? 'an error of its own'}`)
  }
  const code = error instanceof ClientError ? error.code : undefined
  const cause = error instanceof ClientError && isOfRequest(error.cause) ? error.cause : undefined
  return failed(`${endpoint}: no usable answer${code === undefined ? '' : ` (${code})`}`, cause)
}

/** What became of a request, by our limits or by the system; whatever else has answers in it. */
function isOfRequest(cause: unknown): boolean {
  if (cause instanceof FetchError) return true
  const code: unknown = cause instanceof Error && Reflect.get(cause, 'code')
  return typeof code === 'string' && !code.startsWith('OAUTH_')
}
