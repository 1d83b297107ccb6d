import { expect, test } from 'vitest'
import { renderMetrics } from '../../../src/telemetry/metrics.ts'
import { createServiceMetrics } from '../../../src/telemetry/metrics/service-metrics.ts'

interface State {
  isReady: boolean
  drain: { readonly beganAtMs: number; readonly deadlineMs: number } | undefined
}

async function exposition(state: State): Promise<string> {
  const snapshot = createServiceMetrics({
    isReady: () => state.isReady,
    workers: () => ({ wanted: 4, running: 3 }),
    drain: () => state.drain,
  })
  return renderMetrics([await snapshot()])
}

test('a service that runs is ready, and has no time of a drain', async () => {
  const text = await exposition({ isReady: true, drain: undefined })
  expect(text).toContain('\nportcullis_ready 1\n')
  expect(text).toContain('\nportcullis_draining 0\n')
  expect(text).toContain('\nportcullis_workers 4\n')
  expect(text).toContain('\nportcullis_workers_running 3\n')
  expect(text).not.toMatch(/^portcullis_drain_\w+ /m)
})

test('a drain is told with when it began and when it ends what is open', async () => {
  const drain = { beganAtMs: 1_800_000_000_500, deadlineMs: 30_000 }
  const text = await exposition({ isReady: false, drain })
  expect(text).toContain('\nportcullis_ready 0\n')
  expect(text).toContain('\nportcullis_draining 1\n')
  expect(text).toContain('\nportcullis_drain_started_timestamp_seconds 1800000000.5\n')
  expect(text).toContain('\nportcullis_drain_deadline_timestamp_seconds 1800000030.5\n')
})
