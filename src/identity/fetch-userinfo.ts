import { boundedFetch, FetchError } from './bounded-fetch.ts'
import type { ProviderAccess } from './provider-access.ts'
import { isRecord } from './token-shape.ts'

export type UserinfoAccess = Pick<ProviderAccess, 'customCa' | 'limits' | 'proxy'>

/**
 * What the provider says of the holder of a token (OpenID Connect Core, 5.3). The token must be verified:
 * it is sent as it is.
 */
export async function fetchUserinfo(
  endpoint: string,
  token: string,
  subject: unknown,
  access: UserinfoAccess,
): Promise<Readonly<Record<string, unknown>>> {
  const { customCa, limits, proxy } = access
  const response = await boundedFetch(endpoint, limits, customCa, { bearer: token, proxy })
  if (response.status !== 200) throw new FetchError(`${endpoint} answered ${response.status}`)
  const claims = parse(await response.text())
  if (!isRecord(claims)) throw new FetchError('the userinfo response is not a JSON object')
  // 5.3.2 and 5.3.4: what is said of somebody else is not used.
  if (claims['sub'] !== subject) throw new FetchError('the userinfo response is of another subject')
  return claims
}

/** The message of JSON.parse would repeat what it cannot read. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
