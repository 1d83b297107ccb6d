// One process of the service: a configuration made into sessions.
import { Sitting } from './admin/console/sitting.ts'
import { randomUUID } from 'node:crypto'
import type { LogoutCall, LogoutOutcome, LogoutVerdict } from './back-channel-logout.ts'
import { type Config, contentsOf } from './config/index.ts'
import { composeAudit } from './compose-audit.ts'
import { composeListeners, composeRules, type KeyCaches, tlsSettings } from './compose-rules.ts'
import { verifiedSessionTokensOf, webSecretsOf } from './compose-session-tokens.ts'
import { composeTraces, type Traces } from './compose-telemetry.ts'
import { type DenyList, readDenyList, watchDenyList } from './deny-list.ts'
import type { Primary } from './fleet/primary.ts'
import type { WorkerStatus } from './fleet/supervisor.ts'
import type { KeyCache } from './identity/key-cache.ts'
import { verifyLogoutToken } from './identity/verify-logout-token.ts'
import { KeptParts } from './kept-parts.ts'
import { Refusal } from './refusal.ts'
import { ScramKeyCache } from './sasl/scram-key-cache.ts'
import type { Ledger } from './session/ledger.ts'
import { listen, type Listener } from './session/listener.ts'
import { type GateCensus, gateOf, type GateOrder, type GateState } from './session/gate-state.ts'
import { Gates } from './session/gates.ts'
import { LoginRate } from './session/login-rate.ts'
import { countOccupancy, countPools } from './session/pool-counts.ts'
import { type EndOrder, type RestoreOrder, Revocations } from './session/revocations.ts'
import { listSessions, type SessionList, type SessionQuery } from './session/session-summary.ts'
import type { ExplainedDenial } from './session/denied-login.ts'
import type { ProcessUsage, ProcessView, ViewName } from './session/process-view.ts'
import type { SessionObserver } from './session/observer.ts'
import { PendingSignIns, type SignInCall, type SignInReply } from './session/pending-sign-ins.ts'
import { noLongerAllowed } from './session/still-allowed.ts'
import { Rechecks } from './session/rechecks.ts'
import { type DrainOrder, SessionRegistry } from './session/registry.ts'
import {
  type AllCertificateFiles,
  loadServerCertificates,
  watchServerCertificates,
} from './session/server-certificate.ts'
import type { Denials } from './session/denials.ts'
import type { CancelOutcome, ListenerAddress, Rules, SessionServices } from './session/services.ts'
import { UpstreamNetwork } from './upstream/network.ts'
import { WarmSessions } from './upstream/warm-sessions.ts'
import type { CancelRequest } from './wire/startup.ts'
import { type AdministrativeAct, type Audit, createAudit } from './telemetry/audit.ts'
import { countChanges } from './telemetry/count-changes.ts'
import { keepDeniedLogins } from './telemetry/denied-logins.ts'
import { hostLog, issuerLog, type Log, type LogLevel, sessionLog } from './telemetry/log.ts'
import {
  type CatalogMetrics,
  createMetrics,
  type ExportMetrics,
  type Metrics,
} from './telemetry/metrics.ts'
import { combine, combineHosts, combineIssuer } from './telemetry/observers.ts'
import { thinFloods, type ThinnedObserver } from './telemetry/thin-floods.ts'

export interface ProxyOptions {
  readonly config: Config
  readonly log: Log
  readonly primary: Primary
  readonly ledger: Ledger
  readonly credentialKey: Buffer
  /** What session tokens are verified by where the configuration has no secret for it. */
  readonly secretsOfThisStart: readonly string[]
  /** Of the service, each with its share of what one address may do. */
  readonly processes: number
  readonly version: string
  /** Several processes listen on the same ports. */
  readonly sharesPorts: boolean
  /** Of several processes one alone can listen on a Unix socket. */
  readonly opensUnixSockets: boolean
  readonly onStatus: (status: WorkerStatus) => void
  /** Undefined where another process counts them. */
  readonly readThrottled: (() => number) | undefined
  /** Those of before that refuse logins still. */
  readonly standingOrders: readonly EndOrder[]
  /** Which databases are open. */
  readonly gates: GateState
  /** Of the catalog that is in the configuration. */
  readonly catalogVersion: number
}

/** A configuration that could be taken over. One of the two is to be called, once. */
export interface Prepared {
  /** From now on it is that of new sessions. Cannot fail. */
  readonly commit: () => void
  /** Leaves no trace of it. */
  readonly abandon: () => Promise<void>
}

const maxScramKeys = 1_000
/** A deny file may be long. */
const maxShownDenials = 10_000

export class Proxy {
  readonly #options: ProxyOptions
  readonly #name = randomUUID()
  readonly #registry = new SessionRegistry()
  readonly #scramKeys = new ScramKeyCache(maxScramKeys)
  readonly #pendingSignIns = new PendingSignIns()
  readonly #gates = new Gates()
  readonly #traffic = { fromFrontend: 0, fromUpstream: 0 }
  readonly #metrics: Metrics
  readonly #audit: Audit
  readonly #traces: Traces | undefined
  readonly #records: readonly ThinnedObserver[]
  readonly #denied = keepDeniedLogins()
  readonly #changes = countChanges()
  readonly #network: UpstreamNetwork
  readonly #warm: WarmSessions
  readonly #services: SessionServices
  readonly #revocations: Revocations
  readonly #issuers: ReturnType<typeof combineIssuer>
  readonly #listeners = new Map<string, Listener>()
  readonly #views: {
    readonly [Name in ViewName]: () => ProcessView[Name] | Promise<ProcessView[Name]>
  } = {
    statistics: () => ({
      process: this.#name,
      databases: this.#registry.statistics.with(this.#registry.live()),
    }),
    pools: () => countPools(this.#registry.live()),
    occupancy: () => countOccupancy(this.#registry.live()),
    usage: () => this.#usage(),
    denials: () => this.#denied.latest,
    changes: () => ({ process: this.#name, ...this.#changes.counts }),
    logins: async () => ({ process: this.#name, ...(await this.#metrics.logins()) }),
    keys: () => [...this.#keyCaches.values()].map(({ state }) => state),
    hosts: () => this.#network.addresses.known,
    denied: () => [...take(this.#revocations.denials.entries(), maxShownDenials)],
  }
  #keyCaches: KeyCaches = new Map<string, KeyCache>()
  #parts = new KeptParts()
  #config: Config
  #rules: Rules
  #unwatch: () => void = () => {}
  #unwatchDenyList: () => void = () => {}

  /** Throws where a file that the configuration names cannot be used. */
  constructor(options: ProxyOptions) {
    const { config, log, version } = options
    this.#options = options
    this.#config = config
    this.#metrics = createMetrics({
      version,
      runtime: runtimeName(),
      readBytes: () => this.#traffic,
      readPlaces: () => ({ ...this.#registry.taken, paused: this.#gates.waiting }),
      readKeyAges: () => [...this.#keyCaches.values()].map(({ state }) => state),
      readDenials: () => this.#revocations.denials.size + this.#revocations.remembered,
      readThrottled: options.readThrottled,
    })
    this.#audit = createAudit({
      ...composeAudit(() => this.#config),
      version,
      onRecorded: (records) => {
        this.#metrics.auditRecorded(records)
      },
      onDropped: (records) => {
        this.#metrics.auditDropped(records)
      },
      onError: (error) => {
        log.error('audit records cannot be written', {
          error,
          logins: this.#audit.isRefusing ? 'are refused' : 'go on',
        })
        this.#tellStatus()
      },
      onRecovered: () => {
        log.info('audit records are written again')
        this.#tellStatus()
      },
    })
    const onObserverError = (error: unknown): void => {
      log.error('an observer failed', { error, stack: error })
    }
    const written = config.audit.sinks.length === 0 ? [] : [this.#audit]
    this.#records = [sessionLog(log), this.#denied, ...written].map(thinFloods)
    this.#traces = composeTraces({ config, version, log, metrics: this.#metrics })
    const observers: SessionObserver[] = [this.#metrics, this.#changes, ...this.#records]
    if (this.#traces !== undefined) observers.push(this.#traces.observer)
    const observer = combine(observers, onObserverError)
    this.#issuers = combineIssuer(
      [
        this.#metrics,
        issuerLog(log),
        {
          keysRefreshed: () => {
            this.#tellStatus()
          },
          unknownKey() {},
        },
      ],
      onObserverError,
    )
    this.#network = new UpstreamNetwork({
      observer: combineHosts([this.#metrics, hostLog(log)], onObserverError),
    })
    this.#warm = new WarmSessions({ keys: this.#scramKeys, network: this.#network }, this.#metrics)
    this.#revocations = new Revocations({
      live: () => this.#registry.live(),
      now: () => new Date(),
      onEnd: ({ id }, end, why) => {
        log.info('session is ended', { session: id, reason: end, why })
      },
    })
    for (const order of options.standingOrders) this.#revocations.end(order)
    this.#gates.adopt(options.gates)
    this.#rules = this.#adopt(this.#compose(config, options.catalogVersion), config)
    this.#services = {
      rules: () => this.#rules,
      observer,
      registry: this.#registry,
      loginRate: new LoginRate(options.processes),
      ledger: options.ledger,
      credentialKey: options.credentialKey,
      revocations: this.#revocations,
      gates: this.#gates,
      rechecks: new Rechecks({
        rules: () => this.#rules,
        revoke: (session, why) => {
          this.#revocations.revoke(session, why)
        },
        now: () => new Date(),
      }),
      upstream: this.#warm,
      pendingSignIns: this.#pendingSignIns,
      openConsole: (visit) =>
        new Sitting(
          {
            order: async (order) => options.primary.order(order),
            version,
            now: () => new Date(),
            onBug: (error) => {
              log.error('the console failed', { session: visit.facts.id, error, stack: error })
            },
          },
          visit,
        ),
      cancel: async (request) => this.#cancelAnywhere(request),
      recordAdmission: this.#audit.recordAdmission,
      refreshSecrets: async () => options.primary.refreshSecrets(),
      now: () => new Date(),
    }
  }

  /** Opens the listeners and fetches the keys of every issuer; the latter may still be under way. */
  async start(): Promise<void> {
    this.#warmKeys()
    for (const [key, listener] of await this.#openListeners(this.#listenersOf(this.#config))) {
      this.#listeners.set(key, listener)
      listener.begin()
    }
    this.#watchCertificate()
  }

  get addresses(): readonly ListenerAddress[] {
    return [...this.#listeners.values()].map((listener) => listener.address)
  }

  get status(): WorkerStatus {
    const caches = [...this.#keyCaches.values()]
    return {
      issuers: caches.length,
      issuersWithKeys: caches.filter((cache) => cache.hasKeys).length,
      isRefusing: this.#audit.isRefusing,
    }
  }

  /** Does all of taking a configuration over that may fail; throws, and leaves no trace of it, where it does. */
  async prepare(config: Config, catalogVersion: number): Promise<Prepared> {
    const composed = this.#compose(config, catalogVersion)
    const wanted = this.#listenersOf(config)
    const opened = await this.#openListeners(wanted)
    return {
      commit: () => {
        this.#commit(config, composed, wanted, opened)
      },
      abandon: async () => closeAll(opened),
    }
  }

  #commit(
    config: Config,
    composed: Composed,
    wanted: WantedListeners,
    opened: ReadonlyMap<string, Listener>,
  ): void {
    const before = this.#rules
    const rules = this.#adopt(composed, config)
    this.#rules = rules
    this.#config = config
    const kept = new Set(rules.provisioners.values())
    for (const old of before.provisioners.values()) if (!kept.has(old)) old.close()
    const targets = new Set(before.upstreams.values())
    // Those of passwords that are not in use any more go with them.
    if ([...rules.upstreams.values()].some((one) => !targets.has(one))) this.#scramKeys.clear()
    for (const [key, listener] of opened) {
      this.#listeners.set(key, listener)
      listener.begin()
    }
    this.#keepListeners(wanted)
    this.#options.log.setLevel(config.log.level)
    this.#watchCertificate()
    this.#warmKeys()
    if (rules.isEnforced) this.#enforce(rules)
  }

  reopenAudit(): void {
    this.#audit.reopen()
  }

  /** Cancels the statement of a session of this process. */
  async cancelHere(request: CancelRequest): Promise<CancelOutcome> {
    const session = this.#registry.find(request.processId, request.secretKey)
    if (session === undefined) return 'unknown-key'
    try {
      await session.cancel()
      return 'forwarded'
    } catch {
      return 'failed'
    }
  }

  /** Ends sessions of this process, and returns how many. */
  endHere(order: EndOrder): number {
    return this.#revocations.end(order)
  }

  /** Lets in again who was kept out by these orders, and returns how many that were. */
  restoreHere(order: RestoreOrder): number {
    return this.#revocations.restore(order)
  }

  async recordAct(act: AdministrativeAct): Promise<void> {
    return this.#audit.recordAct(act)
  }

  /** What the console shows of this process. */
  async lookAt(name: ViewName): Promise<ProcessView[ViewName]> {
    return this.#views[name]()
  }

  setLogLevel(level: LogLevel): void {
    this.#options.log.setLevel(level)
  }

  /** How a login was refused that this process remembers. */
  findDenied(reference: string): ExplainedDenial | undefined {
    return this.#denied.find(reference)
  }

  /** Takes over which databases are open, and says what that came to. */
  gatesHere({ state, about }: GateOrder): GateCensus {
    const before = this.#gates.state
    if (this.#gates.adopt(state)) this.#keepWarm(this.#rules, before)
    return this.#gates.census(about)
  }

  listHere(query: SessionQuery): SessionList {
    return listSessions(this.#registry.live(), query)
  }

  /** What a provider says of who has signed out, by the rules of the integration that it says it for. */
  async verifyLogout({ integration, token }: LogoutCall): Promise<LogoutVerdict> {
    const rules = this.#rules.tokens.get(integration)?.rules
    if (rules === undefined) throw new Error(`no token rules for ${integration}`)
    try {
      return { kind: 'genuine', logout: await verifyLogoutToken(token, rules, new Date()) }
    } catch (error) {
      // Without its keys nothing is known of a token: the provider may say it again.
      if (!(error instanceof Refusal) || error.fault === 'issuer') throw error
      return { kind: 'refused', reason: error.reason, detail: error.logDetail }
    }
  }

  countVisit(kind: string, outcome: string): void {
    this.#metrics.visited(kind, outcome)
  }

  countLogout(outcome: LogoutOutcome): void {
    this.#metrics.loggedOut(outcome)
  }

  /** What a page asks about a sign-in, if it waits in this process. */
  async signInHere(call: SignInCall): Promise<SignInReply> {
    return this.#pendingSignIns.call(call)
  }

  countSessionToken(): void {
    this.#metrics.sessionTokenIssued()
  }

  get exportMetrics(): ExportMetrics {
    return this.#metrics
  }

  get catalogMetrics(): CatalogMetrics {
    return this.#metrics
  }

  countReload(outcome: 'ok' | 'failed'): void {
    this.#metrics.configReloaded(outcome)
  }

  async snapshot(): Promise<unknown> {
    return this.#metrics.snapshot()
  }

  /** Accepts nobody any more and resolves when the last session has ended, at the deadline by force. */
  async drain({ deadlineMs, endsIdle }: DrainOrder): Promise<void> {
    this.#warm.close()
    const listeners = [...this.#listeners.values()]
    this.#listeners.clear()
    await Promise.all(listeners.map(async (listener) => listener.close()))
    await this.#registry.drain(deadlineMs, endsIdle)
  }

  endNow(): void {
    this.#registry.endNow()
  }

  /** After a drain: writes out what is still in buffers. */
  async close(): Promise<void> {
    this.#unwatch()
    for (const records of this.#records) records.flush()
    this.#unwatchDenyList()
    await Promise.all([this.#audit.close(), this.#traces?.close()])
    this.#metrics.close()
  }

  /** Whatever a configuration lacks is found here, before anything of it is taken over. */
  #compose(config: Config, catalogVersion: number): Composed {
    const parts = this.#parts.renew()
    const files = certificateFiles(config)
    const certificates = parts.once(['certificates', files, contentsOf(pathsOf(files))], () =>
      loadServerCertificates(files),
    )
    const keyCaches: KeyCaches = new Map(this.#keyCaches)
    const rules = composeRules(config, certificates.contexts, this.#issuers, keyCaches, parts)
    const denyList = readDenyList(config.deny_file)
    const secrets = webSecretsOf(config, this.#options.secretsOfThisStart)
    const sessionTokens = verifiedSessionTokensOf(config, secrets, rules.catalog, parts)
    return {
      rules: { ...rules, sessionTokens, catalogVersion },
      parts,
      keyCaches,
      notAfter: certificates.notAfter,
      denyList,
    }
  }

  #adopt(
    { rules, parts, keyCaches, notAfter, denyList }: Composed,
    { deny_file: path }: Config,
  ): Rules {
    this.#parts = parts
    this.#unwatchDenyList()
    this.#deny(denyList.denials)
    this.#unwatchDenyList = watchDenyList(path, denyList.version, {
      loaded: (denials) => {
        this.#options.log.info('deny file read', { entries: denials.size })
        this.#deny(denials)
      },
      failed: (error) => {
        this.#metrics.denyFileRead('failed')
        this.#options.log.error('deny file not read, the entries of before stay in use', { error })
      },
    })
    const used = new Set([...rules.tokens.values()].map((one) => one.rules.keys))
    this.#keyCaches = new Map([...keyCaches].filter(([, cache]) => used.has(cache)))
    this.#keepWarm(rules)
    this.#metrics.certificateLoaded(notAfter)
    return rules
  }

  /** Keeps sessions ready for the databases that are open; what a database has from before it was renewed goes. */
  #keepWarm({ upstreams }: Rules, before?: GateState): void {
    const open = [...upstreams].filter(([database]) => !this.#gates.isHeld(database))
    const isAsBefore = (database: string): boolean =>
      before === undefined ||
      gateOf(before, database).renewedAt === gateOf(this.#gates.state, database).renewedAt
    const kept = open.filter(([database]) => isAsBefore(database))
    if (kept.length < open.length) this.#warm.adopt(kept.map(([, target]) => target))
    this.#warm.adopt(open.map(([, target]) => target))
  }

  #deny(denials: Denials): void {
    this.#metrics.denyFileRead('ok', denials.size)
    void this.#revocations.deny(denials)
  }

  #enforce({ catalog }: Rules): void {
    void this.#revocations.enforce(
      this.#registry.live(),
      ({ grant, facts }) => noLongerAllowed(grant, facts, catalog),
      () => this.#rules.catalog === catalog,
    )
  }

  #warmKeys(): void {
    for (const cache of this.#keyCaches.values()) {
      if (!cache.hasKeys) void cache.warm()
    }
  }

  #listenersOf(config: Config): WantedListeners {
    return new Map(
      [...composeListeners(config)].filter(
        ([, { socketMode }]) => socketMode === undefined || this.#options.opensUnixSockets,
      ),
    )
  }

  /** Opens those that are not open yet, all or none. */
  async #openListeners(wanted: WantedListeners): Promise<ReadonlyMap<string, Listener>> {
    const opened = new Map<string, Listener>()
    try {
      for (const [key, options] of wanted) {
        if (this.#listeners.has(key)) continue
        const sharesPort = this.#options.sharesPorts
        opened.set(key, await listen({ ...options, sharesPort }, this.#services, this.#traffic))
      }
      return opened
    } catch (error) {
      await closeAll(opened)
      throw error
    }
  }

  #keepListeners(wanted: WantedListeners): void {
    for (const [key, listener] of this.#listeners) {
      const terms = wanted.get(key)
      if (terms !== undefined && this.#update(listener, terms)) continue
      this.#listeners.delete(key)
      void listener.close()
    }
  }

  /** False where it cannot be what it is to be: then it must not stay what it was. */
  #update(listener: Listener, terms: WantedListener): boolean {
    try {
      listener.update(terms)
      return true
    } catch (error) {
      this.#options.log.error('a listener cannot be changed, and is closed', {
        listener: listener.address.address,
        error,
      })
      return false
    }
  }

  #watchCertificate(): void {
    this.#unwatch()
    this.#unwatch = watchServerCertificates(certificateFiles(this.#config), () => {
      this.#reloadCertificate()
    })
  }

  #reloadCertificate(): void {
    const { log } = this.#options
    try {
      const { contexts, notAfter } = loadServerCertificates(certificateFiles(this.#config))
      this.#rules = { ...this.#rules, certificates: contexts }
      this.#metrics.certificateLoaded(notAfter)
      log.info('certificate replaced', { notAfter: notAfter.toISOString() })
    } catch (error) {
      // Certificate and key are two files: between the two writes they do not fit each other.
      log.warn('certificate not replaced, the old one stays in use', { error })
    }
  }

  async #cancelAnywhere(request: CancelRequest): Promise<CancelOutcome> {
    const here = await this.cancelHere(request)
    return here === 'unknown-key' ? this.#options.primary.cancelElsewhere(request) : here
  }

  #usage(): ProcessUsage {
    const { rss, heapTotal, heapUsed, external } = process.memoryUsage()
    return {
      processId: process.pid,
      residentBytes: rss,
      heapBytes: heapTotal,
      heapUsedBytes: heapUsed,
      bufferBytes: external,
      sessions: this.#registry.size,
      unauthenticated: this.#registry.taken.unauthenticated,
      warm: this.#warm.size,
    }
  }

  #tellStatus(): void {
    this.#options.onStatus(this.status)
  }
}

function* take<T>(all: Iterable<T>, most: number): Iterable<T> {
  let left = most
  for (const one of all) {
    if (left-- === 0) return
    yield one
  }
}

type WantedListeners = ReturnType<typeof composeListeners>
type WantedListener = Parameters<Listener['update']>[0]

/** What a configuration comes to, before it is taken over. */
interface Composed {
  readonly rules: Rules
  readonly parts: KeptParts
  readonly keyCaches: KeyCaches
  readonly notAfter: Date
  readonly denyList: DenyList
}

async function closeAll(listeners: ReadonlyMap<string, Listener>): Promise<void> {
  await Promise.all([...listeners.values()].map(async (listener) => listener.close()))
}

function pathsOf({ usual, named }: AllCertificateFiles): readonly string[] {
  return [usual, ...named.values()].flatMap(({ certificate, key, clientCa }) =>
    [certificate, key, clientCa ?? []].flat(),
  )
}

function certificateFiles({ tls, connectivity_pools: pools }: Config): AllCertificateFiles {
  const common = {
    ...tlsSettings(tls),
    clientCa: tls.client_ca ?? undefined,
  }
  const named = Object.values(pools).flatMap(({ server_names: names, tls: own }) =>
    own === undefined
      ? []
      : names.map((name) => [name.toLowerCase(), { ...own, ...common }] as const),
  )
  return {
    usual: { certificate: tls.certificate, key: tls.key, ...common },
    named: new Map(named),
  }
}

export function runtimeName(): string {
  const { bun, node } = process.versions
  return bun === undefined ? `node ${node}` : `bun ${bun}`
}
