import { boundedFetch, FetchError, type FetchLimits, type FetchOptions } from './bounded-fetch.ts'
import { readBoundedFile } from './read-bounded-file.ts'

/** How the provider of an integration is asked for its metadata and keys. */
export interface ProviderAccess extends Pick<FetchOptions, 'proxy' | 'observe'> {
  readonly customCa: string | undefined
  readonly limits: FetchLimits
  /** Holds a bearer token for the provider, which whoever writes the file may renew at any time. */
  readonly bearerTokenFile: string | undefined
}

const longestTokenBytes = 16_384

/** GETs a URL of the provider; any other status than 200 is an error. */
export async function getFromProvider(url: string, access: ProviderAccess): Promise<Response> {
  const { bearerTokenFile: file } = access
  const bearer = file === undefined ? undefined : await readBearerToken(file)
  const { customCa, limits, proxy, observe } = access
  const response = await boundedFetch(url, limits, customCa, { bearer, proxy, observe })
  if (response.status !== 200) throw new FetchError(`${url} answered ${response.status}`)
  return response
}

async function readBearerToken(file: string): Promise<string> {
  const token = (await readBoundedFile(file, longestTokenBytes)).trim()
  // RFC 6750 2.1; the message does not say what else is in the file.
  if (!/^[\w.~+/-]+=*$/.test(token)) throw new FetchError(`${file} does not hold a bearer token`)
  return token
}
