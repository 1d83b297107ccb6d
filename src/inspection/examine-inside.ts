// What a server says of itself to an administrator: its pg_hba.conf for every address, and who has a password.
import { composeUpstream } from '../compose-rules.ts'
import { printable, Refusal } from '../refusal.ts'
import { ScramKeyCache } from '../sasl/scram-key-cache.ts'
import { explain } from '../telemetry/log.ts'
import type { LoginCredential } from '../upstream/answer-authentication.ts'
import { shownIdentifier } from '../upstream/shown-identifier.ts'
import { StatementFailed } from '../upstream/sql-session.ts'
import { StatementSession } from '../upstream/statement-session.ts'
import { type DoctorFinding, files } from './doctor-finding.ts'
import { type ExaminedRole, type Examination, linesFor, rejectLine, shown } from './examine-role.ts'
import { describeRule, hbaQuery, type HbaRule, parseRules, reachableRules } from './hba-rules.ts'

export interface Administrator {
  readonly user: string
  readonly password: string | undefined
}

export interface Inside {
  /** Who may do anything, and may log in. */
  readonly superusers: readonly string[]
  readonly findings: (roles: readonly ExaminedRole[]) => readonly DoctorFinding[]
}

const statementTimeoutMs = 10_000
const maxShown = 8

const superusersQuery = `SELECT r.rolname FROM pg_catalog.pg_roles AS r
  WHERE r.rolsuper AND r.rolcanlogin ORDER BY r.rolname`
const passwordsQuery = `SELECT r.rolname FROM pg_catalog.pg_authid AS r
  WHERE r.rolpassword IS NOT NULL AND r.rolcanlogin ORDER BY r.rolname`

/** Reads and changes nothing. Where something may not be read, that is a finding. */
export async function lookInside(
  examination: Examination,
  administrator: Administrator,
): Promise<Inside> {
  const { about } = examination
  const failed = (tried: string, error: unknown): readonly DoctorFinding[] => [
    { about, tried, verdict: 'unknown', answer: describeFailure(error), fix: [] },
  ]
  let session: StatementSession
  try {
    session = await open(examination, administrator)
  } catch (error) {
    const tried = `as ${shown(administrator.user)}, which the command line names`
    return { superusers: [], findings: () => failed(tried, error) }
  }
  try {
    await session.run('BEGIN READ ONLY')
    const superusers = await session.run(superusersQuery)
    const rules = await attempt(session, hbaQuery)
    const passwords = await attempt(session, passwordsQuery)
    return {
      superusers,
      findings: (roles) => [
        ...(Array.isArray(rules)
          ? roles.flatMap((role) => judgeRules(examination, role, parseRules(rules)))
          : failed('pg_hba.conf for every address', rules)),
        ...(Array.isArray(passwords)
          ? judgePasswords(examination, roles, passwords)
          : failed('passwords of roles', passwords)),
      ],
    }
  } catch (error) {
    return { superusers: [], findings: () => failed('what the server says of itself', error) }
  } finally {
    await session[Symbol.asyncDispose]()
  }
}

async function open(
  { upstream }: Examination,
  { user, password }: Administrator,
): Promise<StatementSession> {
  const credential: LoginCredential =
    password === undefined
      ? { kind: 'none' }
      : { kind: 'password', password, allow: new Set(['scram-sha-256']), isClients: false }
  const target = composeUpstream({ ...upstream, auth: { method: 'trust' } })
  const applicationName = 'portcullis doctor'
  return StatementSession.open(
    target,
    { role: user, credential, applicationName, statementTimeoutMs },
    new ScramKeyCache(1),
  )
}

/** The rows, or why there are none; the transaction goes on. */
async function attempt(
  session: StatementSession,
  query: string,
): Promise<readonly string[] | StatementFailed> {
  await session.run('SAVEPOINT doctor')
  try {
    return await session.run(query)
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error
    await session.run('ROLLBACK TO SAVEPOINT doctor')
    return error
  }
}

/** What lets in somewhere, where this machine is not. */
function judgeRules(
  examination: Examination,
  examined: ExaminedRole,
  rules: readonly HbaRule[],
): readonly DoctorFinding[] {
  const { about, upstream } = examination
  const { role } = examined
  const { database } = upstream
  const ask = (isEncrypted: boolean): readonly HbaRule[] =>
    reachableRules(rules, { role, database, isEncrypted }).filter(
      ({ method }) => method !== 'reject',
    )
  const cleartext = ask(false)
  const wrong = ask(true).filter((rule) => !isRight(examination, examined, rule))
  const inClear: DoctorFinding = {
    about,
    tried: `${shown(role)}, every line that a login without TLS could meet`,
    verdict: cleartext.length === 0 ? 'closed' : 'hole',
    answer: told(cleartext, 'all of them reject'),
    fix: cleartext.length === 0 ? [] : [files.hba, rejectLine(upstream, role, 'hostnossl')],
  }
  const overTls: DoctorFinding = {
    about,
    tried: `${shown(role)}, every line that a login over TLS could meet`,
    verdict: wrong.length === 0 ? 'closed' : 'hole',
    answer: told(wrong, 'none lets in otherwise than it should'),
    fix: wrong.length === 0 ? [] : linesFor({ ...examination, isOutside: false }, examined),
  }
  return [inClear, overTls]
}

function told(rules: readonly HbaRule[], otherwise: string): string {
  if (rules.length === 0) return otherwise
  const lines = rules.slice(0, maxShown).map((rule) => printable(describeRule(rule)))
  const more = rules.length > maxShown ? [`and ${rules.length - maxShown} more`] : []
  return [...lines, ...more].join('; ')
}

function isRight(
  { upstream, relaysPasswords }: Examination,
  { kind }: ExaminedRole,
  { method, options }: HbaRule,
): boolean {
  const isScram = method === 'scram-sha-256'
  // An administrator may have a way of their own; only what asks for nothing is none.
  if (kind === 'reserved' || kind === 'operator') return method !== 'trust'
  if (isScram && (kind === 'password' || relaysPasswords)) return true
  switch (upstream.auth.method) {
    case 'certificate':
      return method === 'cert' && (options ?? []).some((one) => one.startsWith('map='))
    case 'password':
      return isScram || upstream.auth.allow.some((one) => one === methodOf(method))
    case 'rds-iam':
    case 'token':
      return !['trust', 'password', 'md5', 'scram-sha-256', 'ident'].includes(method ?? '')
    case 'trust':
      return false
  }
}

function methodOf(method: string | null): string | null {
  return method === 'password' ? 'cleartext' : method
}

/** With certificates no role of a session needs one, and what is not there cannot be guessed or stolen. */
function judgePasswords(
  { about, upstream, relaysPasswords }: Examination,
  roles: readonly ExaminedRole[],
  names: readonly string[],
): readonly DoctorFinding[] {
  if (upstream.auth.method !== 'certificate') return []
  const needless = roles.filter(
    ({ role, kind }) => kind === 'session' && !relaysPasswords && names.includes(role),
  )
  const others = names.filter((name) => roles.every(({ role }) => role !== name)).length
  const answer =
    needless.length === 0
      ? `no role of a session has one; other roles that do: ${others}`
      : needless.map(({ role }) => shown(role)).join(', ')
  return [
    {
      about,
      tried: 'passwords of roles',
      verdict: needless.length === 0 ? 'closed' : 'hole',
      answer,
      fix:
        needless.length === 0
          ? []
          : [
              files.sql,
              ...needless.map(({ role }) => `ALTER ROLE ${shownIdentifier(role)} PASSWORD NULL;`),
            ],
    },
  ]
}

function describeFailure(error: unknown): string {
  if (error instanceof StatementFailed) return `${error.sqlstate} ${printable(error.message)}`
  if (error instanceof Refusal) return printable(error.logDetail ?? explain(error))
  return printable(explain(error))
}
