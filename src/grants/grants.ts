// What `portcullis grants` does at the servers: reads, plans, and carries out what was shown.
import { composeUpstream } from '../compose-rules.ts'
import type { Config } from '../config/index.ts'
import { printable, reasons, Refusal } from '../refusal.ts'
import { ScramKeyCache } from '../sasl/scram-key-cache.ts'
import { explain } from '../telemetry/log.ts'
import type { LoginCredential } from '../upstream/answer-authentication.ts'
import { StatementFailed } from '../upstream/sql-session.ts'
import { StatementSession } from '../upstream/statement-session.ts'
import type { PasswordMethod } from '../upstream/target.ts'
import { type Plan, plan, rolesToAskFor, statementsOf } from './plan.ts'
import { type DatabaseState, parseState, stateQuery } from './state.ts'
import { type WantedDatabase, wantedDatabases, type WantedOptions } from './wanted.ts'

/** Who carries it out: a role that may grant, which is none of those that sessions get. */
export interface Operator {
  readonly user: string
  readonly password: string | undefined
}

export interface DatabasePlan {
  readonly wanted: WantedDatabase
  /** Undefined where the database could not be read. */
  readonly plan: Plan | undefined
  readonly failure: string | undefined
}

export interface GrantsOptions extends WantedOptions {
  readonly operator: Operator
}

const statementTimeoutMs = 60_000
const maxScramKeys = 100

/** What would be done in each database. Throws nothing: what went wrong is in the plans. */
export async function planGrants(
  config: Config,
  options: GrantsOptions,
): Promise<readonly DatabasePlan[]> {
  const keys = new ScramKeyCache(maxScramKeys)
  const made = new Map<string, Set<string>>()
  const plans: DatabasePlan[] = []
  // One after the other: a role belongs to the server, and the first database that needs it makes it.
  for (const wanted of wantedDatabases(config, options)) {
    const madeRoles = madeAt(made, wanted)
    try {
      await using session = await open(wanted, options.operator, keys)
      const state = await readState(session, wanted)
      const { prune } = options
      plans.push({ wanted, plan: plan(wanted, state, { prune, madeRoles }), failure: undefined })
      for (const { role } of wanted.roles) madeRoles.add(role)
    } catch (error) {
      plans.push({ wanted, plan: undefined, failure: describeFailure(error) })
    }
  }
  return plans
}

/** Why a plan was not carried out. Nothing of it is done then. */
export class NotApplied extends Error {
  override readonly name = 'NotApplied'
}

/**
 * Carries out a plan in one transaction, if it is still what is needed, and makes sure that nothing is left
 * to do. Throws `NotApplied`.
 */
export async function applyPlan(
  wanted: WantedDatabase,
  shown: Plan,
  { operator, prune }: GrantsOptions,
): Promise<void> {
  const keys = new ScramKeyCache(maxScramKeys)
  const options = { prune, madeRoles: new Set<string>() }
  try {
    await using session = await open(wanted, operator, keys)
    await session.run('BEGIN')
    const now = plan(wanted, await readState(session, wanted), options)
    const agreed = new Set(statementsOf(shown))
    const needed = statementsOf(now)
    if (now.problems.length > 0 || needed.some((statement) => !agreed.has(statement))) {
      throw new NotApplied('the database has changed since the statements were shown: run it again')
    }
    for (const statement of needed) await runShown(session, statement)
    // A server answers with no more than a warning where it grants less than it was told to.
    const [left] = statementsOf(plan(wanted, await readState(session, wanted), options))
    if (left !== undefined) {
      const why = `${quoteName(operator.user)} may not, or another role has granted what is to go`
      throw new NotApplied(`the server left something undone: ${left} (${why})`)
    }
    await session.run('COMMIT')
  } catch (error) {
    throw error instanceof NotApplied ? error : new NotApplied(describeFailure(error))
  }
}

/** By the server, as far as it is known by its name. */
function madeAt(made: Map<string, Set<string>>, { upstream }: WantedDatabase): Set<string> {
  const server = JSON.stringify(upstream.hosts)
  const roles = made.get(server) ?? new Set<string>()
  made.set(server, roles)
  return roles
}

async function open(
  { upstream }: WantedDatabase,
  { user, password }: Operator,
  keys: ScramKeyCache,
): Promise<StatementSession> {
  // Not as the sessions of others log in: neither their passwords nor the authority's key are needed.
  const composed = composeUpstream({ ...upstream, auth: { method: 'trust' } })
  // Of several servers one alone can be written to, whichever sessions are for.
  const target =
    composed.hosts.length > 1 ? { ...composed, wantedSession: 'primary' as const } : composed
  const allow: readonly PasswordMethod[] =
    upstream.auth.method === 'password' ? upstream.auth.allow : ['scram-sha-256']
  const credential: LoginCredential =
    password === undefined
      ? { kind: 'none' }
      : { kind: 'password', password, allow: new Set(allow), isClients: false }
  const applicationName = 'portcullis grants'
  return StatementSession.open(
    target,
    { role: user, credential, applicationName, statementTimeoutMs },
    keys,
  )
}

async function readState(
  session: StatementSession,
  wanted: WantedDatabase,
): Promise<DatabaseState> {
  return parseState(await session.run(stateQuery(rolesToAskFor(wanted))))
}

async function runShown(session: StatementSession, statement: string): Promise<void> {
  try {
    await session.run(statement)
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error
    throw new NotApplied(`${describeFailure(error)}, at: ${statement}`)
  }
}

function describeFailure(error: unknown): string {
  if (error instanceof StatementFailed) return `${error.sqlstate} ${printable(error.message)}`
  if (!(error instanceof Refusal)) return explain(error)
  const { meaning } = reasons[error.reason]
  const cause = error.cause === undefined ? [] : [explain(error.cause)]
  const detail = [error.logDetail ?? [], cause].flat().map((text) => printable(text))
  return [meaning, ...detail].join(': ')
}

function quoteName(name: string): string {
  return `"${printable(name)}"`
}
