import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { dashboardText } from '../../../tools/dashboard/dashboard.ts'
import { metricNames, metricsIn } from './metric-names.ts'

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: {
    readonly x: number
    readonly y: number
    readonly w: number
    readonly h: number
  }
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[]
}

const { panels } = JSON.parse(dashboardText()) as { readonly panels: readonly Panel[] }
const drawn = panels.filter(({ type }) => type !== 'row')
const rules = readFileSync(
  fileURLToPath(new URL('../../../deploy/prometheus/rules.yml', import.meta.url)),
  'utf8',
)

test('the panels ask for no metric that there is not', async () => {
  const { groups } = parse(rules) as { groups: { rules: { record?: string }[] }[] }
  const recorded = groups.flatMap((group) => group.rules.flatMap(({ record }) => record ?? []))
  const known = [...(await metricNames()), ...recorded]
  const named = drawn.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => metricsIn(expr)))
  for (const name of named) expect(known).toContain(name)
})

test('each metric of a service is on the dashboard', async () => {
  const shown = new Set(
    drawn.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => metricsIn(expr))),
  )
  const isShown = (name: string): boolean =>
    [name, name.replace(/_(sum|count|bucket)$/, '_bucket')].some((one) => shown.has(one))
  const missing = (await metricNames()).filter((name) => !isShown(name))
  // Times that alerts go by, and what other panels say already.
  const beside = [
    'portcullis_fleet_store_lost_total',
    'portcullis_config_last_taken_timestamp_seconds',
    'portcullis_deny_file_reads_total',
    'portcullis_drain_deadline_timestamp_seconds',
    'portcullis_drain_started_timestamp_seconds',
  ]
  expect(missing.sort()).toEqual(beside.sort())
})

test('every panel has queries of the replicas that are chosen, and a title of its own', () => {
  const titles = panels.map(({ title }) => title)
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  for (const { title, targets = [] } of drawn) {
    expect(titles.filter((one) => one === title).length, title).toBeLessThanOrEqual(2)
    expect(targets.length, title).toBeGreaterThan(0)
    expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length)
    for (const { expr } of targets) expect(expr, title).toContain('job=~"$job"')
  }
})

test('panels lie within the width of the page, and none on another', () => {
  const taken = new Set<string>()
  for (const { title, gridPos: at } of panels) {
    expect(at.x + at.w, title).toBeLessThanOrEqual(24)
    for (let x = at.x; x < at.x + at.w; x++) {
      for (let y = at.y; y < at.y + at.h; y++) {
        expect(taken.has(`${x},${y}`), title).toBe(false)
        taken.add(`${x},${y}`)
      }
    }
  }
})
