// The HTTPS server for browsers and tools, beside the sessions that it is about.
import type { CatalogHome } from './admin/catalog-home.ts'
import type { ConsoleFleet } from './admin/console-fleet.ts'
import type { ConsoleOrder, ConsoleReply } from './admin/order.ts'
import { BackChannelLogout } from './back-channel-logout.ts'
import { type KeyCaches, tlsSettings } from './compose-rules.ts'
import { sessionTokensOf, webSecretsOf } from './compose-session-tokens.ts'
import { composeWebRules, type WebConfig } from './compose-web.ts'
import type { Config } from './config/index.ts'
import {
  type CertificateFiles,
  loadServerKeyPair,
  watchServerCertificates,
} from './session/server-certificate.ts'
import { findLogoutParty, type LogoutParty } from './identity/find-logout-party.ts'
import type { IssuerObserver } from './identity/observer.ts'
import { KeptOut } from './kept-out.ts'
import { KeptParts } from './kept-parts.ts'
import { LoginHistory } from './login-history.ts'
import type { UsedOnce } from './shared/marks.ts'
import type { Throttled } from './session/try-credential.ts'
import type { Sessions } from './sessions.ts'
import type { Log } from './telemetry/log.ts'
import type { TlsHttpServer } from './web/hardened-server.ts'
import type { SessionTokens } from './identity/session-token.ts'
import { Refusal } from './refusal.ts'
import { createSealer, type Sealer } from './web/sealer.ts'
import type { VisitEvent } from './web/people/visit-event.ts'
import type { WebServices } from './web/services.ts'
import { startWebServer } from './web/web-server.ts'
import type { WebRules } from './web/web-rules.ts'

export interface WebServiceOptions {
  readonly config: () => Config
  readonly sessions: Sessions
  readonly fleet: ConsoleFleet
  readonly catalog: CatalogHome
  /** Carries out a statement of the console. */
  readonly execute: (order: ConsoleOrder) => Promise<ConsoleReply>
  /** What seals and signs where the configuration has no secret for it. */
  readonly secretsOfThisStart: readonly string[]
  /** Rejects where the record cannot be kept and nothing may happen without. */
  readonly audit: (visit: VisitEvent) => Promise<void>
  /** The ledger of the whole service, and the key by which it knows a credential again. */
  readonly throttle: Throttled
  /** What other replicas have taken already. */
  readonly once: UsedOnce
  readonly log: Log
  /** How this replica is called; undefined where it is alone. */
  readonly replica: string | undefined
}

/** By the configuration that is in force. */
interface Running {
  readonly rules: WebRules
  readonly keptOut: KeptOut
  readonly sealer: Sealer
  readonly tokens: SessionTokens | undefined
}

/** What becomes of keys is told by the workers, who let people in at databases. */
const silent: IssuerObserver = { keysRefreshed: () => {}, unknownKey: () => {} }

export class WebService {
  readonly #options: WebServiceOptions
  #pages: TlsHttpServer | undefined
  readonly #keyCaches: KeyCaches = new Map()
  #parts = new KeptParts()
  #running: Running | undefined
  #unwatch: () => void = () => {}
  readonly #history: LoginHistory
  readonly #stopping = new AbortController()
  readonly #draining = new AbortController()

  constructor(options: WebServiceOptions) {
    this.#options = options
    this.#history = new LoginHistory({
      ask: async () => options.fleet.ask('logins'),
      now: Date.now,
    })
  }

  /** Where the pages are; undefined where there are to be none. */
  get listening(): string | undefined {
    return this.#pages && `${this.#pages.address}:${this.#pages.port}`
  }

  async start(): Promise<void> {
    const config = this.#options.config()
    if (hasPages(config)) {
      this.#pages = await this.#open(config, certificateOf(config))
      this.#history.start()
    }
    this.#watch(config)
  }

  /** A new configuration may name other files. */
  reload(config: Config): void {
    if (this.#pages !== undefined && hasPages(config)) this.#compose(config)
    this.#renew(certificateOf(config))
    this.#watch(config)
  }

  /** Whoever waits for something is told to come again; everybody else is still served. */
  drain(): void {
    this.#draining.abort()
  }

  async close(): Promise<void> {
    this.drain()
    this.#unwatch()
    this.#running?.keptOut.close()
    this.#history.stop()
    this.#stopping.abort()
    await this.#pages?.close()
  }

  /** Throws where a file that it needs cannot be read. */
  #compose(config: WebConfig): void {
    const parts = this.#parts.renew()
    const rules = composeWebRules(config, silent, this.#keyCaches, parts)
    const keptOut = this.#running?.keptOut ?? this.#keepOut()
    keptOut.follow(config.deny_file)
    this.#parts = parts
    const secrets = webSecretsOf(config, this.#options.secretsOfThisStart)
    const sealer = createSealer(secrets, () => new Date())
    const tokens = this.#guard(sessionTokensOf(config, secrets, rules.catalog), keptOut)
    this.#running = { rules, keptOut, sealer, tokens }
  }

  /** Nobody gets anything by one that was revoked; those that are issued are counted. */
  #guard(tokens: SessionTokens | undefined, keptOut: KeptOut): SessionTokens | undefined {
    if (tokens === undefined) return undefined
    return {
      issue: async (request, now) => {
        const issued = await tokens.issue(request, now)
        this.#options.sessions.countSessionToken()
        return issued
      },
      read: async (token, now) => {
        const read = await tokens.read(token, now)
        if (keptOut.hasToken(read)) throw new Refusal('denied', { logDetail: 'session token' })
        return read
      },
      publicKeys: async (now) => tokens.publicKeys(now),
    }
  }

  #keepOut(): KeptOut {
    const { sessions, log } = this.#options
    return new KeptOut({
      catalog: () => this.#now.rules.catalog,
      standingOrders: () => sessions.fleet.standingOrders,
      onFailure: (error) => {
        log.error('deny file not read, the last good entries stay in use', { error })
      },
      now: () => new Date(),
    })
  }

  get #now(): Running {
    if (this.#running === undefined) throw new Error('there are no pages')
    return this.#running
  }

  #services({ web }: WebConfig): WebServices {
    const { sessions, fleet, catalog, execute, log } = this.#options
    const now = (): Date => new Date()
    const running = (): Running => this.#now
    return {
      publicUrl: web.public_url,
      nodeUrl: web.node_url ?? web.public_url,
      isBehindProxy: web.behind_proxy,
      rules: () => running().rules,
      get sealer() {
        return running().sealer
      },
      get tokens() {
        return running().tokens
      },
      signIn: async (call) => sessions.signIn(call),
      replica: this.#options.replica,
      isKeptOut: (session, identity, address) => running().keptOut.has(session, identity, address),
      end: async (order) => sessions.fleet.end(order),
      throttle: this.#options.throttle,
      draining: this.#draining.signal,
      ...{ fleet, catalog, execute, now },
      history: (range) => this.#history.view(range),
      stopping: this.#stopping.signal,
      tell: async (event) => {
        const { id, kind, reason, detail, cause, identity, ...more } = event
        const { issuer, subject, names } = identity ?? {}
        const fields = { ...more, issuer, subject, names, correlationId: id }
        if (reason === undefined) log.info(`pages: ${kind}`, fields)
        else log.warn(`pages: ${kind} refused`, { ...fields, reason, detail, error: cause })
        sessions.countVisit(kind, reason ?? 'ok')
        await this.#options.audit(event)
      },
      onError: (error) => {
        log.error('pages', { error })
      },
    }
  }

  async #open(config: WebConfig, files: CertificateFiles | undefined): Promise<TlsHttpServer> {
    const { config: current, sessions, log } = this.#options
    this.#compose(config)
    const { web } = config
    const logout = new BackChannelLogout({
      find: (token) => findLogoutParty(token, logoutParties(current())),
      verify: async (call) => sessions.verifyLogout(call),
      end: async (order) => sessions.fleet.end(order),
      once: this.#options.once,
      now: () => new Date(),
      tell: (outcome, fields) => {
        sessions.countLogout(outcome)
        log[outcome === 'done' ? 'info' : 'warn'](`back-channel logout ${outcome}`, fields)
      },
    })
    return startWebServer({
      services: this.#services(config),
      logout: {
        isTaken: () => logoutParties(current()).length > 0,
        accept: async (token) => logout.accept(token),
      },
      listenAddress: web.listen_address,
      listenPort: web.listen_port,
      tls: files && loadServerKeyPair(files),
      onError: (error) => {
        log.error('web server', { error })
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

function hasPages(config: Config): config is WebConfig {
  return config.web !== undefined
}

function logoutParties({ integrations }: Config): readonly LogoutParty[] {
  return Object.entries(integrations).flatMap(([integration, one]) =>
    one.enabled && one.backchannel_logout
      ? [{ integration, issuer: one.issuer, clientId: one.client_id }]
      : [],
  )
}

/** Their own files, or those of the server; none where a reverse proxy ends TLS. */
function certificateOf({ web: pages, tls }: Config): CertificateFiles | undefined {
  if (pages === undefined || pages.behind_proxy) return undefined
  const { certificate, key } = pages.tls ?? tls
  return { certificate, key, ...tlsSettings(tls), clientCa: undefined }
}
