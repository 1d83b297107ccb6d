// A worker process: a proxy at the end of its primary's channel.
import type { ConsoleReply } from './admin/order.ts'
import type { LogoutCall } from './back-channel-logout.ts'
import type { Config } from './config/index.ts'
import { Channel, type Handlers } from './fleet/channel.ts'
import { channelLedger } from './fleet/channel-ledger.ts'
import { portOfParent } from './fleet/ports.ts'
import { type CancelKey, fromKey, type Primary, toKey } from './fleet/primary.ts'
import type { WorkerStatus } from './fleet/supervisor.ts'
import { type Prepared, Proxy } from './proxy.ts'
import type { SignInCall } from './session/pending-sign-ins.ts'
import type { GateOrder, GateState } from './session/gate-state.ts'
import type { DrainOrder } from './session/registry.ts'
import type { EndOrder, RestoreOrder } from './session/revocations.ts'
import type { ViewName } from './session/process-view.ts'
import type { SessionQuery } from './session/session-summary.ts'
import type { CancelOutcome } from './session/services.ts'
import type { AdministrativeAct } from './telemetry/audit.ts'
import { createLog, type Log, type LogLevel } from './telemetry/log.ts'

export interface WorkerStart {
  readonly config: Config
  readonly version: string
  readonly opensUnixSockets: boolean
  readonly processes: number
  readonly credentialKey: Uint8Array
  readonly secretsOfThisStart: readonly string[]
  readonly standingOrders: readonly EndOrder[]
  readonly gates: GateState
  readonly catalogVersion: number
}

/** A configuration that workers are told to make theirs. */
export interface TakeOver {
  readonly config: Config
  readonly catalogVersion: number
}

/** The primary has a shorter one for those that it asks. */
const cancelTimeoutMs = 30_000
const statusTimeoutMs = 5_000
/** So long a login waits for secrets that may have changed. */
const secretsTimeoutMs = 5_000
/** A change of the catalog waits until every worker has taken it over. */
const orderTimeoutMs = 60_000
/** Cancel requests that wait for other workers; whoever floods us with made-up keys stops there. */
const maxWaitingCancels = 64

/** Serves the primary until the channel closes. */
export function runWorker(): void {
  // The terminal and the service manager signal every process of the group; the primary decides.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  let proxy: Proxy | undefined
  let log: Log | undefined
  let whenStarted: Promise<void> | undefined
  let prepared: Promise<Prepared> | undefined

  const started = (): Proxy => {
    if (proxy === undefined) throw new Error('not started')
    return proxy
  }
  async function prepare({ config, catalogVersion }: TakeOver): Promise<void> {
    await abandon()
    // A change may come while the listeners are being opened.
    prepared = (whenStarted ?? Promise.resolve()).then(async () =>
      started().prepare(config, catalogVersion),
    )
    await prepared
  }
  async function abandon(): Promise<void> {
    const given = prepared
    prepared = undefined
    await given?.then(
      async (one) => one.abandon(),
      () => {},
    )
  }
  const channel = new Channel(portOfParent(), {
    start: async ({ config, credentialKey, ...start }: WorkerStart): Promise<WorkerStatus> => {
      const { level, format } = config.log
      log = createLog({ level, format, base: { node: config.node, pid: process.pid } })
      surviveBugs(log)
      proxy = new Proxy({
        config,
        ...start,
        log,
        primary: channelPrimary(channel),
        ledger: channelLedger(channel),
        credentialKey: Buffer.from(credentialKey),
        sharesPorts: true,
        readThrottled: undefined,
        onStatus: (status) => void channel.call('status', status, statusTimeoutMs).catch(() => {}),
      })
      whenStarted = proxy.start()
      await whenStarted
      return proxy.status
    },
    prepare,
    commit: async (next: TakeOver | undefined) => {
      if (next !== undefined) await prepare(next)
      const taken = prepared
      prepared = undefined
      if (taken === undefined) throw new Error('nothing is prepared')
      const { commit } = await taken
      commit()
    },
    abandon,
    reopen: () => {
      started().reopenAudit()
    },
    snapshot: async () => started().snapshot(),
    gates: (order: GateOrder) => started().gatesHere(order),
    ...sessionHandlers(started),
    verifyLogout: async (call: LogoutCall) => started().verifyLogout(call),
    drain: async (order: DrainOrder) => {
      await started().drain(order)
      await channel.call('keep', await started().snapshot(), statusTimeoutMs).catch(() => {})
    },
    endNow: () => {
      started().endNow()
    },
  })
  process.on('disconnect', () => {
    // The primary is gone, or has let go after the drain: nobody could reach the sessions any more.
    const end = async (): Promise<void> => {
      proxy?.endNow()
      await proxy?.drain({ deadlineMs: 0, endsIdle: true })
      await proxy?.close()
      await log?.close()
    }
    void end().finally(() => process.exit(0))
  })
}

/** What is asked of the sessions of a process, by whoever has several of them. */
export function sessionHandlers(proxy: () => Proxy): Handlers {
  return {
    endSessions: (order: EndOrder) => proxy().endHere(order),
    listSessions: (query: SessionQuery) => proxy().listHere(query),
    restoreSessions: (order: RestoreOrder) => proxy().restoreHere(order),
    recordAct: async (act: AdministrativeAct) => proxy().recordAct(act),
    lookAt: async (name: ViewName) => proxy().lookAt(name),
    findDenied: (reference: string) => proxy().findDenied(reference),
    cancel: async (key: CancelKey) => proxy().cancelHere(fromKey(key)),
    signIn: async (call: SignInCall) => proxy().signInHere(call),
    setLogLevel: (level: LogLevel) => {
      proxy().setLogLevel(level)
    },
  }
}

function channelPrimary(channel: Channel): Primary {
  let waiting = 0
  return {
    cancelElsewhere: async (request): Promise<CancelOutcome> => {
      if (waiting >= maxWaitingCancels) return 'failed'
      waiting++
      try {
        return (await channel.call('cancel', toKey(request), cancelTimeoutMs)) as CancelOutcome
      } catch {
        return 'failed'
      } finally {
        waiting--
      }
    },
    refreshSecrets: async () => {
      // Whoever waits goes on with what it has.
      await channel.call('refreshSecrets', undefined, secretsTimeoutMs).catch(() => {})
    },
    order: async (order) => (await channel.call('order', order, orderTimeoutMs)) as ConsoleReply,
  }
}

/** A bug in the handling of one session must not take down the others. */
export function surviveBugs(log: Log): void {
  process.on('uncaughtException', (error) => {
    log.error('internal error', { error, stack: error })
  })
  process.on('unhandledRejection', (error) => {
    log.error('internal error', { error, stack: error })
  })
}
