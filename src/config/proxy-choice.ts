import { environmentProxy, isProxyUrl, type ProxyChoice } from '../environment-proxy.ts'
import type { Finding } from './checks/index.ts'

export type { ProxyChoice } from '../environment-proxy.ts'

/**
 * What the file says of an integration comes first, and is meant for every host; `none` is no proxy. Else it
 * is what the environment says, for the hosts that it does not except.
 */
export function chooseProxy(
  written: string | undefined,
  environment: NodeJS.ProcessEnv,
): ProxyChoice | undefined {
  if (written === 'none') return undefined
  if (written !== undefined) return { url: written, exceptions: [] }
  return environmentProxy(environment)
}

interface Written {
  readonly enabled: boolean
  readonly proxy_url?: string | undefined
  /** Of one that CockroachDB's settings make. */
  readonly cockroach: unknown
}

/** The variable is not the file's, but the file can do without it. */
export function checkEnvironmentProxy(
  { integrations }: { readonly integrations: Readonly<Record<string, Written>> },
  environment: NodeJS.ProcessEnv,
): readonly Finding[] {
  const url = environmentProxy(environment)?.url
  if (url === undefined || isProxyUrl(url)) return []
  const wrong = 'the environment variable HTTPS_PROXY is not the URL of an http or https proxy'
  return Object.entries(integrations)
    .filter(([, { enabled, proxy_url: written }]) => enabled && written === undefined)
    .map(([name, { cockroach }]) =>
      cockroach === undefined
        ? {
            path: ['integrations', name],
            message: `${wrong}: correct it, or set \`proxy_url\` here, \`none\` for no proxy`,
          }
        : { path: ['settings'], message: `${wrong}: correct it` },
    )
}
