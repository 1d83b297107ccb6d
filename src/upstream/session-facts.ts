// What a session depends on that may change while it waits, and the words by which it becomes a client's.
import { Refusal } from '../refusal.ts'
import type { Frame } from '../wire/frame.ts'
import { queryMessage } from '../wire/write-frontend.ts'
import { isMember, roleTables, textLiteral } from './prove-role.ts'
import { readAnswer } from './read-answer.ts'

export interface FactsQuestion {
  readonly role: string
  readonly memberOf: readonly string[]
  /** What the session is to be called from now on; undefined: nothing is changed. */
  readonly applicationName: string | undefined
}

export interface SessionFacts {
  /** The same as long as a new login would come to the same session. */
  readonly fingerprint: string
  readonly isSuperuser: boolean
  readonly isMember: boolean
  readonly isStandby: boolean
  /** ParameterStatus messages that came meanwhile. */
  readonly statuses: Buffer
}

/** One statement and one round trip. Throws where the answer is no answer. */
export async function askFacts(
  question: FactsQuestion,
  next: () => Promise<Frame>,
  send: (message: Buffer) => void,
): Promise<SessionFacts> {
  send(queryMessage(factsQuery(question)))
  const columns = ['text', 'boolean', 'boolean', 'boolean', 'text'] as const
  const { values, statuses } = await readAnswer(next, 'the session', columns)
  const [fingerprint, isSuperuser, isItsMember, isStandby] = values
  if (fingerprint === undefined) {
    throw new Refusal('role-not-allowed', { logDetail: 'the server has no role of that name' })
  }
  return {
    fingerprint,
    isSuperuser: isSuperuser === 't',
    isMember: isItsMember === 't',
    isStandby: isStandby === 't',
    statuses,
  }
}

/**
 * Which role and database it is, since another can take the name of either; whether the role may log in to
 * it, until when, with which settings, and what the server is.
 * As in `roleQuery` every name and operator is qualified, since the session has the settings of its role.
 */
export function factsQuery({ role, memberOf, applicationName }: FactsQuestion): string {
  const renamed =
    applicationName === undefined
      ? `''::pg_catalog.text`
      : `pg_catalog.set_config('application_name', ${textLiteral(applicationName)}, false)`
  return `
${roleTables(role)}
SELECT pg_catalog.concat_ws(' ',
  l.id, d.oid, d.datname, r.rolcanlogin, r.rolsuper, r.rolreplication, r.rolvaliduntil::pg_catalog.text,
  COALESCE(r.rolvaliduntil OPERATOR(pg_catalog.>) pg_catalog.now(), true),
  d.datallowconn, pg_catalog.has_database_privilege(l.id, d.oid, 'CONNECT'),
  pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only'),
  (SELECT pg_catalog.string_agg(
      pg_catalog.concat_ws(' ', s.setdatabase, s.setrole, s.setconfig::pg_catalog.text),
      ' ' ORDER BY s.setdatabase, s.setrole)
    FROM pg_catalog.pg_db_role_setting AS s
    WHERE (s.setdatabase OPERATOR(pg_catalog.=) d.oid
        OR s.setdatabase OPERATOR(pg_catalog.=) 0::pg_catalog.oid)
      AND (s.setrole OPERATOR(pg_catalog.=) l.id
        OR s.setrole OPERATOR(pg_catalog.=) 0::pg_catalog.oid))),
  l.is_superuser,
  ${isMember(memberOf)},
  pg_catalog.pg_is_in_recovery(),
  ${renamed}
FROM login AS l
JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) l.id
JOIN pg_catalog.pg_database AS d
  ON d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()`
}
