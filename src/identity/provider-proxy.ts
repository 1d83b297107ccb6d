import { BlockList, isIP } from 'node:net'

/** An HTTP proxy on the way to a provider. */
export interface ProviderProxy {
  /** http or https, perhaps with credentials: it is never shown whole. */
  readonly url: string
  /** As in NO_PROXY: hosts, domains, addresses and ranges that are asked without the proxy. */
  readonly exceptions: readonly string[]
}

/** The URL of the proxy that a request goes through, if it goes through one. */
export function proxyFor(url: string, proxy: ProviderProxy | undefined): string | undefined {
  if (proxy === undefined) return undefined
  const { hostname, port } = new URL(url)
  const host = withoutBrackets(hostname).replace(/\.$/, '')
  return proxy.exceptions.some((one) => covers(one.toLowerCase(), host, port || '443'))
    ? undefined
    : proxy.url
}

/** The proxy for a message: without the credentials that its URL may have. */
export function shownProxy(url: string): string {
  return new URL(url).host
}

export function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}

/** `*`, a range, an address, or a name that stands for its subdomains too; the last two with or without a port. */
function covers(exception: string, host: string, port: string): boolean {
  if (exception === '*') return true
  if (exception.includes('/')) return isWithin(host, exception)
  const [, bracketed, plain = exception, itsPort] = splitPort(exception)
  if (itsPort !== undefined && itsPort !== port) return false
  const name = bracketed ?? plain
  if (isIP(name) !== 0 || isIP(host) !== 0) return isWithin(host, name)
  const domain = name.replace(/^\*?\./, '').replace(/\.$/, '')
  return domain !== '' && (host === domain || host.endsWith(`.${domain}`))
}

function splitPort(text: string): readonly (string | undefined)[] {
  return /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(text) ?? []
}

function isWithin(host: string, network: string): boolean {
  const [base = '', prefix] = network.split('/')
  const family = isIP(base)
  if (family === 0 || isIP(host) === 0) return false
  const bits = prefix === undefined ? (family === 4 ? 32 : 128) : Number(prefix)
  if (!Number.isInteger(bits) || bits < 0 || bits > (family === 4 ? 32 : 128)) return false
  const list = new BlockList()
  list.addSubnet(base, bits, nameOf(family))
  return list.check(host, nameOf(isIP(host)))
}

function nameOf(family: number): 'ipv4' | 'ipv6' {
  return family === 4 ? 'ipv4' : 'ipv6'
}
