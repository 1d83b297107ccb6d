import { parseArgs } from 'node:util'

export const scenarioNames = [
  'transactions',
  'logins',
  'warm-logins',
  'verification',
  'pools',
  'copy',
  'memory',
  'slow-reader',
  'unauthenticated',
  'agent',
  'agent-copy',
] as const
export type ScenarioName = (typeof scenarioNames)[number]

export interface Options {
  /** The result file is `bench/results/<name>.json`; `latest` goes into the documentation too. */
  readonly name: string
  readonly rounds: number
  /** How long each run of pgbench takes. */
  readonly seconds: number
  /** How much is copied through the agent, in each direction. */
  readonly gigabytes: number
  readonly scenarios: readonly ScenarioName[]
  /** Adds the scenarios to the result file, and leaves there what it has of others. */
  readonly isAdded: boolean
  /** Measures nothing; writes the documentation from the result file. */
  readonly renderOnly: boolean
  /** Measures nothing; writes CPU profiles of Portcullis into this folder. */
  readonly profileFolder: string | undefined
}

/** pgbench is measured without its first second and its last moments, so less than this says nothing. */
const fewestSeconds = 3

export const usage = `usage: npm run bench -- [options]

  --rounds <n>      how often each measurement is repeated, systems taking turns (3)
  --seconds <n>     how long each run of pgbench takes, at least ${fewestSeconds} (8)
  --gigabytes <n>   how much is copied through the agent, in each direction (1)
  --quick           one round of short runs, saved as quick.json
  --only <list>     of ${scenarioNames.join(', ')}
  --add             keeps what the saved result has of other scenarios
  --name <name>     saves bench/results/<name>.json (latest, which docs/performance.md shows)
  --render          measures nothing; writes docs/performance.md from the saved result
  --profile <dir>   measures nothing; profiles Portcullis under transactions and logins
`

/** Throws an Error whose message is for whoever typed the command. */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      gigabytes: { type: 'string', default: '1' },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      add: { type: 'boolean', default: false },
      name: { type: 'string' },
      render: { type: 'boolean', default: false },
      profile: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  const scenarios = readScenarios(values.only)
  const isWhole = !values.quick && scenarios.length === scenarioNames.length
  const name = values.name ?? (isWhole || (values.add && !values.quick) ? 'latest' : 'quick')
  if (!/^[A-Za-z0-9_-]+$/.test(name)) throw new Error('--name: letters, digits, "-" and "_" only')
  return {
    name,
    rounds: readNumber('rounds', values.rounds ?? (values.quick ? '1' : '3'), 1),
    seconds: readNumber(
      'seconds',
      values.seconds ?? (values.quick ? String(fewestSeconds) : '8'),
      fewestSeconds,
    ),
    gigabytes: readNumber('gigabytes', values.gigabytes, 1),
    scenarios,
    isAdded: values.add,
    renderOnly: values.render,
    profileFolder: values.profile,
  }
}

function readNumber(name: string, text: string, least: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < least)
    throw new Error(`--${name}: a whole number from ${least} on`)
  return value
}

function readScenarios(list: string | undefined): readonly ScenarioName[] {
  if (list === undefined) return scenarioNames
  return list.split(',').map((word) => {
    const name = scenarioNames.find((one) => one === word.trim())
    if (name === undefined) throw new Error(`--only: one of ${scenarioNames.join(', ')}`)
    return name
  })
}
