// The primary process: configuration, workers, HTTP, signals.
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { execute } from './admin/execute.ts'
import type { ConsoleOrder, ConsoleReply } from './admin/order.ts'
import { composeAudit } from './compose-audit.ts'
import { composeListeners } from './compose-rules.ts'
import { composeMetricsExport } from './compose-telemetry.ts'
import {
  type Config,
  ConfigError,
  describeImpliedPool,
  formatProblem,
  type LoadedConfig,
  type ServiceManagerAddress,
} from './config/index.ts'
import type { CatalogHome } from './admin/catalog-home.ts'
import { FleetMembership } from './fleet-membership.ts'
import { deriveStartKey } from './fleet/store/seal.ts'
import { consoleFleet, type RunningConsoleFleet } from './console-fleet.ts'
import type { Lifecycle, ReloadOutcome, Shutdown } from './admin/pooler/services.ts'
import { NodeGates } from './gates.ts'
import { LiveLogLevel } from './log-level.ts'
import {
  type CatalogHomeOptions,
  FileCatalog,
  type RunningCatalog,
} from './catalog/catalog-home.ts'
import type { StoredVersion } from './catalog/catalog-table.ts'
import { readJoined } from './catalog/shared-text.ts'
import { beginWith, firstVersion, saysAnother, StoreCatalog } from './catalog/store-catalog.ts'
import { catalogControl } from './catalog/catalog-control.ts'
import { catalogObserver } from './catalog/catalog-observer.ts'
import { type ChangeAudit, openChangeAudit } from './catalog/change-audit.ts'
import { type ChosenPorts, choosePorts, withPorts } from './ports.ts'
import { knownHere } from './shared/marks.ts'
import { SharedState } from './shared/shared-state.ts'
import { sharedStateLog } from './shared/shared-state-log.ts'
import type { GateOrder } from './session/gate-state.ts'
import { SecretFiles } from './secret-files.ts'
import { ServiceManager } from './service-manager.ts'
import { LocalLedger } from './session/ledger.ts'
import type { ProcessUsage } from './session/process-view.ts'
import { inOneProcess, inWorkers, type Sessions } from './sessions.ts'
import { heldWeb, isMoved } from './web-restart.ts'
import { WebService } from './web-service.ts'
import { createLog, type Log } from './telemetry/log.ts'
import { renderMetrics, sumMetrics } from './telemetry/metrics.ts'
import type { PeriodicExport } from './telemetry/otlp/periodic-export.ts'
import { createServiceMetrics } from './telemetry/metrics/service-metrics.ts'
import { startControl } from './web/control-app.ts'
import { catalogRoutes } from './web/control/catalog-routes.ts'
import { logRoutes } from './web/control/log-routes.ts'
import { refusalRoutes } from './web/control/refusal-routes.ts'
import { sessionRoutes } from './web/control/session-routes.ts'
import { supportRoutes } from './web/control/support-routes.ts'
import { type BegunShutdown, shutdownRoutes } from './web/control/shutdown-routes.ts'
import type { HttpServer } from './web/hardened-server.ts'
import { type Check, startHttp } from './web/server.ts'
import { surviveBugs } from './worker.ts'

export interface ServiceOptions {
  readonly file: string
  /** Reads the file, at the start and at each reload, or a text in its place. */
  readonly readConfig: (file: string, text?: string) => LoadedConfig
  readonly version: string
  /** The program to run as a worker. */
  readonly program: string
  /** Is told when the service is ready, reloads and stops. */
  readonly serviceManager?: ServiceManagerAddress | undefined
}

type Phase = 'starting' | 'running' | 'draining'

/** How it stops: as by a signal, at once, or without a deadline for sessions or for their clients. */
type StopWay = 'drain' | Shutdown

/** What a replica says of itself is not held up by a worker that is busy. */
const countMs = 1_000
/** A timer can wait no longer. */
const longestDrainMs = 2_147_000_000
/** An answer that says that the service stops has so long to reach its client. */
const answerMs = 200
/** What is closed when the last session has ended may take so long. */
const stopGraceMs = 30_000

export class Service {
  readonly #options: ServiceOptions
  readonly #log: Log
  readonly #workers: number
  readonly #manager: ServiceManager
  readonly #sessions: Sessions
  readonly #fleet: RunningConsoleFleet
  #ports: ChosenPorts = new Map<string, number>()
  readonly #secrets: SecretFiles
  /** Here, where it outlives every worker. */
  readonly #ledger = new LocalLedger()
  /** Undefined where this is the only one. */
  readonly #membership: FleetMembership | undefined
  readonly #credentialKey: Buffer
  readonly #webSecrets: readonly string[]
  readonly #stopped = Promise.withResolvers<undefined>()
  #stopping: Promise<void> | undefined
  #isTold = false
  /** Which databases are open. */
  readonly #gates = new NodeGates({
    ask: async (order) => this.#sessions.gates(order),
    askPeers: async (order) =>
      this.#membership?.peers.askEach('gates', order) ??
      Promise.resolve({ answers: [], unanswered: 0 }),
    databases: () =>
      Object.entries(this.#config.databases)
        .filter(([, { upstream }]) => upstream !== undefined)
        .map(([name]) => name),
    onChange: (fields) => {
      this.#log.warn('databases opened or closed by the console', fields)
    },
  })
  readonly #logLevel = new LiveLogLevel({
    log: {
      setLevel: (level) => {
        this.#log.setLevel(level)
      },
      warn: (message, fields) => {
        this.#log.warn(message, fields)
      },
      isEnabled: (level) => this.#log.isEnabled(level),
    },
    configured: () => this.#config.log.level,
    tell: async (level) => (await this.#sessions.own.askEach('setLogLevel', level)).unanswered,
  })
  readonly #lifecycle: Lifecycle = {
    reload: async () => this.reload(),
    shutDown: (way) => this.#shutDown(way),
  }
  #config: Config
  #home: RunningCatalog
  /** The file as it was read at the start. */
  readonly #own: string
  readonly #shared: SharedState | undefined
  /** The version of the catalog that is to be in use, and cannot be here. */
  #behind: number | undefined
  readonly #changes: ChangeAudit
  #http: HttpServer | undefined
  readonly #pages: WebService
  #control: HttpServer | undefined
  #phase: Phase = 'starting'
  /** Undefined as long as none is under way. */
  #drain: { readonly beganAtMs: number; readonly deadlineMs: number } | undefined
  #metricsExport: PeriodicExport | undefined
  readonly #snapshotService = createServiceMetrics({
    isReady: () => this.#readiness().ok,
    workers: () => ({ wanted: this.#workers, running: this.#sessions.statuses.length }),
    drain: () => this.#drain,
  })
  /** Of what is in `#config`. */
  #catalogVersion = 0
  #reloading: Promise<unknown> = Promise.resolve()
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
    this.#manager = new ServiceManager({
      address: options.serviceManager,
      onError: (error) => {
        this.#log.warn('systemd could not be told how the service is', { error })
      },
    })
    this.#changes = this.#openChangeAudit()
    this.#own = loaded.text
    this.#home = this.#openHome(loaded)
    for (const notice of notices) this.#log.warn(formatProblem(options.file, notice))
    this.#workers = countWorkers(config, this.#log)
    const secrets = startSecrets(config)
    this.#credentialKey = secrets.credentialKey
    this.#webSecrets = secrets.web
    this.#membership = this.#member(config)
    this.#sessions = this.#startable()
    this.#shared = this.#membership && this.#share(this.#membership)
    const catalog = (): CatalogHome => this.#home
    this.#fleet = this.#consoleFleet(this.#sessions)
    this.#pages = new WebService({
      config: () => this.#config,
      sessions: this.#sessions,
      fleet: this.#fleet,
      get catalog() {
        return catalog()
      },
      execute: async (order) => this.#order(order),
      audit: async (visit) => this.#changes.recordVisit(visit),
      secretsOfThisStart: this.#webSecrets,
      throttle: { ledger: this.#ledger, credentialKey: this.#credentialKey },
      replica: this.#membership?.replica,
      once: this.#shared?.once ?? knownHere,
      log: this.#log,
    })
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
    await this.#membership?.start()
    await this.#beginShared()
    await this.#pages.start()
    await this.#home.open()
    await this.#sessions.start()
    this.#fleet.start()
    this.#secrets.follow()
    this.#control = await this.#openControl(config)
    this.#metricsExport = this.#exportMetrics(config)
    this.#phase = 'running'
    this.#log.info('ready', {
      version: this.#options.version,
      workers: this.#workers,
      listeners: this.#listening(config),
      http: `${this.#http.address}:${this.#http.port}`,
      signIn: this.#pages.listening,
    })
    this.#manager.ready(this.#statusLine())
  }

  /** Takes over the configuration file as it is now, for new sessions; a broken one changes nothing. */
  async reload(): Promise<ReloadOutcome> {
    let outcome: ReloadOutcome = { problems: [], warnings: [] }
    await this.#inTurn(async () => {
      this.#manager.reloading()
      outcome = await this.#reloadNow()
      this.#manager.ready(this.#statusLine(outcome))
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

  /** For `systemctl status`. */
  #statusLine({ problems }: Partial<ReloadOutcome> = {}): string {
    const workers = this.#workers === 1 ? 'one process' : `${this.#workers} workers`
    const count = problems?.length ?? 0
    return count === 0
      ? `Ready, ${workers}`
      : `Ready, ${workers}; the configuration was not reloaded, ${count} problems`
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
    this.#drain = { beganAtMs: Date.now(), deadlineMs: delayMs + deadlineMs }
    this.#membership?.tell()
    this.#log.info('draining', {
      ...(deadlineMs < longestDrainMs && { deadlineSeconds: deadlineMs / 1_000 }),
      ...(delayMs > 0 && { delaySeconds: delayMs / 1_000 }),
    })
    this.#manager.stopping('Draining', delayMs + deadlineMs + stopGraceMs)
    if (delayMs > 0) await this.#delay(delayMs)
    // Until now there may have been logins.
    this.#secrets.stop()
    this.#home.close()
    this.#fleet.stop()
    this.#logLevel.close()
    this.#pages.drain()
    await this.#sessions.drain({ deadlineMs, endsIdle: way !== 'for clients' })
    await this.#metricsExport?.close()
    await this.#control?.close()
    await this.#pages.close()
    await this.#shared?.stop()
    await this.#membership?.close()
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
  #shutDown(way: StopWay): 'begun' | 'under way' {
    const isUnderWay = this.#isTold || this.#stopping !== undefined
    if (isUnderWay && way !== 'now') return 'under way'
    this.#isTold = true
    setTimeout(() => {
      this.stop(way).catch(() => {})
    }, answerMs)
    return 'begun'
  }

  #shutDownByControl(way: 'now' | 'drain'): BegunShutdown {
    const { drain, drain_delay: delayMs } = this.#config.timeouts
    const state = this.#shutDown(way)
    this.#log.warn('shutdown by the control socket', { way, state })
    return { state, deadlineMs: way === 'now' ? 0 : drain + delayMs }
  }

  async #reloadNow(): Promise<ReloadOutcome> {
    const { file } = this.#options
    try {
      const { notices } = await this.#home.reload()
      await this.#logLevel.reset('a reload')
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
    const config = { ...read, web: heldWeb(before.web, read.web) }
    // Before any worker is asked: one that another process has refuses the whole.
    const ports = sharesPorts ? await this.#choosePorts(config) : this.#ports
    const listening = this.#listening(before)
    const next = { config: this.#forProcesses(config, ports), catalogVersion }
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
    this.#pages.reload(config)
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
        readAgain: (text) => readJoined(text, file, (joined) => readConfig(file, joined)),
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

  #openHome(loaded: LoadedConfig): RunningCatalog {
    const home = new FileCatalog({ ...this.#homeOptions(), loaded })
    this.#catalogVersion = home.version
    return home
  }

  #homeOptions(): Omit<CatalogHomeOptions, 'loaded'> {
    const { file, readConfig } = this.#options
    return {
      file,
      read: (text) => readConfig(file, text),
      inTurn: async (work) => this.#inTurn(work),
      takeOver: async (changed, version, keep) =>
        this.#secrets.use(changed, async () => this.#takeOver(changed, version, keep)),
      audit: async (record) => this.#changes.record(record),
      observer: catalogObserver(this.#log, () => this.#sessions.catalogMetrics),
      now: Date.now,
    }
  }

  #share({ store }: FleetMembership): SharedState {
    return new SharedState({
      store,
      file: this.#options.file,
      fleet: this.#sessions.fleet,
      gates: this.#gates,
      ledger: this.#ledger,
      observer: sharedStateLog(this.#log),
    })
  }

  /** Nobody is let in before this replica goes by what all replicas share. */
  async #beginShared(): Promise<void> {
    const shared = this.#shared
    if (shared === undefined || this.#membership === undefined) return
    const isShared = this.#config.catalog.mode === 'read-write'
    const stored = await shared.begin(
      isShared ? () => firstVersion(this.#own, Date.now()) : undefined,
    )
    if (stored !== undefined) await this.#beginWith(stored, shared, this.#membership)
    shared.start()
  }

  async #beginWith(
    stored: StoredVersion,
    shared: SharedState,
    { store, metrics }: FleetMembership,
  ): Promise<void> {
    const options = this.#homeOptions()
    const begun = beginWith(this.#own, stored, options.file, options.read)
    if (saysAnother(this.#own, stored)) this.#log.warn(notUsed, { file: options.file })
    await options.takeOver(begun.loaded, stored.record.version, async () => {})
    this.#home = new StoreCatalog({
      ...{ ...options, store, begun },
      fleet: {
        used: (version) => {
          shared.used(version)
        },
        behind: (version, problems) => {
          this.#behind = version
          metrics.catalogBehind(version !== undefined)
          if (version !== undefined) {
            this.#log.error('a version of the catalog cannot be used here, the one before stays', {
              ...{ version, problems },
            })
          }
        },
        putBack: (version) => {
          this.#log.error('the store had lost a version of the catalog, and has it again', {
            version,
          })
        },
      },
    })
  }

  #openChangeAudit(): ChangeAudit {
    return openChangeAudit({
      ...composeAudit(() => this.#config),
      version: this.#options.version,
      onError: (error) => {
        this.#log.error('audit records of changes cannot be written', { error })
      },
    })
  }

  async #openControl({ control_socket: path }: Config): Promise<HttpServer | undefined> {
    if (path === undefined) return undefined
    return startControl(path, {
      routes: [
        sessionRoutes({
          endSessions: async (order) => this.#sessions.fleet.end(order),
          listSessions: async (query) => this.#sessions.fleet.list(query),
          onKill: (selector, count) => {
            this.#log.warn('sessions killed by the control socket', { ...count, selector })
          },
        }),
        catalogRoutes(catalogControl(this.#home)),
        logRoutes(this.#logLevel),
        supportRoutes(async () => this.#describe()),
        refusalRoutes({
          list: async () => this.#fleet.ask('denials'),
          find: async (reference) => this.#fleet.refusal(reference),
        }),
        shutdownRoutes((way) => this.#shutDownByControl(way)),
      ],
      onError: (error) => {
        this.#log.error('control socket', { error })
      },
    })
  }

  #readiness(): Check {
    const { statuses } = this.#sessions
    const withoutKeys = statuses.every(
      ({ issuers, issuersWithKeys }) => issuers > 0 && issuersWithKeys === 0,
    )
    const checked = check(
      this.#phase === 'starting' && 'still starting',
      this.#phase === 'draining' && 'draining',
      this.#phase === 'running' && statuses.length === 0 && 'no worker is running',
      statuses.length > 0 && withoutKeys && 'no identity provider could be reached yet',
      statuses.some(({ isRefusing }) => isRefusing) && 'audit records cannot be written',
    )
    const behind = this.#behind
    const remarks = [
      ...(this.#membership?.remarks ?? []),
      ...(behind === undefined ? [] : [`version ${behind} of the catalog cannot be used here`]),
    ]
    return { ...checked, remarks }
  }

  async #renderMetrics(): Promise<string> {
    return renderMetrics(await this.#snapshots())
  }

  async #snapshots(): Promise<readonly unknown[]> {
    return [
      ...(await this.#sessions.snapshots()),
      await this.#snapshotService(),
      await this.#membership?.metrics.snapshot(),
    ]
  }

  #exportMetrics(config: Config): PeriodicExport | undefined {
    return composeMetricsExport(
      {
        config,
        version: this.#options.version,
        log: this.#log,
        metrics: () => this.#sessions.exportMetrics,
      },
      async () => sumMetrics(await this.#snapshots()),
    )
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

  #member({ fleet, node }: Config): FleetMembership | undefined {
    if (fleet === undefined) return undefined
    return new FleetMembership({
      ...{ fleet, node, version: this.#options.version, log: this.#log },
      now: async () => ({
        state: this.#phase === 'draining' ? 'draining' : 'active',
        sessions: await this.#countSessions(),
        catalogVersion: this.#catalogVersion,
      }),
      sessions: () => ({
        serve: async (method, argument, timeoutMs) =>
          method === 'gates'
            ? this.#gates.answer(argument as GateOrder)
            : this.#sessions.fleet.serve(method, argument, timeoutMs),
      }),
    })
  }

  async #countSessions(): Promise<number> {
    if (this.#phase === 'starting') return 0
    const { answers } = await this.#sessions.own.askEach<ProcessUsage>('lookAt', 'usage', {
      timeoutMs: countMs,
    })
    return answers.reduce((sum, { sessions }) => sum + sessions, 0)
  }

  #startable(): Sessions {
    const start = this.#workers === 1 ? inOneProcess : inWorkers
    return start({
      log: this.#log,
      version: this.#options.version,
      workers: this.#workers,
      program: this.#options.program,
      ledger: this.#ledger,
      credentialKey: this.#credentialKey,
      secretsOfThisStart: this.#webSecrets,
      sharesPorts,
      ...{ peers: this.#membership?.peers, replica: this.#membership?.replica },
      state: () => ({
        config: this.#forProcesses(this.#config, this.#ports),
        catalogVersion: this.#catalogVersion,
        gates: this.#gates.state,
      }),
      portOf: (key) => this.#ports.get(key),
      refreshSecrets: async () => this.#secrets.look(),
      order: async (order) => this.#order(order),
    })
  }

  #consoleFleet({ fleet, bus, own }: Sessions): RunningConsoleFleet {
    return consoleFleet({
      version: this.#options.version,
      config: () => this.#config,
      log: this.#log,
      sessions: fleet,
      ...{ bus, own },
      replicas: this.#membership && (async () => this.#membership?.replicas() ?? []),
      gates: () => this.#gates,
      secretsOfThisStart: this.#webSecrets,
    })
  }

  /** For somebody who helps: no secret and no name of anybody. */
  async #describe(): Promise<object> {
    const { limits, workers, node } = this.#config
    const [replicas, keys, hosts, usage, history] = await Promise.all([
      this.#membership?.replicas(),
      this.#fleet.askOne('keys'),
      this.#fleet.askOne('hosts'),
      this.#fleet.ask('usage'),
      this.#home.history(),
    ])
    return {
      ...{ version: this.#options.version, node, phase: this.#phase, processId: process.pid },
      ...{ uptimeSeconds: process.uptime(), workers: this.#workers, configuredWorkers: workers },
      ...{ readiness: this.#readiness(), limits, listeners: this.#listening(this.#config) },
      replicas,
      ...{ keys: keys.answers.flat(), hosts: hosts.answers.flat(), processes: usage.answers },
      catalog: {
        version: this.#catalogVersion,
        history: history.map(({ version, at, by }) => ({ version, at, by })),
      },
    }
  }

  /** What is open, and the level of the log that holds, are no part of the file. */
  #forProcesses(config: Config, ports: ChosenPorts): Config {
    return { ...withPorts(config, ports), log: { ...config.log, level: this.#logLevel.level } }
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

function problemsOf(file: string, error: unknown): readonly string[] {
  if (error instanceof ConfigError) {
    return error.problems.map((problem) => formatProblem(file, problem))
  }
  return [error instanceof Error ? error.message : 'unknown']
}

/** In a fleet the same on every replica, so that what one of them has issued is good at all. */
function startSecrets({ fleet }: Config): {
  readonly credentialKey: Buffer
  readonly web: readonly string[]
} {
  const [first] = fleet?.secret ?? []
  if (fleet === undefined || first === undefined) {
    return { credentialKey: randomBytes(32), web: [randomBytes(32).toString('base64')] }
  }
  return {
    credentialKey: deriveStartKey(first, 'credentials'),
    web: fleet.secret.map((secret) => deriveStartKey(secret, 'pages').toString('base64')),
  }
}

function check(...reasons: readonly (string | false)[]): Check {
  const real = reasons.filter((reason) => reason !== false)
  return { ok: real.length === 0, reasons: real }
}

const notUsed =
  'the catalog in the file is not used: that of the fleet is another one, and changed by the console or `portcullis apply`'

/** Only some kernels spread the connections of one port over several processes. */
const sharesPorts = process.platform === 'linux'

function countWorkers(config: Config, log: Log): number {
  if (sharesPorts) return config.workers === 'auto' ? availableParallelism() : config.workers
  if (config.workers !== 'auto' && config.workers > 1) {
    log.warn(`${process.platform} cannot share a port between processes: one worker is started`)
  }
  return 1
}

/** What is asked for at each use takes effect by itself. */
function toText(section: unknown): string {
  return JSON.stringify(section, (key, value: unknown) =>
    key === 'authorization' ? undefined : value,
  )
}

function needingRestart(before: Config, after: Config): string[] {
  const names = [
    'node',
    'workers',
    'http',
    'audit',
    'telemetry',
    'control_socket',
    'fleet',
  ] as const
  const changed = names.filter((name) => toText(before[name]) !== toText(after[name]))
  return isMoved(before.web, after.web) ? [...changed, 'where the pages are (`web`)'] : changed
}
