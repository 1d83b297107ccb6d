// Groups' roles and their privileges, as the catalog has them.
import type { Config } from '../config/index.ts'
import { operatorPassword, operatorUser } from '../config/operator-password.ts'
import { printable } from '../refusal.ts'
import {
  applyPlan,
  type DatabasePlan,
  type GrantsOptions,
  NotApplied,
  planGrants,
} from '../grants/grants.ts'
import { statementsOf } from '../grants/plan.ts'
import { isConfirmed } from './confirm.ts'
import { describeFailure, misused } from './failure.ts'
import { readConfig } from './read-config.ts'

export interface GrantsCommandOptions {
  readonly config: string
  readonly database?: readonly string[]
  readonly user?: string
  readonly passwordFile?: string
  readonly prune?: true
  readonly yes?: true
}

/** Prints what would be done, and returns the exit code. */
export async function grantsDiff(options: GrantsCommandOptions): Promise<number> {
  const prepared = prepare(options)
  if (typeof prepared === 'number') return prepared
  const plans = await planGrants(prepared.config, prepared.options)
  show(plans)
  if (hasFailed(plans)) return 2
  return plans.some(needsWork) ? 1 : 0
}

/** Shows what is to be done, asks, does it, and returns the exit code. */
export async function grantsApply(options: GrantsCommandOptions): Promise<number> {
  if (options.yes !== true && !process.stdin.isTTY) {
    return misused('there is no terminal to ask at: look at `grants diff`, then use --yes')
  }
  const prepared = prepare(options)
  if (typeof prepared === 'number') return prepared
  const plans = await planGrants(prepared.config, prepared.options)
  show(plans)
  if (hasFailed(plans)) {
    process.stderr.write('portcullis: nothing was changed\n')
    return 2
  }
  const open = plans.filter(needsWork)
  if (open.length === 0) return 0
  if (options.yes !== true && !(await isConfirmed(`Run this in ${open.length} database(s)?`))) {
    process.stdout.write('Nothing was changed.\n')
    return 1
  }
  return applyAll(open, prepared.options)
}

interface Prepared {
  readonly config: Config
  readonly options: GrantsOptions
}

/** What the command is to work with, or the exit code. */
function prepare(options: GrantsCommandOptions): Prepared | number {
  let config: Config
  try {
    ;({ config } = readConfig(options.config))
  } catch (error) {
    process.stderr.write(describeFailure(error))
    return 78
  }
  const { database: databases = [], user = operatorUser(), passwordFile } = options
  for (const name of databases) {
    const isKnown = Object.hasOwn(config.databases, name)
    if (!isKnown || config.databases[name]?.upstream === undefined) {
      return misused(`the catalog has no database "${printable(name)}" with an upstream`)
    }
  }
  if (Object.values(config.groups).every(({ grants }) => grants === undefined)) {
    return misused('no group has `grants`: see docs/grants.md')
  }
  if (user === undefined) return misused('--user is needed: the role that grants')
  let password: string | undefined
  try {
    password = operatorPassword(passwordFile)
  } catch (error) {
    const why = error instanceof Error ? error.message : 'cannot be read'
    return misused(`the file ${printable(passwordFile ?? '')} ${why}`)
  }
  const operator = { user, password }
  return { config, options: { databases, prune: options.prune === true, operator } }
}

function show(plans: readonly DatabasePlan[]): void {
  for (const one of plans) process.stdout.write(`${formatPlan(one)}\n`)
  for (const { wanted, failure, plan } of plans) {
    for (const problem of failure === undefined ? (plan?.problems ?? []) : [failure]) {
      process.stderr.write(`portcullis: ${placeOf(wanted)}: ${problem}\n`)
    }
  }
  if (plans.length === 0) process.stdout.write('-- nothing is granted in these databases\n')
}

/** As a script that psql could run: what is not SQL is a comment of one line. */
function formatPlan({ wanted, plan, failure }: DatabasePlan): string {
  const heading = `-- ${placeOf(wanted)}`
  if (plan === undefined || failure !== undefined) return `${heading}: cannot be read`
  const notes = plan.notes.map((note) => `-- note: ${note}`)
  if (plan.problems.length > 0) return [`${heading}: not possible`, ...notes].join('\n')
  if (plan.parts.length === 0) return [`${heading}: nothing to do`, ...notes].join('\n')
  const parts = plan.parts.flatMap(({ about, statements }) => ['', `-- ${about}`, ...statements])
  return [heading, ...notes, 'BEGIN;', ...parts, '', 'COMMIT;', ''].join('\n')
}

function placeOf({ names, upstream: { hosts, database } }: DatabasePlan['wanted']): string {
  const listed = names.map((name) => `"${printable(name)}"`).join(', ')
  const places = hosts.map(({ host, port }) => `${host} port ${port}`).join(', ')
  return `database ${listed} (${printable(database)} at ${places})`
}

async function applyAll(plans: readonly DatabasePlan[], options: GrantsOptions): Promise<number> {
  for (const { wanted, plan } of plans) {
    if (plan === undefined) continue
    try {
      await applyPlan(wanted, plan, options)
    } catch (error) {
      const why = error instanceof NotApplied ? error.message : 'failed'
      process.stderr.write(`portcullis: ${placeOf(wanted)}: not done: ${why}\n`)
      return 2
    }
    process.stdout.write(`${placeOf(wanted)}: done, statements: ${statementsOf(plan).length}\n`)
  }
  return 0
}

function needsWork({ plan }: DatabasePlan): boolean {
  return plan !== undefined && plan.parts.length > 0
}

function hasFailed(plans: readonly DatabasePlan[]): boolean {
  return plans.some(({ plan, failure }) => failure !== undefined || plan?.problems.length !== 0)
}
