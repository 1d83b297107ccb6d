// What makes roles, against a real server: it is asked by many at once, and by names that mean harm.
import { createSecureContext } from 'node:tls'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PostgresServer, startPostgres } from '../../demo/postgres.ts'
import { Refusal } from '../../src/refusal.ts'
import { ScramKeyCache } from '../../src/sasl/scram-key-cache.ts'
import { UpstreamNetwork } from '../../src/upstream/network.ts'
import { openSession } from '../../src/upstream/open-session.ts'
import { markOf, type Wish } from '../../src/upstream/provision-plan.ts'
import { Provisioner } from '../../src/upstream/provisioner.ts'
import { quoteIdentifier, quoteLiteral } from '../../src/upstream/quote-sql.ts'
import { SqlSession } from '../../src/upstream/sql-session.ts'
import type { UpstreamTarget } from '../../src/upstream/target.ts'
import { until } from '../support/until.ts'

let postgres: PostgresServer

beforeAll(async () => {
  postgres = await startPostgres()
  await postgres.sql(
    `create role maker login createrole password 'maker';
     create role rival login createrole password 'rival';
     create role chief login superuser password 'chief';
     create role bare login password 'bare';
     create role g1; create role g2; create role g3; create role lone;
     grant g1, g2, g3 to maker with admin true, inherit false, set false`,
  )
  await postgres.sql('create database second')
})

afterAll(async () => {
  await postgres[Symbol.asyncDispose]()
})

function targetOf(changes: Partial<UpstreamTarget> = {}): UpstreamTarget {
  return {
    hosts: [{ host: '127.0.0.1', port: postgres.port }],
    isBalanced: false,
    wantedSession: 'any',
    connectRetries: 0,
    database: 'postgres',
    tls: 'disable',
    secureContext: createSecureContext(),
    serverName: undefined,
    channelBinding: 'prefer',
    protocol: '3.0',
    connectTimeoutMs: 20_000,
    warm: undefined,
    credentials: { method: 'trust' },
    ...changes,
  }
}

function provisioner(role = 'maker', changes: Partial<UpstreamTarget> = {}): Provisioner {
  return new Provisioner({ target: targetOf(changes), role, password: role, connections: 2 })
}

function wish(role: string, changes: Partial<Wish> = {}): Wish {
  return {
    role,
    issuer: 'https://issuer.example',
    subject: role,
    memberOf: ['g1'],
    sync: 'granted',
    connectionLimit: undefined,
    ...changes,
  }
}

/** Who is a member of what, and by whom. */
async function groupsOf(role: string): Promise<readonly string[]> {
  const rows = await postgres.sql(
    `select roleid::regrole || ' by ' || grantor::regrole as held from pg_auth_members
     where member = $1::name::text::regrole order by 1`,
    { values: [role] },
  )
  return rows.map(({ held }) => String(held))
}

async function refusalOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof Refusal)) throw new Error(`no refusal: ${String(error)}`)
  return `${error.reason}: ${error.logDetail ?? ''}`
}

test('a thousand first logins of twenty people at once make twenty roles, without an error', async () => {
  // Two databases, since advisory locks hold in one alone, and several processes' worth of connections.
  const makers = ['postgres', 'second', 'postgres', 'second'].map((database) =>
    provisioner('maker', { database }),
  )
  const from = postgres.log().length
  const groups = [['g1'], ['g1', 'g2'], ['g3', 'g2', 'g1'], ['g3']]
  const outcomes = await Promise.all(
    Array.from({ length: 1_000 }, async (_, index) =>
      makers[index % makers.length]!.provision(
        wish(`crowd${index % 20}`, { memberOf: groups[(index * 7) % 4]! }),
      ),
    ),
  )
  expect(outcomes.filter((one) => one === 'created')).toHaveLength(20)
  const rows = await postgres.sql(
    `select rolname, shobj_description(oid, 'pg_authid') as mark from pg_roles
     where rolname like 'crowd%'`,
  )
  expect(rows).toHaveLength(20)
  for (const { rolname, mark } of rows) {
    expect(mark).toBe(markOf({ issuer: 'https://issuer.example', subject: String(rolname) }))
  }
  expect(postgres.log().slice(from)).not.toMatch(/deadlock|PANIC|FATAL/)
  for (const maker of makers) maker.close()
})

test('two logins of one person at once, by two databases, never leave a mixture', async () => {
  const makers = ['postgres', 'second'].map((database) => provisioner('maker', { database }))
  const [one, other] = makers as [Provisioner, Provisioner]
  const possible = [['g1 by maker'], ['g3 by maker']]
  for (let round = 0; round < 40; round++) {
    await one.provision(wish('both', { memberOf: ['g2'] }))
    await Promise.all([
      one.provision(wish('both', { memberOf: ['g1'] })),
      other.provision(wish('both', { memberOf: ['g3'] })),
    ])
    expect(possible).toContainEqual(await groupsOf('both'))
  }
  for (const maker of makers) maker.close()
})

describe('a role', () => {
  const maker = (): Provisioner => shared
  let shared: Provisioner

  beforeAll(() => {
    shared = provisioner()
  })
  afterAll(() => {
    shared.close()
  })

  test('is made, changed, and left alone', async () => {
    expect(await maker().provision(wish('ann', { memberOf: ['g1', 'g2'] }))).toBe('created')
    expect(await groupsOf('ann')).toEqual(['g1 by maker', 'g2 by maker'])
    expect(await maker().provision(wish('ann', { memberOf: ['g2', 'g3'] }))).toBe('changed')
    expect(await groupsOf('ann')).toEqual(['g2 by maker', 'g3 by maker'])
    expect(await maker().provision(wish('ann', { memberOf: ['g2', 'g3'] }))).toBe('unchanged')
    const [attributes] = await postgres.sql(
      `select rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,
         rolbypassrls, rolconnlimit, rolpassword from pg_authid where rolname = 'ann'`,
    )
    expect(attributes).toEqual({
      rolsuper: false,
      rolinherit: true,
      rolcreaterole: false,
      rolcreatedb: false,
      rolcanlogin: true,
      rolreplication: false,
      rolbypassrls: false,
      rolconnlimit: -1,
      rolpassword: null,
    })
  })

  test('has the connection limit that it was made with', async () => {
    await maker().provision(wish('few', { connectionLimit: 3 }))
    const [row] = await postgres.sql(`select rolconnlimit from pg_roles where rolname = 'few'`)
    expect(row).toEqual({ rolconnlimit: 3 })
  })

  test('keeps what others granted, also what its groups gave it as well', async () => {
    await maker().provision(wish('ben', { memberOf: ['g1', 'g2'] }))
    await postgres.sql('grant g2, lone to ben')
    expect(await maker().provision(wish('ben'))).toBe('changed')
    expect(await groupsOf('ben')).toEqual(['g1 by maker', 'g2 by postgres', 'lone by postgres'])
    expect(await maker().provision(wish('ben'))).toBe('unchanged')
  })

  test('loses what it passed on together with what it was given', async () => {
    await maker().provision(wish('cid', { memberOf: ['g1', 'g3'] }))
    await postgres.sql(
      'grant g3 to cid with admin true granted by maker; set role cid; grant g3 to bare',
    )
    expect(await maker().provision(wish('cid'))).toBe('changed')
    expect(await groupsOf('cid')).toEqual(['g1 by maker'])
    expect(await groupsOf('bare')).toEqual([])
  })

  test('gets back what somebody else has changed about a grant of ours', async () => {
    await maker().provision(wish('dan'))
    await postgres.sql('grant g1 to dan with inherit false, admin true granted by maker')
    expect(await maker().provision(wish('dan'))).toBe('changed')
    const rows = await postgres.sql(
      `select admin_option, inherit_option, set_option from pg_auth_members
       where member = 'dan'::regrole`,
    )
    expect(rows).toEqual([{ admin_option: false, inherit_option: true, set_option: true }])
  })

  test('becomes a member of those roles of its groups that exist, if any does', async () => {
    await maker().provision(wish('eve', { memberOf: ['g1', 'nowhere'] }))
    expect(await groupsOf('eve')).toEqual(['g1 by maker'])
    expect(await refusalOf(maker().provision(wish('eva', { memberOf: ['nowhere'] })))).toMatch(
      /^provisioning-failed: .*none of the roles of its groups exists: nowhere$/,
    )
  })

  test.each([
    ['another subject', { subject: 'somebody else' }],
    ['another issuer', { issuer: 'https://elsewhere.example' }],
  ])('of one identity is nobody else’s, as of %s', async (_, changes) => {
    await maker().provision(wish('flo'))
    expect(await refusalOf(maker().provision(wish('flo', changes)))).toMatch(
      /^role-taken: .*flo is marked for another identity/,
    )
  })

  test('that somebody made by hand is not taken over, whatever its comment says', async () => {
    const mark = quoteLiteral(markOf(wish('guy')))
    await postgres.sql(`create role guy; comment on role guy is ${mark}`)
    expect(await refusalOf(maker().provision(wish('guy')))).toMatch(/^role-taken: .*did not make/)
    // Another who may create roles, and makes us its administrator, is not the server itself.
    const rival = { user: 'rival', password: 'rival' }
    await postgres.sql('create role hal', rival)
    await postgres.sql(`comment on role hal is ${quoteLiteral(markOf(wish('hal')))}`, rival)
    await postgres.sql('grant hal to maker with admin true', rival)
    expect(await refusalOf(maker().provision(wish('hal')))).toMatch(/^role-taken: .*did not make/)
  })

  test('is handed over by a superuser, with a grant and a comment', async () => {
    const mark = quoteLiteral(markOf(wish('ida')))
    await postgres.sql(
      `create role ida login; grant ida to maker with admin true; comment on role ida is ${mark}`,
    )
    expect(await maker().provision(wish('ida'))).toBe('changed')
  })

  test('cannot change whose it is, and nobody else who creates roles can', async () => {
    await maker().provision(wish('jan', { memberOf: ['g1', 'g2', 'g3'] }))
    await postgres.sql(`alter role jan password 'jan'`)
    for (const user of ['jan', 'rival']) {
      for (const statement of [
        `comment on role jan is 'mine'`,
        'comment on role jan is null',
        'drop role jan',
        'alter role jan rename to joe',
        'grant jan to rival',
        'revoke jan from maker',
        'revoke g1 from jan',
      ]) {
        // What has nothing to revoke is but a warning.
        await postgres.sql(statement, { user, password: user }).catch(() => {})
      }
    }
    expect(await maker().provision(wish('jan', { memberOf: ['g1', 'g2', 'g3'] }))).toBe('unchanged')
  })

  test.each(['superuser', 'replication'])('that became %s is refused', async (attribute) => {
    await maker().provision(wish(`kim_${attribute}`))
    await postgres.sql(`alter role kim_${attribute} ${attribute}`)
    expect(await refusalOf(maker().provision(wish(`kim_${attribute}`)))).toMatch(/^role-reserved: /)
  })

  test('never becomes a member of a superuser', async () => {
    await postgres.sql('create role g4; grant g4 to maker with admin true, set false')
    await maker().provision(wish('lea', { memberOf: ['g1', 'g4'] }))
    await postgres.sql('alter role g4 superuser')
    expect(await refusalOf(maker().provision(wish('lea', { memberOf: ['g1', 'g4'] })))).toMatch(
      /^role-reserved: .*membership in g4/,
    )
  })

  test.each([
    `x"; drop role g1; --`,
    `'; select pg_sleep(10); --`,
    String.raw`back\slash"`,
    'with space and Ünï 角色 😀',
    '$$; $1 ${x} %I %s',
    'select',
    'CURRENT_USER',
    'a'.repeat(63),
  ])('called %j is that and nothing else', async (role) => {
    const names = async (): Promise<unknown> =>
      (await postgres.sql('select rolname from pg_roles')).map(({ rolname }) => rolname)
    const before = (await names()) as string[]
    const subject = `${role}\u0000\ud800'"\\`
    expect(await maker().provision(wish(role, { subject, memberOf: ['g1', role] }))).toBe('created')
    expect(await maker().provision(wish(role, { subject }))).toBe('unchanged')
    expect(await names()).toEqual(expect.arrayContaining([...before, role]))
    expect((await names()) as string[]).toHaveLength(before.length + 1)
  })

  test.each(['', 'a'.repeat(64), 'nul\0', '\ud800'])('cannot be called %j', async (role) => {
    expect(await refusalOf(maker().provision(wish(role)))).toMatch(/^provisioning-failed: /)
  })
})

describe('with sync: exact', () => {
  const exact = { sync: 'exact' } as const

  test('a membership by somebody else goes, where the provisioner may revoke it', async () => {
    await postgres.sql(
      `create role deputy createrole; grant lone to deputy with admin true;
       create role broad login createrole password 'broad';
       grant g1 to broad with admin true; grant lone to broad with admin true; grant deputy to broad`,
    )
    const maker = provisioner('broad')
    await maker.provision(wish('max', exact))
    await postgres.sql('grant lone to max granted by deputy')
    expect(await maker.provision(wish('max'))).toBe('unchanged')
    expect(await maker.provision(wish('max', exact))).toBe('changed')
    expect(await groupsOf('max')).toEqual(['g1 by broad'])
    maker.close()
  })

  test('a login is refused where it may not', async () => {
    const maker = provisioner()
    await maker.provision(wish('mia', exact))
    await postgres.sql('grant lone to mia')
    expect(await refusalOf(maker.provision(wish('mia', exact)))).toMatch(
      /^provisioning-failed: .*42501 /,
    )
    expect(await maker.provision(wish('mia'))).toBe('unchanged')
    maker.close()
  })
})

describe('the provisioner', () => {
  test.each([
    ['is a superuser', 'chief', /^provisioning-failed: .*must not be a superuser$/],
    ['may not create roles', 'bare', /^provisioning-failed: .*42501 permission denied to create/],
    [
      'may not grant the role of a group',
      'rival',
      /^provisioning-failed: .*42501 permission denied/,
    ],
    ['does not exist', 'nobody', /^provisioning-unavailable: as nobody .*upstream-authentication/],
  ])('that %s is of no use', async (_, role, expected) => {
    const maker = provisioner(role)
    expect(await refusalOf(maker.provision(wish('never')))).toMatch(expected)
    expect(await postgres.sql(`select from pg_roles where rolname = 'never'`)).toEqual([])
    maker.close()
  })

  test('rehearses without leaving anything behind', async () => {
    const maker = provisioner()
    await maker.rehearse(wish('shadow'))
    expect(await refusalOf(maker.rehearse(wish('shadow', { memberOf: ['lone'] })))).toMatch(/42501/)
    expect(await postgres.sql(`select from pg_roles where rolname = 'shadow'`)).toEqual([])
    expect(await maker.existing(['g1', 'lone', 'nowhere'])).toEqual(new Set(['g1', 'lone']))
    maker.close()
  })

  test('never becomes a member of what it makes', async () => {
    await postgres.sql(`alter role maker set createrole_self_grant = 'set, inherit'`)
    const maker = provisioner()
    await maker.provision(wish('nil'))
    const rows = await postgres.sql(
      `select admin_option, inherit_option, set_option from pg_auth_members
       where roleid = 'nil'::regrole`,
    )
    expect(rows).toEqual([{ admin_option: true, inherit_option: false, set_option: false }])
    await postgres.sql('alter role maker reset all')
    maker.close()
  })

  test('goes on with a new connection where the server has ended the one that was kept', async () => {
    const maker = provisioner()
    await maker.provision(wish('ole'))
    const ended = `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'maker'`
    await postgres.sql(ended)
    expect(await maker.provision(wish('ole'))).toBe('unchanged')
    maker.close()
  })

  test('keeps no more connections than it may have, and says goodbye to them', async () => {
    const count = async (): Promise<number> =>
      (await postgres.sql(`select pid from pg_stat_activity where usename = 'maker'`)).length
    const maker = provisioner()
    await until('nobody is left', async () => (await count()) === 0)
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => maker.provision(wish(`pip${index % 5}`))),
    )
    expect(await count()).toBe(2)
    maker.close()
    await until('it has left', async () => (await count()) === 0)
  })

  test('gives up at the deadline while somebody else holds what it needs', async () => {
    const holder = new SqlSession(
      await openSession(
        targetOf(),
        {
          role: 'chief',
          credential: {
            kind: 'password',
            password: 'chief',
            allow: new Set(['scram-sha-256']),
            isClients: false,
          },
          parameters: new Map(),
          requirement: undefined,
        },
        { keys: new ScramKeyCache(1), network: new UpstreamNetwork() },
      ),
    )
    const maker = provisioner('maker', { connectTimeoutMs: 700 })
    await maker.provision(wish('quin'))
    await holder.query('BEGIN; GRANT g2 TO bare')
    const startedAt = performance.now()
    expect(await refusalOf(maker.provision(wish('quin', { memberOf: ['g1', 'g2'] })))).toMatch(
      /^provisioning-(failed|unavailable): /,
    )
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    await holder.query('ROLLBACK')
    expect(await maker.provision(wish('quin', { memberOf: ['g1', 'g2'] }))).toBe('changed')
    holder.end()
    maker.close()
  })
})

describe('what is quoted', () => {
  let session: SqlSession

  beforeAll(async () => {
    const credential = {
      kind: 'password',
      password: 'bare',
      allow: new Set(['scram-sha-256'] as const),
      isClients: false,
    } as const
    const request = { role: 'bare', credential, parameters: new Map(), requirement: undefined }
    session = new SqlSession(
      await openSession(targetOf(), request, {
        keys: new ScramKeyCache(1),
        network: new UpstreamNetwork(),
      }),
    )
  })

  afterAll(() => {
    session.end()
  })

  const spiteful = fc
    .array(
      fc.oneof(
        fc.constantFrom(
          '"',
          '""',
          "'",
          "''",
          '\\',
          '\\\\',
          ';',
          '--',
          '/*',
          '*/',
          '$$',
          '$1',
          '%I',
        ),
        fc.constantFrom(
          'E',
          'U&',
          ' ',
          '\n',
          '\t',
          '\r',
          ' UESCAPE ',
          'drop role g1',
          '😀',
          'ß',
          '\u202e',
        ),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }),
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join('').replaceAll('\0', ''))

  test.each(['on', 'off'])(
    'is the same text at the server, with standard_conforming_strings %s',
    async (setting) => {
      await session.query(
        `SET standard_conforming_strings TO ${setting}; SET escape_string_warning TO off`,
      )
      await fc.assert(
        fc.asyncProperty(spiteful, async (text) => {
          const rows = await session.query(`SELECT${quoteLiteral(text)} AS a, 1`)
          expect(rows).toEqual([[text, '1']])
        }),
        { numRuns: 300 },
      )
    },
  )

  test('is the same name at the server', async () => {
    const names = spiteful.filter((name) => name !== '' && Buffer.byteLength(name) <= 63)
    await fc.assert(
      fc.asyncProperty(names, async (name) => {
        const [row] = await session.query(
          `SELECT pg_catalog.row_to_json(a) FROM (SELECT 1 AS ${quoteIdentifier(name)}) AS a`,
        )
        expect(JSON.parse(row?.[0] ?? '')).toEqual({ [name]: 1 })
      }),
      { numRuns: 300 },
    )
  })
})
