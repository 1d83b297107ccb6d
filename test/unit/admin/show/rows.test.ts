import { describe, expect, test } from 'vitest'
import type { ConsoleFleet } from '../../../../src/admin/console-fleet.ts'
import { sessionNumber } from '../../../../src/admin/show/session-number.ts'
import { fleetTopics, maxRows } from '../../../../src/admin/show/topics.ts'
import type { DeniedLogin } from '../../../../src/session/denied-login.ts'
import type { ProcessView, ViewName } from '../../../../src/session/process-view.ts'
import { listSessions } from '../../../../src/session/session-summary.ts'
import { noTotals } from '../../../../src/session/database-statistics.ts'
import { answerTo, fleetOf, id, node, session } from '../fleet.ts'

/** What processes say of themselves. */
function saying(
  views: { readonly [Name in ViewName]?: readonly ProcessView[Name][] },
  unanswered = 0,
) {
  const ask = async (name: ViewName) => Promise.resolve({ answers: views[name] ?? [], unanswered })
  return { ask, askOne: ask } as Pick<ConsoleFleet, 'ask' | 'askOne'>
}

async function rowsOf(topic: string, fleet: ConsoleFleet = fleetOf()) {
  const { table, tag } = await answerTo(`SHOW ${topic}`, fleet)
  expect(tag).toBe('SHOW')
  const { columns, rows } = table!
  for (const row of rows) expect(row).toHaveLength(columns.length)
  return rows.map((row) => Object.fromEntries(columns.map(({ name }, index) => [name, row[index]])))
}

const usage = {
  processId: 4711,
  residentBytes: 5_000_000_000,
  heapBytes: 100,
  heapUsedBytes: 60,
  bufferBytes: 7,
  sessions: 1,
  unauthenticated: 2,
  warm: 3,
}
const pools = [{ database: 'sandbox', role: 'app_readwrite', sessions: 2, servers: 2 }]

describe('a session', () => {
  test('is a client of ours', async () => {
    expect(await rowsOf('CLIENTS')).toEqual([
      {
        ...{ type: 'C', user: 'app_readwrite', database: 'sandbox', replication: 'none' },
        ...{ state: 'active', addr: '192.0.2.7', port: 50_123, local_addr: '198.51.100.1' },
        ...{ local_port: 6432, connect_time: '2026-01-02 03:04:05 UTC' },
        ...{ request_time: '2026-01-02 03:05:00 UTC', wait: 0, wait_us: 0, close_needed: 0 },
        ...{ ptr: '0x0f8a1c9e2b3c', link: '0x112233445566', remote_pid: 0 },
        ...{ tls: 'TLSv1.3/TLS_AES_256_GCM_SHA384', application_name: 'psql' },
        ...{ prepared_statements: 0, id: 0x0f8a1c9e2b3c },
      },
    ])
  })

  test('is one of a server, and linked to it', async () => {
    const [row] = await rowsOf('SERVERS')
    expect(row).toMatchObject({
      ...{ type: 'S', addr: '10.0.0.5', port: 5432, local_port: 40_001, remote_pid: 4711 },
      ...{ ptr: '0x112233445566', link: '0x0f8a1c9e2b3c' },
    })
    expect(await rowsOf('SOCKETS')).toHaveLength(2)
  })

  test('has no server where it passes nothing on', async () => {
    const sessions: ConsoleFleet['sessions'] = async (query) =>
      Promise.resolve(listSessions([{ facts: session.facts }], query))
    expect(await rowsOf('SERVERS', fleetOf({ sessions }))).toEqual([])
    expect((await rowsOf('CLIENTS', fleetOf({ sessions })))[0]).toMatchObject({ link: '' })
  })

  test('is shown with who it is', async () => {
    const [row] = await rowsOf('SESSIONS')
    expect(row).toMatchObject({
      ...{ session: id, id: sessionNumber(id), principal: 'alice', subject: 'auth0|alice' },
      ...{ groups: ['readonly', 'readwrite'], user: 'id_token', role: 'app_readwrite' },
      ...{ database: 'sandbox', pool: 'sso_pool', integration: 'sso_m2m', state: 'idle' },
      ...{ since: Date.parse('2026-01-02T03:04:05Z'), until: null, queries: 7, bytes_sent: 700 },
      ...{ server: 'db.example.com:5432', server_pid: 4711 },
    })
  })

  test('is one of its identity', async () => {
    const other = { ...session, facts: { ...session.facts, role: 'app_readonly' } }
    const nobody = { facts: { ...session.facts, identity: undefined } }
    const sessions: ConsoleFleet['sessions'] = async (query) =>
      Promise.resolve(listSessions([session, other, nobody as never], query))
    expect(await rowsOf('IDENTITIES', fleetOf({ sessions }))).toEqual([
      {
        ...{ issuer: 'https://auth.example.com', subject: 'auth0|alice', principal: 'alice' },
        ...{ sessions: 2, roles: ['app_readwrite', 'app_readonly'] },
        ...{ groups: ['readonly', 'readwrite'], databases: ['sandbox'] },
        ...{ first: Date.parse('2026-01-02T03:04:05Z'), last: Date.parse('2026-01-02T03:04:05Z') },
      },
    ])
  })
})

describe('what exporters ask for', () => {
  test('POOLS adds up the workers', async () => {
    const fleet = fleetOf(saying({ pools: [pools, pools] }))
    expect(await rowsOf('POOLS', fleet)).toEqual([
      expect.objectContaining({
        ...{ database: 'sandbox', user: 'app_readwrite', cl_active: 4, cl_waiting: 0 },
        ...{ sv_active: 4, pool_mode: 'session', load_balance_hosts: 'round-robin' },
      }),
    ])
  })

  test('DATABASES are those of the catalog', async () => {
    const fleet = fleetOf(saying({ pools: [pools] }))
    const [sandbox, orders] = await rowsOf('DATABASES', fleet)
    expect(sandbox).toMatchObject({
      ...{ name: 'sandbox', host: 'db1.example.com,db2.example.com', port: 5432 },
      ...{ database: 'sandbox_prod', pool_size: 20, reserve_pool: 0, max_connections: 20 },
      ...{ current_connections: 2, current_client_connections: 2, paused: 0, disabled: 0 },
    })
    expect(orders).toMatchObject({ port: 5433, pool_size: 0, paused: 1, disabled: 1 })
  })

  test('USERS are the roles of groups and of sessions', async () => {
    const stranger = [{ database: 'sandbox', role: 'alice', sessions: 1, servers: 1 }]
    const rows = await rowsOf('USERS', fleetOf(saying({ pools: [pools, stranger] })))
    expect(rows.map((row) => [row['name'], row['current_connections']])).toEqual([
      ['alice', 1],
      ['app_readonly', 0],
      ['app_readwrite', 2],
    ])
  })

  test('LISTS counts what there is', async () => {
    const host = { name: 'db1.example.com', addresses: ['10.0.0.5'], freshForMs: 1_500 }
    const fleet = fleetOf(saying({ pools: [pools], usage: [usage, usage], hosts: [[host]] }))
    const items = (await rowsOf('LISTS', fleet)).map((row) => [row['list'], row['items']])
    expect(Object.fromEntries(items)).toEqual({
      ...{ databases: 2, users: 2, peers: 0, pools: 1, peer_pools: 0 },
      ...{ free_clients: 98, used_clients: 2, login_clients: 4 },
      ...{ free_servers: 6, used_servers: 2 },
      ...{ dns_names: 1, dns_zones: 0, dns_queries: 0, dns_pending: 0 },
    })
    expect(await rowsOf('DNS_HOSTS', fleet)).toEqual([
      { hostname: 'db1.example.com', ttl: 2, addrs: '10.0.0.5' },
    ])
  })

  test('MEM is of each process', async () => {
    const rows = await rowsOf('MEM', fleetOf(saying({ usage: [usage] })))
    expect(rows).toEqual([
      { name: 'resident 4711', size: 1, used: 5e9, free: 0, memtotal: 5e9 },
      { name: 'heap 4711', size: 1, used: 60, free: 40, memtotal: 100 },
      { name: 'buffers 4711', size: 1, used: 7, free: 0, memtotal: 7 },
    ])
  })

  test('CONFIG, VERSION and STATE are of this node', async () => {
    expect(await rowsOf('CONFIG')).toEqual([
      { key: 'max_client_conn', value: '100', default: '10000', changeable: 'yes' },
    ])
    const [version] = await rowsOf('VERSION')
    expect(version?.['version']).toMatch(/^PgBouncer 1\.24\.\d+ compatible, Portcullis 0\.1\.0$/)
    const paused = fleetOf({ node: () => ({ ...node, state: 'paused' }) })
    expect(await rowsOf('STATE', paused)).toEqual([
      { key: 'active', value: 'no' },
      { key: 'paused', value: 'yes' },
      { key: 'suspended', value: 'no' },
    ])
  })

  test.each(['FDS', 'DNS_ZONES', 'PEERS', 'PEER_POOLS'])('%s is empty', async (topic) => {
    expect(await rowsOf(topic)).toEqual([])
  })
})

describe('totals and averages', () => {
  const totals = {
    ...{ sessions: 4, queries: 100, transactions: 50, bytesFromFrontend: 1_000 },
    ...{ bytesFromUpstream: 9_000, queryMs: 200, transactionMs: 400, waitMs: 12.5 },
  }
  const period = { ...noTotals, queries: 60, transactions: 30, queryMs: 90, transactionMs: 120 }
  const statistic = { totals, period, periodMs: 60_000 }
  const fleet = fleetOf({
    statistics: async () =>
      Promise.resolve({
        databases: new Map([
          ['sandbox', statistic],
          ['orders', { totals: noTotals, period: noTotals, periodMs: 60_000 }],
        ]),
        unanswered: 0,
      }),
  })

  test('are told by database, times in microseconds', async () => {
    const [orders, sandbox] = await rowsOf('STATS', fleet)
    expect(orders).toMatchObject({ database: 'orders', total_query_count: 0, avg_query_time: 0 })
    expect(sandbox).toMatchObject({
      ...{ database: 'sandbox', total_server_assignment_count: 4, total_xact_count: 50 },
      ...{ total_query_count: 100, total_received: 1_000, total_sent: 9_000 },
      ...{ total_xact_time: 400_000, total_query_time: 200_000, total_wait_time: 12_500 },
      ...{ total_requests: 100, total_bind_count: 0 },
      // Of a second, but for times: those are of a transaction and of a statement.
      ...{ avg_query_count: 1, avg_xact_count: 1, avg_xact_time: 4_000, avg_query_time: 1_500 },
    })
  })

  test('are told apart', async () => {
    const [, all] = await rowsOf('STATS_TOTALS', fleet)
    expect(all).toMatchObject({ query_count: 100, bytes_sent: 9_000, query_time: 200_000 })
    const [, average] = await rowsOf('STATS_AVERAGES', fleet)
    expect(average).toMatchObject({ query_count: 1, query_time: 1_500 })
  })

  test('are told of all databases together', async () => {
    const rows = await rowsOf('TOTALS', fleet)
    const values: unknown = Object.fromEntries(rows.map((row) => [row['name'], row['value']]))
    expect(values).toMatchObject({ total_query_count: 100, avg_query_count: 1 })
  })

  test('are nothing before the first period is over', async () => {
    const fresh = { totals, period: noTotals, periodMs: 0 }
    const statistics: ConsoleFleet['statistics'] = async () =>
      Promise.resolve({ databases: new Map([['sandbox', fresh]]), unanswered: 0 })
    const [row] = await rowsOf('STATS', fleetOf({ statistics }))
    expect(row).toMatchObject({ avg_query_count: 0, avg_query_time: 0, total_query_count: 100 })
  })
})

describe('who is kept out', () => {
  const denied: DeniedLogin = {
    ...{ atMs: 2, reason: 'role-not-allowed', sqlstate: '28000', count: 1 },
    ...{ address: '192.0.2.7', user: 'dba', database: 'sandbox', application: 'psql' },
    ...{ pool: 'sso_pool', integration: 'sso_m2m', issuer: undefined, subject: undefined },
    ...{ principal: undefined, session: 'reference' },
  }

  test('DENIALS are the latest of all workers first', async () => {
    const fleet = fleetOf(saying({ denials: [[denied], [{ ...denied, atMs: 3 }]] }))
    const rows = await rowsOf('DENIALS', fleet)
    expect(rows.map(({ at }) => at)).toEqual([3, 2])
    expect(rows[1]).toMatchObject({ reason: 'role-not-allowed', user: 'dba', principal: null })
    expect(await rowsOf('DENIALS LIMIT 1', fleet)).toHaveLength(1)
  })

  test('REVOCATIONS are orders that stand, and the deny file', async () => {
    const selector = { subject: "o'brien", issuer: 'https://auth.example.com' }
    const fleet = fleetOf({
      ...saying({ denied: [[{ selector: { sid: 's1' }, untilMs: undefined, why: 'entry 1' }]] }),
      standingOrders: () => [
        { selectors: [selector], end: 'revoked', refusedUntilMs: 5, by: 'carol' },
      ],
    })
    expect(await rowsOf('REVOCATIONS', fleet)).toEqual([
      {
        source: 'revoked',
        criteria: "SUBJECT 'o''brien' AND ISSUER 'https://auth.example.com'",
        until: 5,
        by: 'carol',
      },
      { source: 'deny_file', criteria: 'sid=s1', until: null, by: 'entry 1' },
    ])
  })

  test('KEYS are those of each issuer, and an issuer without any is seen', async () => {
    const key = { kid: 'k1', kty: 'EC', alg: 'ES256', use: 'sig' }
    const untried = { triedMs: undefined, failure: undefined, clockAheadMs: undefined }
    const fleet = fleetOf(
      saying({
        keys: [
          [
            { ...untried, issuer: 'https://a', ageMs: 1_000, believedForMs: 2_000, keys: [key] },
            {
              ...untried,
              issuer: 'https://b',
              ageMs: undefined,
              believedForMs: undefined,
              keys: [],
            },
          ],
        ],
      }),
    )
    const [first, second] = await rowsOf('KEYS', fleet)
    expect(first).toMatchObject({ issuer: 'https://a', ...key })
    expect(Number(first!['expires']) - Number(first!['fetched_at'])).toBe(3_000)
    expect(second).toMatchObject({ issuer: 'https://b', kid: null, fetched_at: null })
  })
})

describe('an answer', () => {
  test('says how many workers did not', async () => {
    const { notices } = await answerTo('SHOW POOLS', fleetOf(saying({}, 2)))
    expect(notices).toEqual([
      expect.objectContaining({
        severity: 'WARNING',
        message: '2 worker processes did not answer in time',
      }),
    ])
  })

  test('is cut where it is too long, and says so', async () => {
    const many = Array.from({ length: maxRows + 1 }, (_, index) => ({
      ...{ name: `db${index}`, hosts: [], database: 'x', maxSessions: undefined },
      ...{ isBalanced: false, isPaused: false, isDisabled: false },
    }))
    const fleet = fleetOf({ node: () => ({ ...node, databases: many }) })
    const { table, notices } = await answerTo('SHOW DATABASES', fleet)
    expect(table?.rows).toHaveLength(maxRows)
    expect(notices).toEqual([
      { severity: 'NOTICE', message: `${maxRows} of ${maxRows + 1} are shown` },
    ])
  })

  test('is cut without a word where it was asked for so', async () => {
    const { table, notices } = await answerTo('SHOW DATABASES LIMIT 1', fleetOf())
    expect(table?.rows).toHaveLength(1)
    expect(notices).toEqual([])
  })

  test('has the columns that were told before it', async () => {
    const { table } = await answerTo('SHOW CLIENTS', fleetOf())
    expect(table?.columns).toBe(fleetTopics.CLIENTS.columns)
  })
})
