import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { bindParameters } from '../../../src/admin/grammar/bind.ts'
import { parseStatements } from '../../../src/admin/grammar/parse.ts'
import { printStatement } from '../../../src/admin/grammar/print.ts'
import { Secret } from '../../../src/admin/grammar/secret.ts'
import type { Statement } from '../../../src/admin/grammar/statement.ts'

function parse(text: string): Statement {
  return parseStatements(text)[0]!.statement
}

describe('a statement is printed', () => {
  test.each([
    ['create group "Read Only" rank=1', 'CREATE GROUP "Read Only" rank = 1'],
    ['pause "Ä"', 'PAUSE "Ä"'],
    ['kill "role"', 'KILL "role"'],
    ["kill role app pool 'p'", "KILL ROLE 'app' AND POOL 'p'"],
    ['set client_encoding to utf8', "SET client_encoding = 'utf8'"],
    ['set "A b".c = 1', 'SET "a b.c" = 1'],
    ["select 'it''s'", "SELECT 'it''s'"],
    [
      'alter connectivity_pool p alter participant node a listen_port 1',
      'ALTER CONNECTIVITY_POOL p ALTER PARTICIPANT (NODE a) SET (LISTEN_PORT 1)',
    ],
    [
      'create connectivity_pool p sso integration "null"',
      'CREATE CONNECTIVITY_POOL p SSO INTEGRATION "null"',
    ],
    ['end', 'COMMIT'],
    ['wait_close', 'WAIT_CLOSE'],
    ['explain login token $1', 'EXPLAIN LOGIN TOKEN $1'],
  ])('%s as %s', (text, printed) => {
    expect(printStatement(parse(text))).toBe(printed)
    expect(printStatement(parse(printed))).toBe(printed)
  })
})

const withSecrets: readonly string[] = [
  "CREATE SSO INTEGRATION i client_secret = 'hunter2'",
  'CREATE SSO INTEGRATION i client_secret = "hunter2"',
  "CREATE SSO INTEGRATION i proxy_url = 'http://a:hunter2@proxy'",
  "CREATE SSO INTEGRATION i introspection = {'client_secret' = 'hunter2'}",
  "CREATE DATABASE d upstream = {'auth' = {'method' = 'password', 'passwords' = {'app' = 'hunter2'}}}",
  "CREATE DATABASE d exchange = {'client_secret' = 'hunter2'}",
  "SET CLUSTER SETTING server.oidc_authentication.client_secret = 'hunter2'",
  "SET auth_password = 'hunter2'",
  "EXPLAIN LOGIN TOKEN 'hunter2' USER u",
]

describe('a secret is never shown:', () => {
  test.each(withSecrets)('%s', (text) => {
    const statement = parse(text)
    const shown = [
      printStatement(statement),
      JSON.stringify(statement),
      inspect(statement, { depth: 20 }),
    ]
    for (const one of shown) {
      expect(one).not.toContain('hunter2')
      expect(one).toContain('********')
    }
  })

  test('and it can be had by whoever keeps it', () => {
    const secret = new Secret('hunter2')
    expect(secret.reveal()).toBe('hunter2')
    expect(`${secret.toString()} ${JSON.stringify({ secret })}`).toBe(
      '******** {"secret":"********"}',
    )
    expect(parse(withSecrets[0]!)).toMatchObject({ properties: [{ value: { kind: 'secret' } }] })
  })

  test('and what stands for it is no secret', () => {
    const statement = parse("ALTER SSO INTEGRATION i SET client_secret = '********'")
    expect(statement).toMatchObject({
      properties: [{ name: 'client_secret', value: { kind: 'secret', secret: undefined } }],
    })
  })
})

describe('a parameter becomes', () => {
  test('text where a literal may stand', () => {
    const statement = parse("CREATE SSO INTEGRATION i issuer = $2, additional_scopes = ['a', $1]")
    expect(printStatement(bindParameters(statement, ['b', 'https://a']))).toBe(
      "CREATE SSO INTEGRATION i PROTOCOL oidc issuer = 'https://a', additional_scopes = ['a', 'b']",
    )
  })

  test('a secret where a secret may stand', () => {
    const statement = bindParameters(parse('CREATE SSO INTEGRATION i client_secret = $1'), [
      'hunter2',
    ])
    if (statement.kind !== 'create') throw new Error(statement.kind)
    const { value } = statement.properties[0]!
    expect(value.kind === 'secret' ? value.secret?.reveal() : undefined).toBe('hunter2')
    expect(JSON.stringify(statement)).not.toContain('hunter2')
  })

  test('a number where one is counted', () => {
    expect(bindParameters(parse('KILL_CLIENT $1'), ['17'])).toEqual(parse('KILL_CLIENT 17'))
  })

  test.each<[string, string[]]>([
    ['KILL_CLIENT $1', ['-1']],
    ['KILL_CLIENT $1', ['1x']],
    ['KILL_CLIENT $2', ['1']],
  ])('nothing else: %s with %j', (text, texts) => {
    expect(bindParameters(parse(text), texts)).toEqual(parse(text))
  })

  test('and secrets that are there stay', () => {
    const statement = bindParameters(
      parse("CREATE SSO INTEGRATION i client_secret = 'a', issuer = $1"),
      ['x'],
    )
    if (statement.kind !== 'create') throw new Error(statement.kind)
    const { value } = statement.properties[0]!
    expect(value.kind === 'secret' ? value.secret?.reveal() : undefined).toBe('a')
  })
})
