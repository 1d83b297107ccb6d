// What a server lets in as one role, and what closes it.
import { randomBytes } from 'node:crypto'
import type { Config } from '../config/index.ts'
import { printable, Refusal } from '../refusal.ts'
import { quoteToken } from '../policy/hba-token.ts'
import { ScramKeyCache } from '../sasl/scram-key-cache.ts'
import { explain } from '../telemetry/log.ts'
import { type AskedMethod, knock, type KnockAnswer } from '../upstream/knock.ts'
import { UpstreamNetwork } from '../upstream/network.ts'
import { openSession } from '../upstream/open-session.ts'
import type { UpstreamTarget } from '../upstream/target.ts'
import { type DoctorFinding, type DoctorVerdict, files } from './doctor-finding.ts'

type Upstream = NonNullable<Config['databases'][string]['upstream']>

export interface ExaminedRole {
  readonly role: string
  /** A role of Portcullis' sessions; one that may have a password by the catalog; one that is neither. */
  readonly kind: 'session' | 'password' | 'reserved' | 'operator'
}

export interface Examination {
  readonly about: string
  readonly upstream: Upstream
  readonly target: UpstreamTarget
  /** Whether passwords of PostgreSQL are relayed, so that roles may have one. */
  readonly relaysPasswords: boolean
  /** Whether this machine should have no way in at all. */
  readonly isOutside: boolean
}

/** Comes as the role in the clear, then over TLS, with nothing to show; and with one wrong password, if asked. */
export async function examineRole(
  examination: Examination,
  examined: ExaminedRole,
): Promise<readonly DoctorFinding[]> {
  const { target } = examination
  const { role, kind } = examined
  const findings: DoctorFinding[] = []
  const cleartext = await knock(target, { role, isCleartext: true })
  findings.push(judgeCleartext(examination, examined, cleartext))
  const encrypted = target.tls === 'disable' ? { ...target, tls: 'require' as const } : target
  const secured = await knock(encrypted, { role, isCleartext: false })
  findings.push(judgeEncrypted(examination, examined, secured))
  // Administrators' roles are not given a wrong password: nobody else should be locked out by a question.
  const canTry = kind === 'session' || kind === 'password'
  if (canTry && secured.kind === 'asks' && isPassword(secured.method)) {
    findings.push(await tryWrongPassword(examination, encrypted, role))
  }
  return findings
}

function judgeCleartext(
  { about, upstream }: Examination,
  { role }: ExaminedRole,
  answer: KnockAnswer,
): DoctorFinding {
  const tried = `${shown(role)}, without TLS`
  const closed = { about, tried, answer: describeAnswer(answer), fix: [] }
  switch (answer.kind) {
    case 'admitted':
    case 'asks':
      return {
        ...closed,
        verdict: 'hole',
        fix: [files.hba, rejectLine(upstream, role, 'hostnossl')],
      }
    case 'unknown':
    case 'no-tls':
      return { ...closed, verdict: 'unknown' }
    case 'refused':
    case 'closed':
      return { ...closed, verdict: verdictOfRefusal(answer) }
  }
}

function judgeEncrypted(
  examination: Examination,
  examined: ExaminedRole,
  answer: KnockAnswer,
): DoctorFinding {
  const { about, upstream } = examination
  const { role } = examined
  const tried = `${shown(role)}, over TLS with nothing to show`
  const finding = { about, tried, answer: describeAnswer(answer), fix: [] as readonly string[] }
  switch (answer.kind) {
    case 'no-tls':
      return { ...finding, verdict: 'hole', fix: [files.settings, 'ssl = on'] }
    case 'unknown':
      return { ...finding, verdict: 'unknown' }
    case 'refused':
    case 'closed':
      return { ...finding, verdict: verdictOfRefusal(answer) }
    case 'admitted':
      return { ...finding, verdict: 'hole', fix: linesFor(examination, examined) }
    case 'asks': {
      const verdict = verdictOfQuestion(examination, examined, answer.method)
      if (verdict === 'closed' || verdict === 'note') return { ...finding, verdict }
      const isWeak = isExpected(examination, examined) && upstream.auth.method === 'password'
      const why = isWeak
        ? 'what answers it gives the password away'
        : 'whoever has a password of the role needs no Portcullis'
      const fix = linesFor(examination, examined)
      return { ...finding, verdict, answer: `${finding.answer}: ${why}`, fix }
    }
  }
}

/** Class 28 is about who comes. A server that refuses for want of a place, or since it starts, has not said. */
function verdictOfRefusal(answer: KnockAnswer): DoctorVerdict {
  return answer.kind === 'refused' && !answer.sqlstate.startsWith('28') ? 'unknown' : 'closed'
}

/** Whether it is by way of passwords that the role is logged in as, here or by way of Portcullis. */
function isExpected(
  { upstream, relaysPasswords, isOutside }: Examination,
  { kind }: ExaminedRole,
): boolean {
  if (isOutside) return false
  if (kind === 'password' || kind === 'operator') return true
  if (kind === 'reserved') return false
  return relaysPasswords || upstream.auth.method === 'password'
}

function verdictOfQuestion(
  examination: Examination,
  examined: ExaminedRole,
  method: AskedMethod,
): DoctorVerdict {
  const { upstream, isOutside } = examination
  if (isOutside) return 'hole'
  const isToken = upstream.auth.method === 'token' && examined.kind === 'session'
  if (isToken && (method === 'cleartext' || method === 'oauthbearer')) return 'closed'
  if (!isExpected(examination, examined)) return 'hole'
  if (method === 'scram-sha-256') return examined.kind === 'operator' ? 'note' : 'closed'
  const { auth } = upstream
  const isAllowed = auth.method === 'password' && auth.allow.some((one) => one === method)
  return isAllowed ? 'note' : 'hole'
}

function isPassword(method: AskedMethod): boolean {
  return method === 'cleartext' || method === 'md5' || method === 'scram-sha-256'
}

/** One, that nobody has: what matters is whether the server looks at it. */
async function tryWrongPassword(
  { about, upstream }: Examination,
  target: UpstreamTarget,
  role: string,
): Promise<DoctorFinding> {
  const tried = `${shown(role)}, over TLS with a wrong password`
  const password = `not a password ${randomBytes(16).toString('hex')}`
  const allow = new Set(['scram-sha-256', 'md5', 'cleartext'] as const)
  const parameters = new Map([['application_name', 'portcullis doctor']])
  const credential = { kind: 'password', password, allow, isClients: true } as const
  try {
    const { socket } = await openSession(
      { ...target, channelBinding: 'prefer' },
      { role, credential, parameters, requirement: undefined },
      { keys: new ScramKeyCache(1), network: new UpstreamNetwork() },
    )
    socket.destroy()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const isAnswer = error.reason === 'wrong-password' || error.reason === 'upstream-authentication'
    const answer = printable(error.logDetail ?? explain(error))
    return { about, tried, verdict: isAnswer ? 'closed' : 'unknown', answer, fix: [] }
  }
  const fix = [files.hba, hostLine(upstream, role, 'scram-sha-256')]
  return { about, tried, verdict: 'hole', answer: 'lets in with a password that nobody has', fix }
}

/** The lines by which the role is only let in as it should be. */
export function linesFor(
  { upstream, isOutside }: Examination,
  { role, kind }: ExaminedRole,
): readonly string[] {
  const reject = rejectLine(upstream, role, 'host')
  if (isOutside) return [files.hba, reject.replace(' all reject', ' <this address> reject')]
  if (kind === 'reserved') return [files.hba, reject]
  switch (upstream.auth.method) {
    case 'certificate':
      return [
        files.hba,
        hostLine(upstream, role, 'cert clientcert=verify-full map=portcullis'),
        reject,
      ]
    case 'password':
      return [files.hba, hostLine(upstream, role, 'scram-sha-256'), reject]
    case 'rds-iam':
      return ['at the database:', 'GRANT rds_iam to the role: RDS takes no password of it then']
    case 'token':
      return [files.hba, 'the line of what verifies tokens there, as hostssl, and then:', reject]
    case 'trust':
      return [
        files.catalog,
        'upstream.auth: { method: certificate, ... }, and what `portcullis ca pg-config` prints',
      ]
  }
}

/** From the addresses of Portcullis, which the operator knows. */
function hostLine({ database }: Upstream, role: string, method: string): string {
  return `hostssl ${quoteToken(database)} ${quoteToken(role)} <addresses of Portcullis> ${method}`
}

export function rejectLine(
  { database }: Upstream,
  role: string,
  type: 'host' | 'hostnossl',
): string {
  return `${type} ${quoteToken(database)} ${quoteToken(role)} all reject`
}

export function describeAnswer(answer: KnockAnswer): string {
  switch (answer.kind) {
    case 'admitted':
      return 'lets in'
    case 'asks':
      return answer.method === 'other'
        ? 'asks for something else than a password'
        : `asks for ${answer.method}`
    case 'refused':
      return `${answer.sqlstate} ${printable(answer.message)}`
    case 'closed':
      return `ends the connection: ${alertOf(answer.cause) ?? printable(explain(answer.cause))}`
    case 'no-tls':
      return 'does not offer TLS'
    case 'unknown':
      return printable(explain(answer.cause))
  }
}

/** OpenSSL's own text has more of itself than of the server. */
function alertOf(cause: unknown): string | undefined {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const name = /^ERR_SSL_.*_ALERT_(\w+)$/.exec(code)?.[1]
  return name === undefined ? undefined : `TLS alert, ${name.toLowerCase().replaceAll('_', ' ')}`
}

export function shown(role: string): string {
  return `role "${printable(role)}"`
}
