// A result as Markdown: the same text goes to the terminal and into the documentation.
import { agentVariants } from './agent.ts'
import { idleSessions, unreadMegabytes } from './memory.ts'
import { type ScenarioName, scenarioNames } from './options.ts'
import { figureOf, type Result } from './result.ts'
import { type SystemName, systemNames } from './systems.ts'
import { waitingConnections } from './unauthenticated.ts'
import { poolCounts } from './pools.ts'
import { verifiedAlgorithms } from './verification.ts'
import { pgbenchScale } from './world.ts'

interface Row {
  readonly label: string
  readonly figure: string
  readonly digits: number
  /** What the figure is divided by for the unit of the label. */
  readonly unit?: number
  /** Figures shown in brackets behind it, as a sum. */
  readonly parts?: readonly string[]
}

interface Section {
  readonly title: string
  readonly explanation: string
  readonly rows: readonly Row[]
  /** A ratio of two figures that are next to nothing would say nothing. */
  readonly hasNoRatios?: true
}

const systemTitles: Readonly<Record<SystemName, string>> = {
  direct: 'direct',
  pgbouncer: 'PgBouncer',
  'pgbouncer-once': 'PgBouncer, `server_lifetime=0`',
  'portcullis-node': 'Portcullis on Node',
  'portcullis-bun': 'Portcullis on Bun',
  'portcullis-warm': 'Portcullis on Node, `warm`',
}

const variantTitles: Readonly<Record<string, string>> = {
  '1 clients': '1 client',
  'ecdsa-p256': 'ECDSA P-256',
  'rsa-2048': 'RSA-2048',
  paced: 'paced',
  busy: 'busy',
  out: 'COPY TO',
  in: 'COPY FROM',
  accepted: 'accepted, silent',
  answered: 'TLS asked for, handshake awaited',
  secured: 'within TLS, startup packet awaited',
  asked: 'asked for its credential',
  filling: 'has sent 64 kB of it',
}

const microsecondsPerMillisecond = 1e3
const bytesPerKilobyte = 1e3
const bytesPerMegabyte = 1e6

const cpuParts = ['userUs', 'systemUs']

/** Those that compare ways to PostgreSQL. */
type SystemScenario = Exclude<ScenarioName, keyof typeof ownReports>

const sections: Readonly<Record<SystemScenario, Section>> = {
  transactions: {
    title: 'Transactions',
    explanation:
      '`pgbench -S -M prepared` over open sessions. CPU is that of the proxy process alone, user + system, in the middle of each run.',
    rows: [
      { label: 'per second', figure: 'perSecond', digits: 0 },
      { label: 'p50, ms', figure: 'p50Us', digits: 2, unit: microsecondsPerMillisecond },
      { label: 'p99, ms', figure: 'p99Us', digits: 2, unit: microsecondsPerMillisecond },
      { label: 'CPU per transaction, µs', figure: 'cpuUs', digits: 1, parts: cpuParts },
    ],
  },
  logins: {
    title: 'Logins',
    explanation:
      '`pgbench -C -S -c 8`: a login, one query, the end. PgBouncer checks a SCRAM password and in session mode hands out server connections that it has open; Portcullis checks an ID token (RS256) and opens an upstream connection as the role for every login, which is its point. `server_lifetime=0` makes PgBouncer open one for each client too. The p50 and p99 are of the pause between two queries of a client: disconnect, connect, log in.',
    rows: [
      { label: 'per second', figure: 'perSecond', digits: 0 },
      { label: 'p50, ms', figure: 'p50Us', digits: 1, unit: microsecondsPerMillisecond },
      { label: 'p99, ms', figure: 'p99Us', digits: 1, unit: microsecondsPerMillisecond },
      { label: 'CPU per login, µs', figure: 'cpuUs', digits: 0, parts: cpuParts },
    ],
  },
  'warm-logins': {
    title: 'Logins with sessions that are ready',
    explanation:
      '`pgbench -C` with one query. Paced: one client, which waits 20 ms after each query; busy: eight, which wait for nothing. p50 and p99 are of the pause between two queries: disconnect, connect, log in. `warm: { max_per_role: 8 }` has Portcullis open upstream sessions ahead; each is still of one client.',
    rows: [
      { label: 'p50, ms', figure: 'p50Us', digits: 2, unit: microsecondsPerMillisecond },
      { label: 'p99, ms', figure: 'p99Us', digits: 2, unit: microsecondsPerMillisecond },
      { label: 'per second', figure: 'perSecond', digits: 0 },
      { label: 'CPU per login, µs', figure: 'cpuUs', digits: 0, parts: cpuParts },
    ],
  },
  copy: {
    title: 'COPY',
    explanation:
      "psql, rows of pgbench_accounts (about 100 bytes each): 300 MB out, 100 MB in. The wall clock includes psql's start and login.",
    rows: [
      { label: 'MB/s', figure: 'megabytesPerSecond', digits: 0 },
      { label: 'CPU seconds per GB', figure: 'cpuSecondsPerGigabyte', digits: 2 },
    ],
  },
  memory: {
    title: 'Memory of idle sessions',
    explanation: `${idleSessions} sessions over TLS, each with its upstream connection, in a fresh process; resident memory once it has settled.`,
    rows: [
      {
        label: 'kB per session',
        figure: 'perSessionBytes',
        digits: 1,
        unit: bytesPerKilobyte,
      },
      { label: 'MB of the empty process', figure: 'emptyBytes', digits: 0, unit: bytesPerMegabyte },
    ],
  },
  'slow-reader': {
    title: 'A client that stops reading',
    explanation: `By how much the proxy grows while ${unreadMegabytes} MB wait for a client that reads nothing.`,
    rows: [{ label: 'MB', figure: 'growthBytes', digits: 1, unit: bytesPerMegabyte }],
    hasNoRatios: true,
  },
  unauthenticated: {
    title: 'Memory of connections before authentication',
    explanation: `${waitingConnections} connections that have stopped there, in a fresh process; by how much its resident memory has grown, for each.`,
    rows: [
      {
        label: 'kB per connection',
        figure: 'perConnectionBytes',
        digits: 1,
        unit: bytesPerKilobyte,
      },
    ],
    hasNoRatios: true,
  },
}

export function renderReport(result: Result): string {
  const parts = scenarioNames
    .filter((name) => result.samples.some(({ scenario }) => scenario === name))
    .map((name) => {
      return isOwn(name) ? ownReports[name](result) : renderSection(result, name)
    })
  return [renderConditions(result), renderGoals(result), ...parts].join('\n')
}

/** What is not beside PgBouncer. */
const ownReports = {
  verification: renderVerification,
  pools: renderPools,
  agent: renderAgent,
  'agent-copy': renderAgentCopy,
}

function isOwn(name: ScenarioName): name is keyof typeof ownReports {
  return Object.hasOwn(ownReports, name)
}

/** Not a way to PostgreSQL, so not beside PgBouncer: the peers are the library and the signature alone. */
function renderVerification({ samples }: Result): string {
  const scenario = 'verification'
  const rows = verifiedAlgorithms.flatMap((variant) => {
    const read = (figure: string): number | undefined =>
      figureOf(samples, { scenario, variant, system: 'portcullis-node' }, figure)
    const [first, repeated, jose, signature] = [
      read('firstUs'),
      read('repeatedUs'),
      read('joseUs'),
      read('signatureUs'),
    ]
    if (first === undefined) return []
    const shown = [first, repeated, jose, signature].map((value) => value?.toFixed(0) ?? '-')
    return [[variant, ...shown, toRatio(first, jose), toRatio(first, signature)]]
  })
  const head = ['', 'first time', 'again', 'jose', 'signature', 'first / jose', 'first / signature']
  return [
    '### Verification of a token',
    '',
    'CPU of the process for each token, µs, all of its threads, user + system: Portcullis when it sees a token for the first time, and when it sees it again within a minute; `jwtVerify` of jose with the same keys; and `crypto.verify` of Node, which checks nothing but the signature. RSA keys have 2,048 bits.',
    '',
    renderTable([head, ...rows]),
    '',
  ].join('\n')
}

/** Neither is it a way to PostgreSQL: the peer is a search through all pools. */
function renderPools({ samples }: Result): string {
  const scenario = 'pools'
  const rows = poolCounts.flatMap((count) => {
    const read = (figure: string): number | undefined =>
      figureOf(samples, { scenario, variant: String(count), system: 'portcullis-node' }, figure)
    const [index, search, compile] = [read('indexUs'), read('searchUs'), read('compileMs')]
    if (index === undefined) return []
    const shown = [index.toFixed(2), search?.toFixed(2) ?? '-', toRatio(index, search)]
    return [[count.toLocaleString('en'), ...shown, compile?.toFixed(1) ?? '-']]
  })
  const head = ['pools', 'index, µs', 'search, µs', 'index / search', 'index is made in, ms']
  return [
    '### The pool of a client',
    '',
    'CPU of the process to find the connectivity pool of an address: Portcullis, by an index that is made once with the configuration, and beside it a search that looks at one pool after the other. Each pool has a range of IPv4 and one of IPv6 on the same listener. Parsing the address is a part of both.',
    '',
    renderTable([head, ...rows]),
    '',
  ].join('\n')
}

/** Its peer is the gateway that it is in front of. */
function renderAgent({ samples }: Result): string {
  const scenario = 'agent'
  const rows = agentVariants.flatMap(({ name: variant }) => {
    const read = (figure: string): number | undefined =>
      figureOf(samples, { scenario, variant, system: 'portcullis-node' }, figure)
    const [alone, behind, agent] = [
      read('directGatewayUs'),
      read('agentGatewayUs'),
      read('agentUs'),
    ]
    if (alone === undefined) return []
    const shown = [alone, behind, agent].map((value) => value?.toFixed(1) ?? '-')
    const speed = [read('directPerSecond'), read('agentPerSecond')].map(
      (value) => value?.toFixed(0) ?? '-',
    )
    return [[titleOf(variant), ...shown, toRatio(behind, alone), toRatio(agent, alone), ...speed]]
  })
  const head = [
    ...['', 'gateway alone', 'gateway behind the agent', 'agent'],
    ...['gateway: behind / alone', 'agent / gateway alone', 'per second, alone', 'with the agent'],
  ]
  return [
    '### The agent',
    '',
    '`pgbench -S -M prepared` over open sessions, straight to the gateway over TLS and through `portcullis agent` by its Unix socket; both on Node, both one process. CPU per transaction, µs, user + system. On this machine all of it shares the cores, so that with the agent there is less of them for everything else, and fewer transactions are read at a time: the last line has as many of them either way.',
    '',
    renderTable([head, ...rows]),
    '',
  ].join('\n')
}

function renderAgentCopy({ samples }: Result): string {
  const scenario = 'agent-copy'
  const rows = ['out', 'in'].flatMap((variant) => {
    const read = (figure: string): number | undefined =>
      figureOf(samples, { scenario, variant, system: 'portcullis-node' }, figure)
    const [gigabytes, growth] = [read('gigabytes'), read('growthBytes')]
    if (gigabytes === undefined || growth === undefined) return []
    const cpu = [read('agentSeconds'), read('gatewaySeconds')].map((one) => one?.toFixed(2) ?? '-')
    const speed = read('megabytesPerSecond')?.toFixed(0) ?? '-'
    return [
      [titleOf(variant), String(gigabytes), speed, ...cpu, (growth / bytesPerMegabyte).toFixed(1)],
    ]
  })
  const head = [
    ...['', 'GB', 'MB/s', 'agent: CPU seconds per GB', 'gateway: CPU seconds per GB'],
    'agent has grown by, MB',
  ]
  return [
    '### COPY through the agent',
    '',
    'psql, lines of 1,000 bytes, through agent and gateway; every line is counted at the other end. Growth is that of the resident memory, at its most, from before the copy.',
    '',
    renderTable([head, ...rows]),
    '',
  ].join('\n')
}

function renderSection({ samples }: Result, scenario: SystemScenario): string {
  const { title, explanation, rows, hasNoRatios } = sections[scenario]
  const own = samples.filter((sample) => sample.scenario === scenario)
  const systems = systemNames.filter((name) => own.some(({ system }) => system === name))
  const variants = [...new Set(own.map(({ variant }) => variant))]
  const baselines =
    hasNoRatios === true ? [] : systems.filter((name) => name.startsWith('pgbouncer'))
  const comparisons = systems
    .filter((name) => name.startsWith('portcullis'))
    .flatMap((system) => baselines.map((baseline) => ({ system, baseline })))

  const head = [
    '',
    ...systems.map((name) => systemTitles[name]),
    ...comparisons.map(
      ({ system, baseline }) => `${systemTitles[system]} / ${systemTitles[baseline]}`,
    ),
  ]
  const body = variants.flatMap((variant) =>
    rows.map((row) => {
      const read = (system: SystemName, figure = row.figure): number | undefined =>
        figureOf(own, { scenario, variant, system }, figure)
      const label = variants.length > 1 ? `${titleOf(variant)}: ${row.label}` : row.label
      return [
        label,
        ...systems.map((system) => toCell(row, (figure) => read(system, figure))),
        ...comparisons.map(({ system, baseline }) => toRatio(read(system), read(baseline))),
      ]
    }),
  )
  return [`### ${title}`, '', explanation, '', renderTable([head, ...body]), ''].join('\n')
}

function titleOf(variant: string): string {
  return variantTitles[variant] ?? variant
}

function toCell(row: Row, read: (figure: string) => number | undefined): string {
  const { digits, unit = 1 } = row
  const value = read(row.figure)
  if (value === undefined) return '-'
  const shown = (value / unit).toFixed(digits)
  const parts = (row.parts ?? []).map(read).filter((part) => part !== undefined)
  return parts.length === 0
    ? shown
    : `${shown} (${parts.map((part) => (part / unit).toFixed(digits)).join(' + ')})`
}

function toRatio(value: number | undefined, baseline: number | undefined): string {
  return value === undefined || baseline === undefined || baseline === 0
    ? '-'
    : (value / baseline).toFixed(2)
}

interface Goal {
  readonly text: string
  readonly scenario: ScenarioName
  readonly variant: string
  readonly figure: string
  /** At least or at most so many times PgBouncer's. */
  readonly atLeast?: number
  readonly atMost?: number
  readonly systems: readonly SystemName[]
}

const runtimes = ['portcullis-node', 'portcullis-bun'] as const

const goals: readonly Goal[] = [
  {
    text: 'CPU per transaction at 16 clients, on Node',
    scenario: 'transactions',
    variant: '16 clients',
    figure: 'cpuUs',
    atMost: 1.15,
    systems: ['portcullis-node'],
  },
  {
    text: 'CPU per transaction at 16 clients, on the best runtime',
    scenario: 'transactions',
    variant: '16 clients',
    figure: 'cpuUs',
    atMost: 1,
    systems: runtimes,
  },
  {
    text: 'Logins per second (ECDSA P-256)',
    scenario: 'logins',
    variant: 'ecdsa-p256',
    figure: 'perSecond',
    atLeast: 1,
    systems: runtimes,
  },
  {
    text: 'COPY TO, MB/s',
    scenario: 'copy',
    variant: 'out',
    figure: 'megabytesPerSecond',
    atLeast: 1.3,
    systems: runtimes,
  },
  {
    text: 'Memory per idle session',
    scenario: 'memory',
    variant: 'idle',
    figure: 'perSessionBytes',
    atMost: 2.5,
    systems: runtimes,
  },
]

function renderGoals({ samples }: Result): string {
  const rows = goals.flatMap((goal) => {
    const read = (system: SystemName): number | undefined =>
      figureOf(samples, { ...goal, system }, goal.figure)
    const baseline = read('pgbouncer')
    const values = goal.systems.map(read).filter((value) => value !== undefined)
    if (baseline === undefined || values.length === 0) return []
    const best = goal.atLeast === undefined ? Math.min(...values) : Math.max(...values)
    const ratio = best / baseline
    const isMet = ratio >= (goal.atLeast ?? 0) && ratio <= (goal.atMost ?? Infinity)
    const wanted =
      goal.atLeast === undefined
        ? `at most ${String(goal.atMost)}`
        : `at least ${String(goal.atLeast)}`
    return [[goal.text, wanted, ratio.toFixed(2), isMet ? 'yes' : 'no']]
  })
  if (rows.length === 0) return ''
  return [
    '### Goals',
    '',
    "Each as a ratio to PgBouncer's figure in the same run; the best runtime that was measured counts.",
    '',
    renderTable([['', 'goal', 'measured', 'met'], ...rows]),
    '',
  ].join('\n')
}

function renderConditions(result: Result): string {
  const { machine, versions, ciphers, pgBouncerSettings, missing, added } = result
  const settings = Object.entries(pgBouncerSettings).map(([name, value]) => `${name}=${value}`)
  const shownCiphers = [...new Set(Object.values(ciphers))].join('; ')
  return [
    `Taken ${result.takenAt.slice(0, 10)} by \`${result.command}\`: medians of ${result.rounds} ${result.rounds === 1 ? 'round' : 'rounds'} in which the`,
    `systems take turns, ${result.seconds} seconds for each run of pgbench.`,
    '',
    `- Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGigabytes} GiB, ${machine.architecture}; ${machine.system}, Linux ${machine.kernel}. Clients, proxies and server share it.`,
    `- Versions: ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join('; ')}.`,
    `- Clients: TLS with sslmode=verify-full, ${shownCiphers === '' ? 'cipher not recorded' : shownCiphers}, the same certificate files for all.`,
    '- Upstream: plain TCP on loopback, SCRAM-SHA-256, for both proxies.',
    '- Both proxies: one process, no log line and no audit record for a session.',
    `- Portcullis: \`workers: 1\`, \`log.level: error\`, \`audit.sink: none\`, ID tokens signed RS256. PgBouncer: ${settings.join(', ')}; the rest are defaults.`,
    `- PostgreSQL: pgbench tables of scale ${pgbenchScale}, fsync off.`,
    ...missing.map((what) => `- Not measured: ${what}.`),
    ...(added ?? []).map(
      ({ scenarios, takenAt, command }) =>
        `- At another time (${takenAt.slice(0, 10)}, \`${command}\`): ${scenarios.join(', ')}.`,
    ),
    '',
  ].join('\n')
}

function renderTable(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows
  const widths = head.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => pad(cell, widths[column] ?? 0, column)).join(' | ')} |`
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(Math.max(width - 1, 1))}:`,
  )
  return [line(head), line(rule), ...body.map(line)].join('\n')
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width)
}
