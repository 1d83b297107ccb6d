import { isLoopback } from './addresses.ts'

export interface UpstreamHost {
  readonly host: string
  readonly port: number
}

/** The keys of an upstream by which hosts are named, in one way or the other. */
interface Named {
  readonly host?: string | undefined
  readonly hosts?:
    readonly { readonly host: string; readonly port?: number | undefined }[] | undefined
  readonly port: number
}

/** All hosts, each with its port. */
export function hostsOf({ host, hosts, port }: Named): readonly UpstreamHost[] {
  if (hosts !== undefined) return hosts.map((one) => ({ host: one.host, port: one.port ?? port }))
  return host === undefined ? [] : [{ host, port }]
}

/** As libpq has it: a directory, or a name in the abstract namespace. */
export function isSocketHost(host: string): boolean {
  return host.startsWith('/') || host.startsWith('@')
}

/** Whether nothing leaves this machine on the way to it. */
export function isHere(host: string): boolean {
  return isSocketHost(host) || isLoopback(host)
}
