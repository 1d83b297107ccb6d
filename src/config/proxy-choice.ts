import type { Finding } from './checks/index.ts'
import { isProxyUrl } from './proxy-url.ts'

/** How a provider is reached by way of a proxy. */
export interface ProxyChoice {
  readonly url: string
  /** As in NO_PROXY. */
  readonly exceptions: readonly string[]
}

/** Nobody means the providers of the own machine; and a test must not depend on its surroundings. */
const loopback = ['localhost', '127.0.0.0/8', '::1']

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
  const url = environmentProxy(environment)
  if (url === undefined) return undefined
  const exceptions = (environment['no_proxy'] ?? environment['NO_PROXY'] ?? '').split(/[\s,]+/)
  return { url, exceptions: [...loopback, ...exceptions.filter((one) => one !== '')] }
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
  const url = environmentProxy(environment)
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

/** The variable may leave out the scheme. In lower case it comes first, as curl has it. */
function environmentProxy(environment: NodeJS.ProcessEnv): string | undefined {
  const value = environment['https_proxy'] ?? environment['HTTPS_PROXY'] ?? ''
  if (value === '') return undefined
  return value.includes('://') ? value : `http://${value}`
}
