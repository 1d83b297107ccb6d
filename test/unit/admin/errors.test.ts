import { describe, expect, test } from 'vitest'
import { defaultLimits, type GrammarLimits } from '../../../src/admin/grammar/limits.ts'
import { parseStatements } from '../../../src/admin/grammar/parse.ts'
import { StatementError } from '../../../src/admin/grammar/statement-error.ts'

function errorOf(text: string, limits: Partial<GrammarLimits> = {}): StatementError {
  try {
    parseStatements(text, { limits: { ...defaultLimits, ...limits } })
  } catch (error) {
    if (error instanceof StatementError) return error
    throw error
  }
  throw new Error(`no error: ${text}`)
}

describe('an unknown word has a position, what was expected and a suggestion:', () => {
  test.each<[string, number, string, string, string?]>([
    ['creat group g', 1, 'creat', 'CREATE', 'SHOW HELP lists the statements.'],
    ['CREATE GRUOP g', 8, 'GRUOP', 'GROUP'],
    ['CREATE SSO INTEGRTION i', 12, 'INTEGRTION', 'INTEGRATION'],
    ['CREATE SSO INTEGRATION i PROTOCL oidc', 26, 'PROTOCL', 'PROTOCOL'],
    ["CREATE SSO INTEGRATION i isuer = 'x'", 26, 'isuer', 'issuer'],
    ["CREATE SSO INTEGRATION i PROTOCOL oidc isuer = 'x'", 40, 'isuer', 'issuer'],
    [
      "ALTER SSO INTEGRATION i SET issuer = 'x', defualt_group = 'g'",
      43,
      'defualt_group',
      'default_group',
    ],
    ['ALTER SSO INTEGRATION i RESET leway', 31, 'leway', 'leeway'],
    ['CREATE GROUP g rnk = 1', 16, 'rnk', 'rank'],
    ["CREATE CONNECTIVITY_POOL p SOURCE_ADRESS '::/0'", 28, 'SOURCE_ADRESS', 'SOURCE_ADDRESS'],
    ["CREATE CONNECTIVITY_POOL p SOURCE_ADDRESS '::/0' PRIORTY 1", 50, 'PRIORTY', 'PRIORITY'],
    ['CREATE CONNECTIVITY_POOL p PARTICIPANT ((NODE a))', 28, 'PARTICIPANT', 'PARTICIPANTS'],
    [
      'CREATE CONNECTIVITY_POOL p PARTICIPANTS ((NODE a LISTN_PORT 1))',
      50,
      'LISTN_PORT',
      'LISTEN_PORT',
    ],
    ['ALTER CONNECTIVITY_POOL p ALTER PARTICPANT (NODE a)', 33, 'PARTICPANT', 'PARTICIPANT'],
    ['ALTER DATABASE d REMVE SSO INTEGRATION i', 18, 'REMVE', 'REMOVE'],
    ['DROP CONNECTIVITY_POL p', 6, 'CONNECTIVITY_POL', 'CONNECTIVITY_POOL'],
    ['GRANT SELET ON DATABASE d TO GROUP g', 7, 'SELET', 'SELECT'],
    ['GRANT VIEW TABEL ON DATABASE d TO GROUP g', 12, 'TABEL', 'TABLE'],
    ['GRANT USE ON DATBASE d TO GROUP g', 14, 'DATBASE', 'DATABASE'],
    ['SHOW POLS', 6, 'POLS', 'POOLS', 'SHOW HELP lists them all.'],
    ['SHOW server_versio', 6, 'server_versio', 'server_version'],
    ['SHOW ALL CLUSTER SETINGS', 18, 'SETINGS', 'SETTINGS'],
    ['SHUTDOWN WAIT_FOR_SERVER', 10, 'WAIT_FOR_SERVER', 'WAIT_FOR_SERVERS'],
    ['EXPLAIN LOGN', 9, 'LOGN', 'LOGIN'],
    ["EXPLAIN LOGIN CLAIMS '{}' INTEGRATON i", 27, 'INTEGRATON', 'INTEGRATION'],
    ["KILL SUBJECT 's' ISSUR 'i'", 18, 'ISSUR', 'ISSUER'],
    ["REVOKE SUBJECT 's' UNTL 'x'", 20, 'UNTL', 'UNTIL'],
    ['DISCARD AL', 9, 'AL', 'ALL'],
    ['BEGIN READ ONY', 12, 'ONY', 'ONLY'],
    ['SET CLUSTER SETTING server.jwt_authentication.enabled ti on', 55, 'ti', 'TO'],
    ["SELECT 'ä😀'; SHOW POLS", 19, 'POLS', 'POOLS'],
  ])('%s', (text, position, found, suggestion, more = '') => {
    const error = errorOf(text)
    expect(error).toMatchObject({ sqlstate: '42601', position, found, suggestion })
    expect(error.message).toBe(`syntax error at or near "${found}"`)
    expect(error.expected).toContain(suggestion)
    expect(error.hint.startsWith(`Perhaps you meant ${suggestion}.`)).toBe(true)
    expect(error.hint.endsWith(more)).toBe(true)
  })
})

describe('what stands in the wrong place is told:', () => {
  test.each<[string, string, number, string]>([
    ['CREATE GROUP', 'syntax error at end of input', 13, 'Expected IF or a name.'],
    ['CREATE GROUP;', 'syntax error at or near ";"', 13, 'Expected IF or a name.'],
    [
      "DROP GROUP 'g'",
      `syntax error at or near "'...'"`,
      12,
      'A name stands in double quotes or in none.',
    ],
    ['DROP GROUP ""', 'zero-length delimited identifier at or near """"', 12, 'A name has'],
    [
      'DROP GROUP “g”',
      'syntax error at or near "“"',
      12,
      `Quotes are ' and ", not typographic ones.`,
    ],
    ['DROP\u00a0GROUP g', 'syntax error at or near "\u00a0"', 5, 'looks like a blank'],
    ['DROP \u202eGROUP g', 'syntax error at or near "?"', 6, 'looks like a blank'],
    ['DROP GROUP my-group', 'syntax error at or near "-"', 14, 'stand in quotes'],
    ['\\d', 'syntax error at or near "\\"', 1, 'those of psql'],
    [
      "ALTER SSO INTEGRATION i SET issuer = 'x' client_id = 'y'",
      'syntax error at or near "client_id"',
      42,
      'Expected "," or ";".',
    ],
    [
      "ALTER SSO INTEGRATION i SET issuer = 'x',",
      'syntax error at end of input',
      42,
      'Expected enabled, issuer, client_id',
    ],
    [
      'ALTER SSO INTEGRATION i SET issuer =',
      'syntax error at end of input',
      37,
      'Expected a value (URL).',
    ],
    [
      "ALTER SSO INTEGRATION i SET issuer 'x'",
      `syntax error at or near "'...'"`,
      36,
      'Expected "=".',
    ],
    [
      "ALTER SSO INTEGRATION i SET issuer = 'x', issuer = 'y'",
      'conflicting or redundant options at or near "issuer"',
      43,
      'Each is given once.',
    ],
    [
      'ALTER SSO INTEGRATION i RESET leeway, leeway',
      'conflicting or redundant options at or near "leeway"',
      39,
      'once',
    ],
    [
      'CREATE CONNECTIVITY_POOL p PRIORITY 1 PRIORITY 2',
      'conflicting or redundant options at or near "priority"',
      39,
      'once',
    ],
    [
      'CREATE CONNECTIVITY_POOL p SSO INTEGRATION a SSO INTEGRATION b',
      'conflicting or redundant options at or near "SSO INTEGRATION"',
      46,
      'once',
    ],
    [
      'CREATE CONNECTIVITY_POOL p SSO INTEGRATION a SSO_INTEGRATION b',
      'conflicting or redundant options at or near "sso_integration"',
      46,
      'once',
    ],
    ["KILL ROLE 'a' ROLE 'b'", 'syntax error at or near "ROLE"', 15, 'ROLE is given once.'],
    [
      "EXPLAIN LOGIN CLAIMS '{}' USER a USER b",
      'syntax error at or near "USER"',
      34,
      'USER is given once.',
    ],
    ['KILL SESSION', 'syntax error at end of input', 13, 'Expected the session in quotes.'],
    ["KILL ROLE 'a' AND", 'syntax error at end of input', 18, 'Expected SESSION'],
    ["REVOKE SUBJECT 's'", 'syntax error at end of input', 19, 'UNTIL'],
    [
      'CREATE CONNECTIVITY_POOL p PARTICIPANTS (NODE a)',
      'syntax error at or near "NODE"',
      42,
      'Expected "(".',
    ],
    [
      'CREATE CONNECTIVITY_POOL p PARTICIPANTS ((LISTEN_PORT 1))',
      'syntax error at or near "LISTEN_PORT"',
      43,
      'Expected NODE.',
    ],
    [
      'ALTER CONNECTIVITY_POOL p ALTER PARTICIPANT NODE a',
      'syntax error at end of input',
      51,
      'LISTEN_PORT',
    ],
    [
      'ALTER CONNECTIVITY_POOL p SET',
      'syntax error at end of input',
      30,
      'Expected SSO, ENABLED, SOURCE_ADDRESS',
    ],
    [
      'CREATE SSO INTEGRATION i PROTOCOL saml',
      'syntax error at or near "saml"',
      35,
      'Expected OIDC.',
    ],
    ['PAUSE a b', 'syntax error at or near "b"', 9, 'Expected ";".'],
    ['SHOW VERSION v', 'syntax error at or near "v"', 14, 'Expected LIMIT or ";".'],
    ['SHOW "nothing"', 'syntax error at or near ""...""', 6, 'Expected application_name'],
    ['KILL_CLIENT x', 'syntax error at or near "x"', 13, 'the id of a client'],
    ['SET x', 'syntax error at end of input', 6, 'Expected TO, "." or "=".'],
    ['SET x = ', 'syntax error at end of input', 9, 'Expected DEFAULT or a value'],
    ['SET TRANSACTION', 'syntax error at end of input', 16, 'Expected ISOLATION'],
    ['BEGIN READ ONLY,', 'syntax error at end of input', 17, 'Expected ISOLATION'],
    ['SELECT', 'syntax error at end of input', 7, 'a literal or a function'],
    ['SELECT now(now())', 'syntax error at or near "now"', 12, 'a literal'],
    [
      'GRANT SELECT, ON DATABASE d TO GROUP g',
      'syntax error at or near "ON"',
      15,
      'Expected USE, SELECT',
    ],
    [
      'GRANT VIEW ON DATABASE d TO GROUP g',
      'syntax error at or near "ON"',
      12,
      'Expected TABLE, VIEW or SCHEMA.',
    ],
    ['REVOKE USE ON DATABASE d TO GROUP g', 'syntax error at or near "TO"', 26, 'FROM'],
    ['RESET CLUSTER SETTINGS', 'syntax error at or near "SETTINGS"', 15, 'Expected'],
  ])('%s', (text, message, position, hint) => {
    const error = errorOf(text)
    expect(error).toMatchObject({ message, position, sqlstate: '42601' })
    expect(error.hint).toContain(hint)
  })
})

describe('a value that its property does not take is told:', () => {
  test.each<[string, number, string, string]>([
    [
      "ALTER SSO INTEGRATION i SET additional_scopes = 'email'",
      49,
      'additional_scopes',
      "is a list: ['...', '...']",
    ],
    ['ALTER SSO INTEGRATION i SET issuer = 1', 38, 'issuer', 'is URL'],
    ['ALTER SSO INTEGRATION i SET issuer = [1]', 38, 'issuer', 'is URL'],
    [
      'ALTER SSO INTEGRATION i SET additional_scopes = ["a", 1]',
      55,
      'additional_scopes',
      'is scope',
    ],
    ["ALTER SSO INTEGRATION i SET enabled = 'yes'", 39, 'enabled', 'is true or false'],
    ['ALTER SSO INTEGRATION i SET enabled = yes', 39, 'enabled', 'is true or false'],
    ["ALTER GROUP g SET rank = '1'", 26, 'rank', 'is integer'],
    ['ALTER GROUP g SET rank = {}', 26, 'rank', 'is integer'],
    [
      'CREATE CONNECTIVITY_POOL p SESSION_EXPIRY hrad',
      43,
      'session_expiry',
      'Perhaps you meant hard.',
    ],
    [
      "CREATE CONNECTIVITY_POOL p AUTH_METHODS ['cleartxt']",
      42,
      'auth_methods',
      'Perhaps you meant cleartext.',
    ],
    ["CREATE DATABASE d upstream = {'port' = 'x'}", 40, 'port', 'is integer'],
    [
      "ALTER SSO INTEGRATION i SET groups_claim_mappings = {'a' = 1}",
      60,
      'groups_claim_mappings',
      'is group',
    ],
  ])('%s', (text, position, name, hint) => {
    const error = errorOf(text)
    expect(error).toMatchObject({
      position,
      sqlstate: '22023',
      message: `invalid value for "${name}"`,
    })
    expect(error.hint).toContain(hint)
  })

  test.each<[string, string, number, string]>([
    [
      'CREATE CONNECTIVITY_POOL p PARTICIPANTS ((NODE a LISTEN_PORT NULL))',
      '42601',
      62,
      'Leave listen_port out',
    ],
    [
      "CREATE DATABASE d upstream = {'hots' = 'x'}",
      '42601',
      31,
      'Perhaps you meant host. Keys of upstream are host,',
    ],
    ["CREATE DATABASE d upstream = {'host' = 'x', host = 'y'}", '42601', 45, 'once'],
    ['ROLLBACK CATALOG TO -1', '22023', 22, 'whole number'],
    ['SHOW DENIALS LIMIT 1.5', '22023', 20, 'whole number'],
    [
      'SHOW CLUSTER SETTING server.jwt_authentication.enable',
      '42704',
      22,
      'Perhaps you meant server.jwt_authentication.enabled.',
    ],
    ['SET CLUSTER SETTING sql.defaults.x = 1', '42704', 21, 'SHOW CLUSTER SETTINGS lists them.'],
    ['SELECT versio()', '42883', 8, 'Perhaps you meant version.'],
    ['SELECT 1, foo', '42883', 11, 'SHOW HELP'],
  ])('%s', (text, sqlstate, position, hint) => {
    const error = errorOf(text)
    expect(error).toMatchObject({ sqlstate, position })
    expect(error.hint).toContain(hint)
  })
})

describe('a statement of elsewhere is sent where it belongs:', () => {
  test.each<[string, string, number, string]>([
    [
      "ALTER DATABASE d ALTER SSO INTEGRATION i SET issuer = 'x'",
      '42601',
      42,
      'use ALTER SSO INTEGRATION ... SET',
    ],
    [
      "ALTER DATABASE d SET SSO INTEGRATION i issuer = 'x'",
      '42601',
      40,
      'use ALTER SSO INTEGRATION ... SET',
    ],
    ["ALTER SECURITY INTEGRATION i SET issuer = 'x'", '42601', 7, 'Use ALTER SSO INTEGRATION.'],
    ['CREATE INTEGRATION i', '42601', 8, 'Use CREATE SSO INTEGRATION.'],
    ['CREATE CONNECTIVITY POOL p', '42601', 8, 'Use CREATE CONNECTIVITY_POOL, in one word.'],
    ['SHOW CREATE POOL p', '42601', 13, 'Use SHOW CREATE CONNECTIVITY_POOL.'],
    ['CREATE USER maxroach', '0A000', 8, 'CREATE SSO INTEGRATION'],
    ["ALTER ROLE r PASSWORD 'secret'", '0A000', 7, 'identity provider'],
    ['DROP USER u', '0A000', 6, 'server.identity_map.configuration'],
    ['ALTER SYSTEM SET x = 1', '0A000', 7, 'SET CLUSTER SETTING'],
    ['CREATE TABLE t (a int)', '0A000', 8, 'SHOW DATABASES'],
    ['INSERT INTO t VALUES (1)', '0A000', 1, 'connect to one of them'],
    ['SELECT * FROM t', '0A000', 8, 'SHOW HELP'],
    ['SELECT 1 FROM t', '0A000', 10, 'SHOW HELP'],
    ["SELECT current_user AS u, 'x' FROM pg_catalog.pg_class", '0A000', 31, 'no tables'],
    ['WITH a AS (SELECT 1) SELECT 1', '0A000', 1, 'no tables'],
    ['SHOW TABLES', '0A000', 6, 'no tables'],
    ['USE sandbox', '0A000', 1, '\\c in psql'],
    ['help', '0A000', 1, 'SHOW HELP'],
    ['SAVEPOINT s', '0A000', 1, 'SHOW HELP'],
  ])('%s', (text, sqlstate, position, hint) => {
    const error = errorOf(text)
    expect(error).toMatchObject({ sqlstate, position })
    expect(error.hint).toContain(hint)
  })
})

describe('no error repeats a secret:', () => {
  test.each([
    'CREATE SSO INTEGRATION i client_secret = hunter2',
    'CREATE SSO INTEGRATION i client_secret = hunter2-x',
    "CREATE SSO INTEGRATION i client_secret = 'x'hunter2",
    "CREATE SSO INTEGRATION i client_secret = 'x' hunter2",
    "CREATE SSO INTEGRATION i client_secret = 'hunter2",
    'CREATE SSO INTEGRATION i client_secret = "hunter2',
    'CREATE SSO INTEGRATION i client_secret = $hunter2$',
    'CREATE SSO INTEGRATION i client_secret = 1hunter2',
    "CREATE SSO INTEGRATION i client_secrt = 'hunter2'",
    "CREATE SSO INTEGRATION i issuer 'hunter2'",
    "CREATE SSO INTEGRATION i algorithms = ['hunter2']",
    "CREATE SSO INTEGRATION i groups_claim_mappings = {'hunter2' = 1}",
    "CREATE SSO INTEGRATION i groups_claim_mappings = {'hunter2' = 'a', 'hunter2' = 'b'}",
    "CREATE DATABASE d upstream = {'auth' = {'passwords' = {'app' = hunter2}}}",
    "CREATE DATABASE d upstream = {'auth' = {'password' = {'app' = 'hunter2'}}}",
    "CREATE DATABASE d upstream = {'auth' = 'hunter2'}",
    'SET password = hunter2',
    'SET CLUSTER SETTING server.oidc_authentication.client_secret = hunter2',
    'EXPLAIN LOGIN TOKEN hunter2',
    "EXPLAIN LOGIN TOKEN 'x' hunter2",
    "EXPLAIN LOGIN 'hunter2'",
    "CREATE USER u PASSWORD 'hunter2'",
  ])('%s', (text) => {
    const { message, hint, found } = errorOf(text)
    expect(`${message} ${hint} ${found ?? ''}`).not.toContain('hunter')
  })
})

describe('the limit of', () => {
  test('the length', () => {
    expect(() => parseStatements(' '.repeat(65_536))).not.toThrow()
    expect(errorOf(' '.repeat(65_537))).toMatchObject({ sqlstate: '54000', position: 65_537 })
  })

  test('statements', () => {
    expect(parseStatements('RELOAD;'.repeat(1_000))).toHaveLength(1_000)
    expect(errorOf('RELOAD;'.repeat(1_001))).toMatchObject({ sqlstate: '54000', position: 7_001 })
  })

  test.each<[string, string, string]>([
    ['a list', 'CREATE SSO INTEGRATION i additional_scopes = [a, a', ', a]'],
    ['a map', 'CREATE SSO INTEGRATION i groups_claim_mappings = {a: b, c: d', ', e: f}'],
    ['names', 'GRANT USE ON DATABASE a, b', ', c TO GROUP g'],
    ['arguments', 'SELECT now(1, 1', ', 1)'],
    ['parts of a name', 'SET a.b', '.c = 1'],
  ])('items of %s', (_, allowed, more) => {
    expect(errorOf(allowed + more, { maxItems: 2 })).toMatchObject({
      sqlstate: '54000',
      message: 'too many items',
    })
    expect(errorOf(allowed, { maxItems: 2 })).toMatchObject({ sqlstate: '42601' })
  })

  test('depth', () => {
    const text = (depth: number) =>
      `CREATE SSO INTEGRATION i jwks = ${'{a = '.repeat(depth)}1${'}'.repeat(depth)}`
    expect(() => parseStatements(text(8))).not.toThrow()
    expect(errorOf(text(9))).toMatchObject({ sqlstate: '54001' })
    expect(errorOf(text(10_000))).toMatchObject({ sqlstate: '54001' })
  })
})
