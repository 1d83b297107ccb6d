// What a database has, as far as grants go: one statement asks for all of it, so that it is of one moment.
import { z } from 'zod'
import { quoteLiteral } from '../upstream/quote-sql.ts'
import { keywords } from './privileges.ts'

/** So many objects come in one message. */
const batchRows = 200

/** Of the roles that are asked about, and of no other: role, privilege, whether it may be passed on. */
const acl = z.array(z.tuple([z.string(), z.enum(keywords), z.boolean()]))
/** A role, and whether the session may act as it. */
const actor = z.tuple([z.string(), z.boolean()])

const row = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('database'),
    name: z.string(),
    owner: actor,
    acl,
    /** Others who may make schemas. */
    creators: z.array(actor),
    user: z.string(),
    isSuperuser: z.boolean(),
    /** Whether it may act as roles that it makes. */
    inheritsNewRoles: z.boolean(),
  }),
  z.object({
    kind: z.literal('role'),
    name: z.string(),
    canLogIn: z.boolean(),
    isOurs: z.boolean(),
  }),
  z.object({
    kind: z.literal('schema'),
    name: z.string(),
    owner: actor,
    acl,
    isExtensions: z.boolean(),
    /** Others who may make something in it. */
    creators: z.array(actor),
  }),
  z.object({
    kind: z.enum(['table', 'sequence']),
    schema: z.string(),
    name: z.string(),
    owner: actor,
    acl,
    isExtensions: z.boolean(),
    /** The table whose column a sequence is for. */
    table: z.string().nullable(),
  }),
  z.object({
    kind: z.literal('column'),
    schema: z.string(),
    name: z.string(),
    column: z.string(),
    owner: actor,
    acl,
  }),
  z.object({
    kind: z.literal('routine'),
    schema: z.string(),
    name: z.string(),
    types: z.array(z.tuple([z.string(), z.string()])),
    owner: actor,
    acl,
    isExtensions: z.boolean(),
  }),
  z.object({
    kind: z.literal('default'),
    creator: z.string(),
    schema: z.string().nullable(),
    objects: z.enum(['tables', 'sequences', 'routines', 'schemas']),
    acl,
  }),
])

const batch = z.array(row)

type Row = z.output<typeof row>
type RowOf<K extends Row['kind']> = Extract<Row, { readonly kind: K }>
export type AccessList = z.output<typeof acl>
export type Actor = z.output<typeof actor>

export interface DatabaseState {
  readonly database: RowOf<'database'>
  readonly roles: ReadonlyMap<string, RowOf<'role'>>
  readonly schemas: readonly RowOf<'schema'>[]
  readonly relations: readonly RowOf<'table' | 'sequence'>[]
  readonly columns: readonly RowOf<'column'>[]
  readonly routines: readonly RowOf<'routine'>[]
  readonly defaults: readonly RowOf<'default'>[]
}

/** Throws where an answer is not what the statement asked for. */
export function parseState(answer: readonly string[]): DatabaseState {
  const rows = answer.flatMap((text) => batch.parse(JSON.parse(text)))
  const of = <K extends Row['kind']>(...kinds: readonly K[]): readonly RowOf<K>[] =>
    rows.filter((one): one is RowOf<K> => kinds.some((kind) => kind === one.kind))
  const [database] = of('database')
  if (database === undefined) throw new Error('the server says nothing of its database')
  return {
    database,
    roles: new Map(of('role').map((role) => [role.name, role])),
    schemas: of('schema'),
    relations: of('table', 'sequence'),
    columns: of('column'),
    routines: of('routine'),
    defaults: of('default'),
  }
}

/** `roles` are those whose privileges are asked for, and those that must exist. */
export function stateQuery(roles: readonly string[]): string {
  return `
WITH asked (id, name) AS MATERIALIZED (
  SELECT r.oid, r.rolname::text FROM pg_catalog.pg_roles AS r
  WHERE r.rolname::text = ANY (ARRAY[${roles.map(quoteLiteral).join(', ')}]::text[])
), own (id, name, owner, acl, is_extensions) AS MATERIALIZED (
  SELECT n.oid, n.nspname::text, n.nspowner, n.nspacl, ${isExtensions('pg_namespace', 'n.oid')}
  FROM pg_catalog.pg_namespace AS n
  WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
)
SELECT pg_catalog.json_agg(b.found)
FROM (SELECT a.found, pg_catalog.row_number() OVER () / ${batchRows} AS number FROM (
SELECT pg_catalog.json_build_object(
  'kind', 'database', 'name', d.datname, 'owner', ${actorOf('d.datdba')},
  'acl', ${aclOf('d.datacl', 'd', 'd.datdba')}, 'creators', ${creatorsIn('d.datacl')},
  'user', CURRENT_USER,
  'isSuperuser', (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = CURRENT_USER),
  'inheritsNewRoles', COALESCE(pg_catalog.current_setting('createrole_self_grant', true), '') ~ 'inherit')
FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()
UNION ALL
SELECT pg_catalog.json_build_object('kind', 'role', 'name', r.rolname, 'canLogIn', r.rolcanlogin,
  'isOurs', pg_catalog.pg_has_role(r.oid, 'USAGE'))
FROM asked AS a JOIN pg_catalog.pg_roles AS r ON r.oid = a.id
UNION ALL
SELECT pg_catalog.json_build_object(
  'kind', 'schema', 'name', s.name, 'owner', ${actorOf('s.owner')}, 'isExtensions', s.is_extensions,
  'acl', ${aclOf('s.acl', 'n', 's.owner')}, 'creators', ${creatorsIn('s.acl')})
FROM own AS s
UNION ALL
SELECT pg_catalog.json_build_object(
  'kind', CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END,
  'schema', s.name, 'name', c.relname, 'owner', ${actorOf('c.relowner')},
  'acl', CASE c.relkind WHEN 'S' THEN ${aclOf('c.relacl', 's', 'c.relowner')}
    ELSE ${aclOf('c.relacl', 'r', 'c.relowner')} END,
  'isExtensions', ${isExtensions('pg_class', 'c.oid')},
  'table', (SELECT t.relname FROM pg_catalog.pg_depend AS p
    JOIN pg_catalog.pg_class AS t ON t.oid = p.refobjid AND t.relnamespace = c.relnamespace
    WHERE c.relkind = 'S' AND p.classid = 'pg_catalog.pg_class'::regclass AND p.objid = c.oid
      AND p.refclassid = 'pg_catalog.pg_class'::regclass AND p.deptype IN ('a', 'i') LIMIT 1))
FROM own AS s JOIN pg_catalog.pg_class AS c ON c.relnamespace = s.id
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
UNION ALL
SELECT pg_catalog.json_build_object(
  'kind', 'column', 'schema', s.name, 'name', c.relname, 'column', l.attname,
  'owner', ${actorOf('c.relowner')}, 'acl', ${aclOf('l.attacl', 'c', 'c.relowner')})
FROM own AS s JOIN pg_catalog.pg_class AS c ON c.relnamespace = s.id
JOIN pg_catalog.pg_attribute AS l ON l.attrelid = c.oid
WHERE l.attacl IS NOT NULL AND NOT l.attisdropped AND NOT ${isExtensions('pg_class', 'c.oid')}
UNION ALL
SELECT pg_catalog.json_build_object(
  'kind', 'routine', 'schema', s.name, 'name', f.proname, 'owner', ${actorOf('f.proowner')},
  'types', (SELECT COALESCE(pg_catalog.json_agg(
      pg_catalog.json_build_array(n.nspname, t.typname) ORDER BY p.place), '[]'::json)
    FROM pg_catalog.unnest(f.proargtypes::oid[]) WITH ORDINALITY AS p (id, place)
    JOIN pg_catalog.pg_type AS t ON t.oid = p.id
    JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace),
  'acl', ${aclOf('f.proacl', 'f', 'f.proowner')}, 'isExtensions', ${isExtensions('pg_proc', 'f.oid')})
FROM own AS s JOIN pg_catalog.pg_proc AS f ON f.pronamespace = s.id
UNION ALL
SELECT pg_catalog.json_build_object(
  'kind', 'default', 'creator', pg_catalog.pg_get_userbyid(d.defaclrole), 'schema', s.name,
  'objects', CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences'
    WHEN 'f' THEN 'routines' ELSE 'schemas' END,
  'acl', ${aclOf('d.defaclacl', 'r', 'd.defaclrole')})
FROM pg_catalog.pg_default_acl AS d LEFT JOIN own AS s ON s.id = d.defaclnamespace
WHERE d.defaclobjtype IN ('r', 'S', 'f', 'n') AND (d.defaclnamespace = 0 OR s.id IS NOT NULL)
) AS a (found)) AS b GROUP BY b.number`
}

/** Privileges that the roles which are asked about have by themselves: not as members, and not as everybody. */
function aclOf(list: string, type: string, owner: string): string {
  return `(SELECT COALESCE(pg_catalog.json_agg(
      pg_catalog.json_build_array(a.name, e.privilege_type, e.is_grantable)), '[]'::json)
    FROM pg_catalog.aclexplode(COALESCE(${list}, pg_catalog.acldefault('${type}', ${owner}))) AS e
    JOIN asked AS a ON a.id = e.grantee)`
}

function creatorsIn(list: string): string {
  return `(SELECT COALESCE(pg_catalog.json_agg(${actorOf('e.grantee')}), '[]'::json)
    FROM pg_catalog.aclexplode(${list}) AS e
    WHERE e.privilege_type = 'CREATE' AND e.grantee <> 0)`
}

/** What stands for the owner of the database, and makes nothing by itself, is that owner. */
function actorOf(role: string): string {
  return `(SELECT pg_catalog.json_build_array(r.rolname, pg_catalog.pg_has_role(r.oid, 'USAGE'))
    FROM pg_catalog.pg_roles AS r WHERE r.oid = CASE pg_catalog.pg_get_userbyid(${role})
      WHEN 'pg_database_owner' THEN (SELECT d.datdba FROM pg_catalog.pg_database AS d
        WHERE d.datname = pg_catalog.current_database())
      ELSE ${role} END)`
}

function isExtensions(table: string, id: string): string {
  return `EXISTS (SELECT 1 FROM pg_catalog.pg_depend AS e WHERE e.deptype = 'e'
    AND e.classid = 'pg_catalog.${table}'::regclass AND e.objid = ${id})`
}
