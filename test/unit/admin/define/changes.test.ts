// What each statement makes of a catalog, told by what is different in the tree afterwards.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Written, WrittenMap } from '../../../../src/admin/catalog-home.ts'
import { answerTo, carryOut, faultOf } from '../../../support/define-catalog.ts'
import { emptyInstallation, MemoryCatalog } from '../../../support/memory-catalog.ts'

const upstream = { host: '10.0.0.5', auth: { method: 'trust' } }
const rw: WrittenMap = { role: 'app_rw', rank: 10, grants: ['USE, SELECT ON DATABASE sandbox'] }
const people: WrittenMap = {
  protocol: 'oidc',
  issuer: 'https://auth.example.com',
  client_id: 'people',
  client_secret: '${env:SECRET}',
  default_group: 'ro',
  groups_claim_ids: ['groups'],
  groups_claim_mappings: { writers: 'rw' },
}
const machines: WrittenMap = {
  protocol: 'oidc',
  issuer: 'https://auth.example.com',
  client_id: 'm2m',
  default_group: 'ro',
}
const pool: WrittenMap = {
  source_address: '0.0.0.0/0',
  priority: 10,
  sso_integration: 'people',
  participants: [
    { node: 'gw0', listen_address: '127.0.0.1', listen_port: 7001 },
    { node: 'gw0', listen_address: '127.0.0.1', listen_port: 7002 },
    { node: 'gw1', listen_address: '10.0.0.1', listen_port: 7001 },
  ],
}
const first: WrittenMap = {
  participants: [{ node: 'gw0', listen_address: '127.0.0.1', listen_port: 6432 }],
}
const start: WrittenMap = {
  ...emptyInstallation,
  groups: { ro: { role: 'app_ro' }, rw },
  integrations: { people, machines },
  databases: {
    system: { integrations: ['people', 'machines'], primary: 'people' },
    sandbox: { upstream },
    archive: { upstream, integrations: ['machines'] },
  },
  connectivity_pools: { first, sso_pool: pool },
}

let catalog: MemoryCatalog

beforeEach(() => {
  catalog = new MemoryCatalog(start, {}, { SECRET: 'from the environment' })
})

afterEach(() => {
  catalog[Symbol.dispose]()
})

function at(...path: readonly (string | number)[]): Written | undefined {
  return path.reduce<unknown>(
    (value, key) => (value as Record<string | number, unknown> | undefined)?.[key],
    catalog.tree,
  ) as Written | undefined
}

describe('CREATE', () => {
  test.each<[string, string, readonly string[], Written, string]>([
    ['a group of its own name', 'CREATE GROUP plain', ['groups', 'plain'], {}, 'CREATE GROUP'],
    [
      'a group',
      `CREATE GROUP "DBA" role = "dba", rank = 20`,
      ['groups', 'DBA'],
      { role: 'dba', rank: 20 },
      'CREATE GROUP',
    ],
    [
      'an integration',
      `CREATE SSO INTEGRATION third PROTOCOL oidc issuer = 'https://a.example', client_id = "c",
         client_secret = 's3cret', additional_scopes = ["email"], leeway = '10s',
         groups_claim_ids = ['g'], groups_claim_mappings = { "a" = "ro" }`,
      ['integrations', 'third'],
      {
        protocol: 'oidc',
        issuer: 'https://a.example',
        client_id: 'c',
        client_secret: 's3cret',
        additional_scopes: ['email'],
        leeway: '10s',
        groups_claim_ids: ['g'],
        groups_claim_mappings: { a: 'ro' },
      },
      'CREATE SSO INTEGRATION',
    ],
    [
      'a database',
      `CREATE DATABASE d upstream = { "host" = 'h', "port" = 5433, "auth" = { "method" = trust } }`,
      ['databases', 'd'],
      { upstream: { host: 'h', port: 5433, auth: { method: 'trust' } } },
      'CREATE DATABASE',
    ],
    [
      'a pool',
      `CREATE CONNECTIVITY_POOL p SOURCE_ADDRESS ('10.0.0.0/8', 'fd00::/8') PRIORITY 7
         SSO INTEGRATION people REQUIRE_SSO on IDLE_TIMEOUT '10m'
         PARTICIPANTS ((NODE gw0 LISTEN_ADDRESS '127.0.0.1' LISTEN_PORT 7100))`,
      ['connectivity_pools', 'p'],
      {
        source_address: ['10.0.0.0/8', 'fd00::/8'],
        priority: 7,
        sso_integration: 'people',
        require_sso: true,
        idle_timeout: '10m',
        participants: [{ node: 'gw0', listen_address: '127.0.0.1', listen_port: 7100 }],
      },
      'CREATE CONNECTIVITY_POOL',
    ],
  ])('makes %s', async (_, text, path, entry, tag) => {
    const answer = await answerTo(catalog, text)
    expect(answer).toMatchObject({ tag, notices: [] })
    expect(at(...path)).toEqual(entry)
  })

  test.each([
    ['GROUP ro', 'group "ro"'],
    ['SSO INTEGRATION people', 'SSO integration "people"'],
    ['DATABASE sandbox', 'database "sandbox"'],
    ['DATABASE system', 'database "system"'],
    [
      `CONNECTIVITY_POOL sso_pool PARTICIPANTS ((NODE gw0 LISTEN_PORT 1))`,
      'connectivity pool "sso_pool"',
    ],
  ])('of a %s that is there is refused, or skipped', async (what, name) => {
    expect(await faultOf(catalog, `  CREATE ${what}`)).toEqual({
      ...{ sqlstate: '42710', message: `${name} already exists`, position: 3 },
    })
    const skipping = what.replace(
      /^(GROUP|SSO INTEGRATION|DATABASE|CONNECTIVITY_POOL)/,
      '$1 IF NOT EXISTS',
    )
    const { notices } = await answerTo(catalog, `CREATE ${skipping}`)
    expect(notices).toEqual([
      { severity: 'NOTICE', message: `${name} already exists, skipping`, hint: undefined },
    ])
    expect(catalog.tree).toEqual(start)
  })

  test('of an integration puts it onto system, and leaves the primary one as it is', async () => {
    await carryOut(
      catalog,
      `CREATE SSO INTEGRATION c issuer = 'https://c.example', client_id = 'c'`,
    )
    expect(at('databases', 'system')).toEqual({
      integrations: ['people', 'machines', 'c'],
      primary: 'people',
    })
  })

  test('of the first integration makes it the primary one, and of the second does not', async () => {
    using empty = new MemoryCatalog()
    await carryOut(empty, `CREATE SSO INTEGRATION a issuer = 'https://a.example', client_id = 'a'`)
    await carryOut(empty, `CREATE SSO INTEGRATION b issuer = 'https://b.example', client_id = 'b'`)
    expect(empty.tree['databases']).toEqual({ system: { integrations: ['a', 'b'], primary: 'a' } })
  })

  test('of a pool without participants says what is missing', async () => {
    const { sqlstate, hint } = await faultOf(catalog, 'CREATE CONNECTIVITY_POOL p')
    expect(sqlstate).toBe('42P17')
    expect(hint).toContain('PARTICIPANTS ((NODE')
  })

  test('of a database without a server says how to give it one', async () => {
    const { sqlstate, hint } = await faultOf(catalog, 'CREATE DATABASE d')
    expect(sqlstate).toBe('42P17')
    expect(hint).toContain('default_upstream')
  })

  test('of a database without a server takes the default one', async () => {
    using own = new MemoryCatalog({ ...emptyInstallation, default_upstream: upstream })
    await carryOut(own, 'CREATE DATABASE d')
    expect(own.tree['databases']).toEqual({ d: {} })
    expect(own.loaded.config.databases['d']?.upstream).toMatchObject({ database: 'd' })
  })

  test('of a pool for another node says that nothing listens here', async () => {
    const { notices } = await answerTo(
      catalog,
      `CREATE CONNECTIVITY_POOL p PRIORITY 3 PARTICIPANTS ((NODE sql0 LISTEN_ADDRESS '10.0.0.20' LISTEN_PORT 4051))`,
    )
    expect(notices).toMatchObject([
      {
        message: 'connectivity pool "p" has no participant on this node, "gw0"',
        hint: expect.stringContaining('ADD PARTICIPANT (NODE gw0 ...)') as string,
      },
    ])
  })

  test('of the first pool of this node says that the default one is gone', async () => {
    using empty = new MemoryCatalog()
    const create = 'CREATE CONNECTIVITY_POOL p PRIORITY 3'
    const listeners = `PARTICIPANTS ((NODE gw0 LISTEN_ADDRESS '127.0.0.1' LISTEN_PORT 7001))`
    const gone = {
      severity: 'WARNING',
      message: expect.stringContaining('the default pool "gw0_default" is closed') as string,
    }
    const { notices } = await answerTo(empty, `${create} ENABLED off ${listeners}`)
    expect(notices).not.toContainEqual(expect.objectContaining(gone))
    const enabled = await answerTo(empty, 'ALTER CONNECTIVITY_POOL p SET ENABLED on')
    expect(enabled.notices).toMatchObject([gone])
    const again = await answerTo(empty, `${create.replace(' p ', ' q ')} ${listeners}`)
    expect(again.notices).toEqual([])
  })

  test('does not take the mask for a secret', async () => {
    const text = `CREATE SSO INTEGRATION c issuer = 'https://c.example', client_id = 'c', client_secret = '********'`
    for (const [its, parameters] of [
      [text, []],
      [text.replace(`'********'`, '$1'), ['********']],
    ] as const) {
      expect(await faultOf(catalog, its, parameters)).toMatchObject({
        sqlstate: '22023',
        message: 'the secret of "client_secret" is missing',
      })
    }
    expect(catalog.tree).toEqual(start)
  })

  test('takes references for text, and says so', async () => {
    const { notices } = await answerTo(
      catalog,
      `CREATE SSO INTEGRATION c issuer = 'https://c.example', client_id = '\${env:SECRET}', client_secret = '\${file:/run/secrets/not-there}'`,
    )
    expect(notices?.map(({ severity, message }) => [severity, message])).toEqual([
      ['WARNING', 'the text of "client_id" is taken as it stands, and not as a reference'],
      ['WARNING', 'the text of "client_secret" is taken as it stands, and not as a reference'],
    ])
    expect(catalog.loaded.config.integrations['c']).toMatchObject({
      client_id: '${env:SECRET}',
      client_secret: '${file:/run/secrets/not-there}',
    })
  })

  test('says what the catalog has against it', async () => {
    expect(await faultOf(catalog, `CREATE GROUP g rank = 1000001, role = 'r'`)).toMatchObject({
      message: expect.stringContaining('groups.g.rank: must be a whole number between') as string,
      position: 1,
    })
    expect(catalog.tree).toEqual(start)
  })
})

describe('ALTER ... SET', () => {
  test.each<[string, string, readonly (string | number)[], Written, string]>([
    ['a group', 'GROUP rw SET rank = 5', ['groups', 'rw'], { ...rw, rank: 5 }, 'ALTER GROUP'],
    [
      'a list, item by item',
      `SSO INTEGRATION people SET groups_claim_ids = ['groups', 'roles']`,
      ['integrations', 'people', 'groups_claim_ids'],
      ['groups', 'roles'],
      'ALTER SSO INTEGRATION',
    ],
    [
      'a list into an empty one',
      `SSO INTEGRATION machines SET additional_scopes = []`,
      ['integrations', 'machines', 'additional_scopes'],
      [],
      'ALTER SSO INTEGRATION',
    ],
    [
      'a map, as a whole',
      `SSO INTEGRATION people SET groups_claim_mappings = { "admins" = 'rw', "others" = 'ro' }`,
      ['integrations', 'people', 'groups_claim_mappings'],
      { admins: 'rw', others: 'ro' },
      'ALTER SSO INTEGRATION',
    ],
    [
      'a section, as a whole',
      `DATABASE sandbox SET upstream = { "host" = '10.0.0.6', "auth" = { "method" = 'trust' } }`,
      ['databases', 'sandbox', 'upstream'],
      { host: '10.0.0.6', auth: { method: 'trust' } },
      'ALTER DATABASE',
    ],
    [
      'a pool',
      `CONNECTIVITY_POOL sso_pool SET PRIORITY 20 SOURCE_ADDRESS '10.0.0.0/8' REQUIRE_SSO true`,
      ['connectivity_pools', 'sso_pool'],
      { ...pool, priority: 20, source_address: '10.0.0.0/8', require_sso: true },
      'ALTER CONNECTIVITY_POOL',
    ],
    [
      'the database system, which needs no entry',
      'DATABASE system SET integration_selection = primary',
      ['databases', 'system', 'integration_selection'],
      'primary',
      'ALTER DATABASE',
    ],
  ])('changes %s', async (_, text, path, value, tag) => {
    expect(await answerTo(catalog, `ALTER ${text}`)).toMatchObject({ tag, notices: [] })
    expect(at(...path)).toEqual(value)
  })

  test('to what is there already changes nothing, and says so', async () => {
    const { notices } = await answerTo(
      catalog,
      `ALTER SSO INTEGRATION people SET client_secret = '********', groups_claim_ids = ['groups']`,
    )
    expect(notices).toMatchObject([
      { message: 'nothing changes: the catalog is like that already' },
    ])
    expect(catalog.state.version).toBe(1)
  })

  test('keeps a reference where the text is the same, and a secret where it is the mask', async () => {
    await carryOut(
      catalog,
      `ALTER SSO INTEGRATION people SET client_secret = '********', client_id = 'other'`,
    )
    expect(at('integrations', 'people')).toEqual({ ...people, client_id: 'other' })
    await carryOut(
      catalog,
      `ALTER SSO INTEGRATION people SET client_secret = '\${env:SECRET}', client_id = 'people'`,
    )
    expect(at('integrations', 'people')).toEqual(people)
    expect(catalog.loaded.config.integrations['people']?.client_secret).toBe('from the environment')
  })

  test('keeps the secret of an entry of a map', async () => {
    await carryOut(
      catalog,
      `ALTER DATABASE sandbox SET upstream = { "host" = '10.0.0.5', "auth" = { "method" = password, "passwords" = { "app_ro" = 'one' } } }`,
    )
    const text = `ALTER DATABASE sandbox SET upstream = { "host" = '10.0.0.5', "auth" = { "method" = password, "passwords" = { "app_ro" = '********', "app_rw" = 'two' } } }`
    await carryOut(catalog, text)
    const passwords = ['databases', 'sandbox', 'upstream', 'auth', 'passwords']
    expect(at(...passwords)).toEqual({ app_ro: 'one', app_rw: 'two' })
    expect(await faultOf(catalog, text.replace('app_ro', 'app_other'))).toMatchObject({
      sqlstate: '22023',
    })
  })

  test('takes parameters for what they are', async () => {
    await carryOut(catalog, 'ALTER GROUP rw SET rank = $1, allow_superuser = $2, role = $3', [
      ...['7', 'on', '12'],
    ])
    expect(at('groups', 'rw')).toMatchObject({ rank: 7, allow_superuser: true, role: '12' })
    expect(await faultOf(catalog, 'ALTER GROUP rw SET rank = $1', ['many'])).toMatchObject({
      sqlstate: '22023',
      message: 'invalid value for "rank"',
    })
    expect(await faultOf(catalog, 'ALTER GROUP rw SET rank = $1')).toMatchObject({
      sqlstate: '42P02',
    })
  })

  test.each([
    ['GROUP rx SET rank = 1', 'group "rx" does not exist', 'Perhaps you meant ro.'],
    [
      'SSO INTEGRATION "People" SET enabled = off',
      'SSO integration "People" does not exist',
      'Perhaps you meant people.',
    ],
    [
      'DATABASE elsewhere SET max_sessions = 1',
      'database "elsewhere" does not exist',
      'There are system, sandbox, archive.',
    ],
    [
      'CONNECTIVITY_POOL "SSO pool" RESET priority',
      'connectivity pool "SSO pool" does not exist',
      'Perhaps you meant sso_pool.',
    ],
  ])('%s is refused with the nearest name, or skipped', async (text, message, hint) => {
    expect(await faultOf(catalog, `ALTER ${text}`)).toEqual({
      ...{ sqlstate: '42704', message, hint, position: 1 },
    })
    const skipping = text.replace(
      /^(GROUP|SSO INTEGRATION|DATABASE|CONNECTIVITY_POOL)/,
      '$1 IF EXISTS',
    )
    const { notices } = await answerTo(catalog, `ALTER ${skipping}`)
    expect(notices).toMatchObject([{ message: `${message}, skipping` }])
  })

  test('RESET gives defaults again', async () => {
    await carryOut(catalog, 'ALTER CONNECTIVITY_POOL sso_pool RESET source_address, require_sso')
    expect(at('connectivity_pools', 'sso_pool', 'source_address')).toBeUndefined()
    expect(at('connectivity_pools', 'sso_pool', 'priority')).toBe(10)
  })
})

describe('DROP', () => {
  test.each([
    ['a group', 'GROUP rw', 'ALTER SSO INTEGRATION people RESET groups_claim_mappings', 'groups'],
    ['a pool', 'CONNECTIVITY_POOL sso_pool', '', 'connectivity_pools'],
    ['a database', 'DATABASE archive', '', 'databases'],
  ])('takes %s away', async (_, what, before, section) => {
    const name = what.split(' ')[1]!
    await carryOut(catalog, `${before}; DROP ${what}`)
    expect(at(section, name)).toBeUndefined()
    expect(await faultOf(catalog, `DROP ${what}`)).toMatchObject({ sqlstate: '42704' })
    const { notices } = await answerTo(catalog, `DROP ${what.replace(name, `IF EXISTS ${name}`)}`)
    expect(notices).toMatchObject([{ severity: 'NOTICE' }])
  })

  test.each([
    [
      'GROUP ro',
      'SSO integration "people" has it as default_group\nSSO integration "machines" has it as default_group',
    ],
    ['GROUP rw', 'SSO integration "people" maps claims to it'],
    ['SSO INTEGRATION people', 'connectivity pool "sso_pool" has it as sso_integration'],
    [
      'DATABASE system',
      'SSO integration "people" is assigned to it\nSSO integration "machines" is assigned to it',
    ],
  ])('%s is refused while something needs it', async (what, detail) => {
    expect(await faultOf(catalog, `DROP ${what}`)).toMatchObject({
      sqlstate: '2BP01',
      message: expect.stringMatching(
        /^cannot drop .* because other objects depend on it$/,
      ) as string,
      detail,
    })
    expect(catalog.tree).toEqual(start)
  })

  test('is refused while a pool or the console allows it', async () => {
    using own = new MemoryCatalog(
      {
        ...start,
        console: { admin_groups: ['spare'] },
        groups: { ...(start['groups'] as WrittenMap), spare: {} },
        integrations: { people, machines, spare: { ...machines, client_id: 'spare' } },
        connectivity_pools: {
          first: {
            ...first,
            allowed_groups: ['spare'],
            allowed_databases: ['archive'],
            allowed_integrations: ['spare'],
          },
        },
      },
      {},
      { SECRET: 'x' },
    )
    const detailOf = async (thing: string): Promise<string | undefined> =>
      (await faultOf(own, `DROP ${thing}`)).detail
    expect(await detailOf('GROUP spare')).toBe(
      'connectivity pool "first" has it among allowed_groups\nthe console has it among admin_groups',
    )
    expect(await detailOf('DATABASE archive')).toBe(
      'connectivity pool "first" has it among allowed_databases',
    )
    expect(await detailOf('SSO INTEGRATION spare')).toBe(
      'connectivity pool "first" has it among allowed_integrations',
    )
  })

  test('of the primary integration of a database that has others is refused', async () => {
    await carryOut(catalog, 'ALTER CONNECTIVITY_POOL sso_pool RESET sso_integration')
    expect(await faultOf(catalog, 'DROP SSO INTEGRATION people')).toMatchObject({
      sqlstate: '2BP01',
      detail: 'it is the primary one of database "system", which has others',
      hint: 'Choose another one first: ALTER DATABASE system SET SSO INTEGRATION machines.',
    })
  })

  test('of an integration opens no database to those of system', async () => {
    expect(await faultOf(catalog, 'DROP SSO INTEGRATION machines')).toMatchObject({
      sqlstate: '2BP01',
      detail: `database "archive" has no other, and would be open to the SSO integrations of "system"`,
    })
    await carryOut(
      catalog,
      'ALTER DATABASE archive REMOVE SSO INTEGRATION; DROP SSO INTEGRATION machines',
    )
    expect(at('databases')).toEqual({
      system: { integrations: ['people'], primary: 'people' },
      sandbox: { upstream },
      archive: { upstream },
    })
    expect(Object.keys(at('integrations') as WrittenMap)).toEqual(['people'])
  })

  test('of a database takes the privileges on it away', async () => {
    const { notices } = await answerTo(catalog, 'DROP DATABASE sandbox')
    expect(notices).toMatchObject([
      { message: 'the privileges of group "rw" on it are gone with it' },
    ])
    expect(at('groups', 'rw', 'grants')).toEqual([])
  })
})

describe('ALTER DATABASE', () => {
  test('SET SSO INTEGRATION assigns it and makes it the primary one', async () => {
    const answer = await answerTo(catalog, 'ALTER DATABASE archive SET SSO INTEGRATION people')
    expect(answer).toEqual({ tag: 'ALTER DATABASE', notices: [] })
    expect(at('databases', 'archive')).toEqual({
      ...{ upstream, integrations: ['machines', 'people'], primary: 'people' },
    })
  })

  test('SET SSO INTEGRATION on a database without any ends what it has of system, and says so', async () => {
    const { notices } = await answerTo(catalog, 'ALTER DATABASE sandbox SET SSO INTEGRATION people')
    expect(notices).toMatchObject([
      { message: expect.stringContaining('no longer those of "system"') as string },
    ])
    expect(at('databases', 'sandbox')).toEqual({
      ...{ upstream, integrations: ['people'], primary: 'people' },
    })
  })

  test('SET of the one that is it already changes nothing', async () => {
    const { notices } = await answerTo(catalog, 'ALTER DATABASE system SET SSO INTEGRATION people')
    expect(notices).toMatchObject([
      { message: expect.stringContaining('nothing changes') as string },
    ])
  })

  test('ALTER SSO INTEGRATION adds one that is not primary', async () => {
    await carryOut(catalog, 'ALTER DATABASE archive ALTER SSO INTEGRATION people')
    expect(at('databases', 'archive')).toEqual({
      ...{ upstream, integrations: ['machines', 'people'], primary: 'machines' },
    })
  })

  test('ALTER SSO INTEGRATION of one that is there says how another becomes primary', async () => {
    const { notices } = await answerTo(
      catalog,
      'ALTER DATABASE system ALTER SSO INTEGRATION people',
    )
    expect(notices).toMatchObject([
      {
        message: 'SSO integration "people" is already assigned to database "system"',
        hint: expect.stringContaining('SET SSO INTEGRATION name') as string,
      },
    ])
  })

  test('REMOVE takes the only one away, and says whom that lets in', async () => {
    const { notices } = await answerTo(catalog, 'ALTER DATABASE archive REMOVE SSO INTEGRATION')
    expect(notices).toMatchObject([
      {
        severity: 'WARNING',
        message: 'database "archive" is open to the SSO integrations of "system" now',
      },
    ])
    expect(at('databases', 'archive')).toEqual({ upstream })
  })

  test.each([
    [
      'system REMOVE SSO INTEGRATION',
      { sqlstate: '42P09', hint: 'Say which one: people, machines.' },
    ],
    [
      'system REMOVE SSO INTEGRATION people',
      {
        sqlstate: '2BP01',
        hint: 'Choose another one first: ALTER DATABASE system SET SSO INTEGRATION machines.',
      },
    ],
    ['sandbox REMOVE SSO INTEGRATION', { sqlstate: '42704' }],
    ['archive REMOVE SSO INTEGRATION people', { sqlstate: '42704' }],
    [
      'archive SET SSO INTEGRATION peopel',
      { sqlstate: '42704', hint: 'Perhaps you meant people.' },
    ],
    [
      'archiv ALTER SSO INTEGRATION people',
      { sqlstate: '42704', hint: 'Perhaps you meant archive.' },
    ],
  ])('%s is refused', async (text, fault) => {
    expect(await faultOf(catalog, `ALTER DATABASE ${text}`)).toMatchObject(fault)
    expect(catalog.tree).toEqual(start)
  })
})

describe('PARTICIPANT', () => {
  const listeners = (): Written | undefined => at('connectivity_pools', 'sso_pool', 'participants')
  const before = pool['participants'] as readonly WrittenMap[]

  test('is added', async () => {
    await carryOut(
      catalog,
      `ALTER CONNECTIVITY_POOL sso_pool ADD PARTICIPANT (NODE gw2 LISTEN_ADDRESS '::' LISTEN_PORT 7003)`,
    )
    expect(listeners()).toEqual([
      ...before,
      { node: 'gw2', listen_address: '::', listen_port: 7003 },
    ])
  })

  test('is altered, the only one of its node or the one with these properties', async () => {
    await carryOut(
      catalog,
      `ALTER CONNECTIVITY_POOL sso_pool ALTER PARTICIPANT (NODE gw1 LISTEN_ADDRESS '10.0.0.2');
       ALTER CONNECTIVITY_POOL sso_pool ALTER PARTICIPANT (NODE gw0 LISTEN_PORT 7002) SET (LISTEN_PORT 7005 ADVERTISED_PORT 5432)`,
    )
    expect(listeners()).toEqual([
      before[0],
      { ...before[1], listen_port: 7005, advertised_port: 5432 },
      { ...before[2], listen_address: '10.0.0.2' },
    ])
  })

  test('is dropped', async () => {
    await carryOut(catalog, 'ALTER CONNECTIVITY_POOL sso_pool DROP PARTICIPANT NODE gw1')
    await carryOut(
      catalog,
      'ALTER CONNECTIVITY_POOL sso_pool DROP PARTICIPANT (NODE gw0 LISTEN_PORT 7001)',
    )
    expect(listeners()).toEqual([before[1]])
    expect(
      await faultOf(catalog, 'ALTER CONNECTIVITY_POOL sso_pool DROP PARTICIPANT NODE gw0'),
    ).toMatchObject({
      sqlstate: '2BP01',
      hint: expect.stringContaining('DROP CONNECTIVITY_POOL sso_pool') as string,
    })
  })

  test.each([
    [
      'ALTER PARTICIPANT (NODE gw0 LISTEN_PORT 1)',
      {
        sqlstate: '42P09',
        message: expect.stringContaining('several such participants') as string,
      },
    ],
    [
      'DROP PARTICIPANT (NODE gw0 LISTEN_PORT 1)',
      { sqlstate: '42704', message: expect.stringContaining('has these properties') as string },
    ],
    ['DROP PARTICIPANT NODE gw9', { sqlstate: '42704', hint: 'Perhaps you meant gw0.' }],
  ])('%s is refused', async (text, fault) => {
    expect(await faultOf(catalog, `ALTER CONNECTIVITY_POOL sso_pool ${text}`)).toMatchObject(fault)
  })
})

describe('GRANT and REVOKE', () => {
  const grants = (group: string): Written | undefined => at('groups', group, 'grants')

  test('write what a group is to have, and say what brings it to PostgreSQL', async () => {
    const { tag, notices } = await answerTo(
      catalog,
      'GRANT USE, VIEW TABLE ON DATABASE sandbox, archive TO GROUP ro',
    )
    expect(tag).toBe('GRANT')
    expect(notices).toMatchObject([
      { hint: expect.stringContaining('portcullis grants apply') as string },
    ])
    expect(grants('ro')).toEqual([
      'USE, VIEW TABLE ON DATABASE sandbox',
      'USE, VIEW TABLE ON DATABASE archive',
    ])
  })

  test('join what the group has on the same database', async () => {
    await carryOut(catalog, 'GRANT SELECT, INSERT ON DATABASE sandbox TO GROUP rw')
    expect(grants('rw')).toEqual(['USE, SELECT, INSERT ON DATABASE sandbox'])
    await carryOut(catalog, 'REVOKE USE, INSERT ON DATABASE sandbox FROM GROUP rw')
    expect(grants('rw')).toEqual(['SELECT ON DATABASE sandbox'])
    await carryOut(catalog, 'REVOKE SELECT ON DATABASE sandbox FROM GROUP rw')
    expect(grants('rw')).toEqual([])
  })

  test('leave the rest of an entry as it is; REVOKE takes from what is about tables, too', async () => {
    using own = new MemoryCatalog(
      {
        ...start,
        groups: {
          ...(start['groups'] as WrittenMap),
          rw: {
            role: 'app_rw',
            grants: [
              { privileges: ['SELECT', 'INSERT'], database: 'sandbox', tables: ['orders'] },
              { privileges: 'use', database: 'sandbox' },
              'SELECT ON DATABASE "archive"',
            ],
          },
        },
      },
      {},
      { SECRET: 'x' },
    )
    await carryOut(own, 'GRANT DELETE ON DATABASE sandbox TO GROUP rw')
    await carryOut(own, 'REVOKE SELECT, USE ON DATABASE sandbox FROM GROUP rw')
    expect((own.tree['groups'] as WrittenMap)['rw']).toEqual({
      role: 'app_rw',
      grants: [
        { privileges: ['INSERT'], database: 'sandbox', tables: ['orders'] },
        { privileges: ['DELETE'], database: 'sandbox' },
        'SELECT ON DATABASE "archive"',
      ],
    })
  })

  test('may name a database that is not there yet, with a notice', async () => {
    const { notices } = await answerTo(catalog, 'GRANT USE ON DATABASE "sand box" TO GROUP ro')
    expect(grants('ro')).toEqual(['USE ON DATABASE "sand box"'])
    expect(notices).toMatchObject([
      {},
      {
        message: expect.stringContaining(
          'there is no such database; did you mean "sandbox"',
        ) as string,
      },
    ])
  })

  test('of what is not there say so', async () => {
    const { notices } = await answerTo(catalog, 'REVOKE DELETE ON DATABASE sandbox FROM GROUP rw')
    expect(notices).toMatchObject([{ message: 'group "rw" has no such privileges' }])
    expect(await faultOf(catalog, 'GRANT USE ON DATABASE sandbox TO GROUP rww')).toMatchObject({
      sqlstate: '42704',
      hint: 'Perhaps you meant rw.',
    })
  })
})

test('who changed what is told, without secrets', async () => {
  await carryOut(catalog, `ALTER SSO INTEGRATION people SET client_secret = 'hunter2'`)
  expect(await catalog.history()).toMatchObject([
    {
      version: 2,
      author: 'olga',
      by: 'console',
      what: "ALTER SSO INTEGRATION people SET client_secret = '********'",
    },
    { version: 1 },
  ])
})
