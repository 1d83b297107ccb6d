import type { X509Certificate } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { JSONWebKeySet } from 'jose'
import { printable } from '../refusal.ts'
import { assessChain } from './assess-certificates.ts'
import { assessClock, type Timing } from './assess-clock.ts'
import { assessKeys } from './assess-keys.ts'
import { discoveryUrl, fetchMetadata, OtherIssuer, type ProviderMetadata } from './discovery.ts'
import { type Finding, Findings } from './finding.ts'
import { type KeySource, readKeySet } from './key-source.ts'
import { type ProviderAccess, getFromProvider } from './provider-access.ts'
import { parseKeySet } from './key-set.ts'
import { peerCertificates } from './peer-certificates.ts'
import { proxyFor, shownProxy } from './provider-proxy.ts'

/** What an integration wants of its provider. */
export interface ProbedProvider {
  readonly integration: string
  readonly issuer: string
  readonly source: KeySource
  readonly access: ProviderAccess
  readonly algorithms: readonly string[]
  readonly leewayMs: number
  readonly endpoints: readonly NeededEndpoint[]
}

/** Endpoints of which the discovery document must have one for what is configured. */
export interface NeededEndpoint {
  readonly names: readonly string[]
  /** The key of the configuration that needs it. */
  readonly neededBy: string
}

export interface ProbeOptions {
  /** Nothing is asked of the provider: keys that are local are all that is looked at. */
  readonly isOffline: boolean
  readonly now: () => Date
  /** An error and its causes, without secrets. */
  readonly describe: (error: unknown) => string
}

/** Asks a provider for everything that logins will need of it, in the way in which they will. */
export async function probeProvider(
  provider: ProbedProvider,
  options: ProbeOptions,
): Promise<readonly Finding[]> {
  const probe = new Probe(provider, options)
  const { source } = provider
  if (source.kind === 'inline' || source.kind === 'file') await probe.lookAtLocalKeys(source)
  else if (!options.isOffline) await probe.askProvider(source)
  return probe.findings.all
}

/** The head of the first answer. */
interface Seen {
  readonly timing: Timing
  readonly certificates: readonly X509Certificate[]
}

class Probe {
  readonly findings: Findings
  readonly #provider: ProbedProvider
  readonly #options: ProbeOptions
  readonly #access: ProviderAccess
  #sentAt = new Date(0)
  #seen: Seen | undefined

  constructor(provider: ProbedProvider, options: ProbeOptions) {
    this.findings = new Findings(`integration ${provider.integration}`)
    this.#provider = provider
    this.#options = options
    this.#access = {
      ...provider.access,
      observe: (answer) => {
        this.#seen ??= this.#observe(answer)
      },
    }
  }

  async lookAtLocalKeys(source: KeySource & { kind: 'inline' | 'file' }): Promise<void> {
    const check = source.kind === 'file' ? 'jwks_file' : 'jwks'
    try {
      const { keys } = await readKeySet(source, this.#access)
      this.findings.ok(
        check,
        `${keys.length} keys${source.kind === 'file' ? ` in ${source.path}` : ''}`,
      )
      await assessKeys(keys, this.#provider.algorithms, this.findings)
    } catch (error) {
      const remedy = 'put the key set of the issuer there, readable for this user'
      this.findings.problem(check, this.#options.describe(error), remedy)
    }
  }

  async askProvider(source: KeySource & { kind: 'discovery' | 'uri' }): Promise<void> {
    this.#sentAt = this.#options.now()
    if (source.kind === 'uri') await this.#askForKeys(source.uri, 'jwks_uri')
    else await this.#discover()
    if (this.#seen === undefined) return
    assessClock(this.#seen.timing, this.#provider.leewayMs, this.findings)
    if (this.#seen.certificates.length > 0) {
      const remedy = 'let the provider renew its certificate'
      assessChain(this.#seen.certificates, this.#options.now(), this.findings, remedy)
    }
  }

  async #discover(): Promise<void> {
    const { issuer } = this.#provider
    const metadata = await this.#fetchMetadata(discoveryUrl(issuer))
    if (metadata === undefined) return
    this.findings.ok('issuer', `tokens must have iss "${printable(metadata.issuer)}"`)
    this.#compareAlgorithms(metadata)
    this.#findEndpoints(metadata)
    const { jwks_uri: uri } = metadata
    if (typeof uri === 'string') {
      await this.#askForKeys(uri, 'key set')
    } else {
      const remedy = 'let the provider name it, or set `jwks_uri`'
      this.findings.problem('key set', 'the discovery document has no jwks_uri', remedy)
    }
  }

  async #fetchMetadata(url: string): Promise<ProviderMetadata | undefined> {
    const startedAt = performance.now()
    try {
      const { issuer } = this.#provider
      const metadata = await fetchMetadata({ issuer, ...this.#access })
      this.findings.ok('discovery', `${url} ${this.#answered(url, startedAt)}`)
      return metadata
    } catch (error) {
      if (error instanceof OtherIssuer) {
        this.findings.ok('discovery', `${url} ${this.#answered(url, startedAt)}`)
        const remedy = 'correct `issuer`: but for one slash at the end it must be the very name'
        this.findings.problem('issuer', printable(error.message), remedy)
      } else {
        this.#unreachable('discovery', url, withoutWrapping(error))
      }
      return undefined
    }
  }

  async #askForKeys(uri: string, check: string): Promise<void> {
    const startedAt = performance.now()
    let keySet: JSONWebKeySet
    try {
      keySet = parseKeySet(await (await getFromProvider(uri, this.#access)).text())
    } catch (error) {
      this.#unreachable(check, uri, error)
      return
    }
    this.findings.ok(check, `${printable(uri)} ${this.#answered(uri, startedAt)}`)
    await assessKeys(keySet.keys, this.#provider.algorithms, this.findings)
  }

  #compareAlgorithms(metadata: ProviderMetadata): void {
    const { id_token_signing_alg_values_supported: supported } = metadata
    const { algorithms } = this.#provider
    // The document of an authorization server that has no ID tokens does not say.
    if (!Array.isArray(supported)) return
    const common = algorithms.filter((one) => supported.includes(one))
    if (common.length > 0) {
      this.findings.ok('algorithms', `ID tokens may be signed with ${common.join(', ')}`)
      return
    }
    const theirs = printable(supported.map(String).join(', '))
    this.findings.problem(
      'algorithms',
      `ID tokens are signed with ${theirs}, and only ${algorithms.join(', ')} are accepted`,
      'let the provider sign with one of these for this client, or correct `algorithms`',
    )
  }

  #findEndpoints(metadata: ProviderMetadata): void {
    for (const { names, neededBy } of this.#provider.endpoints) {
      const found = names.flatMap((name) => {
        const url = metadata[name]
        const isUsable = typeof url === 'string' && url.startsWith('https://') && URL.canParse(url)
        return isUsable ? [{ name, url }] : []
      })
      for (const { name, url } of found) this.findings.ok(name, printable(url))
      if (found.length > 0) continue
      const remedy = `switch it on at the provider, or do without \`${neededBy}\``
      const told = `the discovery document has none over https, and \`${neededBy}\` needs it`
      this.findings.problem(names.join(' or '), told, remedy)
    }
  }

  #answered(url: string, startedAt: number): string {
    const proxy = proxyFor(url, this.#access.proxy)
    const way = proxy === undefined ? '' : ` by way of the proxy ${shownProxy(proxy)}`
    return `answered in ${Math.ceil(performance.now() - startedAt)} ms${way}`
  }

  #unreachable(check: string, url: string, error: unknown): void {
    const told = `${printable(url)}: ${this.#options.describe(error)}`
    this.findings.problem(check, told, remedyFor(told))
  }

  #observe(answer: IncomingMessage): Seen {
    const { date, age } = answer.headers
    return {
      timing: { sentAt: this.#sentAt, receivedAt: this.#options.now(), date, age },
      certificates: peerCertificates(answer.socket),
    }
  }
}

/** What openid-client says around an error of the request tells nothing. */
function withoutWrapping(error: unknown): unknown {
  return error instanceof Error && error.message === 'something went wrong'
    ? (error.cause ?? error)
    : error
}

/** The codes are those of node and OpenSSL. */
const remedies: readonly (readonly [RegExp, string])[] = [
  [/CERT_HAS_EXPIRED/, 'let the provider renew its certificate'],
  [/CERT_NOT_YET_VALID/, 'set the clock of this machine'],
  [/ALTNAME/, 'name the provider as its certificate does'],
  [
    /SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)/,
    'set `custom_ca` to the authority of the provider, or correct it',
  ],
  [/the proxy /, 'correct `proxy_url` or HTTPS_PROXY, or let the proxy pass the provider'],
  [/ENOTFOUND|EAI_AGAIN/, 'correct the name, or see to DNS'],
  [
    /ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ECONNRESET|no answer within/,
    'see whether the provider is up and can be reached from here; a proxy is set by `proxy_url`',
  ],
  [/answered 40[13]/, 'see whether it wants a token: `jwks_bearer_token_file`'],
]

function remedyFor(told: string): string {
  return (
    remedies.find(([pattern]) => pattern.test(told))?.[1] ??
    'correct `issuer`, or where the keys are found'
  )
}
