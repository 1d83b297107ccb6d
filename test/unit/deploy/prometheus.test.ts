// What is delivered for Prometheus: its own tool judges the rules, and what they name exists.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { metricNames, metricsIn } from './metric-names.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const folder = join(root, 'deploy/prometheus')

interface Rule {
  readonly alert?: string
  readonly record?: string
  readonly expr: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

function read(name: string): unknown {
  return parse(readFileSync(join(folder, name), 'utf8'))
}

const { groups } = read('rules.yml') as { readonly groups: readonly { readonly rules: Rule[] }[] }
const rules = groups.flatMap((group) => group.rules)
const alerts = rules.filter(({ alert }) => alert !== undefined)

function promtool(...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: folder, encoding: 'utf8' })
  expect({ status, output: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, output: '' })
}

const judgementMs = 30_000
const hasPromtool = spawnSync('promtool', ['--version']).status === 0
if (!hasPromtool) process.stderr.write('SKIPPED: promtool is not installed, it judges no rules\n')

describe.runIf(hasPromtool)('promtool', { timeout: judgementMs }, () => {
  test('finds the configuration and the rules sound', () => {
    promtool('check', 'config', 'prometheus.yml')
  })

  test('sees each alert fire when it should, and stay quiet beside that', () => {
    promtool('test', 'rules', 'rules-test.yml')
  })
})

test('each alert has a test that it fires and one that it stays quiet', () => {
  const { tests } = read('rules-test.yml') as { readonly tests: readonly { name: string }[] }
  expect(tests.map(({ name }) => name).sort()).toEqual(
    alerts.flatMap(({ alert }) => [`${alert!} fires`, `${alert!} stays quiet`]).sort(),
  )
})

test.each(alerts)('$alert says what it is, and its runbook is there', ({ annotations, labels }) => {
  expect(['critical', 'warning']).toContain(labels?.['severity'])
  expect(annotations?.['summary']).toMatch(/\.$/)
  expect(annotations?.['description']).toMatch(/\.$/)
  const [file = '', anchor = ''] = (annotations?.['runbook'] ?? '').split('#')
  const headings = readFileSync(join(root, file), 'utf8').matchAll(/^#+ (.*)$/gm)
  expect([...headings].map(([, heading]) => heading!.toLowerCase())).toContain(anchor)
})

test('the rules name no metric that there is not', async () => {
  const known = await metricNames()
  const recorded = rules.flatMap(({ record }) => record ?? [])
  for (const { expr } of rules) {
    for (const name of metricsIn(expr)) expect([...known, ...recorded]).toContain(name)
  }
})
