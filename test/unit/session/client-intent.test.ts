import { describe, expect, test } from 'vitest'
import { type ClientIntent, readIntent } from '../../../src/session/client-intent.ts'
import { refusalOf } from '../wire/bytes.ts'

type Parameters = Readonly<Record<string, string>>

function intentOf(parameters: Parameters): ClientIntent {
  return readIntent({
    kind: 'startup',
    minorVersion: 0,
    parameters: new Map(Object.entries(parameters)),
    protocolOptions: [],
  })
}

/** The intent of alice with these `options`. */
function withOptions(options: string): ClientIntent {
  return intentOf({ user: 'alice', options })
}

describe('the user', () => {
  test.each<[string, Partial<ClientIntent>]>([
    ['alice', { role: 'alice', tokenUser: undefined, qualifier: undefined, declaresToken: false }],
    ['id_token', { role: undefined, tokenUser: 'id_token', declaresToken: true }],
    ['access_token', { role: undefined, tokenUser: 'access_token', declaresToken: true }],
    ['id_token@system', { role: undefined, tokenUser: 'id_token', qualifier: 'system' }],
    ['access_token@system', { role: undefined, tokenUser: 'access_token', qualifier: 'system' }],
    ['id_token@a@b', { tokenUser: 'id_token', qualifier: 'a@b' }],
    ['id_token@a\nb', { tokenUser: 'id_token', qualifier: 'a\nb' }],
    ['id_token@', { role: 'id_token@', tokenUser: undefined, qualifier: undefined }],
    ['ID_TOKEN', { role: 'ID_TOKEN', tokenUser: undefined }],
    ['id_tokens', { role: 'id_tokens', tokenUser: undefined }],
    ['my_id_token', { role: 'my_id_token', tokenUser: undefined }],
    ['alice@system', { role: 'alice@system', tokenUser: undefined, qualifier: undefined }],
  ])('%j means what it says', (user, expected) => {
    expect(intentOf({ user })).toMatchObject({ user, ...expected })
  })

  test.each<[string, Parameters]>([
    ['missing', { database: 'app' }],
    ['empty', { user: '', database: 'app' }],
  ])('that is %s is refused', (_, parameters) => {
    expect(refusalOf(() => intentOf(parameters)).reason).toBe('no-user')
  })
})

describe('a client of CockroachDB', () => {
  test.each([
    ['--crdb:jwt_auth_enabled=true', 'cockroachdb'],
    ['--crdb:jwt_auth_enabled=1', 'cockroachdb'],
    ['--crdb:jwt_auth_enabled=T', 'cockroachdb'],
    ['--crdb:jwt_auth_enabled=false', undefined],
    ['--crdb:jwt_auth_enabled=yes', undefined],
    ['', undefined],
  ])('that says %j speaks %s', (options, dialect) => {
    expect(withOptions(options)).toMatchObject({ dialect, declaresToken: dialect !== undefined })
  })

  test('may name no user, and asks for no role then', () => {
    const parameters = { user: '', database: 'app', options: '--crdb:jwt_auth_enabled=true' }
    expect(intentOf(parameters)).toMatchObject({ user: '', role: undefined, tokenUser: undefined })
  })
})

describe('the database', () => {
  test.each<[string, Parameters, string]>([
    ['is the one that is named', { user: 'alice', database: 'app' }, 'app'],
    ['is named like the user when none is', { user: 'alice' }, 'alice'],
    ['is named like the user when it is empty', { user: 'alice', database: '' }, 'alice'],
    ['of a token-type user is named like it too', { user: 'id_token@app' }, 'id_token@app'],
  ])('%s', (_, parameters, database) => {
    expect(intentOf(parameters).database).toBe(database)
  })
})

describe('replication', () => {
  test.each(['true', 'on', '1', 'yes', 'database', 'DATABASE', ''])(
    'of %j is asked for, and asked of the server',
    (replication) => {
      const intent = intentOf({ user: 'alice', replication })
      expect(intent.asksForReplication).toBe(true)
      expect(intent.parameters.get('replication')).toBe(replication)
    },
  )

  test.each(['false', 'FALSE', 'off', 'no', '0'])('of %j is no replication', (replication) => {
    expect(intentOf({ user: 'alice', replication }).parameters.size).toBe(0)
  })
})

describe('the parameters for the upstream', () => {
  test('are those of the client in their order, without user, database and replication', () => {
    const { parameters } = intentOf({
      user: 'alice',
      client_encoding: 'UTF8',
      database: 'app',
      application_name: 'psql',
      replication: 'off',
      DateStyle: 'ISO',
    })
    expect([...parameters]).toEqual([
      ['client_encoding', 'UTF8'],
      ['application_name', 'psql'],
      ['DateStyle', 'ISO'],
    ])
  })

  test.each([
    'identityprovider',
    'identityProvider',
    'IDENTITYPROVIDER',
    'handshake',
    'ssoOAuthFlow',
    'crdb:jwt_auth_enabled',
    'CRDB:JWT_AUTH_ENABLED',
  ])('are without %s', (name) => {
    expect(intentOf({ user: 'alice', [name]: 'x' }).parameters.size).toBe(0)
  })

  test.each(['__proto__', 'constructor', 'hasOwnProperty'])('may have the name %s', (name) => {
    const parameters = new Map([
      ['user', 'alice'],
      [name, 'x'],
    ])
    const intent = readIntent({
      kind: 'startup',
      minorVersion: 0,
      parameters,
      protocolOptions: [],
    })
    expect([...intent.parameters]).toEqual([[name, 'x']])
  })

  test.each([
    [0, 0],
    [2, 2],
    [9999, 2],
  ])('of a client of 3.%d make its protocol 3.%d', (minorVersion, ours) => {
    const parameters = new Map([['user', 'alice']])
    const intent = readIntent({ kind: 'startup', minorVersion, parameters, protocolOptions: [] })
    expect(intent.minorVersion).toBe(ours)
  })

  test.each<[Parameters, string]>([
    [{ user: 'alice', application_name: 'psql' }, 'psql'],
    [{ user: 'alice' }, ''],
  ])('tell the application: %j', (parameters, applicationName) => {
    expect(intentOf(parameters).applicationName).toBe(applicationName)
  })
})

describe('the identity provider', () => {
  test.each<[string, Parameters, string | undefined]>([
    ['not at all', {}, undefined],
    ['as a parameter', { identityprovider: 'okta' }, 'okta'],
    ['as a parameter in camel case', { identityProvider: 'Okta' }, 'Okta'],
    ['as --name=value', { options: '--identityprovider=okta' }, 'okta'],
    ['as -c name=value', { options: '-c identityprovider=okta' }, 'okta'],
    ['as -cname=value', { options: '-cidentityprovider=okta' }, 'okta'],
    ['in upper case', { options: '-c IDENTITYPROVIDER=okta' }, 'okta'],
    ['with an escaped blank', { options: String.raw`-c identityprovider=my\ idp` }, 'my idp'],
    ['with an escaped backslash', { options: String.raw`-c identityprovider=a\\b` }, 'a\\b'],
    ['with an escaped name', { options: String.raw`-c identity\provider=okta` }, 'okta'],
    ['with an equals sign in it', { options: '-c identityprovider=a=b' }, 'a=b'],
    ['empty', { options: '-c identityprovider=' }, ''],
    [
      'twice, the last of which counts',
      { options: '--identityprovider=a --identityprovider=b' },
      'b',
    ],
    [
      'both ways, where options count',
      { identityprovider: 'a', options: '-cidentityprovider=b' },
      'b',
    ],
    ['behind tabs and line feeds', { options: '\t-c\n\fidentityprovider=okta\r\v' }, 'okta'],
    ['without a value, which is none', { options: '--identityprovider' }, undefined],
    ['as the value of another', { options: '-c a=identityprovider=okta' }, undefined],
  ])('is given %s', (_, parameters, name) => {
    expect(intentOf({ user: 'alice', ...parameters }).identityProvider).toBe(name)
  })
})

describe('the client declares a token', () => {
  test.each([
    ['--crdb:jwt_auth_enabled=true', true],
    ['-c crdb:jwt_auth_enabled=true', true],
    ['-ccrdb:jwt_auth_enabled=true', true],
    ['-c a=b --crdb:jwt_auth_enabled=true -c c=d', true],
    ['--CRDB:jwt_auth_enabled=true', true],
    ['--crdb:jwt_auth_enabled=false', false],
    ['--crdb:jwt_auth_enabled=', false],
    ['', false],
  ])('with the options %j: %s', (options, declaresToken) => {
    expect(withOptions(options).declaresToken).toBe(declaresToken)
  })

  test('as a startup parameter', () => {
    const intent = intentOf({ user: 'alice', 'crdb:jwt_auth_enabled': 'true' })
    expect(intent.declaresToken).toBe(true)
  })
})

describe('the options for the upstream', () => {
  test.each([
    ['-c a=b', '-c a=b'],
    ['--search_path=app', '--search_path=app'],
    ['-c a=b --crdb:jwt_auth_enabled=true -c c=d', '-c a=b -c c=d'],
    ['-cidentityprovider=x -c a=b', '-c a=b'],
    ['-c a=b -c identityprovider=x -cc=d', '-c a=b -cc=d'],
    ['-c handshake=SSO --ssoOAuthFlow=x -e', '-e'],
    [String.raw`-c proxytest.foo=\ str`, String.raw`-c proxytest.foo=\ str`],
    [String.raw`-c a=b\ \ c -c identityprovider=x`, String.raw`-c a=b\ \ c`],
    [String.raw`-c a=b\\ -c c=d\e`, String.raw`-c a=b\\ -c c=d\e`],
    ['  -c   a=b  ', '-c a=b'],
    ['-c', '-c'],
    ['-c a', '-c a'],
    ['a=b identityprovider=x', 'a=b identityprovider=x'],
    ['-B 16 -c identityprovider=x', '-B 16'],
    ['-c a=\u00a0b\u2028c', '-c a=\u00a0b\u2028c'],
    ['-c --identityprovider=x -c a=b', '-c --identityprovider=x -c a=b'],
  ])('%j are %j', (options, rest) => {
    expect(withOptions(options).parameters.get('options')).toBe(rest)
  })

  test.each([
    '',
    '   ',
    '-c identityprovider=x',
    '--crdb:jwt_auth_enabled=true -cHandshake=SSO',
    String.raw`\-c identityprovider=x`,
    String.raw`-\c identityprovider=x`,
    String.raw`\--identityprovider=x`,
    '--crdb:jwt-auth-enabled=true',
  ])('%j are none at all', (options) => {
    expect(withOptions(options).parameters.has('options')).toBe(false)
  })
})

describe('interactive sign-in', () => {
  const flow = '-c handshake=SSO -c ssoOAuthFlow=deviceGrant'

  test.each([
    [{ user: 'sso' }, undefined],
    [{ user: 'sso@system' }, undefined],
    [{ user: 'alice', options: flow }, 'alice'],
    [{ user: 'alice', handshake: 'sso', ssoOAuthFlow: 'authorizationCode' }, 'alice'],
  ])('is asked for by %j', (parameters: Record<string, string>, asked) => {
    const { asksForSignIn, role } = intentOf(parameters)
    expect({ asksForSignIn, role }).toEqual({ asksForSignIn: true, role: asked })
  })

  test.each([
    [{ user: 'alice' }],
    [{ user: 'alice', handshake: 'SSO' }],
    [{ user: 'alice', options: '-c ssoOAuthFlow=deviceGrant' }],
    [{ user: 'alice', handshake: 'GCM', ssoOAuthFlow: 'deviceGrant' }],
    [{ user: 'id_token', options: flow }],
    [{ user: 'access_token@system', options: flow }],
  ])('is not asked for by %j', (parameters: Record<string, string>) => {
    expect(intentOf(parameters).asksForSignIn).toBe(false)
  })
})
