// The sessions of all workers, and this node, as the console sees them.
import type {
  ConsoleFleet,
  DatabaseFacts,
  GovernanceAct,
  NodeFacts,
  NodeSetting,
  ReplicaSummary,
  PoolFacts,
} from './admin/console-fleet.ts'
import { ConsoleError } from './admin/answer.ts'
import type { GateControl } from './admin/pooler/services.ts'
import { composeListeners } from './compose-rules.ts'
import type { Config } from './config/index.ts'
import { ConsoleExplanations } from './explain-for-console.ts'
import { FleetTotals } from './fleet-statistics.ts'
import type { FleetSessions } from './fleet-sessions.ts'
import type { Answers, Bus, ProcessBus } from './fleet/bus.ts'
import type { Replica } from './fleet/store/registry.ts'
import type { ExplainedDenial } from './session/denied-login.ts'
import type { ProcessView, ViewName } from './session/process-view.ts'
import { criteriaOf } from './session/session-selector.ts'
import type { AdministrativeAct } from './telemetry/audit.ts'
import type { Log } from './telemetry/log.ts'

export interface ConsoleFleetOptions {
  readonly version: string
  readonly config: () => Config
  readonly log: Log
  readonly sessions: Pick<FleetSessions, 'end' | 'list' | 'restore' | 'standingOrders'>
  /** All processes of all replicas. */
  readonly bus: Bus
  /** The processes of this one. */
  readonly own: ProcessBus
  /** Undefined where there is no fleet. */
  readonly replicas: (() => Promise<readonly Replica[]>) | undefined
  readonly gates: () => Pick<GateControl, 'mode' | 'stateOf'>
  /** What session tokens are verified by where the configuration has no secret for it. */
  readonly secretsOfThisStart: readonly string[]
}

export interface RunningConsoleFleet extends ConsoleFleet {
  start(): void
  stop(): void
}

export function consoleFleet(options: ConsoleFleetOptions): RunningConsoleFleet {
  const { config, sessions, bus, own, version, secretsOfThisStart } = options
  // Whoever looks at a page that is live asks for changes many times a second: what other replicas have is seen
  // when all of it is read again, soon after.
  const ask: ConsoleFleet['ask'] = async (name) =>
    (name === 'changes' ? own : bus).askEach('lookAt', name)
  const totals = new FleetTotals(async () => ask('statistics'))
  const standingOrders: ConsoleFleet['standingOrders'] = () => sessions.standingOrders
  const explanations = new ConsoleExplanations({ config, standingOrders, secretsOfThisStart })
  return {
    start: () => {
      totals.start()
    },
    stop: () => {
      totals.stop()
    },
    node: () => nodeFacts(config(), version, options.gates()),
    replicas: async () => ((await options.replicas?.()) ?? []).map(replicaSummary),
    sessions: async (query) => sessions.list(query),
    statistics: async () => totals.read(),
    ask,
    askOne: async (name) => askOne(own, name),
    refusal: async (reference) => refusals(bus, reference),
    standingOrders,
    end: async (order) => sessions.end(order),
    restore: async (selector) => sessions.restore(selector),
    explain: async (login) => explanations.explain(login),
    record: async (act) => record(act, options),
  }
}

async function record(
  { user, act, selector, untilMs }: GovernanceAct,
  { log, own }: ConsoleFleetOptions,
): Promise<void> {
  const told = {
    act,
    by: user.name,
    way: user.by,
    session: user.session,
    address: user.address,
    issuer: user.issuer,
    subject: user.subject,
    criteria: Object.fromEntries(criteriaOf(selector).map((name) => [name, selector[name]])),
    until: untilMs === undefined ? undefined : new Date(untilMs).toISOString(),
  }
  try {
    // Rejects where it must be kept and cannot be.
    await own.askAny('recordAct', told satisfies AdministrativeAct)
  } catch {
    throw new ConsoleError({
      sqlstate: '58030',
      message: 'audit records cannot be written, so nothing is done',
      hint: 'See audit in the configuration, and the log.',
    })
  }
  log.warn(`${titles[act]} by ${user.by === 'web' ? 'a page' : 'the console'}`, told)
}

const titles = {
  kill: 'sessions killed',
  revoke: 'sessions revoked',
  restore: 'revocation taken back',
} as const satisfies Record<GovernanceAct['act'], string>

function replicaSummary(
  { name, isGone, state, ...replica }: Replica,
  index: number,
): ReplicaSummary {
  return { ...replica, replica: name, state: isGone ? 'gone' : state, isSelf: index === 0 }
}

type Gates = ReturnType<ConsoleFleetOptions['gates']>

function nodeFacts(config: Config, version: string, gates: Gates): NodeFacts {
  return {
    node: config.node,
    version,
    state: gates.mode,
    maxSessions: config.limits.max_sessions,
    databases: databaseFacts(config, gates),
    pools: poolFacts(config),
    roles: [...new Set(Object.values(config.groups).map(({ role }) => role))].sort(),
    settings: settingsOf(config),
  }
}

function databaseFacts(config: Config, gates: Gates): readonly DatabaseFacts[] {
  return Object.entries(config.databases).flatMap(([name, { upstream, max_sessions: most }]) => {
    if (upstream === undefined) return []
    const { paused, disabled } = gates.stateOf(name)
    return {
      name,
      hosts: upstream.hosts,
      database: upstream.database,
      maxSessions: most,
      isBalanced: upstream.load_balance_hosts === 'random',
      isPaused: paused,
      isDisabled: disabled,
    }
  })
}

function poolFacts({ connectivity_pools: pools }: Config): readonly PoolFacts[] {
  return Object.entries(pools).map(([name, { participants, max_sessions: maxSessions }]) => ({
    name,
    maxSessions,
    participants: participants.map((one) => ({
      node: one.node,
      listens: one.socket_directory ?? `${one.listen_address ?? ''}:${one.listen_port}`,
      advertised:
        one.advertised_address === undefined
          ? undefined
          : `${one.advertised_address}:${one.advertised_port ?? one.listen_port}`,
    })),
  }))
}

const seconds = (ms: number): string => String(ms / 1_000)

/** What has a name of PgBouncer's; all of it is changed by a reload. */
function settingsOf(config: Config): readonly NodeSetting[] {
  const listeners = [...composeListeners(config).values()].filter(
    ({ socketMode }) => socketMode === undefined,
  )
  const { limits, timeouts, tls } = config
  const settings: readonly (readonly [key: string, value: string, byDefault: string | null])[] = [
    ['client_login_timeout', seconds(timeouts.authentication), '60'],
    ['client_tls_cert_file', tls.certificate, ''],
    ['client_tls_key_file', tls.key, ''],
    ['client_tls_protocols', `${tls.min_version}-${tls.max_version}`, null],
    ['client_tls_sslmode', 'require', 'require'],
    ['default_pool_size', '0', '0'],
    ['job_name', config.node, null],
    ['listen_addr', [...new Set(listeners.map(({ address }) => address))].join(','), null],
    ['listen_port', String(listeners[0]?.port ?? 0), null],
    ['max_client_conn', String(limits.max_sessions), '10000'],
    ['max_db_connections', '0', '0'],
    ['max_user_connections', String(limits.max_sessions_per_role ?? 0), '0'],
    ['pool_mode', 'session', 'session'],
    ['reserve_pool_size', '0', '0'],
    ['stats_period', '60', '60'],
    ['tcp_keepidle', seconds(timeouts.keepalive), '60'],
  ]
  return settings.map(([key, value, byDefault]) => ({
    ...{ key, value, default: byDefault, isChangeable: true },
  }))
}

async function refusals(bus: Bus, reference: string): Promise<Answers<ExplainedDenial>> {
  const { answers, unanswered } = await bus.askEach<ExplainedDenial | undefined>(
    'findDenied',
    reference,
  )
  return { answers: answers.filter((one) => one !== undefined), unanswered }
}

async function askOne<Name extends ViewName>(
  own: ProcessBus,
  name: Name,
): Promise<Answers<ProcessView[Name]>> {
  try {
    return { answers: [(await own.askAny('lookAt', name)) as ProcessView[Name]], unanswered: 0 }
  } catch {
    return { answers: [], unanswered: 1 }
  }
}
