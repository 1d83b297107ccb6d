// Where the store of the fleet is, as `fleet.store` has it: a URL as libpq takes it, and the part of it that is meant.
import { isLoopback } from './addresses.ts'

const tlsModes = ['disable', 'require', 'verify-ca', 'verify-full'] as const

export interface StoreUrl {
  /** A name, an IP address, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string | undefined
  readonly database: string
  readonly tls: (typeof tlsModes)[number]
}

/** What is wrong with one. The message repeats nothing of it. */
export class StoreUrlError extends Error {
  override readonly name = 'StoreUrlError'
}

const usualPort = 5432
const parameters: ReadonlySet<string> = new Set(['sslmode', 'host', 'user'])

/** Throws StoreUrlError. */
export function parseStoreUrl(text: string): StoreUrl {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (
    url === undefined ||
    !['postgres:', 'postgresql:'].includes(url.protocol) ||
    url.hash !== ''
  ) {
    throw new StoreUrlError(
      'must be a URL such as postgres://portcullis:...@db.internal/portcullis',
    )
  }
  for (const name of url.searchParams.keys()) {
    if (!parameters.has(name) || url.searchParams.getAll(name).length > 1) {
      throw new StoreUrlError(
        'may have one `sslmode`, `host` and `user` behind its "?", and nothing else',
      )
    }
  }
  const host = decode(url.hostname).replace(/^\[|\]$/g, '') || (url.searchParams.get('host') ?? '')
  const user = decode(url.username) || (url.searchParams.get('user') ?? '')
  const database = decode(url.pathname.slice(1))
  if (host === '') throw new StoreUrlError('must name a host, or the folder of a Unix socket')
  if (host.includes(','))
    throw new StoreUrlError('must name one host: a name that leads to the primary')
  if (user === '') throw new StoreUrlError('must name a user')
  if (database === '') throw new StoreUrlError('must name a database')
  return {
    ...{ host, user, database, tls: tlsOf(url.searchParams.get('sslmode'), host) },
    port: url.port === '' ? usualPort : Number(url.port),
    password: url.password === '' ? undefined : decode(url.password),
  }
}

/** Nobody listens between two programs of one machine. */
function tlsOf(mode: string | null, host: string): StoreUrl['tls'] {
  const isHere = host.startsWith('/') || isLoopback(host)
  if (mode === null) return isHere ? 'disable' : 'verify-full'
  const known = tlsModes.find((one) => one === mode)
  if (known === undefined) {
    // What falls back to no TLS is no protection from anybody who can refuse it.
    throw new StoreUrlError(`may have as \`sslmode\` ${tlsModes.join(', ')}`)
  }
  return known
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new StoreUrlError('has a "%" that begins no character')
  }
}
