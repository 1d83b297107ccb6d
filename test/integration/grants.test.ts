// `portcullis grants` against a real server: what it gives, what it takes, and what it leaves alone.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { stringify } from 'yaml'
import { createAuthority } from '../../demo/certificates.ts'
import { type PostgresServer, startPostgres } from '../../demo/postgres.ts'
import { grantsApply, type GrantsCommandOptions, grantsDiff } from '../../src/cli/grants.ts'
import { readConfig } from '../../src/cli/read-config.ts'
import { applyPlan, type GrantsOptions, planGrants } from '../../src/grants/grants.ts'
import { statementsOf } from '../../src/grants/plan.ts'
import { shownIdentifier } from '../../src/upstream/shown-identifier.ts'

const preamble = `node: gw0
tls: { certificate: server.crt, key: server.key }
connectivity_pools:
  main: { participants: [{ node: gw0, listen_address: 127.0.0.1, listen_port: 0 }] }
`
const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

type Grants = Readonly<Record<string, readonly unknown[]>>

let folder: string
let postgres: PostgresServer
let passwordFile: string
let written = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-grants-'))
  const authority = await createAuthority('portcullis test')
  const tls = await authority.issue({ commonName: 'localhost' })
  await writeFile(join(folder, 'ca.crt'), authority.certificate)
  postgres = await startPostgres({
    tls,
    hba: 'hostssl all postgres,admin 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust',
  })
  passwordFile = join(folder, 'password')
  await writeFile(passwordFile, `${postgres.superuser.password}\n`)
  await postgres.sql(`create role app_owner login; create role admin login createrole password 'x'`)
}, 60_000)

afterAll(async () => {
  await postgres[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/** A new database of `app_owner`, with a schema of its own and what may be in one. */
async function createDatabase(name: string): Promise<string> {
  await postgres.sql(`create database ${shownIdentifier(name)} owner app_owner`)
  await as(
    name,
    'app_owner',
  )(
    `create schema sales;
     create table sales.orders (id serial primary key, item text);
     create view sales.items as select item from sales.orders;
     create function sales.total(a integer, b integer) returns integer language sql return a + b;
     create table public.notes (body text)`,
  )
  return name
}

const as = (database: string, user: string) => async (sql: string) =>
  postgres.sql(sql, { database, user })

interface Setting {
  /** For each group `g`, which has the role `<name>_g`. */
  readonly grants: Grants
  readonly databases?: Readonly<Record<string, object>>
}

async function write(name: string, { grants, databases = {} }: Setting): Promise<string> {
  const upstream = {
    host: 'localhost',
    port: postgres.port,
    ca: 'ca.crt',
    auth: { method: 'trust' },
  }
  const config = {
    node: 'gw0',
    tls: { certificate: 'server.crt', key: 'server.key' },
    groups: Object.fromEntries(
      Object.entries(grants).map(([group, list]) => [
        group,
        { role: `${name}_${group}`, grants: list },
      ]),
    ),
    databases: { [name]: { upstream, ...databases[name] }, ...extra(databases, name, upstream) },
    connectivity_pools: {
      main: { participants: [{ node: 'gw0', listen_address: '127.0.0.1', listen_port: 0 }] },
    },
  }
  written += 1
  const file = join(folder, `grants-${written}.yaml`)
  await writeFile(file, stringify(config))
  return file
}

function extra(databases: Readonly<Record<string, object>>, name: string, upstream: object) {
  const others = Object.entries(databases).filter(([other]) => other !== name)
  return Object.fromEntries(
    others.map(([other, changes]) => [other, { upstream: { ...upstream, ...changes } }]),
  )
}

const superuser = (): GrantsOptions => ({
  databases: [],
  prune: false,
  operator: { user: 'postgres', password: postgres.superuser.password },
})

/** The statements of every database, or what is in the way. */
async function diff(file: string, changes: Partial<GrantsOptions> = {}) {
  const plans = await planGrants(readConfig(file).config, { ...superuser(), ...changes })
  return plans.flatMap(({ plan, failure }) =>
    plan === undefined ? [failure] : [...plan.problems, ...statementsOf(plan)],
  )
}

async function apply(file: string, changes: Partial<GrantsOptions> = {}): Promise<void> {
  const options = { ...superuser(), ...changes }
  for (const { wanted, plan, failure } of await planGrants(readConfig(file).config, options)) {
    if (plan === undefined) throw new Error(failure)
    await applyPlan(wanted, plan, options)
  }
}

interface Run {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** As a program of its own. */
async function spawned(...args: readonly string[]): Promise<Run> {
  const child = spawn(process.execPath, [program, 'grants', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PGUSER: 'postgres', PGPASSWORD: postgres.superuser.password },
  })
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ])
  return { code, stdout, stderr }
}

/** The same without a process of its own. */
async function run(
  command: (options: GrantsCommandOptions) => Promise<number>,
  config: string,
  options: Partial<GrantsCommandOptions> = {},
): Promise<Run> {
  const printed = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      printed[name] += String(chunk)
      return true
    }),
  )
  try {
    const code = await command({ config, user: 'postgres', passwordFile, ...options })
    expect(printed.stdout + printed.stderr).not.toContain(postgres.superuser.password)
    return { code, ...printed }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

describe('the command', () => {
  test('shows, asks, does it, and has nothing to do the second time', async () => {
    const name = await createDatabase('command')
    const file = await write(name, {
      grants: { readonly: [`GRANT USE, SELECT ON DATABASE "${name}";`] },
    })
    const before = await spawned('diff', '-c', file)
    expect(before).toMatchObject({ code: 1, stderr: '' })
    expect(before.stdout).toContain('CREATE ROLE "command_readonly" LOGIN;')
    expect(await run(grantsApply, file)).toMatchObject({ code: 64, stdout: '' })
    const applied = await run(grantsApply, file, { yes: true })
    expect(applied).toMatchObject({ code: 0, stderr: '' })
    expect(applied.stdout.startsWith(before.stdout)).toBe(true)
    const after = await run(grantsDiff, file)
    expect(after).toMatchObject({ code: 0, stderr: '' })
    expect(after.stdout).toContain('nothing to do')
    expect(await run(grantsApply, file, { yes: true })).toMatchObject({ code: 0, stderr: '' })
  })

  test('prints SQL that another client could run', async () => {
    const name = await createDatabase('script')
    const file = await write(name, {
      grants: { writer: [`USE, SELECT, INSERT, EXECUTE, CREATE TABLE ON DATABASE ${name}`] },
    })
    const { stdout } = await run(grantsDiff, file)
    await postgres.sql(stdout, { database: name })
    expect(await diff(file)).toEqual([])
  })

  test('changes nothing anywhere when a database cannot be reached', async () => {
    const name = await createDatabase('reachable')
    const file = await write(name, {
      grants: { readonly: [`USE ON DATABASE ${name}`, 'USE ON DATABASE gone'] },
      databases: { gone: { database: 'nowhere' } },
    })
    const { code, stdout, stderr } = await run(grantsApply, file, { yes: true })
    expect(code).toBe(2)
    expect(stdout).toContain('CREATE ROLE "reachable_readonly" LOGIN;')
    expect(stderr).toContain('3D000 database "nowhere" does not exist')
    expect(stderr).toContain('nothing was changed')
    expect(await diff(file, { databases: [name] })).not.toEqual([])
  })

  test('says so when the password is wrong', async () => {
    const name = await createDatabase('refused')
    const file = await write(name, { grants: { readonly: [`USE ON DATABASE ${name}`] } })
    const [failure] = await diff(file, { operator: { user: 'postgres', password: 'hunter2' } })
    expect(failure).toContain('28P01 password authentication failed for user "postgres"')
  })
})

describe('a role', () => {
  test('can do what is granted, and nothing more', async () => {
    const name = await createDatabase('exactly')
    const file = await write(name, {
      grants: {
        reader: [`USE, SELECT ON DATABASE ${name}`],
        writer: [{ privileges: ['USE', 'SELECT', 'INSERT'], database: name, schemas: ['sales'] }],
        clerk: [
          { privileges: 'USE, SELECT', database: name, schemas: ['sales'], tables: ['items'] },
        ],
        viewer: [`USE, VIEW TABLE ON DATABASE ${name}`],
        maker: [`USE, CREATE SCHEMA ON DATABASE ${name}`],
      },
    })
    await apply(file)
    expect(await diff(file)).toEqual([])

    const reader = as(name, `${name}_reader`)
    await reader('select * from sales.orders, sales.items, public.notes')
    await expect(reader(`insert into sales.orders (item) values ('x')`)).rejects.toThrow('denied')
    await expect(reader('create table sales.mine ()')).rejects.toThrow('denied')
    await expect(reader('create schema mine')).rejects.toThrow('denied')

    const writer = as(name, `${name}_writer`)
    await writer(`insert into sales.orders (item) values ('x')`)
    await expect(writer('update sales.orders set item = item')).rejects.toThrow('denied')
    await expect(writer('delete from sales.orders')).rejects.toThrow('denied')
    await expect(writer('select * from public.notes')).rejects.toThrow('denied')

    const clerk = as(name, `${name}_clerk`)
    await clerk('select * from sales.items')
    await expect(clerk('select * from sales.orders')).rejects.toThrow('denied')

    const viewer = as(name, `${name}_viewer`)
    await viewer(`select 'sales.orders'::regclass`)
    await expect(viewer('select * from sales.orders')).rejects.toThrow('denied')

    await as(name, `${name}_maker`)('create schema mine')
  })

  test('has what is made later too, by whoever is found to make things', async () => {
    const name = await createDatabase('later')
    const file = await write(name, {
      grants: {
        reader: [`USE, SELECT ON DATABASE ${name}`],
        maker: [`USE, CREATE TABLE ON DATABASE ${name}`],
      },
    })
    await apply(file)
    await as(name, 'app_owner')('create schema fresh; create table fresh.rows ()')
    await as(name, `${name}_maker`)('create table sales.made ()')
    const reader = as(name, `${name}_reader`)
    await reader('select * from fresh.rows; select * from sales.made')
    await expect(reader('drop table sales.made')).rejects.toThrow('must be owner')
  })

  test('has what the named owners make later, and what nobody else makes', async () => {
    const name = await createDatabase('owned')
    await postgres.sql('create role builder login; grant create on schema sales to builder', {
      database: name,
    })
    const file = await write(name, {
      grants: { reader: [{ privileges: ['USE', 'SELECT'], database: name, schemas: ['sales'] }] },
      databases: { [name]: { owners: ['app_owner'] } },
    })
    await apply(file)
    await as(
      name,
      'app_owner',
    )('grant usage on schema sales to builder; create table sales.more ()')
    await as(name, 'builder')('create table sales.other ()')
    const reader = as(name, `${name}_reader`)
    await reader('select * from sales.more')
    await expect(reader('select * from sales.other')).rejects.toThrow('denied')
    expect(await diff(file)).toEqual(['GRANT SELECT ON TABLE "sales"."other" TO "owned_reader";'])
  })

  test('of every name is granted what is named, whatever the names are', async () => {
    const hostile = [
      `x"; DROP ROLE app_owner; --`,
      'line\nfeed\\',
      `it's "Größe" 角色`,
      'U&"\\0041"',
    ]
    const name = await createDatabase(`hostile "db"; --`)
    const owner = as(name, 'app_owner')
    for (const one of hostile) {
      const quoted = shownIdentifier(one)
      await owner(`create schema ${quoted}; create table ${quoted}.${quoted} (${quoted} integer);
        create type ${quoted}.${quoted.replace(/"$/, 't"')} as enum ();
        create function ${quoted}.${quoted}(${quoted}.${quoted.replace(/"$/, 't"')}[])
          returns integer language sql return 1`)
    }
    const file = await write(name, {
      grants: {
        [hostile[0]!]: [
          { privileges: ['USE'], database: name },
          { privileges: ['SELECT', 'EXECUTE'], database: name, schemas: hostile },
        ],
      },
    })
    await apply(file)
    expect(await diff(file)).toEqual([])
    const reader = as(name, `${name}_${hostile[0]!}`)
    for (const one of hostile) {
      const quoted = shownIdentifier(one)
      await reader(`select ${quoted} from ${quoted}.${quoted}`)
    }
    await expect(reader('select * from sales.orders')).rejects.toThrow('denied')
  })
})

test('routines of every kind are granted by their own arguments', async () => {
  const name = await createDatabase('routines')
  await postgres.sql(
    `create procedure sales.done(inout a integer, out b text) language sql as $$ select a, 'x' $$;
     create procedure sales.done(out b text) language sql as $$ select 'x' $$;
     create function sales.many(variadic "char"[]) returns integer language sql return 1;
     create function sales.rows() returns table (a integer, b text) language sql as $$ select 1, 'x' $$;
     create aggregate sales.all(*) (sfunc = int8inc, stype = bigint, initcond = '0');
     create aggregate sales.within(float8 order by anyelement) (sfunc = ordered_set_transition,
       stype = internal, finalfunc = percentile_disc_final, finalfunc_extra)`,
    { database: name },
  )
  const file = await write(name, { grants: { caller: [`USE, EXECUTE ON DATABASE ${name}`] } })
  await apply(file, { prune: true })
  expect(await diff(file, { prune: true })).toEqual([])
})

test('more objects than a message holds are granted all the same', async () => {
  const name = await createDatabase('many')
  await as(
    name,
    'app_owner',
  )(
    `do $$ begin for i in 1..450 loop execute format('create table sales.t%s ()', i); end loop; end $$`,
  )
  const file = await write(name, { grants: { reader: [`USE, SELECT ON DATABASE ${name}`] } })
  await apply(file)
  expect(await diff(file)).toEqual([])
  await as(name, 'many_reader')('select from sales.t1, sales.t250, sales.t450')
})

test('whoever is a member of the owner and may make roles needs no superuser', async () => {
  const name = await createDatabase('deputized')
  await postgres.sql(`create role deputy login createrole password 'x' in role app_owner`)
  const operator = { user: 'deputy', password: 'x' }
  const file = await write(name, {
    grants: {
      reader: [{ privileges: ['USE', 'SELECT'], database: name, schemas: ['sales'] }],
      maker: [{ privileges: ['USE', 'CREATE TABLE'], database: name, schemas: ['sales'] }],
    },
  })
  const [planned] = await planGrants(readConfig(file).config, { ...superuser(), operator })
  expect(planned!.plan!.notes).toEqual([
    'what role "deputized_maker" makes from now on is not granted by itself: "deputy" is no member of it',
  ])
  await apply(file, { operator })
  expect(await diff(file, { operator })).toEqual([])
  await as(name, 'deputized_reader')('select * from sales.orders')
})

describe('what the catalog does not name', () => {
  test('stays unless it is to be pruned, and then goes with its grant options', async () => {
    const name = await createDatabase('pruned')
    const first = await write(name, { grants: { reader: [`USE, SELECT ON DATABASE ${name}`] } })
    await apply(first)
    await as(
      name,
      'app_owner',
    )(
      `grant insert, update on sales.orders to pruned_reader;
       grant select on public.notes to pruned_reader with grant option;
       grant update (body) on public.notes to pruned_reader;
       grant execute on function sales.total to pruned_reader;
       grant insert on sales.orders to public;
       alter default privileges in schema sales grant delete on tables to pruned_reader`,
    )
    await postgres.sql('create role bystander; grant all on sales.orders to bystander', {
      database: name,
    })
    expect(await diff(first)).toEqual([])
    const second = await write(name, {
      grants: { reader: [{ privileges: ['USE', 'SELECT'], database: name, tables: ['notes'] }] },
    })
    expect(await diff(second)).toEqual([])
    expect(await diff(second, { prune: true })).toEqual([
      'REVOKE GRANT OPTION FOR SELECT ON TABLE "public"."notes" FROM "pruned_reader";',
      'REVOKE SELECT ON TABLE "sales"."items" FROM "pruned_reader";',
      'REVOKE SELECT, INSERT, UPDATE ON TABLE "sales"."orders" FROM "pruned_reader";',
      'REVOKE UPDATE ("body") ON TABLE "public"."notes" FROM "pruned_reader";',
      'REVOKE SELECT ON SEQUENCE "sales"."orders_id_seq" FROM "pruned_reader";',
      'REVOKE EXECUTE ON ROUTINE "sales"."total"("pg_catalog"."int4", "pg_catalog"."int4") FROM "pruned_reader";',
      'ALTER DEFAULT PRIVILEGES FOR ROLE "app_owner" IN SCHEMA "sales" REVOKE DELETE ON TABLES FROM "pruned_reader";',
      'ALTER DEFAULT PRIVILEGES FOR ROLE "app_owner" REVOKE USAGE ON SCHEMAS FROM "pruned_reader";',
      'ALTER DEFAULT PRIVILEGES FOR ROLE "app_owner" REVOKE SELECT ON SEQUENCES FROM "pruned_reader";',
      'ALTER DEFAULT PRIVILEGES FOR ROLE "app_owner" REVOKE SELECT ON TABLES FROM "pruned_reader";',
    ])
    await apply(second, { prune: true })
    expect(await diff(second, { prune: true })).toEqual([])
    const [row] = await postgres.sql(
      `select has_table_privilege('bystander', 'sales.orders', 'delete') as kept,
              has_table_privilege('public', 'sales.orders', 'insert') as publics`,
      { database: name },
    )
    expect(row).toEqual({ kept: true, publics: true })
  })

  test('is revoked in a database where nothing is granted any more', async () => {
    const name = await createDatabase('emptied')
    await apply(await write(name, { grants: { reader: [`USE ON DATABASE ${name}`] } }))
    const file = await write(name, { grants: { reader: [] } })
    expect(await diff(file)).toEqual([])
    await apply(file, { prune: true })
    expect(await diff(file, { prune: true })).toEqual([])
    await expect(as(name, 'emptied_reader')('select * from sales.orders')).rejects.toThrow('denied')
  })
})

describe('two databases', () => {
  test('of one server share the roles, each with privileges of its own', async () => {
    const name = await createDatabase('north')
    await createDatabase('south')
    const file = await write(name, {
      grants: { reader: [`USE, SELECT ON DATABASE ${name}`, 'USE ON DATABASE south'] },
      databases: { south: {} },
    })
    const statements = await diff(file)
    expect(statements.filter((one) => one?.startsWith('CREATE ROLE') === true)).toHaveLength(1)
    await apply(file)
    expect(await diff(file)).toEqual([])
    await as('north', 'north_reader')('select * from sales.orders')
    await expect(as('south', 'north_reader')('select * from sales.orders')).rejects.toThrow(
      'denied',
    )
  })

  test('of the catalog that are one at the server add up', async () => {
    const name = await createDatabase('same')
    const file = await write(name, {
      grants: { reader: [`USE ON DATABASE ${name}`, 'SELECT ON DATABASE alias'] },
      databases: { alias: { database: name } },
    })
    await apply(file, { prune: true })
    expect(await diff(file, { prune: true })).toEqual([])
    await as(name, 'same_reader')('select * from sales.orders')
  })
})

describe('a plan is not carried out', () => {
  test('when the database has changed since it was shown', async () => {
    const name = await createDatabase('changed')
    const file = await write(name, { grants: { reader: [`USE, SELECT ON DATABASE ${name}`] } })
    const [planned] = await planGrants(readConfig(file).config, superuser())
    await as(name, 'app_owner')('create table sales.since ()')
    await expect(applyPlan(planned!.wanted, planned!.plan!, superuser())).rejects.toThrow(
      'has changed since',
    )
    expect(await postgres.sql(`select from pg_roles where rolname = 'changed_reader'`)).toEqual([])
  })

  test('when the operator may not grant it, and nothing of it is left', async () => {
    const name = await createDatabase('unprivileged')
    const file = await write(name, { grants: { reader: [`USE, SELECT ON DATABASE ${name}`] } })
    await expect(apply(file, { operator: { user: 'admin', password: 'x' } })).rejects.toThrow(
      /denied|left something undone/,
    )
    expect(
      await postgres.sql(`select from pg_roles where rolname = 'unprivileged_reader'`),
    ).toEqual([])
  })

  test('when a schema, a table or an owner that is named is not there', async () => {
    const name = await createDatabase('lacking')
    const file = await write(name, {
      grants: {
        reader: [
          { privileges: ['SELECT'], database: name, schemas: ['sale'] },
          { privileges: ['SELECT'], database: name, schemas: ['sales'], tables: ['order'] },
        ],
      },
      databases: { [name]: { owners: ['nobody'] } },
    })
    expect(await diff(file)).toEqual(
      expect.arrayContaining([
        'there is no role "nobody", which `owners` names',
        'group "reader": there is no schema "sale"',
        'group "reader": there is no table "order" in its schemas',
      ]),
    )
  })
})

test('the example of docs/grants.md gives what it shows', async () => {
  const page = await readFile(new URL('../../docs/grants.md', import.meta.url), 'utf8')
  const [, yaml, sql] = /```yaml\n(.*?)```.*?```sql\n(.*?)\.\.\.\n```/s.exec(page) ?? []
  await postgres.sql('create database sandbox owner app_owner')
  await postgres.sql('create database archive owner app_owner')
  await as('sandbox', 'app_owner')('create table orders ()')
  await as(
    'archive',
    'app_owner',
  )(
    `create schema y2029; create table y2029.orders (); create table y2029.customers ();
     create schema y2030`,
  )
  const file = join(folder, 'docs.yaml')
  const server = `host: localhost, port: ${postgres.port}, ca: ca.crt`
  await writeFile(file, `${preamble}${yaml!.replaceAll('host: 10.0.0.5', server)}`)
  const { stdout } = await run(grantsDiff, file)
  expect(stdout).toContain(sql!.replace('10.0.0.5 port 5432', `localhost port ${postgres.port}`))
  await apply(file)
  expect(await diff(file)).toEqual([])
})

test('identifiers are quoted as PostgreSQL itself reads them', async () => {
  const names = [
    'a',
    'A b',
    'x"y',
    "it's",
    'back\\slash',
    'line\nfeed',
    '\u202Eturned',
    'ä€😀',
    'select',
  ]
  const columns = names.map((name) => `1 as ${shownIdentifier(name)}`)
  const [row] = await postgres.sql(`select ${columns.join(', ')}`)
  expect(Object.keys(row!)).toEqual(names)
})
