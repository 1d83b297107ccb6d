import { join } from 'node:path'
import type { UpstreamHost } from './target.ts'

/** One address of one of the hosts: what is dialled, and where a cancel request has to go. */
export interface Endpoint extends UpstreamHost {
  /** An IP address, or the path of a Unix socket. */
  readonly address: string
}

/** As libpq has it: what begins with a slash is a directory, and with `@` a name in the abstract namespace. */
export function isSocketHost(host: string): boolean {
  return host.startsWith('/') || host.startsWith('@')
}

/** Where PostgreSQL listens in that directory on that port. */
export function socketPath({ host, port }: UpstreamHost): string {
  return join(host, `.s.PGSQL.${port}`)
}

/** For logs. */
export function where(host: UpstreamHost): string {
  return isSocketHost(host.host) ? socketPath(host) : `${host.host} port ${host.port}`
}

export function everywhere({ hosts }: { readonly hosts: readonly UpstreamHost[] }): string {
  return hosts.map(where).join(', ')
}
