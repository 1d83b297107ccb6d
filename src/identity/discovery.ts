import { createLocalJWKSet } from 'jose'
import { customFetch, discovery } from 'openid-client'
import { FetchError } from './bounded-fetch.ts'
import { isSameIssuer, withoutTrailingSlash } from './issuer-name.ts'
import { parseKeySet } from './key-set.ts'
import { getFromProvider, type ProviderAccess } from './provider-access.ts'

/** An issuer's keys, wherever they were found. */
export interface IssuerKeys {
  /** The issuer's own spelling of its name: `iss` is compared with it byte for byte. */
  readonly issuer: string
  readonly findKey: ReturnType<typeof createLocalJWKSet>
  readonly userinfoEndpoint?: string
  readonly introspectionEndpoint?: string
  readonly tokenEndpoint?: string
  readonly deviceAuthorizationEndpoint?: string
}

export type FetchKeys = () => Promise<IssuerKeys>

export interface DiscoveryOptions extends ProviderAccess {
  readonly issuer: string
}

/** Fetches discovery document and key set (OpenID Connect Discovery 1.0, 4; RFC 7517, 5). */
export async function fetchIssuerKeys(options: DiscoveryOptions): Promise<IssuerKeys> {
  const get = async (url: string): Promise<Response> => getFromProvider(url, options)
  const configuration = await discovery(
    new URL(`${withoutTrailingSlash(options.issuer)}/.well-known/openid-configuration`),
    'discovery needs no client',
    undefined,
    undefined,
    { [customFetch]: get },
  )
  const metadata = configuration.serverMetadata()
  const { issuer, jwks_uri: jwksUri, userinfo_endpoint: userinfo } = metadata
  const { introspection_endpoint: introspection } = metadata
  const { token_endpoint: tokenEndpoint, device_authorization_endpoint: device } = metadata
  // Discovery 4.3, but for one slash at the end: providers and documents disagree on it.
  if (!isSameIssuer(issuer, options.issuer)) {
    throw new FetchError(`the discovery document is of another issuer: ${issuer}`)
  }
  if (jwksUri === undefined) throw new FetchError('the discovery document has no jwks_uri')
  const keySet = parseKeySet(await (await get(jwksUri)).text())
  return {
    issuer,
    findKey: createLocalJWKSet(keySet),
    ...(typeof userinfo === 'string' && { userinfoEndpoint: userinfo }),
    ...(typeof introspection === 'string' && { introspectionEndpoint: introspection }),
    ...(typeof tokenEndpoint === 'string' && { tokenEndpoint }),
    ...(typeof device === 'string' && { deviceAuthorizationEndpoint: device }),
  }
}
