// The pages for sign-in, beside the sessions that wait for them.
import { BackChannelLogout } from './back-channel-logout.ts'
import { tlsSettings } from './compose-rules.ts'
import type { Config } from './config/index.ts'
import {
  type CertificateFiles,
  loadServerKeyPair,
  watchServerCertificates,
} from './session/server-certificate.ts'
import type { Sessions } from './sessions.ts'
import type { Log } from './telemetry/log.ts'
import type { TlsHttpServer } from './web/hardened-server.ts'
import { startSignInPages } from './web/sign-in-server.ts'

export interface WebServiceOptions {
  readonly config: () => Config
  readonly sessions: Sessions
  readonly log: Log
}

export class WebService {
  readonly #options: WebServiceOptions
  #pages: TlsHttpServer | undefined
  #unwatch: () => void = () => {}

  constructor(options: WebServiceOptions) {
    this.#options = options
  }

  /** Where the pages are; undefined where there are to be none. */
  get listening(): string | undefined {
    return this.#pages && `${this.#pages.address}:${this.#pages.port}`
  }

  async start(): Promise<void> {
    const config = this.#options.config()
    const { web: pages } = config
    if (pages !== undefined) this.#pages = await this.#open(pages, certificateOf(config))
    this.#watch(config)
  }

  /** A new configuration may name other files. */
  reload(config: Config): void {
    this.#renew(certificateOf(config))
    this.#watch(config)
  }

  async close(): Promise<void> {
    this.#unwatch()
    await this.#pages?.close()
  }

  async #open(
    pages: NonNullable<Config['web']>,
    files: CertificateFiles | undefined,
  ): Promise<TlsHttpServer> {
    const { config, sessions, log } = this.#options
    const logout = new BackChannelLogout({
      takes: (name) => isLogoutTaken(config(), name),
      verify: async (call) => sessions.verifyLogout(call),
      end: async (order) => sessions.fleet.end(order),
      now: () => new Date(),
      tell: (outcome, fields) => {
        sessions.countLogout(outcome)
        log[outcome === 'done' ? 'info' : 'warn'](`back-channel logout ${outcome}`, fields)
      },
    })
    return startSignInPages({
      logout: {
        takes: (name) => logout.takes(name),
        accept: async (call) => logout.accept(call),
      },
      publicUrl: pages.public_url,
      listenAddress: pages.listen_address,
      listenPort: pages.listen_port,
      tls: files && loadServerKeyPair(files),
      call: async (call) => sessions.signIn(call),
      onError: (error) => {
        log.error('sign-in pages', { error })
      },
    })
  }

  /** Their certificate is replaced as that of sessions is. */
  #watch(config: Config): void {
    this.#unwatch()
    const files = certificateOf(config)
    if (files === undefined) return
    this.#unwatch = watchServerCertificates({ usual: files, named: new Map() }, () => {
      this.#renew(files)
    })
  }

  #renew(files: CertificateFiles | undefined): void {
    if (files === undefined) return
    try {
      this.#pages?.replaceKeyPair(loadServerKeyPair(files))
    } catch (error) {
      const { log } = this.#options
      log.warn('certificate of the pages not replaced, the old one stays in use', { error })
    }
  }
}

function isLogoutTaken({ integrations }: Config, name: string): boolean {
  const integration = Object.hasOwn(integrations, name) ? integrations[name] : undefined
  return integration?.enabled === true && integration.backchannel_logout
}

/** Their own files, or those of the server; none where a reverse proxy ends TLS. */
function certificateOf({ web: pages, tls }: Config): CertificateFiles | undefined {
  if (pages === undefined || pages.behind_proxy) return undefined
  const { certificate, key } = pages.tls ?? tls
  return { certificate, key, ...tlsSettings(tls), clientCa: undefined }
}
