import type { DeniedLogin, ExplainedDenial } from '../session/denied-login.ts'

/** A login that was refused, as a record or a process has it; all of it may come from strangers. */
export interface RefusedLogin extends Omit<DeniedLogin, 'reason'> {
  /** Another version may have known other ones. */
  readonly reason: string
  /** Those that a flood came from, where it stands for more than itself. */
  readonly addresses: readonly string[]
  /** Which of several gateways it was. */
  readonly node: string | undefined
  /** What the log says besides the reason. */
  readonly why: string | undefined
  /** Undefined where it is not remembered. */
  readonly steps: ExplainedDenial['steps'] | undefined
  /** What its client read, where it is remembered. */
  readonly told: ExplainedDenial['told']
}

export function fromDenied(one: DeniedLogin & Partial<ExplainedDenial>): RefusedLogin {
  return {
    ...one,
    addresses: [],
    node: undefined,
    why: one.why,
    steps: one.steps,
    told: one.told,
  }
}

/** Undefined for every line of an audit file that is not about a login that was refused. */
export function fromAuditLine(line: string): RefusedLogin | undefined {
  let record: unknown
  try {
    record = JSON.parse(line)
  } catch {
    // Half of a line, of a process that was killed as it wrote.
    return undefined
  }
  const top = members(record)
  if (top['class_uid'] !== 3002 || top['activity_id'] !== 1 || top['status'] !== 'Failure') {
    return undefined
  }
  const own = members(members(top['unmapped'])['portcullis'])
  const { text } = reader(own)
  const source = reader(members(top['src_endpoint'])).text
  const atMs = top['time']
  const reason = text('reason') ?? reader(top).text('status_detail')
  if (typeof atMs !== 'number' || !Number.isFinite(atMs) || reason === undefined) return undefined
  const count = top['count']
  return {
    ...{ atMs, reason, sqlstate: reader(top).text('status_code') ?? '' },
    count: typeof count === 'number' && count > 0 ? count : 1,
    address: source('ip') ?? source('name') ?? 'unknown',
    addresses: Object.keys(members(own['addresses'])),
    user: text('requested_user'),
    database: text('database'),
    application: text('application_name'),
    pool: text('pool'),
    integration: text('integration'),
    issuer: text('issuer'),
    subject: text('subject'),
    principal: text('principal'),
    session: reader(members(top['metadata'])).text('correlation_uid') ?? '',
    node: reader(members(top['dst_endpoint'])).text('name'),
    why: text('log_detail'),
    ...{ steps: undefined, told: undefined },
  }
}

type Members = Readonly<Record<string, unknown>>

function members(value: unknown): Members {
  return typeof value === 'object' && value !== null ? (value as Members) : {}
}

function reader(value: Members): { readonly text: (name: string) => string | undefined } {
  return {
    text: (name) => {
      const one = value[name]
      return typeof one === 'string' && one !== '' ? one : undefined
    },
  }
}
