// The sessions of a service, as its primary process drives them: in that process, or in workers.
import type { ConsoleOrder, ConsoleReply } from './admin/order.ts'
import type { LogoutCall, LogoutOutcome, LogoutVerdict } from './back-channel-logout.ts'
import type { Config } from './config/index.ts'
import { type Answers, bothOf, type Bus, localBus, nobody, type ProcessBus } from './fleet/bus.ts'
import { type CancelKey, toKey } from './fleet/primary.ts'
import { Supervisor, type WorkerStatus } from './fleet/supervisor.ts'
import { FleetSessions } from './fleet-sessions.ts'
import { Proxy, runtimeName } from './proxy.ts'
import type { GateCensus, GateOrder, GateState } from './session/gate-state.ts'
import type { LocalLedger } from './session/ledger.ts'
import type { SignInCall, SignInReply } from './session/pending-sign-ins.ts'
import type { DrainOrder } from './session/registry.ts'
import type { Log } from './telemetry/log.ts'
import {
  type CatalogMetrics,
  createMetrics,
  type ExportMetrics,
  retireSnapshots,
} from './telemetry/metrics.ts'
import { sessionHandlers, type TakeOver, type WorkerStart } from './worker.ts'

/** What the primary needs of its sessions, whether they are in its own process or in workers. */
export interface Sessions {
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
  /** All processes of all replicas. */
  readonly bus: Bus
  /** The processes of this one. */
  readonly own: ProcessBus
  verifyLogout(call: LogoutCall): Promise<LogoutVerdict>
  /** Tells every process which databases are open, and asks what that came to. */
  gates(order: GateOrder): Promise<Answers<GateCensus>>
  drain(order: DrainOrder): Promise<void>
  endNow(): void
  countReload(outcome: 'ok' | 'failed'): void
  countLogout(outcome: LogoutOutcome): void
  /** One that was issued. */
  countSessionToken(): void
  /** On the pages. */
  countVisit(kind: string, outcome: string): void
  readonly catalogMetrics: CatalogMetrics
  readonly exportMetrics: ExportMetrics
}

export interface SessionsOptions {
  readonly log: Log
  readonly version: string
  readonly workers: number
  /** The program to run as a worker. */
  readonly program: string
  readonly ledger: LocalLedger
  readonly credentialKey: Buffer
  /** What session tokens are verified by where the configuration has no secret for it: the first signs, all are believed. */
  readonly secretsOfThisStart: readonly string[]
  /** Whether several processes can listen on one port. */
  readonly sharesPorts: boolean
  /** What a process begins with, as it is now. */
  readonly state: () => {
    readonly config: Config
    readonly catalogVersion: number
    readonly gates: GateState
  }
  /** The other replicas; undefined where there is no fleet. */
  readonly peers: Bus | undefined
  /** How this replica is called among them. */
  readonly replica: string | undefined
  /** Of a listener, by its key in the configuration, where the primary chose it. */
  readonly portOf: (key: string) => number | undefined
  readonly refreshSecrets: () => Promise<void>
  /** Carries out a statement of the console. */
  readonly order: (order: ConsoleOrder) => Promise<ConsoleReply>
}

export function inOneProcess(options: SessionsOptions): Sessions {
  const { log, ledger, version, state, peers = nobody, replica } = options
  const { config, catalogVersion, gates } = state()
  // What has looked in its own process asks the others.
  const elsewhere = new FleetSessions({ own: () => nobody, peers })
  const proxy = new Proxy({
    config,
    log,
    primary: {
      cancelElsewhere: async (request) => elsewhere.cancel(toKey(request)),
      refreshSecrets: options.refreshSecrets,
      order: options.order,
    },
    ledger,
    credentialKey: options.credentialKey,
    secretsOfThisStart: options.secretsOfThisStart,
    processes: 1,
    version,
    sharesPorts: options.sharesPorts,
    opensUnixSockets: true,
    onStatus: () => {},
    readThrottled: () => ledger.delayed,
    standingOrders: [],
    catalogVersion,
    gates,
  })
  const own = localBus(sessionHandlers(() => proxy))
  const fleet = new FleetSessions({ own: () => own, peers, replica })
  return {
    start: async () => proxy.start(),
    portOf: (wanted) => proxy.addresses.find(({ key }) => key === wanted)?.port,
    get statuses() {
      return [proxy.status]
    },
    takeOver: async (next, keep) => {
      const { commit, abandon } = await proxy.prepare(next.config, next.catalogVersion)
      try {
        await keep()
      } catch (error) {
        await abandon()
        throw error
      }
      commit()
    },
    catalogMetrics: proxy.catalogMetrics,
    exportMetrics: proxy.exportMetrics,
    reopen: async () => {
      proxy.reopenAudit()
      return Promise.resolve()
    },
    snapshots: async () => [await proxy.snapshot()],
    signIn: async (call) => fleet.signIn(call),
    fleet,
    ...{ bus: bothOf(own, peers), own },
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
    countSessionToken: () => {
      proxy.countSessionToken()
    },
    countVisit: (kind, outcome) => {
      proxy.countVisit(kind, outcome)
    },
  }
}

export function inWorkers(options: SessionsOptions): Sessions {
  const { log, ledger, version, workers, state, peers = nobody, replica } = options
  let retired: unknown
  // The primary counts for itself: reloads, and what its process uses.
  const metrics = createMetrics({
    version,
    runtime: runtimeName(),
    readBytes: () => ({ fromFrontend: 0, fromUpstream: 0 }),
    readPlaces: () => ({ unauthenticated: 0, signIns: 0, relays: 0, paused: 0 }),
    readKeyAges: () => [],
    readDenials: () => 0,
    readThrottled: () => ledger.delayed,
  })
  const fleet = new FleetSessions({ own: (): Supervisor => supervisor, peers, replica })
  const supervisor: Supervisor = new Supervisor({
    workers,
    ledger,
    program: options.program,
    arguments: ['worker'],
    startArgument: (index): WorkerStart => ({
      ...state(),
      version,
      opensUnixSockets: index === 0,
      processes: workers,
      credentialKey: options.credentialKey,
      secretsOfThisStart: options.secretsOfThisStart,
      standingOrders: fleet.standingOrders,
    }),
    handlersFor: (asking) => ({
      cancel: async (key: CancelKey) => fleet.cancel(key, asking),
      order: options.order,
    }),
    onWorkerEnd: (index, how) => {
      log.error('a worker ended, its sessions are lost', { worker: index, how })
    },
    onSnapshot: (snapshot) => {
      void retireSnapshots([retired, snapshot]).then((sum) => (retired = sum))
    },
    refreshSecrets: options.refreshSecrets,
  })
  return {
    start: async () => supervisor.start(),
    portOf: options.portOf,
    get statuses() {
      return supervisor.statuses
    },
    takeOver: async (next, keep) => supervisor.takeOver(next, keep),
    catalogMetrics: metrics,
    exportMetrics: metrics,
    reopen: async () => supervisor.reopen(),
    snapshots: async () => [...(await supervisor.snapshots()), await metrics.snapshot(), retired],
    signIn: async (call) => fleet.signIn(call),
    fleet,
    ...{ bus: bothOf(supervisor, peers), own: supervisor },
    verifyLogout: async (call) => (await supervisor.askAny('verifyLogout', call)) as LogoutVerdict,
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
    countSessionToken: () => {
      metrics.sessionTokenIssued()
    },
    countVisit: (kind, outcome) => {
      metrics.visited(kind, outcome)
    },
  }
}
