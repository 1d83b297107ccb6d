// What a server is asked about a role that is provisioned, in one statement.
import { z } from 'zod'
import type { RoleState } from './provision-plan.ts'
import { quoteLiteral } from './quote-sql.ts'

/**
 * PostgreSQL makes whoever creates a role its administrator, and notes its first superuser as the grantor.
 * In that name nobody but a superuser can grant, so that no role can be passed off as one of ours.
 */
const bootstrapSuperuser = 10

/** Once for each session: planning it costs more than running it. */
export const prepareState = `
PREPARE portcullis_state (pg_catalog.text, pg_catalog.text[]) AS
WITH us AS (
  SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = SESSION_USER
), person AS (
  SELECT r.oid, r.rolsuper, r.rolreplication FROM pg_catalog.pg_roles AS r
  WHERE r.rolname::pg_catalog.text = $1
)
SELECT pg_catalog.json_build_object(
  'person', (SELECT pg_catalog.json_build_object(
      'isSuperuser', p.rolsuper,
      'isReplication', p.rolreplication,
      'isMadeHere', EXISTS (
        SELECT 1 FROM pg_catalog.pg_auth_members AS m, us
        WHERE m.roleid = p.oid AND m.member = us.oid AND m.grantor = ${bootstrapSuperuser} AND m.admin_option
      ),
      'comment', pg_catalog.shobj_description(p.oid, 'pg_authid')
    ) FROM person AS p),
  'memberships', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
      'group', g.rolname,
      'grantor', b.rolname,
      'isOurs', b.oid = us.oid,
      'admin', m.admin_option,
      'inherit', m.inherit_option,
      'set', m.set_option
    )), '[]') FROM person AS p
    JOIN pg_catalog.pg_auth_members AS m ON m.member = p.oid
    JOIN pg_catalog.pg_roles AS g ON g.oid = m.roleid
    JOIN pg_catalog.pg_roles AS b ON b.oid = m.grantor
    CROSS JOIN us),
  'groups', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
      'name', g.rolname,
      'isSuperuser', g.rolsuper
    )), '[]') FROM pg_catalog.pg_roles AS g
    WHERE g.rolname::pg_catalog.text = ANY ($2))
)`

export function stateQuery(role: string, memberOf: readonly string[]): string {
  const names = memberOf.map(quoteLiteral).join(', ')
  return `EXECUTE portcullis_state (${quoteLiteral(role)}, ARRAY[${names}]::pg_catalog.text[])`
}

const state = z.object({
  person: z
    .object({
      isSuperuser: z.boolean(),
      isReplication: z.boolean(),
      isMadeHere: z.boolean(),
      comment: z.string().nullable(),
    })
    .nullable(),
  memberships: z.array(
    z.object({
      group: z.string(),
      grantor: z.string(),
      isOurs: z.boolean(),
      admin: z.boolean(),
      inherit: z.boolean(),
      set: z.boolean(),
    }),
  ),
  groups: z.array(z.object({ name: z.string(), isSuperuser: z.boolean() })),
})

/** Throws where that is no answer to the question. */
export function parseState(json: string): RoleState {
  return state.parse(JSON.parse(json))
}
