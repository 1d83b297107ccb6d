import { afterAll, describe, expect, test } from 'vitest'
import type { WrittenMap } from '../../../../src/admin/catalog-home.ts'
import { columnsOf } from '../../../../src/admin/columns.ts'
import { catalogTopics } from '../../../../src/admin/define/show-topics.ts'
import { parseStatements } from '../../../../src/admin/grammar/parse.ts'
import { answerTo, faultOf } from '../../../support/define-catalog.ts'
import { emptyInstallation, MemoryCatalog } from '../../../support/memory-catalog.ts'

const tree: WrittenMap = {
  ...emptyInstallation,
  identity_map: '# who is who\n"https://a.example" /^(.*)@a$ "\\1"\n\nhttps://a.example boss all',
  settings: { 'server.identity_map.configuration': ' https://b.example x y # z' },
  default_upstream: { host: 'h', auth: { method: 'trust' } },
  groups: {
    ro: { grants: ['USE, SELECT ON DATABASE sandbox'] },
    rw: {
      role: 'app_rw',
      rank: '${env:RANK}',
      allow_superuser: true,
      grants: [
        { privileges: ['SELECT'], database: 'sandbox', schemas: ['public'], tables: ['orders'] },
      ],
    },
  },
  integrations: {
    people: {
      issuer: 'https://a.example',
      client_id: '${env:CLIENT}',
      client_secret: 'never shown',
      default_group: 'ro',
      groups_claim_ids: ['g'],
      groups_claim_mappings: { w: 'rw' },
      proxy_url: 'http://user:never-shown@proxy.example:3128',
    },
    machines: {
      ...{ issuer: 'https://a.example', client_id: 'm', enabled: false },
      enable_id_token_authentication: true,
    },
  },
  databases: {
    system: { integrations: ['people', 'machines'], primary: 'people' },
    sandbox: { integrations: ['machines'] },
    archive: {
      upstream: {
        ...{ host: 'h2', port: 7 },
        auth: { method: 'password', passwords: { app_rw: 'never shown' } },
      },
    },
  },
  connectivity_pools: {
    first: {
      priority: 5,
      sso_integration: 'people',
      require_sso: true,
      participants: [
        { node: 'gw0', listen_address: '::1', listen_port: 6432, advertised_port: 5432 },
        { node: 'gw1', socket_directory: '/run/x', listen_port: 5432 },
      ],
    },
    second: {
      source_address: '10.0.0.0/8',
      server_names: ['db.example.com'],
      auth_methods: ['oauthbearer'],
      participants: [
        { node: 'gw1', listen_address: '::', listen_port: 1, proxy_protocol: 'required' },
      ],
    },
  },
}

const catalog = new MemoryCatalog(tree, {}, { RANK: '3', CLIENT: 'c' })

afterAll(() => {
  catalog[Symbol.dispose]()
})

describe('SHOW', () => {
  test.each<[keyof typeof catalogTopics, readonly (readonly unknown[])[]]>([
    [
      'GROUPS',
      [
        [
          ...['ro', 'ro', 0, false],
          ['sandbox'],
          ['SSO integration "people" has it as default_group'],
        ],
        [
          ...['rw', 'app_rw', null, true],
          ['sandbox'],
          ['SSO integration "people" maps claims to it'],
        ],
      ],
    ],
    [
      'INTEGRATIONS',
      [
        [
          ...['people', true, 'oidc', 'https://a.example', '${env:CLIENT}', 'ro', false],
          ...[['system'], ['system'], ['first']],
        ],
        [
          ...['machines', false, 'oidc', 'https://a.example', 'm', null, true],
          ...[['system', 'sandbox'], ['sandbox'], []],
        ],
      ],
    ],
    [
      'CONNECTIVITY_POOLS',
      [
        [
          ...['first', ['0.0.0.0/0', '::/0'], 5, 'people', true, ['cleartext', 'oauthbearer']],
          ...[[], ['gw0', 'gw1'], 2, true],
        ],
        [
          ...['second', ['10.0.0.0/8'], 0, null, false, ['oauthbearer']],
          ...[['db.example.com'], ['gw1'], 1, true],
        ],
      ],
    ],
    [
      'PARTICIPANTS',
      [
        ['first', 'gw0', '::1', 6432, null, null, 5432, null, null, null, false, 'trusted'],
        ['first', 'gw1', null, 5432, '/run/x', null, null, null, null, null, false, 'trusted'],
        ['second', 'gw1', '::', 1, null, null, null, null, null, null, false, 'required'],
      ],
    ],
    [
      'GRANTS',
      [
        ['ro', 'sandbox', ['USE', 'SELECT'], null, null],
        ['rw', 'sandbox', ['SELECT'], ['public'], ['orders']],
      ],
    ],
    [
      'IDENTITY_MAP',
      [
        ['identity_map', 2, 'https://a.example', '/^(.*)@a$', '\\1'],
        ['identity_map', 4, 'https://a.example', 'boss', 'all'],
        ['server.identity_map.configuration', 1, 'https://b.example', 'x', 'y'],
      ],
    ],
  ])('%s shows what stands in the catalog', (topic, rows) => {
    const { columns, rows: rowsOf } = catalogTopics[topic]
    expect(rowsOf(catalog.tree)).toEqual(rows)
    for (const row of rowsOf(catalog.tree)) expect(row).toHaveLength(columns.length)
  })

  test('IDENTITY_MAP shows a map that comes from elsewhere by its reference', () => {
    const elsewhere = { ...emptyInstallation, identity_map: '${file:map}' }
    expect(catalogTopics.IDENTITY_MAP.rows(elsewhere)).toEqual([
      ['identity_map', null, '${file:map}', null, null],
    ])
  })
})

describe('the columns', () => {
  test.each([
    'SHOW CREATE GROUP ro',
    'SHOW CREATE ALL',
    'SHOW CLUSTER SETTING server.jwt_authentication.enabled',
    'SHOW CLUSTER SETTING server.jwt_authentication.jwks',
    'SHOW ALL CLUSTER SETTINGS',
    ...Object.keys(catalogTopics).map((topic) => `SHOW ${topic}`),
  ])('of %s are known before it is carried out', async (text) => {
    const [parsed] = parseStatements(text)
    const { table } = await answerTo(catalog, text)
    expect(columnsOf(parsed!.statement)).toEqual(table?.columns)
  })

  test('stay with a limit', async () => {
    const { table } = await answerTo(catalog, 'SHOW PARTICIPANTS LIMIT 2')
    expect(table?.rows).toHaveLength(2)
    expect((await answerTo(catalog, 'SHOW PARTICIPANTS LIMIT $1', ['1'])).table?.rows).toHaveLength(
      1,
    )
    expect(await faultOf(catalog, 'SHOW PARTICIPANTS LIMIT $1', ['x'])).toMatchObject({
      sqlstate: '22023',
    })
  })
})

describe('SHOW CREATE', () => {
  test.each<[string, readonly string[]]>([
    [
      'GROUP rw',
      [
        '-- rank is a reference in the file, ${env:RANK}',
        "CREATE GROUP rw role = 'app_rw', allow_superuser = true;",
        '-- group "rw" has SELECT on database "sandbox" for some schemas or tables, in the file alone',
      ],
    ],
    ['GROUP ro', ['CREATE GROUP ro;', 'GRANT USE, SELECT ON DATABASE sandbox TO GROUP ro;']],
    [
      'SSO INTEGRATION people',
      [
        '-- client_id is a reference in the file, ${env:CLIENT}',
        "CREATE SSO INTEGRATION people PROTOCOL oidc issuer = 'https://a.example', client_id = '${env:CLIENT}', client_secret = '********', default_group = 'ro', groups_claim_ids = ['g'], groups_claim_mappings = {\"w\" = 'rw'}, proxy_url = '********';",
      ],
    ],
    [
      'DATABASE system',
      [
        'ALTER DATABASE system ALTER SSO INTEGRATION people;',
        'ALTER DATABASE system ALTER SSO INTEGRATION machines;',
      ],
    ],
    [
      'DATABASE archive',
      [
        `CREATE DATABASE archive upstream = {"host" = 'h2', "port" = 7, "auth" = {"method" = 'password', "passwords" = {"app_rw" = '********'}}};`,
      ],
    ],
    [
      'CONNECTIVITY_POOL second',
      [
        "CREATE CONNECTIVITY_POOL second SOURCE_ADDRESS '10.0.0.0/8' AUTH_METHODS ['oauthbearer'] SERVER_NAMES ['db.example.com'] PARTICIPANTS ((NODE gw1 LISTEN_ADDRESS '::' LISTEN_PORT 1 PROXY_PROTOCOL 'required'));",
      ],
    ],
  ])('%s prints its statements', async (thing, lines) => {
    const name = thing.split(' ').at(-1)!
    expect(await answerTo(catalog, `SHOW CREATE ${thing}`)).toEqual({
      tag: 'SHOW',
      table: {
        columns: [
          { name: 'name', type: 'text' },
          { name: 'create_statement', type: 'text' },
        ],
        rows: [[name, lines.join('\n')]],
      },
    })
  })

  test('of what is not there names the nearest', async () => {
    expect(await faultOf(catalog, '  SHOW CREATE GROUP rx')).toEqual({
      sqlstate: '42704',
      message: 'group "rx" does not exist',
      hint: 'Perhaps you meant ro.',
      position: 3,
    })
  })

  test('ALL has everything, what it cannot say in comments, and no secret', async () => {
    const { table } = await answerTo(catalog, 'SHOW CREATE ALL')
    const text = (table?.rows ?? []).map(([statement]) => statement).join('\n')
    expect(text).toContain('-- identity_map is in the file alone')
    expect(text).toContain("SET CLUSTER SETTING server.identity_map.configuration = ' https://b")
    expect(text).not.toMatch(/never.shown/)
  })
})
