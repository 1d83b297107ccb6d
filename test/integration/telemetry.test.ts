// Traces and metrics as a collector of OpenTelemetry gets them.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Collector, type SentSpan } from '../support/collector.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { WireClient } from '../support/wire-client.ts'

const apiKey = 'collector-key-that-is-secret'
let collector: Collector
let stack: Stack

beforeAll(async () => {
  collector = await Collector.start()
  stack = await Stack.start({
    configure: (config) => {
      const headers = { 'x-api-key': apiKey }
      const { address } = collector
      config['telemetry'] = {
        traces: { endpoint: `${address}/v1/traces`, headers, max_queue: 64 },
        metrics: { endpoint: `${address}/v1/metrics`, headers, interval: '1s' },
      }
    },
  })
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
  await collector[Symbol.asyncDispose]()
})

/** All spans of the login whose record this is. */
async function traceOf(id: string): Promise<readonly SentSpan[]> {
  const traceId = id.replaceAll('-', '')
  const spans = (): readonly SentSpan[] =>
    collector.spans().filter((span) => span.traceId === traceId)
  await until('the trace is sent', () => spans().some(({ name }) => name === 'login'))
  return spans()
}

async function lastRecorded(): Promise<string> {
  return (await stack.audit()).at(-1)!.metadata.correlation_uid
}

async function refuse(
  password: string,
  user = 'app_readonly',
  database = 'sandbox',
): Promise<string> {
  const before = (await stack.audit()).length
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  expect((await client.logIn({ user, database }, password)).type).toBe('E')
  client.destroy()
  await until('it is recorded', async () => (await stack.audit()).length > before)
  return lastRecorded()
}

test('a login is one trace with its stages, by the reference that log and audit have', async () => {
  const { client } = await stack.logIn()
  await until('it is recorded', async () => (await stack.audit()).length > 0)
  const spans = await traceOf(await lastRecorded())
  client.destroy()
  const root = spans.find(({ name }) => name === 'login')!
  expect(root.parentSpanId).toBeUndefined()
  expect(root.status.code).toBe(0)
  expect(Object.fromEntries(root.attributes)).toMatchObject({
    'portcullis.outcome': 'admitted',
    'portcullis.correlation_id': await lastRecorded(),
    'portcullis.pool': 'sso_pool',
    'portcullis.integration': 'people',
    'portcullis.issuer': stack.provider.issuer,
    'portcullis.role': 'app_readonly',
    'db.namespace': 'sandbox',
    'db.system.name': 'postgresql',
    'client.address': '127.0.0.1',
    'tls.protocol.version': '1.3',
  })
  const stages = spans.filter((span) => span !== root)
  expect(stages.map(({ name }) => name).sort()).toEqual(
    ['startup', 'tls', 'credential', 'verify', 'upstream'].sort(),
  )
  for (const stage of stages) {
    expect(stage.parentSpanId).toBe(root.spanId)
    expect(BigInt(stage.startTimeUnixNano)).toBeGreaterThanOrEqual(
      BigInt(root.startTimeUnixNano) - 5_000_000n,
    )
    expect(BigInt(stage.endTimeUnixNano)).toBeLessThanOrEqual(BigInt(root.endTimeUnixNano))
  }
})

test('a refused login is a trace with its reason and the stage that failed', async () => {
  const spans = await traceOf(await refuse(await stack.token({ aud: 'https://other.example' })))
  const root = spans.find(({ name }) => name === 'login')!
  expect(root.status).toEqual({ code: 2, message: root.attributes.get('error.type') })
  expect(root.attributes.get('portcullis.outcome')).toBe('refused')
  const failed = spans.filter((span) => span !== root && span.status.code === 2)
  expect(failed.map(({ name }) => name)).toEqual(['verify'])
})

test('nothing of a credential is sent, wherever a client puts it', async () => {
  const token = await stack.token()
  const wrong = await stack.token({ aud: 'https://other.example' })
  await refuse(wrong)
  await refuse('hunter2-the-password')
  await traceOf(await refuse('x', token.slice(0, 60), token.slice(60, 120)))
  const { client } = await stack.logIn('app_readonly', token)
  await until('it is recorded', async () => (await stack.audit()).at(-1)!.status === 'Success')
  await traceOf(await lastRecorded())
  client.destroy()
  const sent = collector.everything
  const parts = [token, wrong].flatMap((one) => one.split('.'))
  for (const secret of ['hunter2', apiKey, token.slice(0, 40), token.slice(60, 100), ...parts]) {
    expect(sent).not.toContain(secret)
  }
  for (const person of ['alice', 'engineering']) expect(sent).not.toContain(person)
  expect(collector.requests.every(({ headers }) => headers['x-api-key'] === apiKey)).toBe(true)
})

test('the metrics are those of the whole service, with sums and histograms', async () => {
  const { client } = await stack.logIn()
  client.destroy()
  await until('the metrics are sent', () => collector.metrics().has('portcullis_logins_total'))
  const all = collector.metrics()
  expect(all.get('portcullis_logins_total')?.['sum']).toMatchObject({
    isMonotonic: true,
    aggregationTemporality: 2,
  })
  expect(all.get('portcullis_ready')?.['gauge']).toMatchObject({ dataPoints: [{ asDouble: 1 }] })
  const { dataPoints } = all.get('portcullis_login_duration_seconds')?.['histogram'] as {
    dataPoints: { count: number; explicitBounds: number[]; bucketCounts: number[] }[]
  }
  for (const { count, explicitBounds, bucketCounts } of dataPoints) {
    expect(bucketCounts.length).toBe(explicitBounds.length + 1)
    expect(bucketCounts.reduce((sum, one) => sum + one, 0)).toBe(count)
  }
})

test('a collector that is away costs no login, and what it misses is counted', async () => {
  collector.status = 503
  const dropped = async (): Promise<number> =>
    stack.metric('portcullis_telemetry_dropped_total', { signal: 'traces' })
  const before = await dropped()
  const sessions = await Promise.all(Array.from({ length: 30 }, async () => stack.logIn()))
  for (const { client } of sessions) client.destroy()
  await until('spans are dropped', async () => (await dropped()) >= before + 100)
  // Those that find no room are dropped before the first request has failed.
  await until('it is logged', () => stack.gateway.log().includes('traces cannot be sent, and are'))
  collector.status = 200
  await stack.gateway.untilLogged(/traces are sent again/, () => {
    void stack.logIn().then(({ client }) => {
      client.destroy()
    })
  })
})
