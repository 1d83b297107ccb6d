// Whether a session is as it was when it began, and the words that make it so.
import { randomInt } from 'node:crypto'
import { Refusal } from '../refusal.ts'
import type { Frame } from '../wire/frame.ts'
import { queryMessage } from '../wire/write-frontend.ts'
import { textLiteral } from './prove-role.ts'
import { readAnswer } from './read-answer.ts'

/** More parameters than these are told of by no PostgreSQL. */
const maxResetMessages = 100
const seedSteps = 2 ** 47

/**
 * Has the session forget what its client has made of it. Throws where the answer is anything else than
 * that, also what the server says to a client of its own accord: it may have been the last one's.
 */
export async function discardAll(
  next: () => Promise<Frame>,
  send: (message: Buffer) => void,
): Promise<Buffer> {
  // Said in this way, and not as an extended query, it does away with the unnamed statement as well.
  send(queryMessage('DISCARD ALL'))
  const statuses: Buffer[] = []
  let isDone = false
  for (let count = 0; count < maxResetMessages; count++) {
    const { type, body, raw } = await next()
    const text = body.toString('latin1')
    if (type === 'S') statuses.push(Buffer.from(raw))
    else if (type === 'C' && !isDone && text === 'DISCARD ALL\0') isDone = true
    else if (type === 'Z' && isDone && text === 'I') return Buffer.concat(statuses)
    else break
  }
  throw new Refusal('upstream-protocol', { logDetail: 'asked to forget what was in the session' })
}

/**
 * Returns what is the same as long as all settings and the roles that it acts as are; undefined where
 * something is left in it. Throws where the answer is no answer.
 */
export async function askCleanState(
  role: string,
  next: () => Promise<Frame>,
  send: (message: Buffer) => void,
): Promise<string | undefined> {
  send(queryMessage(cleanStateQuery(role, (randomInt(seedSteps) / seedSteps) * 2 - 1)))
  const columns = ['text', 'boolean', 'text'] as const
  const { values } = await readAnswer(next, 'what is left in the session', columns)
  const [hash, isClean] = values
  return isClean === 't' ? hash : undefined
}

/**
 * Settings that nobody has set are left out: a language or an extension adds its own when it is first used.
 * What a client has set keeps `session` as its source until it is reset, so nothing of it can be left out.
 * The numbers of `random()` go on behind DISCARD ALL where the last client has begun them by a seed that it
 * knows: they begin anew.
 * As in `roleQuery` every name and operator is qualified.
 */
export function cleanStateQuery(role: string, seed: number): string {
  const name = textLiteral(role)
  return `
SELECT
  pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.concat_ws(' ',
    SESSION_USER, CURRENT_USER, pg_catalog.current_setting('role'),
    (SELECT pg_catalog.string_agg(
        pg_catalog.concat_ws(' ', s.name, s.source,
          pg_catalog.quote_nullable(s.setting), pg_catalog.quote_nullable(s.reset_val)),
        ' ' ORDER BY s.name COLLATE pg_catalog."C")
      FROM pg_catalog.pg_settings AS s
      WHERE s.source OPERATOR(pg_catalog.<>) 'default'
        AND s.name OPERATOR(pg_catalog.<>) 'application_name')
  ), pg_catalog.getdatabaseencoding())), 'hex'),
  SESSION_USER::pg_catalog.text OPERATOR(pg_catalog.=) ${name}
    AND CURRENT_USER::pg_catalog.text OPERATOR(pg_catalog.=) ${name}
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_prepared_statements)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_cursors)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_listening_channels())
    AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_locks AS l
      WHERE l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()
        AND l.locktype OPERATOR(pg_catalog.=) 'advisory')
    AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_replication_slots AS o
      WHERE o.active_pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid())
    AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend AS d
      WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
        AND d.refobjid OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()),
  pg_catalog.setseed(${seed})::pg_catalog.text`
}
