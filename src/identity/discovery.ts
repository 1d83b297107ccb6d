import { createLocalJWKSet, type JSONWebKeySet } from 'jose'
import { customFetch, discovery } from 'openid-client'
import { boundedFetch, FetchError, type FetchLimits } from './bounded-fetch.ts'

/** An issuer's keys, as found by its discovery document. */
export interface IssuerKeys {
  /** The issuer's own spelling of its name: `iss` is compared with it byte for byte. */
  readonly issuer: string
  readonly findKey: ReturnType<typeof createLocalJWKSet>
}

export type FetchKeys = () => Promise<IssuerKeys>

export interface DiscoveryOptions {
  readonly issuer: string
  readonly customCa: string | undefined
  readonly limits: FetchLimits
}

/** Fetches discovery document and key set (OpenID Connect Discovery 1.0, 4; RFC 7517, 5). */
export async function fetchIssuerKeys(options: DiscoveryOptions): Promise<IssuerKeys> {
  const get = async (url: string): Promise<Response> => {
    const response = await boundedFetch(url, options.limits, options.customCa)
    if (response.status !== 200) throw new FetchError(`${url} answered ${response.status}`)
    return response
  }
  const configuration = await discovery(
    new URL(`${withoutTrailingSlash(options.issuer)}/.well-known/openid-configuration`),
    'discovery needs no client',
    undefined,
    undefined,
    { [customFetch]: get },
  )
  const { issuer, jwks_uri: jwksUri } = configuration.serverMetadata()
  // Discovery 4.3, but for one slash at the end: providers and documents disagree on it.
  if (withoutTrailingSlash(issuer) !== withoutTrailingSlash(options.issuer)) {
    throw new FetchError(`the discovery document is of another issuer: ${issuer}`)
  }
  if (jwksUri === undefined) throw new FetchError('the discovery document has no jwks_uri')
  return { issuer, findKey: createLocalJWKSet(await fetchKeySet(jwksUri, get)) }
}

async function fetchKeySet(
  uri: string,
  get: (url: string) => Promise<Response>,
): Promise<JSONWebKeySet> {
  const response = await get(uri)
  const body: unknown = await response.json()
  if (!isKeySet(body)) throw new FetchError('the key set is not one')
  if (body.keys.length === 0) throw new FetchError('the key set is empty')
  return body
}

function isKeySet(body: unknown): body is JSONWebKeySet {
  return (
    typeof body === 'object' &&
    body !== null &&
    'keys' in body &&
    Array.isArray(body.keys) &&
    body.keys.every((key) => typeof key === 'object' && key !== null && !Array.isArray(key))
  )
}

export function withoutTrailingSlash(issuer: string): string {
  return issuer.endsWith('/') ? issuer.slice(0, -1) : issuer
}
