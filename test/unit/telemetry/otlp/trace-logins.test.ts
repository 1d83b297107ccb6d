import { expect, test } from 'vitest'
import { Refusal } from '../../../../src/refusal.ts'
import { type Span, traceLogins } from '../../../../src/telemetry/otlp/trace-logins.ts'
import { asked, opened, verified } from '../facts.ts'

interface Traced {
  readonly traces: (readonly Span[])[]
  readonly observer: ReturnType<typeof traceLogins>
  clockMs: number
}

function tracing(sampleRatio = 1, random = 0): Traced {
  const traces: (readonly Span[])[] = []
  const traced: Traced = {
    traces,
    clockMs: 1000,
    observer: traceLogins({
      sampleRatio,
      onTrace: (spans) => traces.push(spans),
      random: () => random,
      nowMs: () => traced.clockMs,
    }),
  }
  return traced
}

test('the stages of a login are spans below it, with their times', () => {
  const traced = tracing()
  const { observer, traces } = traced
  observer.opened(verified)
  traced.clockMs = 1010
  observer.stage('startup', 10, verified, 'ok')
  traced.clockMs = 1030
  observer.stage('verify', 15, verified, 'ok')
  observer.admitted(verified)
  observer.stage('total', 30, verified, 'ok')
  const [root, ...stages] = traces[0]!
  expect(traces.length).toBe(1)
  expect(root).toMatchObject({ name: 'login', kind: 'server', startMs: 1000, endMs: 1030 })
  expect(root!.traceId).toBe(verified.id.replaceAll('-', ''))
  expect(root!.attributes).toMatchObject({
    'portcullis.outcome': 'admitted',
    'portcullis.correlation_id': verified.id,
  })
  expect(stages.map(({ name, startMs, endMs }) => [name, startMs, endMs])).toEqual([
    ['startup', 1000, 1010],
    ['verify', 1015, 1030],
  ])
  for (const { traceId, parentSpanId } of stages) {
    expect([traceId, parentSpanId]).toEqual([root!.traceId, root!.spanId])
  }
})

test('a refusal is told by its reason, and with nothing that the client has named', () => {
  const { observer, traces } = tracing()
  observer.opened(asked)
  observer.stage('verify', 1, asked, 'failed')
  observer.refused(asked, new Refusal('token-expired'))
  const [root, stage] = traces[0]!
  expect([root!.error, stage!.error]).toEqual(['token-expired', 'failed'])
  expect(root!.attributes).toMatchObject({ 'error.type': 'token-expired' })
  const values = Object.values(root!.attributes)
  for (const named of Object.values(asked.requested!)) expect(values).not.toContain(named)
})

test.each([
  ['below the ratio', 0.09, 1],
  ['at the ratio', 0.1, 0],
])('a login whose number is %s is traced so often', (_, random, count) => {
  const { observer, traces } = tracing(0.1, random)
  observer.opened(opened)
  observer.stage('tls', 1, opened, 'ok')
  observer.abandoned(opened)
  expect(traces.length).toBe(count)
})

test('a cancel request is no login', () => {
  const { observer, traces } = tracing()
  observer.opened(opened)
  observer.cancelled(opened, 'forwarded')
  expect(traces).toEqual([])
})
