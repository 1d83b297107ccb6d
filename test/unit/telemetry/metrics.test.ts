import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { Refusal } from '../../../src/refusal.ts'
import { createMetrics, renderMetrics, retireSnapshots } from '../../../src/telemetry/metrics.ts'
import type { Metrics } from '../../../src/telemetry/metrics.ts'
import { asked, end, issuer, opened, verified } from './facts.ts'

const promtool = '/usr/bin/promtool'
const running: Metrics[] = []

afterEach(() => {
  for (const metrics of running.splice(0)) metrics.close()
})

interface KeyAge {
  readonly issuer: string
  readonly ageMs: number | undefined
}

function create(
  bytes = { fromFrontend: 0, fromUpstream: 0 },
  keyAges: readonly KeyAge[] = [],
): Metrics {
  const places = { unauthenticated: 7, signIns: 3, relays: 1, paused: 2 }
  const metrics = createMetrics({
    ...{ version: '1.2.3', runtime: 'node 24' },
    readBytes: () => bytes,
    readPlaces: () => places,
    readKeyAges: () => keyAges,
    readDenials: () => 4,
  })
  running.push(metrics)
  return metrics
}

/** As it comes out of the IPC channel of a worker. */
async function sent(metrics: Metrics): Promise<unknown> {
  return JSON.parse(JSON.stringify(await metrics.snapshot()))
}

async function samples(...all: Metrics[]): Promise<Map<string, number>> {
  return parse(await renderMetrics(await Promise.all(all.map(sent))))
}

function parse(exposition: string): Map<string, number> {
  const lines = exposition.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => [
      line.slice('portcullis_'.length, line.lastIndexOf(' ')),
      Number(line.slice(line.lastIndexOf(' ') + 1)),
    ]),
  )
}

function play(metrics: Metrics): void {
  metrics.opened(opened)
  metrics.stage('verify', 3, opened, 'ok')
  metrics.admitted(verified)
  metrics.ended(verified, end)
  metrics.opened(opened)
  metrics.admitted(verified)
  metrics.opened(opened)
  metrics.refused({ ...asked, integration: 'sso_m2m' }, new Refusal('token-expired'))
  metrics.opened(opened)
  metrics.abandoned(opened)
  metrics.opened(opened)
  metrics.cancelled(opened, 'unknown-key')
  metrics.opened(opened)
  metrics.keysRefreshed(issuer, 'ok')
  metrics.unknownKey(issuer)
  metrics.upstreamTried('db port 5432', 'ok', 4)
  metrics.upstreamTried('db port 5432', 'failed')
  metrics.certificateLoaded(new Date('2027-01-01T00:00:00Z'))
  metrics.configReloaded('failed')
  metrics.auditRecorded(5)
  metrics.auditDropped(2)
}

describe('the metrics of one process', () => {
  test.each([
    [
      'an admitted login',
      'logins_total{integration="sso_m2m",outcome="admitted",reason="none"}',
      2,
    ],
    [
      'a refused login with its reason',
      'logins_total{integration="sso_m2m",outcome="refused",reason="token-expired"}',
      1,
    ],
    [
      'a connection that closed before a decision',
      'logins_total{integration="none",outcome="abandoned",reason="none"}',
      1,
    ],
    ['a stage in seconds', 'login_duration_seconds_sum{stage="verify"}', 0.003],
    ['a stage that did not happen', 'login_duration_seconds_count{stage="tls"}', 0],
    ['the life that tokens had left', 'token_remaining_life_seconds_bucket{le="900"}', 2],
    ['connections that are still open', 'connections_open', 2],
    ['sessions that are still open', 'sessions_open', 1],
    ['connections that nobody vouches for', 'connections_unauthenticated', 7],
    ['sign-ins that wait', 'sign_ins_waiting', 3],
    ['relays that are open', 'relays_open', 1],
    ['logins that wait for a paused database', 'logins_paused', 2],
    ['sessions opened', 'sessions_opened_total', 2],
    ['a session that ended', 'sessions_ended_total{reason="client-closed"}', 1],
    ['a reason that did not occur', 'sessions_ended_total{reason="drain"}', 0],
    ['how long a session was open', 'session_duration_seconds_sum', end.durationMs / 1000],
    ['what a host took', 'upstream_login_duration_seconds_sum{host="db port 5432"}', 0.004],
    [
      'no time of a host that did not answer',
      'upstream_login_duration_seconds_count{host="db port 5432"}',
      1,
    ],
    ['who is kept out', 'denials_standing', 4],
    ['a configuration that was not taken over', 'config_last_reload_ok', 0],
    ['a cancel request', 'cancel_requests_total{outcome="unknown-key"}', 1],
    ['an outcome that did not occur', 'cancel_requests_total{outcome="forwarded"}', 0],
    ['a fetch of keys', `jwks_refreshes_total{issuer="${issuer}",outcome="ok"}`, 1],
    ['no failed fetch', `jwks_refreshes_total{issuer="${issuer}",outcome="failed"}`, 0],
    ['an unknown key', `jwks_unknown_kids_total{issuer="${issuer}"}`, 1],
    ['the end of the certificate', 'tls_certificate_expiry_timestamp_seconds', 1_798_761_600],
    ['a reload that failed', 'config_reloads_total{outcome="failed"}', 1],
    ['audit records', 'audit_records_total', 5],
    ['audit records lost', 'audit_dropped_total', 2],
    ['what is running', 'build_info{version="1.2.3",runtime="node 24"}', 1],
  ])('count %s', async (_, sample, value) => {
    const metrics = create()
    play(metrics)
    expect((await samples(metrics)).get(sample)).toBe(value)
  })

  test('let bytes grow while a session is open', async () => {
    const bytes = { fromFrontend: 10, fromUpstream: 0 }
    const metrics = create(bytes)
    const read = async (): Promise<number | undefined> =>
      (await samples(metrics)).get('session_bytes_total{direction="from_frontend"}')
    expect(await read()).toBe(10)
    bytes.fromFrontend = 25
    expect(await read()).toBe(25)
    expect(await read()).toBe(25)
  })

  test('tell the age of the keys of each issuer in use, and who has none', async () => {
    const other = `${issuer}/other`
    const keyAges: KeyAge[] = [
      { issuer, ageMs: 2500 },
      { issuer: other, ageMs: undefined },
    ]
    const metrics = create(undefined, keyAges)
    const first = await samples(metrics)
    expect(first.get(`jwks_age_seconds{issuer="${issuer}"}`)).toBe(2.5)
    expect(first.get(`jwks_available{issuer="${issuer}"}`)).toBe(1)
    expect(first.has(`jwks_age_seconds{issuer="${other}"}`)).toBe(false)
    expect(first.get(`jwks_available{issuer="${other}"}`)).toBe(0)
    // A reload took one of the two out, whose age would grow for ever.
    keyAges.shift()
    const second = await samples(metrics)
    expect(second.has(`jwks_age_seconds{issuer="${issuer}"}`)).toBe(false)
    expect(second.has(`jwks_available{issuer="${issuer}"}`)).toBe(false)
  })

  test('tell that a configuration is taken over again, and when', async () => {
    const metrics = create()
    metrics.configReloaded('failed')
    const failed = await samples(metrics)
    metrics.configReloaded('ok')
    const taken = await samples(metrics)
    expect([failed, taken].map((all) => all.get('config_last_reload_ok'))).toEqual([0, 1])
    const [before, after] = [failed, taken].map((all) =>
      Number(all.get('config_last_taken_timestamp_seconds')),
    )
    expect(after).toBeGreaterThanOrEqual(before!)
    expect(before).toBeGreaterThan(1.7e9)
  })

  test('show that the event loop was blocked, once', async () => {
    const metrics = create()
    await sleep(60)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150)
    await sleep(60)
    expect((await samples(metrics)).get('event_loop_lag_seconds{statistic="max"}')).toBeGreaterThan(
      0.1,
    )
    await sleep(60)
    expect((await samples(metrics)).get('event_loop_lag_seconds{statistic="max"}')).toBeLessThan(
      0.1,
    )
  })

  test('name no person in any label', async () => {
    const metrics = create()
    play(metrics)
    const text = await renderMetrics([await sent(metrics)])
    for (const identity of ['alice', 'c0ffee', '192.0.2.7', 'app_readwrite']) {
      expect(text).not.toContain(identity)
    }
  })

  test('of another process are not touched', async () => {
    const [one, other] = [create(), create()]
    one.opened(opened)
    expect((await samples(other)).get('connections_open')).toBe(0)
  })
})

describe('the metrics of several processes', () => {
  test('are added up, and of times the worst is kept', async () => {
    const [one, other, idle] = [create(), create(), create()]
    play(one)
    play(other)
    other.certificateLoaded(new Date('2026-06-01T00:00:00Z'))
    const all = await samples(one, other, idle)
    expect(all.get('sessions_open')).toBe(2)
    expect(all.get('login_duration_seconds_count{stage="verify"}')).toBe(2)
    expect(all.get('build_info{version="1.2.3",runtime="node 24"}')).toBe(1)
    expect(all.get('tls_certificate_expiry_timestamp_seconds')).toBe(1_780_272_000)
    expect(all.get('process_start_time_seconds')).toBeCloseTo(performance.timeOrigin / 1000)
  })

  test('never fall when a process ends', async () => {
    const [living, gone] = [create(), create()]
    play(living)
    play(gone)
    let retired = await retireSnapshots([await sent(gone)])
    retired = await retireSnapshots([retired, await sent(gone)])
    const all = parse(await renderMetrics([await sent(living), retired]))
    expect(all.get('sessions_opened_total')).toBe(6)
    expect(all.get('login_duration_seconds_count{stage="verify"}')).toBe(3)
    expect(all.get('sessions_open')).toBe(1)
  })

  test('are an empty page when there is no process', async () => {
    expect((await renderMetrics([undefined, 'garbage'])).trim()).toBe('')
  })

  test('please promtool', async (context) => {
    if (!existsSync(promtool)) {
      // eslint-disable-next-line no-console -- a check that is left out must be seen
      console.warn(`not checked by promtool: there is no ${promtool}`)
      context.skip(`there is no ${promtool}`)
    }
    const [one, other] = [create(), create()]
    play(one)
    play(other)
    const exposition = await renderMetrics([await sent(one), await sent(other)])
    const { status, stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], {
      input: exposition,
      encoding: 'utf8',
    })
    expect(stdout + stderr).toBe('')
    expect(status).toBe(0)
  })
})

describe('what is counted of logins', () => {
  test('is told without a snapshot, whose windows it leaves alone', async () => {
    const metrics = create()
    for (const session of [verified, { ...verified, integration: 'other' }]) {
      metrics.opened(session)
      metrics.stage('total', 4, opened, 'ok')
      metrics.admitted(session)
    }
    metrics.ended(verified, end)
    metrics.refused(asked, new Refusal('token-expired'))
    metrics.refused(verified, new Refusal('token-expired'))
    metrics.refused(verified, new Refusal('role-not-allowed'))
    metrics.abandoned(opened)
    const counted = structuredClone(await metrics.logins())
    expect(counted).toMatchObject({
      ...{ admitted: 2, abandoned: 1, sessionsOpen: 1 },
      refused: { 'token-expired': 2, 'role-not-allowed': 1 },
    })
    const durations = new Map(counted.durations)
    expect([durations.get(0.0025), durations.get(0.005), durations.get(Infinity)]).toEqual([
      0, 2, 2,
    ])
  })
})
