// The primary process: configuration, workers, HTTP, signals.
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { execute } from './admin/execute.ts'
import type { ConsoleOrder, ConsoleReply } from './admin/order.ts'
import { composeListeners, tlsSettings } from './compose-rules.ts'
import {
  type Config,
  ConfigError,
  describeImpliedPool,
  formatProblem,
  type LoadedConfig,
} from './config/index.ts'
import type { CatalogHome } from './admin/catalog-home.ts'
import {
  BackChannelLogout,
  type LogoutCall,
  type LogoutOutcome,
  type LogoutVerdict,
} from './back-channel-logout.ts'
import { consoleFleet, type RunningConsoleFleet } from './console-fleet.ts'
import type { Lifecycle, ReloadOutcome, Shutdown } from './admin/pooler/services.ts'
import { type Asker, askOnly, FleetSessions } from './fleet-sessions.ts'
import { NodeGates } from './gates.ts'
import { FileCatalog } from './catalog/catalog-home.ts'
import { catalogControl } from './catalog/catalog-control.ts'
import { catalogObserver } from './catalog/catalog-observer.ts'
import { type ChangeAudit, openChangeAudit } from './catalog/change-audit.ts'
import { localBus } from './fleet/bus.ts'
import { type Answers, Supervisor, type WorkerStatus } from './fleet/supervisor.ts'
import { type ChosenPorts, choosePorts, withPorts } from './ports.ts'
import { auditSink, Proxy, runtimeName } from './proxy.ts'
import { SecretFiles } from './secret-files.ts'
import type { GateCensus, GateOrder } from './session/gate-state.ts'
import { LocalLedger } from './session/ledger.ts'
import type { DrainOrder } from './session/registry.ts'
import type { SignInCall, SignInReply } from './session/pending-sign-ins.ts'
import type { ProcessView, ViewName } from './session/process-view.ts'
import {
  type CertificateFiles,
  loadServerKeyPair,
  watchServerCertificates,
} from './session/server-certificate.ts'
import { createLog, type Log } from './telemetry/log.ts'
import {
  type CatalogMetrics,
  createMetrics,
  renderMetrics,
  retireSnapshots,
} from './telemetry/metrics.ts'
import { startControl } from './web/control-app.ts'
import type { HttpServer, TlsHttpServer } from './web/hardened-server.ts'
import { type Check, startHttp } from './web/server.ts'
import { startSignInPages } from './web/sign-in-server.ts'
import { sessionHandlers, surviveBugs, type TakeOver, type WorkerStart } from './worker.ts'

/** What the primary needs of its sessions, whether they are in its own process or in workers. */
interface Sessions {
  start(): Promise<void>
  /** The port of a listener that is open, by its key in the configuration. */
  portOf(key: string): number | undefined
  readonly statuses: readonly WorkerStatus[]
  /** Prepares it everywhere, has it kept, and makes it that of new sessions; or throws, and nothing has changed. */
  takeOver(next: TakeOver, keep: () => Promise<void>): Promise<void>
  reopen(): Promise<void>
  snapshots(): Promise<readonly unknown[]>
  signIn(call: SignInCall): Promise<SignInReply>
  /** The open ones. */
  readonly fleet: FleetSessions
  readonly asker: Asker
  verifyLogout(call: LogoutCall): Promise<LogoutVerdict>
  /** Tells every process which databases are open, and asks what that came to. */
  gates(order: GateOrder): Promise<Answers<GateCensus>>
  drain(order: DrainOrder): Promise<void>
  endNow(): void
  countReload(outcome: 'ok' | 'failed'): void
  countLogout(outcome: LogoutOutcome): void
  readonly catalogMetrics: CatalogMetrics
}

export interface ServiceOptions {
  readonly file: string
  /** Reads the file, at the start and at each reload, or a text in its place. */
  readonly readConfig: (file: string, text?: string) => LoadedConfig
  readonly version: string
  /** The program to run as a worker. */
  readonly program: string
}

type Phase = 'starting' | 'running' | 'draining'

/** How it stops: as by a signal, at once, or without a deadline for sessions or for their clients. */
type StopWay = 'drain' | Shutdown

/** A timer can wait no longer. */
const longestDrainMs = 2_147_000_000
/** An answer that says that the service stops has so long to reach its client. */
const answerMs = 200

export class Service {
  readonly #options: ServiceOptions
  readonly #log: Log
  readonly #workers: number
  readonly #sessions: Sessions
  readonly #fleet: RunningConsoleFleet
  #ports: ChosenPorts = new Map<string, number>()
  readonly #secrets: SecretFiles
  /** Here, where it outlives every worker. */
  readonly #ledger = new LocalLedger()
  readonly #credentialKey = randomBytes(32)
  readonly #stopped = Promise.withResolvers<undefined>()
  #stopping: Promise<void> | undefined
  #isTold = false
  /** Which databases are open. */
  readonly #gates = new NodeGates({
    ask: async (order) => this.#sessions.gates(order),
    databases: () =>
      Object.entries(this.#config.databases)
        .filter(([, { upstream }]) => upstream !== undefined)
        .map(([name]) => name),
    onChange: (fields) => {
      this.#log.warn('databases opened or closed by the console', fields)
    },
  })
  readonly #lifecycle: Lifecycle = {
    reload: async () => this.reload(),
    shutDown: (way) => this.#shutDown(way),
  }
  #config: Config
  readonly #home: FileCatalog
  readonly #changes: ChangeAudit
  #http: HttpServer | undefined
  #pages: TlsHttpServer | undefined
  #control: HttpServer | undefined
  #unwatchPages: () => void = () => {}
  #phase: Phase = 'starting'
  /** Of what is in `#config`. */
  #catalogVersion = 0
  #reloading: Promise<unknown> = Promise.resolve()
  #retired: unknown
  /** Ends the delay before a drain. */
  readonly #hurry = Promise.withResolvers<undefined>()

  /** Throws ConfigError, or what a file that the configuration names is wrong with. */
  constructor(options: ServiceOptions) {
    this.#options = options
    const loaded = options.readConfig(options.file)
    const { config, notices } = loaded
    this.#secrets = this.#followSecrets(loaded)
    this.#config = config
    const { level, format } = config.log
    this.#log = createLog({ level, format, base: { node: config.node, pid: process.pid } })
    surviveBugs(this.#log)
    this.#changes = this.#openChangeAudit(config)
    this.#home = this.#openHome(loaded)
    for (const notice of notices) this.#log.warn(formatProblem(options.file, notice))
    this.#workers = countWorkers(config, this.#log)
    this.#sessions = this.#workers === 1 ? this.#singleProcess(config) : this.#supervised()
    this.#fleet = this.#consoleFleet(this.#sessions)
  }

  /** Resolves when clients can connect; throws when a listener cannot be opened. */
  async start(): Promise<void> {
    const config = this.#config
    if (sharesPorts) this.#ports = await this.#choosePorts(config)
    this.#http = await startHttp({
      listenAddress: config.http.listen_address,
      listenPort: config.http.listen_port,
      metrics: async () => this.#renderMetrics(),
      health: {
        startup: () => check(this.#phase === 'starting' && 'still starting'),
        readiness: () => this.#readiness(),
        liveness: () => check(),
      },
      onError: (error) => {
        this.#log.error('http', { error })
      },
    })
    this.#pages = await this.#openPages(config)
    this.#watchPages(config)
    await this.#home.open()
    await this.#sessions.start()
    this.#fleet.start()
    this.#secrets.follow()
    this.#control = await this.#openControl(config)
    this.#phase = 'running'
    this.#log.info('ready', {
      version: this.#options.version,
      workers: this.#workers,
      listeners: this.#listening(config),
      http: `${this.#http.address}:${this.#http.port}`,
      ...(this.#pages && { signIn: `${this.#pages.address}:${this.#pages.port}` }),
    })
  }

  /** Takes over the configuration file as it is now, for new sessions; a broken one changes nothing. */
  async reload(): Promise<ReloadOutcome> {
    let outcome: ReloadOutcome = { problems: [], warnings: [] }
    await this.#inTurn(async () => {
      outcome = await this.#reloadNow()
    })
    return outcome
  }

  /** Settles when it has stopped, whoever had it stop. */
  get stopped(): Promise<undefined> {
    return this.#stopped.promise
  }

  /** Where the catalog is looked at and changed. */
  get catalog(): CatalogHome {
    return this.#home
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#reloading.then(work)
    this.#reloading = turn.catch(() => {})
    return turn
  }

  /** Lets sessions end by themselves until the deadline; the second call ends them at once. */
  async stop(way: StopWay = 'drain'): Promise<void> {
    if (this.#stopping === undefined) {
      this.#phase = 'draining'
      this.#stopping = this.#stopNow(way)
      this.#stopping.then(() => {
        this.#stopped.resolve(undefined)
      }, this.#stopped.reject)
    } else {
      this.#log.warn('stopping at once')
      this.#hurry.resolve(undefined)
      this.#sessions.endNow()
    }
    return this.#stopping
  }

  async #stopNow(way: StopWay): Promise<void> {
    const { drain, drain_delay: drainDelayMs } = this.#config.timeouts
    const deadlineMs = way === 'drain' ? drain : way === 'now' ? 0 : longestDrainMs
    const delayMs = way === 'now' ? 0 : drainDelayMs
    this.#log.info('draining', {
      ...(deadlineMs < longestDrainMs && { deadlineSeconds: deadlineMs / 1_000 }),
      ...(delayMs > 0 && { delaySeconds: delayMs / 1_000 }),
    })
    if (delayMs > 0) await this.#delay(delayMs)
    // Until now there may have been logins.
    this.#secrets.stop()
    this.#home.close()
    this.#fleet.stop()
    await this.#sessions.drain({ deadlineMs, endsIdle: way !== 'for clients' })
    this.#unwatchPages()
    await this.#control?.close()
    await this.#pages?.close()
    await this.#http?.close()
    await this.#changes.close()
    this.#log.info('stopped')
    await this.#log.close()
  }

  /** New connections are taken until whoever balances the load has seen that they should not come. */
  async #delay(delayMs: number): Promise<void> {
    const timer = setTimeout(this.#hurry.resolve, delayMs, undefined)
    await this.#hurry.promise
    clearTimeout(timer)
  }

  /** Begins when whoever asked for it can have been told. */
  #shutDown(way: Shutdown): 'begun' | 'under way' {
    const isUnderWay = this.#isTold || this.#stopping !== undefined
    if (isUnderWay && way !== 'now') return 'under way'
    this.#isTold = true
    setTimeout(() => {
      this.stop(way).catch(() => {})
    }, answerMs)
    return 'begun'
  }

  async #reloadNow(): Promise<ReloadOutcome> {
    const { file } = this.#options
    try {
      const { notices } = await this.#home.reload()
      const warnings = notices.map((notice) => formatProblem(file, notice))
      for (const warning of warnings) this.#log.warn(warning)
      await this.#sessions.reopen()
      this.#changes.reopen()
      this.#log.info('configuration reloaded')
      return { problems: [], warnings }
    } catch (error) {
      this.#tellFailure('configuration not reloaded, the old one stays in use', error)
      return { problems: problemsOf(file, error), warnings: [] }
    }
  }

  async #takeOver(
    { config: read }: LoadedConfig,
    catalogVersion: number,
    keep: () => Promise<void>,
  ): Promise<void> {
    const before = this.#config
    // Sessions must not invite to pages that are not served.
    const config = { ...read, sign_in: before.sign_in }
    // Before any worker is asked: one that another process has refuses the whole.
    const ports = sharesPorts ? await this.#choosePorts(config) : this.#ports
    const listening = this.#listening(before)
    const next = { config: withPorts(config, ports), catalogVersion }
    await this.#sessions.takeOver(next, async () => {
      await keep()
      // Only now: a worker that is started afterwards is given it.
      this.#config = config
      this.#ports = ports
      this.#catalogVersion = catalogVersion
    })
    for (const name of needingRestart(before, read)) {
      this.#log.warn(`${name} has changed: it takes effect at the next start`)
    }
    const told = describeImpliedPool(before, config)
    if (told !== undefined) this.#log.warn(told)
    this.#tellListeners(listening, this.#listening(config))
    // It may name other files.
    this.#renewPages(pagesCertificate(config))
    this.#watchPages(config)
    this.#sessions.countReload('ok')
  }

  #tellFailure(message: string, error: unknown): void {
    this.#sessions.countReload('failed')
    const problems =
      error instanceof ConfigError ? problemsOf(this.#options.file, error) : undefined
    this.#log.error(message, { error, problems })
  }

  #followSecrets(loaded: LoadedConfig): SecretFiles {
    const { file, readConfig } = this.#options
    return new SecretFiles(
      {
        readAgain: (text) => readConfig(file, text),
        inTurn: async (work) => this.#inTurn(work),
        takeOver: async (changed) => {
          await this.#takeOver(changed, this.#catalogVersion, async () => {})
          this.#home.refreshed(changed)
        },
        onReplaced: () => {
          this.#log.info('secrets replaced')
        },
        onFailure: (error) => {
          this.#tellFailure('secrets not replaced, the old ones stay in use', error)
        },
      },
      loaded,
    )
  }

  #openHome(loaded: LoadedConfig): FileCatalog {
    const { file, readConfig } = this.#options
    const home = new FileCatalog({
      file,
      loaded,
      read: (text) => readConfig(file, text),
      inTurn: async (work) => this.#inTurn(work),
      takeOver: async (changed, version, keep) =>
        this.#secrets.use(changed, async () => this.#takeOver(changed, version, keep)),
      audit: async (record) => this.#changes.record(record),
      observer: catalogObserver(this.#log, () => this.#sessions.catalogMetrics),
      now: Date.now,
    })
    this.#catalogVersion = home.version
    return home
  }

  #openChangeAudit(config: Config): ChangeAudit {
    return openChangeAudit({
      ...auditSink(config),
      node: config.node,
      version: this.#options.version,
      onFailure: config.audit.on_failure,
      onError: (error) => {
        this.#log.error('audit records of changes cannot be written', { error })
      },
    })
  }

  async #openControl({ control_socket: path }: Config): Promise<HttpServer | undefined> {
    if (path === undefined) return undefined
    return startControl(path, {
      endSessions: async (order) => this.#sessions.fleet.end(order),
      listSessions: async (query) => this.#sessions.fleet.list(query),
      catalog: catalogControl(this.#home, (text) =>
        this.#options.readConfig(this.#options.file, text),
      ),
      onKill: (selector, count) => {
        this.#log.warn('sessions killed by the control socket', { ...count, selector })
      },
      onError: (error) => {
        this.#log.error('control socket', { error })
      },
    })
  }

  /** The pages for sign-in, where there are to be some. */
  async #openPages(config: Config): Promise<TlsHttpServer | undefined> {
    const { sign_in: pages } = config
    if (pages === undefined) return undefined
    const files = pagesCertificate(config)
    const logout = new BackChannelLogout({
      takes: (name) => isLogoutTaken(this.#config, name),
      verify: async (call) => this.#sessions.verifyLogout(call),
      end: async (order) => this.#sessions.fleet.end(order),
      now: () => new Date(),
      tell: (outcome, fields) => {
        this.#sessions.countLogout(outcome)
        this.#log[outcome === 'done' ? 'info' : 'warn'](`back-channel logout ${outcome}`, fields)
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
      call: async (call) => this.#sessions.signIn(call),
      onError: (error) => {
        this.#log.error('sign-in pages', { error })
      },
    })
  }

  /** Their certificate is replaced as that of sessions is. */
  #watchPages(config: Config): void {
    this.#unwatchPages()
    const files = pagesCertificate(config)
    if (files === undefined) return
    this.#unwatchPages = watchServerCertificates({ usual: files, named: new Map() }, () => {
      this.#renewPages(files)
    })
  }

  #renewPages(files: CertificateFiles | undefined): void {
    if (files === undefined) return
    try {
      this.#pages?.replaceKeyPair(loadServerKeyPair(files))
    } catch (error) {
      this.#log.warn('certificate of the pages not replaced, the old one stays in use', { error })
    }
  }

  #readiness(): Check {
    const { statuses } = this.#sessions
    const withoutKeys = statuses.every(
      ({ issuers, issuersWithKeys }) => issuers > 0 && issuersWithKeys === 0,
    )
    return check(
      this.#phase === 'starting' && 'still starting',
      this.#phase === 'draining' && 'draining',
      this.#phase === 'running' && statuses.length === 0 && 'no worker is running',
      statuses.length > 0 && withoutKeys && 'no identity provider could be reached yet',
      statuses.some(({ isRefusing }) => isRefusing) && 'audit records cannot be written',
    )
  }

  async #renderMetrics(): Promise<string> {
    return renderMetrics([...(await this.#sessions.snapshots()), this.#retired])
  }

  /** Carries out a statement of the console, whichever worker it came by. */
  async #order(order: ConsoleOrder): Promise<ConsoleReply> {
    return execute(order, {
      catalog: this.#home,
      fleet: this.#fleet,
      gates: this.#gates,
      lifecycle: this.#lifecycle,
    })
  }

  #consoleFleet({ fleet, asker }: Sessions): RunningConsoleFleet {
    return consoleFleet({
      version: this.#options.version,
      config: () => this.#config,
      log: this.#log,
      sessions: fleet,
      ask: async (name) => asker.askEach('lookAt', name),
      askOne: async (name) => askOne(asker, name),
      gates: () => this.#gates,
      recordAct: async (act) => {
        await asker.askAny('recordAct', act)
      },
    })
  }

  #singleProcess(config: Config): Sessions {
    const proxy = new Proxy({
      config,
      log: this.#log,
      bus: localBus({
        refreshSecrets: async () => this.#secrets.look(),
        order: async (order) => this.#order(order),
      }),
      ledger: this.#ledger,
      credentialKey: this.#credentialKey,
      processes: 1,
      version: this.#options.version,
      sharesPorts,
      opensUnixSockets: true,
      onStatus: () => {},
      readThrottled: () => this.#ledger.delayed,
      standingOrders: [],
      catalogVersion: this.#catalogVersion,
      gates: this.#gates.state,
    })
    const asker = askOnly(sessionHandlers(() => proxy))
    return {
      start: async () => proxy.start(),
      portOf: (wanted) => proxy.addresses.find(({ key }) => key === wanted)?.port,
      get statuses() {
        return [proxy.status]
      },
      takeOver: async ({ config: next, catalogVersion }, keep) => {
        const { commit, abandon } = await proxy.prepare(next, catalogVersion)
        try {
          await keep()
        } catch (error) {
          await abandon()
          throw error
        }
        commit()
      },
      catalogMetrics: proxy.catalogMetrics,
      reopen: async () => {
        proxy.reopenAudit()
        return Promise.resolve()
      },
      snapshots: async () => [await proxy.snapshot()],
      signIn: async (call) => proxy.signInHere(call),
      fleet: new FleetSessions(() => asker),
      asker,
      verifyLogout: async (call) => proxy.verifyLogout(call),
      gates: async (order) => Promise.resolve({ answers: [proxy.gatesHere(order)], unanswered: 0 }),
      drain: async (order) => {
        await proxy.drain(order)
        await proxy.close()
      },
      endNow: () => {
        proxy.endNow()
      },
      countReload: (outcome) => {
        proxy.countReload(outcome)
      },
      countLogout: (outcome) => {
        proxy.countLogout(outcome)
      },
    }
  }

  #supervised(): Sessions {
    // The primary counts for itself: reloads, and what its process uses.
    const metrics = createMetrics({
      version: this.#options.version,
      runtime: runtimeName(),
      readBytes: () => ({ fromFrontend: 0, fromUpstream: 0 }),
      readPlaces: () => ({ unauthenticated: 0, signIns: 0, relays: 0, paused: 0 }),
      readThrottled: () => this.#ledger.delayed,
    })
    const fleet = new FleetSessions((): Supervisor => supervisor)
    const supervisor: Supervisor = new Supervisor({
      workers: this.#workers,
      ledger: this.#ledger,
      program: this.#options.program,
      arguments: ['worker'],
      startArgument: (index): WorkerStart => ({
        config: withPorts(this.#config, this.#ports),
        version: this.#options.version,
        opensUnixSockets: index === 0,
        processes: this.#workers,
        credentialKey: this.#credentialKey,
        standingOrders: fleet.standingOrders,
        catalogVersion: this.#catalogVersion,
        gates: this.#gates.state,
      }),
      handlersFor: (asking) => ({
        ...fleet.handlersFor(asking),
        order: async (order: ConsoleOrder) => this.#order(order),
      }),
      onWorkerEnd: (index, how) => {
        this.#log.error('a worker ended, its sessions are lost', { worker: index, how })
      },
      onSnapshot: (snapshot) => {
        void retireSnapshots([this.#retired, snapshot]).then((retired) => (this.#retired = retired))
      },
      refreshSecrets: async () => this.#secrets.look(),
    })
    return {
      start: async () => supervisor.start(),
      portOf: (key) => this.#ports.get(key),
      get statuses() {
        return supervisor.statuses
      },
      takeOver: async (next, keep) => supervisor.takeOver(next, keep),
      catalogMetrics: metrics,
      reopen: async () => supervisor.reopen(),
      snapshots: async () => [...(await supervisor.snapshots()), await metrics.snapshot()],
      signIn: async (call) => supervisor.signIn(call),
      fleet,
      asker: supervisor,
      verifyLogout: async (call) =>
        (await supervisor.askAny('verifyLogout', call)) as LogoutVerdict,
      gates: async (order) => supervisor.askEach<GateCensus>('gates', order),
      drain: async (order) => {
        await supervisor.drain(order)
        metrics.close()
      },
      endNow: () => {
        supervisor.endNow()
      },
      countReload: (outcome) => {
        metrics.configReloaded(outcome)
      },
      countLogout: (outcome) => {
        metrics.loggedOut(outcome)
      },
    }
  }

  async #choosePorts(config: Config): Promise<ChosenPorts> {
    return choosePorts(config, this.#ports, this.#workers > 1)
  }

  /** Where there are listeners, as an operator writes it. */
  #listening(config: Config): readonly string[] {
    return [...composeListeners(config).values()].map(({ address, port, key, socketMode }) =>
      socketMode === undefined ? `${address}:${this.#sessions.portOf(key) ?? port}` : address,
    )
  }

  #tellListeners(before: readonly string[], after: readonly string[]): void {
    const opened = after.filter((one) => !before.includes(one))
    const closed = before.filter((one) => !after.includes(one))
    if (opened.length > 0) this.#log.info('listeners opened', { listeners: opened })
    if (closed.length > 0) this.#log.info('listeners closed', { listeners: closed })
  }
}

async function askOne<Name extends ViewName>(
  asker: Asker,
  name: Name,
): Promise<Answers<ProcessView[Name]>> {
  try {
    return { answers: [(await asker.askAny('lookAt', name)) as ProcessView[Name]], unanswered: 0 }
  } catch {
    return { answers: [], unanswered: 1 }
  }
}

function isLogoutTaken({ integrations }: Config, name: string): boolean {
  const integration = Object.hasOwn(integrations, name) ? integrations[name] : undefined
  return integration?.enabled === true && integration.backchannel_logout
}

function problemsOf(file: string, error: unknown): readonly string[] {
  if (error instanceof ConfigError) {
    return error.problems.map((problem) => formatProblem(file, problem))
  }
  return [error instanceof Error ? error.message : 'unknown']
}

/** Their own files, or those of the server; none where a reverse proxy ends TLS. */
function pagesCertificate({ sign_in: pages, tls }: Config): CertificateFiles | undefined {
  if (pages === undefined || pages.behind_proxy) return undefined
  const { certificate, key } = pages.tls ?? tls
  return { certificate, key, ...tlsSettings(tls), clientCa: undefined }
}

function check(...reasons: readonly (string | false)[]): Check {
  const real = reasons.filter((reason) => reason !== false)
  return { ok: real.length === 0, reasons: real }
}

/** Only some kernels spread the connections of one port over several processes. */
const sharesPorts = process.platform === 'linux'

function countWorkers(config: Config, log: Log): number {
  if (sharesPorts) return config.workers === 'auto' ? availableParallelism() : config.workers
  if (config.workers !== 'auto' && config.workers > 1) {
    log.warn(`${process.platform} cannot share a port between processes: one worker is started`)
  }
  return 1
}

function needingRestart(before: Config, after: Config): string[] {
  const names = ['node', 'workers', 'http', 'sign_in', 'audit', 'control_socket'] as const
  return names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
}
