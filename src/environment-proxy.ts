// The proxy that the environment names, for whoever asks providers: the gateway, and its clients.

/** How a provider is reached by way of a proxy. */
export interface ProxyChoice {
  readonly url: string
  /** As in NO_PROXY. */
  readonly exceptions: readonly string[]
}

/** Nobody means the providers of the own machine; and a test must not depend on its surroundings. */
const loopback = ['localhost', '127.0.0.0/8', '::1']

/** The variable may leave out the scheme. In lower case it comes first, as curl has it. */
export function environmentProxy(
  environment: Readonly<Record<string, string | undefined>>,
): ProxyChoice | undefined {
  const value = environment['https_proxy'] ?? environment['HTTPS_PROXY'] ?? ''
  if (value === '') return undefined
  const url = value.includes('://') ? value : `http://${value}`
  const exceptions = (environment['no_proxy'] ?? environment['NO_PROXY'] ?? '').split(/[\s,]+/)
  return { url, exceptions: [...loopback, ...exceptions.filter((one) => one !== '')] }
}

/** An http or https URL of nothing but a host, a port and credentials. */
export function isProxyUrl(text: string): boolean {
  if (!/^https?:\/\/[^\s\\?#]+$/.test(text) || !URL.canParse(text)) return false
  const { pathname, username, password } = new URL(text)
  return pathname === '/' && isDecodable(username) && isDecodable(password)
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
