// `npm run test:observability`: every panel of the dashboard has data, and every rule works, in a real Prometheus
// that scrapes a gateway at which what the demo shows has happened.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Fleet } from '../support/fleet.ts'
import type { Stack } from '../support/stack.ts'
import { cancelRequest, WireClient } from '../support/wire-client.ts'
import { hasPrometheus, Prometheus } from './prometheus.ts'

interface Panel {
  readonly title: string
  readonly type: string
  readonly targets?: readonly { readonly expr: string }[]
}

interface Question {
  readonly panel: string
  readonly expr: string
}

const rulesFile = fileURLToPath(new URL('../../deploy/prometheus/rules.yml', import.meta.url))
const dashboardFile = fileURLToPath(
  new URL('../../deploy/grafana/portcullis.json', import.meta.url),
)
/** Rates are of so long, at two scrapes a second. */
const rateInterval = '20s'
const panelDeadlineMs = 20_000

process.exitCode = await main()

async function main(): Promise<number> {
  if (!hasPrometheus()) {
    print('SKIPPED: prometheus is not installed, the dashboard and the rules are asked nothing')
    print('0 passed, 0 failed, 1 skipped')
    return 0
  }
  await using fleet = await Fleet.start({
    configure: (config) => {
      config.workers = 2
    },
  })
  const { stack } = fleet
  await stack.keysFetched()
  // Some series begin with their first event, and grow with the second.
  await useGateway(stack)
  const target = stack.gateway.httpAddress.replace('http://', '')
  await using prometheus = await Prometheus.start(target, rulesFile)
  await useGateway(stack)
  const asked = questions()
  const empty = await unanswered(prometheus, asked, stack)
  for (const { panel, expr } of empty) print(`FAILED: the panel ${panel} is empty: ${expr}`)
  const rules = await prometheus.rules()
  const broken = rules.filter(({ health }) => health !== 'ok')
  for (const { name, lastError } of broken) print(`FAILED: rule ${name}: ${lastError ?? ''}`)
  const passed = asked.length - empty.length + rules.length - broken.length
  const failed = empty.length + broken.length
  print(`${asked.length} queries of the dashboard, ${rules.length} rules`)
  print(`${passed} passed, ${failed} failed`)
  return failed === 0 && passed > 0 ? 0 : 1
}

/** What the demo shows: somebody and something log in, and others are refused; and a cancel request for another replica. */
async function useGateway(stack: Stack): Promise<void> {
  const { client } = await stack.logIn()
  const machine = await stack.logIn('app_readonly', await stack.token({ azp: 'portcullis-cli' }))
  const expired = Math.floor(Date.now() / 1000) - 300
  for (const credential of [
    await stack.token({ iat: expired - 3600, exp: expired }),
    await stack.token({ aud: 'https://billing.example.com' }),
    'hunter2',
  ]) {
    const refused = await WireClient.connectSecurely(
      stack.gateway.port,
      stack.authority.certificate,
    )
    await refused.logIn({ user: 'app_readonly', database: 'sandbox' }, credential)
    refused.destroy()
  }
  client.destroy()
  machine.client.destroy()
  const canceller = await WireClient.connect(stack.gateway.port)
  canceller.send(cancelRequest(1, randomBytes(4)))
  await canceller.closed()
}

function questions(): readonly Question[] {
  const { panels } = JSON.parse(readFileSync(dashboardFile, 'utf8')) as { panels: Panel[] }
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      panel: title,
      expr: expr
        .replaceAll('$__rate_interval', rateInterval)
        .replaceAll('$job', 'portcullis')
        .replaceAll('$replica', '.*'),
    })),
  )
}

/** Those that nothing is drawn for by the deadline, while the gateway is used. */
async function unanswered(
  prometheus: Prometheus,
  asked: readonly Question[],
  stack: Stack,
): Promise<readonly Question[]> {
  const end = performance.now() + panelDeadlineMs
  let left = asked
  for (;;) {
    const answers = await Promise.all(
      left.map(async ({ expr }) =>
        (await prometheus.query(expr)).some(({ value: [, value] }) => value !== 'NaN'),
      ),
    )
    left = left.filter((_, index) => answers[index] !== true)
    if (left.length === 0 || performance.now() > end) return left
    await useGateway(stack)
    await pause(250)
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
