import { createLocalJWKSet } from 'jose'
import { customFetch, discovery } from 'openid-client'
import { FetchError } from './bounded-fetch.ts'
import { isSameIssuer, withoutTrailingSlash } from './issuer-name.ts'
import { parseKeySet } from './key-set.ts'
import { getFromProvider, type ProviderAccess } from './provider-access.ts'

/** Where an issuer is asked for what. */
export interface ProviderEndpoints {
  /** The issuer's own spelling of its name: `iss` is compared with it byte for byte. */
  readonly issuer: string
  readonly userinfoEndpoint?: string
  readonly introspectionEndpoint?: string
  readonly tokenEndpoint?: string
  readonly deviceAuthorizationEndpoint?: string
  readonly authorizationEndpoint?: string
  readonly endSessionEndpoint?: string
  readonly revocationEndpoint?: string
  /** Whether answers of the authorization endpoint say whose they are (RFC 9207, 3). */
  readonly announcesIssuer?: true
  /** Whether it compares a code challenge by S256 (RFC 7636, 4.2; RFC 8414, 2). */
  readonly takesChallenge?: true
}

/** An issuer's keys, wherever they were found. */
export interface IssuerKeys extends ProviderEndpoints {
  /** By how much the clock of the provider was ahead of ours at the least; undefined where it did not say. */
  readonly clockAheadMs?: number | undefined
  readonly findKey: ReturnType<typeof createLocalJWKSet>
}

export type FetchKeys = () => Promise<IssuerKeys>

export interface DiscoveryOptions extends ProviderAccess {
  readonly issuer: string
}

export type ProviderMetadata = ReturnType<Awaited<ReturnType<typeof discovery>>['serverMetadata']>

/** Fetches discovery document and key set (OpenID Connect Discovery 1.0, 4; RFC 7517, 5). */
export async function fetchIssuerKeys(options: DiscoveryOptions): Promise<IssuerKeys> {
  const metadata = await fetchMetadata(options)
  const { jwks_uri: jwksUri } = metadata
  if (jwksUri === undefined) throw new FetchError('the discovery document has no jwks_uri')
  const keySet = parseKeySet(await (await getFromProvider(jwksUri, options)).text())
  return { findKey: createLocalJWKSet(keySet), ...endpointsIn(metadata) }
}

/** What the discovery document says that it has. */
export function endpointsIn(metadata: ProviderMetadata): ProviderEndpoints {
  const { issuer, userinfo_endpoint: userinfo, introspection_endpoint: introspection } = metadata
  const { token_endpoint: tokenEndpoint, device_authorization_endpoint: device } = metadata
  const { authorization_endpoint: authorization } = metadata
  const { end_session_endpoint: endSession, revocation_endpoint: revocation } = metadata
  const { authorization_response_iss_parameter_supported: announces } = metadata
  const { code_challenge_methods_supported: methods } = metadata
  return {
    issuer,
    ...(typeof userinfo === 'string' && { userinfoEndpoint: userinfo }),
    ...(typeof introspection === 'string' && { introspectionEndpoint: introspection }),
    ...(typeof tokenEndpoint === 'string' && { tokenEndpoint }),
    ...(typeof device === 'string' && { deviceAuthorizationEndpoint: device }),
    ...(typeof authorization === 'string' && { authorizationEndpoint: authorization }),
    ...(typeof endSession === 'string' && { endSessionEndpoint: endSession }),
    ...(typeof revocation === 'string' && { revocationEndpoint: revocation }),
    ...(announces === true && { announcesIssuer: announces }),
    ...(Array.isArray(methods) && methods.includes('S256') && { takesChallenge: true }),
  }
}

/** Fetches the discovery document, and makes sure that it is the issuer's. */
export async function fetchMetadata(options: DiscoveryOptions): Promise<ProviderMetadata> {
  const configuration = await discovery(
    new URL(discoveryUrl(options.issuer)),
    'discovery needs no client',
    undefined,
    undefined,
    { [customFetch]: async (url: string) => getFromProvider(url, options) },
  )
  const metadata = configuration.serverMetadata()
  // Discovery 4.3, but for one slash at the end: providers and documents disagree on it.
  if (!isSameIssuer(metadata.issuer, options.issuer)) throw new OtherIssuer(metadata.issuer)
  return metadata
}

export function discoveryUrl(issuer: string): string {
  return `${withoutTrailingSlash(issuer)}/.well-known/openid-configuration`
}

/** What is found under the issuer's name calls itself something else. */
export class OtherIssuer extends FetchError {
  constructor(issuer: string) {
    super(`the discovery document is of another issuer: ${issuer}`)
  }
}
