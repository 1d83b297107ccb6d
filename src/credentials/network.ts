// How provider and gateway are reached from here: whose certificates are trusted, and by which proxy.
import { getCACertificates } from 'node:tls'
import { environmentProxy, isProxyUrl, type ProxyChoice } from '../environment-proxy.ts'
import { certificatesIn } from '../pem.ts'
import type { Environment } from './environment.ts'
import { readSmallFile } from './read-small-file.ts'
import { CredentialProblem } from './problem.ts'

/** What requests of identity/ are made with. */
export interface Network {
  /** PEM of every authority that is trusted. */
  readonly customCa: string
  readonly proxy: ProxyChoice | undefined
  readonly limits: { readonly timeoutMs: number; readonly maxBytes: number }
}

export type FindNetwork = () => Promise<Network>

const limits = { timeoutMs: 15_000, maxBytes: 500_000 }
const longestFile = 2_000_000

/** Looks for it with the first request, and then never again; but for what could not be read. */
export function findNetwork(caFile: string | undefined, environment: Environment): FindNetwork {
  let found: Network | undefined
  return async () => (found ??= await openNetwork(caFile, environment))
}

async function openNetwork(caFile: string | undefined, environment: Environment): Promise<Network> {
  const proxy = environmentProxy(environment)
  if (proxy !== undefined && !isProxyUrl(proxy.url)) {
    throw new CredentialProblem(
      'configuration',
      'the environment variable HTTPS_PROXY is not the URL of an http or https proxy',
      { hint: 'Correct it, or take it out.' },
    )
  }
  const customCa = caFile === undefined ? systemAuthorities() : await readAuthorities(caFile)
  return { customCa, proxy, limits }
}

/** Those that Node brings and those of the operating system: companies put their own there. */
function systemAuthorities(): string {
  const all = [...getCACertificates('default'), ...getCACertificates('system')]
  // The same one may come with other line ends.
  const unique = new Map(all.map((one) => [one.replaceAll(/\s/g, ''), one.trim()]))
  return [...unique.values()].join('\n')
}

async function readAuthorities(file: string): Promise<string> {
  const pem = await readSmallFile(file, longestFile, 'certificates of authorities')
  if (certificatesIn(pem).length === 0) {
    throw new CredentialProblem('configuration', `${file} has no certificate`, {
      hint: 'ca_file is to hold certificates of authorities as PEM.',
    })
  }
  return pem
}
