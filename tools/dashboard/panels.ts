// What the dashboard shows, as data: rows of panels, each with its queries.

export interface Query {
  readonly expr: string
  /** What a line is called, from its labels. */
  readonly legend: string
}

export interface Panel {
  readonly title: string
  readonly description: string
  /** One of Grafana's units. */
  readonly unit: string
  readonly kind?: 'stat' | 'timeseries'
  /** Parts of one whole, drawn one above the other. */
  readonly isStacked?: boolean
  /** What turns a figure red, from there or below; undefined where no figure is bad by itself. */
  readonly red?: { readonly above: number } | { readonly below: number }
  readonly queries: readonly Query[]
}

export interface Row {
  readonly title: string
  readonly panels: readonly Panel[]
}

const chosen = 'job=~"$job",instance=~"$replica"'

/** A metric of the replicas that are chosen. */
function of(name: string, labels = ''): string {
  return `portcullis_${name}{${chosen}${labels === '' ? '' : `,${labels}`}}`
}

function rate(name: string, by: string, labels = ''): Query {
  const sum = by === '' ? 'sum' : `sum by (${by})`
  const legend = by.split(', ').map((label) => `{{${label}}}`)
  return {
    expr: `${sum} (rate(${of(name, labels)}[$__rate_interval]))`,
    legend: by === '' ? 'all' : legend.join(' '),
  }
}

function now(name: string, by = 'instance', labels = ''): Query {
  return { expr: `sum by (${by}) (${of(name, labels)})`, legend: `{{${by}}}` }
}

function quantile(q: number, name: string, by = '', labels = ''): Query {
  const labelsBy = by === '' ? 'le' : `${by}, le`
  const legend = by === '' ? `p${q * 100}` : `{{${by}}}`
  return {
    expr: `histogram_quantile(${q}, sum by (${labelsBy}) (rate(${of(`${name}_bucket`, labels)}[$__rate_interval])))`,
    legend,
  }
}

const logins: Row = {
  title: 'Logins',
  panels: [
    {
      title: 'Replicas that are ready',
      description: 'Those that take new connections.',
      unit: 'none',
      kind: 'stat',
      red: { below: 1 },
      queries: [{ expr: `sum(${of('ready')})`, legend: 'ready' }],
    },
    {
      title: 'Logins that are refused',
      description: 'Of those that were decided in the last five minutes.',
      unit: 'percentunit',
      kind: 'stat',
      red: { above: 0.2 },
      queries: [{ expr: 'portcullis:login_failures:ratio5m{job=~"$job"}', legend: '{{job}}' }],
    },
    {
      title: 'Sessions open',
      description: 'Admitted, and not ended.',
      unit: 'none',
      kind: 'stat',
      queries: [{ expr: `sum(${of('sessions_open')})`, legend: 'open' }],
    },
    {
      title: 'Certificate valid for',
      description: 'The TLS certificate shown to clients; the one that expires first.',
      unit: 's',
      kind: 'stat',
      red: { below: 604_800 },
      queries: [
        {
          expr: `min(${of('tls_certificate_expiry_timestamp_seconds')}) - time()`,
          legend: 'valid',
        },
      ],
    },
    {
      title: 'Logins by outcome',
      description:
        'Abandoned: the client left before a decision. Discovered: it asked where tokens are to be had.',
      unit: 'ops',
      queries: [rate('logins_total', 'outcome')],
    },
    {
      title: 'Refusals by reason',
      description: 'docs/troubleshooting.md says what each reason means.',
      unit: 'ops',
      isStacked: true,
      queries: [rate('logins_total', 'reason', 'outcome="refused"')],
    },
    {
      title: 'Logins by integration',
      description: 'Those that were admitted.',
      unit: 'ops',
      isStacked: true,
      queries: [rate('logins_total', 'integration', 'outcome="admitted"')],
    },
    {
      title: 'Duration of a login',
      description: 'Without the wait for the credential.',
      unit: 's',
      queries: [0.5, 0.95, 0.99].map((q) =>
        quantile(q, 'login_duration_seconds', '', 'stage="total"'),
      ),
    },
    {
      title: 'Duration of its stages, p95',
      description: 'verify is the identity provider and the decision, upstream PostgreSQL.',
      unit: 's',
      queries: [quantile(0.95, 'login_duration_seconds', 'stage', 'stage!="total"')],
    },
    {
      title: 'Not admitted yet',
      description:
        'Against limits.max_unauthenticated, max_sign_ins and max_relays, times the workers.',
      unit: 'none',
      queries: [
        { expr: `sum(${of('connections_unauthenticated')})`, legend: 'unauthenticated' },
        { expr: `sum(${of('sign_ins_waiting')})`, legend: 'sign-ins that wait' },
        { expr: `sum(${of('relays_open')})`, legend: 'relays of passwords' },
        { expr: `sum(${of('logins_paused')})`, legend: 'wait for a paused database' },
      ],
    },
    {
      title: 'Life that tokens have left',
      description: 'At their logins. Half of them had less than the line.',
      unit: 's',
      queries: [quantile(0.5, 'token_remaining_life_seconds')],
    },
  ],
}

const sessions: Row = {
  title: 'Sessions',
  panels: [
    {
      title: 'Sessions open',
      description: 'By replica.',
      unit: 'none',
      isStacked: true,
      queries: [now('sessions_open')],
    },
    {
      title: 'Connections open',
      description: 'Those that are not admitted yet with them.',
      unit: 'none',
      isStacked: true,
      queries: [now('connections_open')],
    },
    {
      title: 'Sessions opened and ended',
      description: '',
      unit: 'ops',
      queries: [
        { ...rate('sessions_opened_total', ''), legend: 'opened' },
        { ...rate('sessions_ended_total', ''), legend: 'ended' },
      ],
    },
    {
      title: 'How long sessions were',
      description: 'Those that have ended.',
      unit: 's',
      queries: [0.5, 0.95].map((q) => quantile(q, 'session_duration_seconds')),
    },
    {
      title: 'Bytes',
      description: 'By the side that they came from.',
      unit: 'Bps',
      queries: [rate('session_bytes_total', 'direction')],
    },
    {
      title: 'Cancel requests',
      description: 'unknown-key: guessed, or of a session that is gone.',
      unit: 'ops',
      queries: [rate('cancel_requests_total', 'outcome')],
    },
  ],
}

const upstream: Row = {
  title: 'Upstream',
  panels: [
    {
      title: 'Logins at PostgreSQL',
      description: 'By host and outcome.',
      unit: 'ops',
      queries: [rate('upstream_logins_total', 'host, outcome')],
    },
    {
      title: 'Duration there, p95',
      description: 'From the connection to the end of the login.',
      unit: 's',
      queries: [quantile(0.95, 'upstream_login_duration_seconds', 'host')],
    },
    {
      title: 'Sessions that are ready',
      description: 'Warm sessions, and logins that found one.',
      unit: 'none',
      queries: [{ expr: `sum(${of('warm_sessions_open')})`, legend: 'open' }],
    },
    {
      title: 'Logins where sessions are kept ready',
      description: 'By whether one was, and sessions that clients gave back.',
      unit: 'ops',
      queries: [
        rate('warm_logins_total', 'outcome'),
        { ...rate('warm_sessions_returned_total', ''), legend: 'given back' },
      ],
    },
    {
      title: 'Roles that were made ready',
      description: 'Provisioning, by what it took.',
      unit: 'ops',
      queries: [rate('provisioned_total', 'outcome')],
    },
  ],
}

const providers: Row = {
  title: 'Identity providers',
  panels: [
    {
      title: 'Age of keys',
      description:
        'Keys are fetched again at a login. Old ones are a fault only where fetching them fails.',
      unit: 's',
      red: { above: 72_000 },
      queries: [{ expr: `max by (issuer) (${of('jwks_age_seconds')})`, legend: '{{issuer}}' }],
    },
    {
      title: 'Keys are there',
      description: '0 where a process has none of an issuer.',
      unit: 'none',
      red: { below: 1 },
      queries: [{ expr: `min by (issuer) (${of('jwks_available')})`, legend: '{{issuer}}' }],
    },
    {
      title: 'Fetches of keys',
      description: '',
      unit: 'ops',
      queries: [rate('jwks_refreshes_total', 'issuer, outcome')],
    },
    {
      title: 'Unknown keys',
      description:
        'Tokens whose key id was not in the key set: a rotation, or tokens of somebody else.',
      unit: 'ops',
      queries: [rate('jwks_unknown_kids_total', 'issuer')],
    },
    {
      title: 'On the pages',
      description: 'Sign-ins and logouts of people, by kind and outcome.',
      unit: 'ops',
      queries: [rate('web_sign_ins_total', 'kind, outcome')],
    },
    {
      title: 'Session tokens',
      description: '',
      unit: 'ops',
      queries: [
        { ...rate('session_tokens_issued_total', ''), legend: 'issued' },
        rate('session_token_logins_total', 'outcome'),
      ],
    },
  ],
}

const governance: Row = {
  title: 'Governance',
  panels: [
    {
      title: 'Ends of sessions by reason',
      description: '',
      unit: 'ops',
      isStacked: true,
      queries: [rate('sessions_ended_total', 'reason')],
    },
    {
      title: 'Who is kept out',
      description: 'Entries of the deny file, and orders that refuse logins.',
      unit: 'none',
      queries: [
        { expr: `max by (instance) (${of('denials_standing')})`, legend: '{{instance}}' },
        { expr: `max(${of('deny_file_entries')})`, legend: 'of the deny file' },
      ],
    },
    {
      title: 'Who has to wait',
      description: 'Pairs of address and user, after wrong credentials.',
      unit: 'none',
      queries: [now('throttled')],
    },
    {
      title: 'Logouts that providers told',
      description: 'Back-channel logout, by outcome.',
      unit: 'ops',
      queries: [rate('backchannel_logouts_total', 'outcome')],
    },
    {
      title: 'Version of the catalog',
      description: '',
      unit: 'none',
      queries: [{ expr: `max by (instance) (${of('catalog_version')})`, legend: '{{instance}}' }],
    },
    {
      title: 'Changes of catalog and configuration',
      description: '',
      unit: 'ops',
      queries: [
        rate('catalog_changes_total', 'by, outcome'),
        { ...rate('config_reloads_total', 'outcome'), legend: 'reload {{outcome}}' },
      ],
    },
    {
      title: 'Files that cannot be used',
      description: '1 where the file of the configuration, or the deny file, is broken.',
      unit: 'none',
      red: { above: 1 },
      queries: [
        { expr: `max(${of('catalog_file_problem')})`, legend: 'configuration' },
        { expr: `max(${of('catalog_file_differs')})`, legend: 'edited, not reloaded' },
        { expr: `max(${of('deny_file_broken')})`, legend: 'deny file' },
        { expr: `1 - min(${of('config_last_reload_ok')})`, legend: 'last reload' },
      ],
    },
  ],
}

const fleet: Row = {
  title: 'Fleet',
  panels: [
    {
      title: 'Ready, by replica',
      description: 'As /readiness says.',
      unit: 'none',
      queries: [now('ready'), { ...now('draining'), legend: '{{instance}} drains' }],
    },
    {
      title: 'What runs',
      description: 'Replicas by version.',
      unit: 'none',
      queries: [
        {
          expr: `count by (version, runtime) (${of('build_info')})`,
          legend: '{{version}}, {{runtime}}',
        },
      ],
    },
    {
      title: 'Store is reached',
      description: '0 where a replica has lost it. Empty without fleet.store.',
      unit: 'none',
      red: { below: 1 },
      queries: [{ expr: `min by (instance) (${of('fleet_store_up')})`, legend: '{{instance}}' }],
    },
    {
      title: 'Replicas that each sees',
      description: 'Empty without fleet.store.',
      unit: 'none',
      queries: [{ expr: `max by (instance) (${of('fleet_replicas')})`, legend: '{{instance}}' }],
    },
    {
      title: 'Calls between replicas',
      description: 'Empty without fleet.store.',
      unit: 'ops',
      queries: [rate('fleet_calls_total', 'method, outcome')],
    },
    {
      title: 'Behind the newest catalog',
      description: 'Empty without fleet.store.',
      unit: 'none',
      red: { above: 1 },
      queries: [
        { expr: `max by (instance) (${of('fleet_catalog_behind')})`, legend: '{{instance}}' },
      ],
    },
  ],
}

const processes: Row = {
  title: 'Process',
  panels: [
    {
      title: 'CPU',
      description: 'Cores, of all processes of a replica.',
      unit: 'none',
      queries: [rate('process_cpu_seconds_total', 'instance')],
    },
    {
      title: 'Resident memory',
      description: 'Of all processes of a replica.',
      unit: 'bytes',
      queries: [now('process_resident_memory_bytes')],
    },
    {
      title: 'Event-loop lag',
      description: 'Of the process that is worst off, since the last scrape.',
      unit: 's',
      red: { above: 0.1 },
      queries: [
        {
          expr: `max by (instance, statistic) (${of('event_loop_lag_seconds')})`,
          legend: '{{instance}} {{statistic}}',
        },
      ],
    },
    {
      title: 'Open file descriptors',
      description: '',
      unit: 'none',
      queries: [now('process_open_fds')],
    },
    {
      title: 'Workers',
      description: 'That run, of those that there are to be.',
      unit: 'none',
      queries: [
        { ...now('workers_running'), legend: '{{instance}} run' },
        { ...now('workers'), legend: '{{instance}} wanted' },
      ],
    },
    {
      title: 'Up for',
      description: '',
      unit: 's',
      queries: [
        {
          expr: `time() - min by (instance) (${of('process_start_time_seconds')})`,
          legend: '{{instance}}',
        },
      ],
    },
  ],
}

const audit: Row = {
  title: 'Audit and telemetry',
  panels: [
    {
      title: 'Audit records',
      description: 'Written, and lost.',
      unit: 'ops',
      red: { above: 1 },
      queries: [
        { ...rate('audit_records_total', ''), legend: 'written' },
        { ...rate('audit_dropped_total', ''), legend: 'lost' },
      ],
    },
    {
      title: 'OpenTelemetry',
      description: 'What a collector has taken, and what was dropped.',
      unit: 'ops',
      queries: [
        { ...rate('telemetry_exported_total', 'signal'), legend: '{{signal}} taken' },
        { ...rate('telemetry_dropped_total', 'signal'), legend: '{{signal}} dropped' },
      ],
    },
  ],
}

export const rows: readonly Row[] = [
  ...[logins, sessions, upstream, providers],
  ...[governance, fleet, processes, audit],
]
