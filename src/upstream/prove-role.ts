// What a server says of the role that has just logged in, where the policy depends on it. One statement,
// and after it the session is as it was.
import { Refusal } from '../refusal.ts'
import type { Frame } from '../wire/frame.ts'
import { queryMessage } from '../wire/write-frontend.ts'
import { readBooleans } from './read-answer.ts'

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

/**
 * Asks the server whether the role is what is required of it, and throws a Refusal if not, or if that
 * cannot be known. Returns ParameterStatus messages that came meanwhile, for the client.
 */
export async function proveRole(proof: RoleProof): Promise<Buffer> {
  const { role, requirement } = proof
  proof.send(queryMessage(roleQuery(role, requirement.memberOf)))
  const { values, statuses } = await readBooleans(proof.next, 'the role')
  const [isSuperuser, isItsMember] = values
  if (isSuperuser === undefined || isItsMember === undefined) {
    throw new Refusal('role-not-allowed', { logDetail: 'the server has no role of that name' })
  }
  if (isSuperuser && !requirement.allowsSuperuser) {
    throw new Refusal('role-reserved', { logDetail: 'the server says that it is a superuser' })
  }
  if (requirement.memberOf.length > 0 && !isItsMember) {
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
${roleTables(role)}
SELECT l.is_superuser, ${isMember(memberOf)}
FROM login AS l`
}

/** For a statement: `login` has the role, and `held` all that it is a member of, itself included. */
export function roleTables(role: string): string {
  return `WITH RECURSIVE login (id, is_superuser) AS (
  SELECT r.oid, r.rolsuper FROM pg_catalog.pg_roles AS r
  WHERE r.rolname::pg_catalog.text OPERATOR(pg_catalog.=) ${textLiteral(role)}
), held (id) AS (
  SELECT l.id FROM login AS l
  UNION
  SELECT m.roleid FROM held AS h
  JOIN pg_catalog.pg_auth_members AS m ON m.member OPERATOR(pg_catalog.=) h.id
)`
}

export function isMember(memberOf: readonly string[]): string {
  return `EXISTS (
  SELECT 1 FROM held AS h
  JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) h.id
  WHERE r.rolname::pg_catalog.text OPERATOR(pg_catalog.=) ANY
    (ARRAY[${memberOf.map(textLiteral).join(', ')}]::pg_catalog.text[])
)`
}

/** A text in SQL, whatever is in it. */
export function textLiteral(text: string): string {
  const bytes = Buffer.from(text, 'utf8').toString('hex')
  return `pg_catalog.convert_from(pg_catalog.decode('${bytes}', 'hex'), pg_catalog.getdatabaseencoding())`
}
