import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseStatements } from '../../../src/admin/grammar/parse.ts'
import { printStatement } from '../../../src/admin/grammar/print.ts'
import { reference } from '../../../src/admin/grammar/reference.ts'
import { firstWords } from '../../../src/admin/grammar/parse.ts'
import { privileges } from '../../../src/admin/grammar/privileges.ts'
import { showTopics } from '../../../src/admin/grammar/show-topics.ts'

function only(text: string): unknown {
  const statements = parseStatements(text)
  expect(statements).toHaveLength(1)
  return statements[0]!.statement
}

function string(value: string) {
  return { kind: 'string', value }
}

function number(value: number) {
  return { kind: 'number', value }
}

const bare = { integration: undefined, user: undefined, database: undefined, pool: undefined }

describe('the statement', () => {
  test.each<[string, object]>([
    ['CREATE GROUP g', { kind: 'create', object: 'group', name: 'g', properties: [] }],
    ['create group if', { kind: 'create', name: 'if', ifNotExists: false }],
    ['CREATE GROUP IF NOT EXISTS "G g"', { kind: 'create', name: 'G g', ifNotExists: true }],
    [
      'CREATE GROUP g role = app, rank = -1, allow_superuser = off',
      {
        properties: [
          { name: 'role', value: string('app') },
          { name: 'rank', value: number(-1) },
          { name: 'allow_superuser', value: { kind: 'boolean', value: false } },
        ],
      },
    ],
    ['CREATE SSO INTEGRATION i', { kind: 'create', object: 'sso integration' }],
    ['CREATE SSO INTEGRATION i PROTOCOL "OIDC"', { kind: 'create', object: 'sso integration' }],
    [
      `CREATE SSO INTEGRATION i PROTOCOL oidc required_claims = {"a" = true, b: {pattern = '^x$'}, 'c' = 1}`,
      {
        properties: [
          {
            name: 'required_claims',
            value: {
              kind: 'map',
              entries: [
                { key: 'a', value: { kind: 'boolean', value: true } },
                {
                  key: 'b',
                  value: { kind: 'map', entries: [{ key: 'pattern', value: string('^x$') }] },
                },
                { key: 'c', value: number(1) },
              ],
            },
          },
        ],
      },
    ],
    [
      'CREATE SSO INTEGRATION i algorithms = (rs256, "ES256")',
      {
        properties: [
          {
            name: 'algorithms',
            value: { kind: 'list', items: [string('RS256'), string('ES256')] },
          },
        ],
      },
    ],
    ['CREATE DATABASE d', { kind: 'create', object: 'database', name: 'd', properties: [] }],
    ['CREATE DATABASE "Größe"', { kind: 'create', name: 'Größe' }],
    [
      'CREATE CONNECTIVITY_POOL p',
      { kind: 'create pool', name: 'p', properties: [], participants: [] },
    ],
    [
      "CREATE CONNECTIVITY_POOL p SOURCE_ADDRESS = ['10.0.0.0/8'], SSO INTEGRATION = i session_expiry hard",
      {
        properties: [
          { name: 'source_address', value: { kind: 'list', items: [string('10.0.0.0/8')] } },
          { name: 'sso_integration', value: string('i') },
          { name: 'session_expiry', value: string('hard') },
        ],
      },
    ],
    [
      'CREATE CONNECTIVITY_POOL p PARTICIPANTS ((NODE a), (NODE "b-1" LISTEN_ADDRESS \'::\' LISTEN_PORT 1))',
      {
        participants: [
          { node: 'a', properties: [] },
          {
            node: 'b-1',
            properties: [
              { name: 'listen_address', value: string('::') },
              { name: 'listen_port', value: number(1) },
            ],
          },
        ],
      },
    ],
    ['ALTER GROUP g SET rank = 2', { kind: 'set properties', object: 'group', ifExists: false }],
    [
      'ALTER DATABASE d SET integration_selection = primary',
      { kind: 'set properties', object: 'database' },
    ],
    [
      'ALTER SSO INTEGRATION IF EXISTS i SET leeway = 0',
      { kind: 'set properties', ifExists: true },
    ],
    [
      'ALTER CONNECTIVITY_POOL p SET PRIORITY 2 REQUIRE_SSO on',
      { kind: 'set properties', object: 'connectivity_pool' },
    ],
    [
      'ALTER SSO INTEGRATION i RESET leeway, jwks',
      { kind: 'reset properties', properties: ['leeway', 'jwks'] },
    ],
    [
      'ALTER DATABASE d SET SSO INTEGRATION i',
      { kind: 'set integration', database: 'd', integration: 'i' },
    ],
    ['ALTER DATABASE d ALTER SSO INTEGRATION i', { kind: 'assign integration', database: 'd' }],
    ['ALTER DATABASE d REMOVE SSO INTEGRATION i', { kind: 'remove integration', integration: 'i' }],
    [
      'ALTER DATABASE d REMOVE SSO INTEGRATION',
      { kind: 'remove integration', integration: undefined },
    ],
    [
      'ALTER CONNECTIVITY_POOL p ADD PARTICIPANT (NODE a LISTEN_PORT 1)',
      { kind: 'add participant', pool: 'p' },
    ],
    [
      'ALTER CONNECTIVITY_POOL p DROP PARTICIPANT NODE a',
      { kind: 'drop participant', participant: { node: 'a', properties: [] } },
    ],
    [
      'ALTER CONNECTIVITY_POOL p ALTER PARTICIPANT NODE a LISTEN_PORT 2',
      {
        kind: 'alter participant',
        participant: { node: 'a', properties: [] },
        changes: [{ name: 'listen_port', value: number(2) }],
      },
    ],
    [
      'ALTER CONNECTIVITY_POOL p ALTER PARTICIPANT (NODE a LISTEN_PORT 1) SET LISTEN_PORT 2',
      {
        participant: { node: 'a', properties: [{ name: 'listen_port', value: number(1) }] },
        changes: [{ name: 'listen_port', value: number(2) }],
      },
    ],
    ['DROP GROUP g', { kind: 'drop', object: 'group', ifExists: false }],
    [
      'DROP SSO INTEGRATION IF EXISTS i',
      { kind: 'drop', object: 'sso integration', ifExists: true },
    ],
    ['DROP CONNECTIVITY_POOL p', { kind: 'drop', object: 'connectivity_pool' }],
    ['DROP DATABASE d', { kind: 'drop', object: 'database' }],
    [
      'GRANT SELECT, SELECT, VIEW VIEW ON DATABASE a, "B" TO GROUP c, d',
      {
        kind: 'grant',
        privileges: ['SELECT', 'VIEW VIEW'],
        databases: ['a', 'B'],
        groups: ['c', 'd'],
      },
    ],
    ['REVOKE USE ON DATABASE a FROM GROUP b', { kind: 'revoke', privileges: ['USE'] }],
    [
      'SET CLUSTER SETTING server.jwt_authentication.enabled = on',
      {
        kind: 'set cluster setting',
        name: 'server.jwt_authentication.enabled',
        value: { kind: 'boolean', value: true },
      },
    ],
    [
      'set cluster setting Server.JWT_authentication.audience to \'["a", "b"]\'',
      { name: 'server.jwt_authentication.audience', value: string('["a", "b"]') },
    ],
    ['SET CLUSTER SETTING "server.jwt_authentication.claim" = email', { value: string('email') }],
    [
      'SET CLUSTER SETTING server.jwt_authentication.client.timeout = DEFAULT',
      { kind: 'reset cluster setting' },
    ],
    [
      'SET CLUSTER SETTING server.jwt_authentication.jwks = $j$\n{"keys":[]}\n$j$',
      { value: string('\n{"keys":[]}\n') },
    ],
    [
      "SET CLUSTER SETTING server.identity_map.configuration = e'a b c\\n\\td e f'",
      { value: string('a b c\n\td e f') },
    ],
    [
      'SET CLUSTER SETTING server.jwt_authentication.jwks = \'{"keys":\n  []}\'',
      { value: string('{"keys":\n  []}') },
    ],
    [
      'SET CLUSTER SETTING server.jwt_authentication.issuers = $1',
      { value: { kind: 'placeholder', number: 1, of: 'text' } },
    ],
    ['RESET CLUSTER SETTING server.jwt_authentication.jwks', { kind: 'reset cluster setting' }],
    ['SHOW CLUSTER SETTING server.jwt_authentication.jwks', { kind: 'show cluster setting' }],
    ['SHOW ALL CLUSTER SETTINGS', { kind: 'show cluster settings' }],
    ['SHOW PUBLIC CLUSTER SETTINGS', { kind: 'show cluster settings' }],
    ['SHOW CLUSTER SETTINGS', { kind: 'show cluster settings' }],
    ['SHOW SSO INTEGRATIONS', { kind: 'show', topic: 'INTEGRATIONS' }],
    ['SHOW HISTORY LIMIT 5', { kind: 'show', topic: 'HISTORY', limit: number(5) }],
    ['SHOW DENIALS LIMIT $1', { limit: { kind: 'placeholder', number: 1, of: 'count' } }],
    [
      'SHOW CREATE SSO INTEGRATION i',
      { kind: 'show create', object: 'sso integration', name: 'i' },
    ],
    ['SHOW CREATE CONNECTIVITY_POOL p', { kind: 'show create', object: 'connectivity_pool' }],
    ['SHOW CREATE ALL', { kind: 'show create all' }],
    ['SHOW server_version', { kind: 'show parameter', name: 'server_version' }],
    ['SHOW "DateStyle"', { kind: 'show parameter', name: 'datestyle' }],
    ['SHOW ALL', { kind: 'show parameter', name: 'all' }],
    ['SHOW TRANSACTION ISOLATION LEVEL', { kind: 'show parameter', name: 'transaction_isolation' }],
    ['SHOW TIME ZONE', { kind: 'show parameter', name: 'timezone' }],
    ['SHOW SESSION AUTHORIZATION', { kind: 'show parameter', name: 'session_authorization' }],
    [
      "KILL SESSION 'a-b'",
      { kind: 'kill sessions', criteria: [{ name: 'session', value: string('a-b') }] },
    ],
    [
      "KILL SUBJECT 's' ISSUER 'i'",
      {
        criteria: [
          { name: 'subject', value: string('s') },
          { name: 'issuer', value: string('i') },
        ],
      },
    ],
    ['KILL ROLE app AND POOL "P" AND TOKEN $2', { kind: 'kill sessions' }],
    ["REVOKE SUBJECT 's' UNTIL 'infinity'", { kind: 'revoke sessions', until: string('infinity') }],
    ["RESTORE SUBJECT 's' AND ISSUER 'i'", { kind: 'restore sessions' }],
    [
      "EXPLAIN LOGIN CLAIMS '{}' INTEGRATION i",
      {
        ...bare,
        kind: 'explain login',
        credential: { kind: 'claims', claims: string('{}') },
        integration: string('i'),
      },
    ],
    [
      "EXPLAIN LOGIN TOKEN $1 USER u DATABASE 'd' POOL p FROM '10.0.0.1'",
      {
        credential: { kind: 'token', token: { kind: 'placeholder', number: 1, of: 'secret' } },
        from: string('10.0.0.1'),
      },
    ],
    ['ROLLBACK CATALOG TO 41', { kind: 'rollback catalog', version: number(41) }],
    ['PAUSE', { kind: 'pause', database: undefined }],
    ['PAUSE d', { kind: 'pause', database: 'd' }],
    ['RESUME d', { kind: 'resume', database: 'd' }],
    ['RECONNECT', { kind: 'reconnect', database: undefined }],
    ['WAIT_CLOSE d', { kind: 'wait close', database: 'd' }],
    ['DISABLE d', { kind: 'disable', database: 'd' }],
    ['ENABLE d', { kind: 'enable', database: 'd' }],
    ['KILL', { kind: 'kill', database: undefined }],
    ['KILL d', { kind: 'kill', database: 'd' }],
    ['KILL "session"', { kind: 'kill', database: 'session' }],
    ['KILL_CLIENT 17', { kind: 'kill client', id: number(17) }],
    ['SUSPEND', { kind: 'suspend' }],
    ['RELOAD', { kind: 'reload' }],
    ['SHUTDOWN', { kind: 'shutdown', waits: 'no' }],
    ['SHUTDOWN WAIT_FOR_SERVERS', { kind: 'shutdown', waits: 'for servers' }],
    ['SHUTDOWN WAIT_FOR_CLIENTS', { kind: 'shutdown', waits: 'for clients' }],
    [
      "SET client_encoding TO 'UTF8'",
      {
        kind: 'set parameter',
        scope: 'session',
        name: 'client_encoding',
        values: [string('UTF8')],
      },
    ],
    ['SET extra_float_digits = 3', { name: 'extra_float_digits', values: [number(3)] }],
    ['SET search_path TO a, "B", \'c\'', { values: [string('a'), string('B'), string('c')] }],
    [
      'SET SESSION statement_timeout = -1',
      { scope: 'session', name: 'statement_timeout', values: [number(-1)] },
    ],
    ['SET LOCAL a.b = on', { scope: 'local', name: 'a.b', values: [string('on')] }],
    ['SET session = 1', { scope: 'session', name: 'session' }],
    ['SET names = 1', { name: 'names' }],
    ['SET cluster = 1', { name: 'cluster' }],
    ["SET NAMES 'utf8'", { name: 'client_encoding', values: [string('utf8')] }],
    ["SET TIME ZONE 'UTC'", { name: 'timezone', values: [string('UTC')] }],
    ['SET DateStyle TO DEFAULT', { kind: 'reset parameter', name: 'datestyle' }],
    ['RESET ALL', { kind: 'reset parameter', name: 'all' }],
    ['RESET cluster', { kind: 'reset parameter', name: 'cluster' }],
    [
      'SELECT 1',
      { kind: 'select', items: [{ expression: number(1), type: undefined, alias: undefined }] },
    ],
    [
      'select version()',
      { items: [{ expression: { kind: 'call', function: 'version', arguments: [] } }] },
    ],
    [
      "SELECT 'x'::text AS \"T\", -1.5 n, NULL, TRUE, $1, pg_catalog.current_setting('a', true), user",
      {
        items: [
          { expression: string('x'), type: 'text', alias: 'T' },
          { expression: number(-1.5), alias: 'n' },
          { expression: { kind: 'null' } },
          { expression: { kind: 'boolean', value: true } },
          { expression: { kind: 'placeholder', number: 1, of: 'text' } },
          {
            expression: {
              kind: 'call',
              function: 'current_setting',
              arguments: [string('a'), { kind: 'boolean', value: true }],
            },
          },
          { expression: { kind: 'call', function: 'user', arguments: [] } },
        ],
      },
    ],
    ['BEGIN', { kind: 'begin', modes: [] }],
    ['BEGIN WORK', { kind: 'begin', modes: [] }],
    [
      'BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY NOT DEFERRABLE',
      { modes: ['ISOLATION LEVEL REPEATABLE READ', 'READ ONLY', 'NOT DEFERRABLE'] },
    ],
    [
      'START TRANSACTION ISOLATION LEVEL READ UNCOMMITTED READ WRITE, DEFERRABLE',
      { kind: 'begin', modes: ['ISOLATION LEVEL READ UNCOMMITTED', 'READ WRITE', 'DEFERRABLE'] },
    ],
    ['COMMIT', { kind: 'commit', chain: false }],
    ['END WORK AND NO CHAIN', { kind: 'commit', chain: false }],
    ['ROLLBACK AND CHAIN', { kind: 'rollback', chain: true }],
    ['ABORT TRANSACTION', { kind: 'rollback', chain: false }],
    [
      'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE',
      { kind: 'set transaction', scope: 'transaction' },
    ],
    [
      'SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED',
      { kind: 'set transaction', scope: 'session', modes: ['ISOLATION LEVEL READ COMMITTED'] },
    ],
    ['DEALLOCATE ALL', { kind: 'deallocate', name: undefined }],
    ['DEALLOCATE PREPARE "S_1"', { kind: 'deallocate', name: 'S_1' }],
    ['DEALLOCATE prepare', { kind: 'deallocate', name: 'prepare' }],
    ['DISCARD ALL', { kind: 'discard', what: 'all' }],
    ['DISCARD TEMPORARY', { kind: 'discard', what: 'temp' }],
    ['UNLISTEN *', { kind: 'unlisten all' }],
    ['CLOSE ALL', { kind: 'close all' }],
  ])('%s', (text, ast) => {
    expect(only(text)).toMatchObject(ast)
  })

  test.each(Object.keys(showTopics))('SHOW %s', (topic) => {
    expect(only(`show ${topic.toLowerCase()} ;`)).toEqual({ kind: 'show', topic, limit: undefined })
  })

  test.each(Object.keys(privileges))('GRANT %s', (privilege) => {
    expect(only(`GRANT ${privilege} ON DATABASE d TO GROUP g`)).toMatchObject({
      privileges: [privilege],
    })
  })
})

describe('a text', () => {
  test.each(['', ' \n\t', ';', ' ; ;; ', '-- nothing', '/* /* nothing */ */ ;'])(
    '%j has no statement',
    (text) => {
      expect(parseStatements(text)).toEqual([])
    },
  )

  test('has several statements, each with its position and its parameters', () => {
    const text = "SELECT 'ä😀';\nSELECT $1, $3 ; ; SHOW HELP"
    const found = parseStatements(text).map(({ position, parameters }) => [position, parameters])
    expect(found).toEqual([
      [1, 0],
      [14, 3],
      [32, 0],
    ])
  })
})

describe('the reference', () => {
  test.each(Object.entries(reference))('has examples of %s', (kind, { examples }) => {
    expect(examples).not.toEqual([])
    for (const example of examples) expect(only(example)).toMatchObject({ kind })
  })

  test('has every word that a statement begins with', () => {
    const begun = Object.values(reference).flatMap(({ syntax }) =>
      syntax.flatMap((line) => /^(?:\{[^}]*\}|[A-Z_]+)/.exec(line)?.[0].match(/[A-Z_]+/g) ?? []),
    )
    expect(firstWords.filter((word) => !begun.includes(word))).toEqual([])
  })

  test('is in docs/console.md, whose statements all can be read', () => {
    const page = readFileSync(new URL('../../../docs/console.md', import.meta.url), 'utf8')
    const blocks = [...page.matchAll(/```sql\n(.*?)```/gs)].map(([, block]) => block!)
    const statements = blocks.flatMap((block) => parseStatements(block))
    const examples = Object.values(reference).flatMap((entry) => entry.examples)
    expect(statements).toHaveLength(examples.length)
  })
})

describe('the statements of the guides', () => {
  test.each<[string, number]>([
    ['ocient.sql', 14],
    ['cockroachdb.sql', 5],
  ])('in %s are read as they stand', (file, count) => {
    const text = readFileSync(new URL(`../../seeds/${file}`, import.meta.url), 'utf8')
    expect(parseStatements(text)).toHaveLength(count)
  })

  test('mean what they say', () => {
    const text = readFileSync(new URL('../../seeds/ocient.sql', import.meta.url), 'utf8')
    const printed = parseStatements(text).map(({ statement }) => printStatement(statement))
    expect(printed).toEqual([
      'CREATE GROUP readonly',
      'CREATE GROUP readwrite',
      'GRANT USE ON DATABASE sandbox TO GROUP readonly',
      'GRANT SELECT ON DATABASE sandbox TO GROUP readonly',
      'GRANT VIEW TABLE ON DATABASE sandbox TO GROUP readonly',
      'GRANT VIEW SCHEMA ON DATABASE sandbox TO GROUP readonly',
      'GRANT VIEW VIEW ON DATABASE sandbox TO GROUP readonly',
      'GRANT USE, SELECT, CREATE TABLE, CREATE VIEW, CREATE SCHEMA ON DATABASE sandbox TO GROUP readwrite',
      `CREATE SSO INTEGRATION sso_interactive PROTOCOL oidc issuer = 'https://auth.example.com', client_id = '<INTERACTIVE_CLIENT_ID>', client_secret = '********', default_group = 'readonly', additional_scopes = ['email', 'profile', 'offline_access'], additional_audiences = ['https://auth.example.com/'], groups_claim_ids = ['https://example.com/groups'], groups_claim_mappings = {"readwrite-role" = 'readwrite'}`,
      `CREATE SSO INTEGRATION sso_m2m PROTOCOL oidc issuer = 'https://auth.example.com', client_id = '<M2M_CLIENT_ID>', client_secret = '********', default_group = 'readonly', enable_id_token_authentication = true, additional_audiences = ['https://db.example.com', 'https://auth.example.com/'], groups_claim_ids = ['https://example.com/groups'], groups_claim_mappings = {"readwrite-role" = 'readwrite'}`,
      'ALTER DATABASE system SET SSO INTEGRATION sso_interactive',
      "ALTER SSO INTEGRATION sso_m2m SET additional_audiences = ['https://db.example.com']",
      "CREATE CONNECTIVITY_POOL IF NOT EXISTS sso_pool SOURCE_ADDRESS '0.0.0.0/0' PRIORITY 10 SSO INTEGRATION sso_interactive REQUIRE_SSO true PARTICIPANTS ((NODE sql0 LISTEN_ADDRESS '10.0.0.20' LISTEN_PORT 4051 ADVERTISED_ADDRESS 'db.example.com' ADVERTISED_PORT 4050 OPENAPI_PORT 443 OPENAPI_ADVERTISED_ADDRESS 'db.example.com' OPENAPI_ADVERTISED_PORT 443))",
      'CREATE DATABASE sandbox',
    ])
  })
})
