// What a server says of the role that has just logged in, where the policy depends on it. One statement,
// and after it the session is as it was.
import { Refusal } from '../refusal.ts'
import type { Frame } from '../wire/frame.ts'
import { MalformedMessage, parseBackendMessage } from '../wire/read-backend.ts'
import { queryMessage } from '../wire/write-frontend.ts'

export interface RoleRequirement {
  /** It is a member of one of these, directly or not, or one of them; empty: no membership is needed. */
  readonly memberOf: readonly string[]
  readonly allowsSuperuser: boolean
}

export interface RoleProof {
  readonly role: string
  readonly requirement: RoleRequirement
  readonly next: () => Promise<Frame>
  readonly send: (message: Buffer) => void
}

/** More than the answer itself come from no PostgreSQL, but notices if the client's settings ask for them. */
const maxAnswerMessages = 1_000
const booleanType = 16

/**
 * Asks the server whether the role is what is required of it, and throws a Refusal if not, or if that
 * cannot be known. Returns ParameterStatus messages that came meanwhile, for the client.
 */
export async function proveRole(proof: RoleProof): Promise<Buffer> {
  const { role, requirement } = proof
  proof.send(queryMessage(roleQuery(role, requirement.memberOf)))
  const { isSuperuser, isMember, statuses } = await readAnswer(proof.next)
  if (isSuperuser && !requirement.allowsSuperuser) {
    throw new Refusal('role-reserved', { logDetail: 'the server says that it is a superuser' })
  }
  if (requirement.memberOf.length > 0 && !isMember) {
    throw new Refusal('role-not-allowed', {
      logDetail: `membership: ${role} is in none of ${requirement.memberOf.join(', ')}`,
    })
  }
  return statuses
}

/**
 * The client's own startup parameters are in force, and what an owner of the database has set: every
 * name and operator is qualified, or a `search_path` would make them somebody else's. Names go as
 * hexadecimal bytes, which neither quotes nor `client_encoding` can change.
 *
 * Memberships are followed as pg_hba.conf follows them for `+role`: whether they are inherited does not
 * matter, and a superuser is a member of nothing by itself.
 */
export function roleQuery(role: string, memberOf: readonly string[]): string {
  return `
WITH RECURSIVE login (id, is_superuser) AS (
  SELECT r.oid, r.rolsuper FROM pg_catalog.pg_roles AS r
  WHERE r.rolname::pg_catalog.text OPERATOR(pg_catalog.=) ${nameLiteral(role)}
), held (id) AS (
  SELECT l.id FROM login AS l
  UNION
  SELECT m.roleid FROM held AS h
  JOIN pg_catalog.pg_auth_members AS m ON m.member OPERATOR(pg_catalog.=) h.id
)
SELECT l.is_superuser, EXISTS (
  SELECT 1 FROM held AS h
  JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) h.id
  WHERE r.rolname::pg_catalog.text OPERATOR(pg_catalog.=) ANY
    (ARRAY[${memberOf.map(nameLiteral).join(', ')}]::pg_catalog.text[])
)
FROM login AS l`
}

function nameLiteral(name: string): string {
  const bytes = Buffer.from(name, 'utf8').toString('hex')
  return `pg_catalog.convert_from(pg_catalog.decode('${bytes}', 'hex'), pg_catalog.getdatabaseencoding())`
}

interface Answer {
  readonly isSuperuser: boolean
  readonly isMember: boolean
  readonly statuses: Buffer
}

/** RowDescription, one row, CommandComplete, ReadyForQuery outside a transaction: nothing else is an answer. */
async function readAnswer(next: () => Promise<Frame>): Promise<Answer> {
  const awaited = ['T', 'D', 'C', 'Z']
  const statuses: Buffer[] = []
  let row: readonly boolean[] = []
  for (let count = 0; count < maxAnswerMessages; count++) {
    const frame = await next()
    const message = parseBackendMessage(frame)
    if (message.kind === 'error') {
      const { sqlstate, message: text } = message.error
      // Not the client's to read: it is about a statement that is not its own.
      throw new Refusal('upstream-refused', {
        logDetail: `asked about the role: ${sqlstate} ${text}`,
      })
    }
    if (message.kind === 'parameter-status') {
      statuses.push(Buffer.from(frame.raw))
      continue
    }
    // Whatever the client's settings make the server say about our statement.
    if (message.kind === 'notice') continue
    if (frame.type !== awaited.shift()) throw unexpected(frame, row)
    if (frame.type === 'T') checkColumns(frame)
    if (frame.type === 'D') row = readRow(frame)
    if (frame.type !== 'Z') continue
    const [isSuperuser, isMember] = row
    if (isSuperuser === undefined || isMember === undefined) throw unexpected(frame, row)
    if (frame.body.toString('latin1') !== 'I') throw new MalformedMessage(frame)
    return { isSuperuser, isMember, statuses: Buffer.concat(statuses) }
  }
  throw new Refusal('upstream-protocol', { logDetail: 'no end of the answer about the role' })
}

function unexpected(frame: Frame, row: readonly boolean[]): Refusal {
  if (frame.type === 'C' && row.length === 0) {
    return new Refusal('role-not-allowed', { logDetail: 'the server has no role of that name' })
  }
  const type = JSON.stringify(frame.type)
  return new Refusal('upstream-protocol', {
    logDetail: `unexpected message of type ${type} in the answer about the role`,
  })
}

/** Two columns, both boolean and in text. */
function checkColumns(frame: Frame): void {
  const { body } = frame
  let offset = 2
  if (body.length < offset || body.readInt16BE(0) !== 2) throw new MalformedMessage(frame)
  for (let column = 0; column < 2; column++) {
    const end = body.indexOf(0, offset)
    // Behind the name: table, number, type, size, modifier, format.
    if (end === -1 || body.length < end + 19) throw new MalformedMessage(frame)
    const type = body.readInt32BE(end + 7)
    const format = body.readInt16BE(end + 17)
    if (type !== booleanType || format !== 0) throw new MalformedMessage(frame)
    offset = end + 19
  }
  if (offset !== body.length) throw new MalformedMessage(frame)
}

function readRow(frame: Frame): readonly boolean[] {
  const { body } = frame
  if (body.length !== 12 || body.readInt16BE(0) !== 2) throw new MalformedMessage(frame)
  return [2, 7].map((offset) => {
    const value = body.toString('latin1', offset + 4, offset + 5)
    if (body.readInt32BE(offset) !== 1 || !/^[tf]$/.test(value)) throw new MalformedMessage(frame)
    return value === 't'
  })
}
