import { printable } from '../refusal.ts'
import { CredentialProblem } from './problem.ts'

/** What somebody has typed to say which gateway. */
export interface GatewayAddress {
  /** In lower case, an address of IPv6 without its brackets. */
  readonly host: string
  /** Where its description may be, the likeliest first. */
  readonly origins: readonly string[]
}

/** The usual port of https, and that of the pages where nothing is in front of them. */
const usualPorts = ['', ':8443']
const longest = 300

/** A host, a host with a port, or an https URL of nothing else. */
export function readGatewayAddress(typed: string): GatewayAddress {
  const text = typed.trim()
  if (/^http:/i.test(text)) {
    throw misused(text, 'Tokens are sent to https addresses alone: leave out http://.')
  }
  const isUrl = text.includes('://')
  const url = isUrl ? text : `https://${text}`
  const isPlain = text !== '' && text.length <= longest && !/[\s\\\p{Cc}]/u.test(text)
  if (!isPlain || !/^https:\/\//i.test(url) || !URL.canParse(url)) throw misused(text)
  const { username, password, pathname, hostname, host, port, origin } = new URL(url)
  if (username !== '' || password !== '' || text.includes('@')) {
    throw misused(text, 'Leave out what is before the @: the user is said with --user.')
  }
  if (/[?#]/.test(text) || pathname !== '/' || hostname === '') throw misused(text)
  const isBare = !isUrl && port === '' && !/:\d+$/.test(text)
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    origins: isBare ? usualPorts.map((one) => `https://${host}${one}`) : [origin],
  }
}

function misused(
  text: string,
  hint = 'Give its host, its host and port, or the https address of its pages: db.example.com, db.example.com:8443.',
): CredentialProblem {
  return new CredentialProblem('usage', `"${printable(text)}" is no address of a gateway`, { hint })
}
