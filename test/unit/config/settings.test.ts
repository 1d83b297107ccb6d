import { describe, expect, test } from 'vitest'
import { createAuthority } from '../../../demo/certificates.ts'
import type { Config } from '../../../src/config/index.ts'
import { load, minimal, noticesOf, problemsOf } from './load.ts'

const rsa = '{"kty":"RSA","kid":"1","n":"AQAB","e":"AQAB"}'
const ec = '{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}'

type Settings = Readonly<Record<string, unknown>>

const complete: Settings = {
  'server.jwt_authentication.enabled': true,
  'server.jwt_authentication.issuers': 'https://a.example',
  'server.jwt_authentication.audience': 'cluster',
  'server.jwt_authentication.jwks': rsa,
}

/** The keys of the settings without what they all begin with. */
function named(settings: Settings): Settings {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [
      /^(server|security)\./.test(key) ? key : `server.jwt_authentication.${key}`,
      value,
    ]),
  )
}

function yaml(settings: Settings, more = ''): string {
  return `${minimal}${more}settings: ${JSON.stringify({ ...complete, ...named(settings) })}\n`
}

function configOf(settings: Settings, more = ''): Config {
  return load(yaml(settings, more)).config
}

/** Keys that are not there count as undefined. */
function integrationOf(settings: Settings): object {
  const absent = { client_id: undefined, jwks: undefined, jwks_uri: undefined }
  return { ...absent, ...configOf(settings).integrations['cockroachdb'] }
}

function problemOf(settings: Settings, more = ''): string {
  const problems = problemsOf(yaml(settings, more)).map((line) => line.replace(/^\d+:\d+: /, ''))
  expect(problems).toHaveLength(1)
  return problems[0]!.replaceAll(/server\.jwt_authentication\./g, '')
}

describe('the issuers', () => {
  test.each<[string, unknown, readonly string[]]>([
    ['a literal', 'https://a.example', ['https://a.example']],
    ['a literal with a slash, which is kept', 'https://a.example/', ['https://a.example/']],
    ['a literal that is no URL', 'accounts.google.com', ['accounts.google.com']],
    [
      'a JSON array',
      '["https://a.example", "https://b.example"]',
      ['https://a.example', 'https://b.example'],
    ],
    ['a list of YAML', ['https://a.example', 'b'], ['https://a.example', 'b']],
    [
      'a list with commas',
      'https://a.example, https://b.example,',
      ['https://a.example', 'https://b.example'],
    ],
    ['one that is named twice', '["a","a"]', ['a']],
    ['a map', '{"issuer_jwks_map":{"a":"https://a.example/keys"}}', ['a']],
    ['a map of YAML', { issuer_jwks_map: { a: 'https://a.example/keys' } }, ['a']],
  ])('may be %s', (_, issuers, expected) => {
    const { integrations } = configOf({ issuers })
    expect(Object.values(integrations).map(({ issuer }) => issuer)).toEqual(expected)
  })

  test('are integrations of their own names, in system, and the first is its primary', () => {
    const { integrations, databases } = configOf({ issuers: 'a,b,c' })
    const names = ['cockroachdb', 'cockroachdb_2', 'cockroachdb_3']
    expect(Object.keys(integrations)).toEqual(names)
    expect(databases).toEqual({
      system: {
        integrations: names,
        primary: 'cockroachdb',
        integration_selection: 'token',
        upstream: undefined,
      },
    })
  })

  test('stand behind the integrations that system has', () => {
    const { databases } = configOf(
      {},
      'integrations: { sso: { issuer: "https://s.example", client_id: x } }\ndatabases: { system: { integrations: [sso] } }\n',
    )
    expect(databases['system']).toMatchObject({
      integrations: ['sso', 'cockroachdb'],
      primary: 'sso',
    })
  })

  test('may not have the name of a configured integration', () => {
    const more = 'integrations: { cockroachdb: { issuer: "https://s.example", client_id: x } }\n'
    expect(problemOf({}, more)).toBe(
      'integrations.cockroachdb: is the name of an integration that `settings` make: choose another one',
    )
  })

  test.each<[unknown, string]>([
    [
      '{"issuer_jwks_map":{"a":"http://a.example"}}',
      'each entry of issuer_jwks_map must be an issuer with the https address of its keys',
    ],
    [
      '{"issuer_jwks_map":{"a":5}}',
      'each entry of issuer_jwks_map must be an issuer with the https address of its keys',
    ],
    [
      '{"issuer_jwks_map":{},"b":{}}',
      'write {"issuer_jwks_map": {"<issuer>": "<https address of its keys>"}}',
    ],
    ['{"issuers":{}}', 'write {"issuer_jwks_map": {"<issuer>": "<https address of its keys>"}}'],
  ])('of %j are refused', (issuers, message) => {
    expect(problemOf({ issuers })).toBe(
      `settings["issuers"]: JWT authentication: issuers JSON not valid: ${message}`,
    )
  })

  test.each<[unknown, string]>([
    ['[1]', 'must have strings that are not empty, without control characters'],
    ['["a\\nb"]', 'must have strings that are not empty, without control characters'],
    ['["a"', 'is not valid JSON'],
    ['"a"', 'must be one value or a JSON array of strings'],
    [5, 'must be a string: put the value in quotes'],
  ])('of %j are refused too', (issuers, message) => {
    expect(problemOf({ issuers })).toBe(`settings["issuers"]: ${message}`)
  })

  test('have two names, of which one may be used', () => {
    expect(problemOf({ 'issuers.configuration': 'b' })).toBe(
      'settings["issuers"]: is the old name of `issuers.configuration`, which is here too: keep one of them',
    )
  })
})

describe('an integration of the settings', () => {
  test('has the rules of CockroachDB', () => {
    expect(integrationOf({})).toMatchObject({
      enabled: true,
      issuer: 'https://a.example',
      client_id: undefined,
      additional_audiences: ['cluster'],
      jwks: `{"keys":[${rsa}]}`,
      principal_claim: 'sub',
      map_principal: true,
      enable_id_token_authentication: false,
      leeway: 0,
      request_timeout: 15_000,
      groups_claim_ids: [],
      userinfo_groups: false,
      cockroach: { customCa: undefined, requiresGroups: false },
    })
  })

  test.each<[string, Settings, object]>([
    [
      'audiences of a JSON array',
      { audience: '["a","b,c"]' },
      { additional_audiences: ['a', 'b,c'] },
    ],
    ['audiences with commas between', { audience: 'a, b' }, { additional_audiences: ['a', 'b'] }],
    ['an audience of digits', { audience: '12345' }, { additional_audiences: ['12345'] }],
    ['a claim', { claim: 'email' }, { principal_claim: 'email' }],
    ['no claim', { claim: '' }, { principal_claim: 'sub' }],
    [
      'a pointer',
      { claim: '/kubernetes.io/serviceaccount/uid' },
      { principal_claim: '/kubernetes.io/serviceaccount/uid' },
    ],
    ['a timeout', { 'client.timeout': '1m0s' }, { request_timeout: 60_000 }],
    ['a key set', { jwks: `{"keys":[${rsa},${ec}]}` }, { jwks: `{"keys":[${rsa},${ec}]}` }],
    [
      'no keys where they are fetched',
      { 'jwks_auto_fetch.enabled': 'on' },
      { jwks: undefined, jwks_uri: undefined },
    ],
    [
      'a key set of YAML',
      { jwks: { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'A' }] } },
      { jwks: '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"A"}]}' },
    ],
    [
      'keys that are fetched where the map says',
      {
        issuers: '{"issuer_jwks_map":{"a":"https://a.example/keys"}}',
        'jwks_auto_fetch.enabled': 'ON',
      },
      { issuer: 'a', jwks: undefined, jwks_uri: 'https://a.example/keys' },
    ],
    [
      'its own keys, where the addresses of the map are not used',
      { issuers: '{"issuer_jwks_map":{"a":"https://a.example/keys"}}' },
      { issuer: 'a', jwks: `{"keys":[${rsa}]}`, jwks_uri: undefined },
    ],
    [
      'groups',
      { 'authorization.enabled': 'on', group_claim: 'roles', userinfo_group_key: 'a.b, c' },
      {
        groups_claim_ids: ['roles'],
        userinfo_groups: true,
        cockroach: { userinfoGroupKeys: ['a.b', 'c'], requiresGroups: true },
      },
    ],
    ['no groups where they are not asked for', { group_claim: 'roles' }, { groups_claim_ids: [] }],
    ['none of what is switched off', { enabled: 'off' }, { enabled: false }],
  ])('has %s', (_, settings, expected) => {
    expect(integrationOf(settings)).toMatchObject(expected)
  })

  test('has the certificates that the text has', async () => {
    const { certificate } = await createAuthority('test')
    const its = configOf({ 'issuers.custom_ca': `a comment\n${certificate}` })
    expect(its.integrations['cockroachdb']?.cockroach?.customCa).toBe(`${certificate.trim()}\n`)
  })
})

describe('settings that are switched off', () => {
  test.each([{}, { 'server.jwt_authentication.enabled': 'off' }])(
    'alone make nothing: %j',
    (settings) => {
      const { config } = load(`${minimal}settings: ${JSON.stringify(settings)}\n`)
      expect(config.integrations).toEqual({})
      expect(config.databases).toEqual({})
    },
  )
})

describe('settings that are switched on', () => {
  test.each<[string, Settings, string]>([
    ['issuers', { issuers: '' }, '`issuers.configuration`'],
    ['audience', { audience: '[]' }, '`audience`'],
    ['keys', { jwks: '{"keys":[]}' }, '`jwks` with a key, or `jwks_auto_fetch.enabled`'],
    [
      'everything',
      { issuers: '', audience: '', jwks: '{"keys":[]}' },
      '`issuers.configuration`; `audience`; `jwks` with a key, or `jwks_auto_fetch.enabled`',
    ],
  ])('may lack the %s, with a notice', (_, settings, missing) => {
    const text = yaml({ ...settings })
    const [notice = '', ...others] = noticesOf(text).map((line) => line.replace(/^\d+:\d+: /, ''))
    expect(notice.replaceAll(/server\.jwt_authentication\./g, '')).toBe(
      `settings["enabled"]: lets nobody in yet: it needs ${missing}`,
    )
    expect(others).toEqual([])
    expect(noticesOf(yaml({ ...settings, enabled: false }))).toEqual([])
  })

  test('and have no issuer make an integration without an audience and without a key', () => {
    const { integrations, databases } = configOf({ issuers: '', 'jwks_auto_fetch.enabled': true })
    expect(Object.keys(integrations)).toEqual(['cockroachdb'])
    expect(integrations['cockroachdb']).toMatchObject({
      ...{ enabled: true, issuer: 'https://issuer.invalid' },
      ...{ additional_audiences: [], jwks: '{"keys":[]}', userinfo_groups: false },
    })
    expect(databases['system']?.integrations).toEqual(['cockroachdb'])
  })

  test('and have no audience accept none', () => {
    expect(integrationOf({ audience: '' })).toMatchObject({
      client_id: undefined,
      additional_audiences: [],
    })
  })

  test('make no integration beside one of the same name, whether they have an issuer or not', () => {
    const taken = 'integrations: { cockroachdb: { issuer: "https://a.example", client_id: a } }\n'
    expect(problemOf({ issuers: '' }, taken)).toBe(
      'integrations.cockroachdb: is the name of an integration that `settings` make: choose another one',
    )
  })
})

describe('a setting', () => {
  test.each<[string, unknown, string]>([
    ['enabled', 'maybe', 'must be on or off, true or false'],
    ['enabled', 1, 'must be on or off, true or false'],
    ['audience', '{"a":1}', 'must be one value or a JSON array of strings'],
    ['audience', 12345, 'must be a string: put the value in quotes'],
    ['jwks', ' response string', 'JWT authentication JWKS not a valid JWKS: it is not valid JSON'],
    ['jwks', '[]', 'JWT authentication JWKS not a valid JWKS: it is no JSON object'],
    ['jwks', '{"keys":{}}', 'JWT authentication JWKS not a valid JWKS: `keys` must be a list'],
    [
      'jwks',
      '{}',
      'JWT authentication JWKS not a valid JWKS: each key must have a `kty` of RSA, EC or OKP',
    ],
    [
      'jwks',
      '{"kty":"oct","k":"x"}',
      'JWT authentication JWKS not a valid JWKS: each key must have a `kty` of RSA, EC or OKP',
    ],
    [
      'jwks',
      '{"kty":"constructor"}',
      'JWT authentication JWKS not a valid JWKS: each key must have a `kty` of RSA, EC or OKP',
    ],
    [
      'jwks',
      '{"kty":"RSA","n":"x"}',
      'JWT authentication JWKS not a valid JWKS: a key of type RSA must have n, e',
    ],
    [
      'jwks',
      '{"kty":"RSA","n":"x","e":"x","d":"x"}',
      'JWT authentication JWKS not a valid JWKS: keep private keys to yourself',
    ],
    [
      'issuers.custom_ca',
      'ca.crt',
      'must be the PEM text of certificates: ${file:ca.crt} reads a file of them',
    ],
    [
      'issuers.custom_ca',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
      'must be the PEM text of certificates: ${file:ca.crt} reads a file of them',
    ],
    [
      'claim',
      '/a//b',
      'must be the name of a claim, or a JSON Pointer of at most 10 segments, none of them empty',
    ],
    [
      'claim',
      '/a/b/c/d/e/f/g/h/i/j/k',
      'must be the name of a claim, or a JSON Pointer of at most 10 segments, none of them empty',
    ],
    [
      'claim',
      '/a~2',
      'must be the name of a claim, or a JSON Pointer of at most 10 segments, none of them empty',
    ],
    [
      'client.timeout',
      '2m',
      'must be a duration between 100ms and 60s, such as 500ms, 10s or 1h30m',
    ],
    [
      'group_claim',
      'https://example.com/groups',
      'JWT authentication: contains invalid characters: letters, digits, "_", "." and "-" are allowed. `groups_claim_ids` of an integration takes any name',
    ],
    [
      'userinfo_group_key',
      '',
      'JWT authentication: contains invalid characters: letters, digits, "_", "." and "-" are allowed. `groups_claim_ids` of an integration takes any name',
    ],
  ])('%s may not be %j', (key, value, message) => {
    const text = yaml({ [key]: typeof value === 'string' ? value.replaceAll('${', '$${') : value })
    const [problem = ''] = problemsOf(text)
    expect(problem.replace(/^\d+:\d+: /, '')).toBe(
      `settings["server.jwt_authentication.${key}"]: ${message}`,
    )
  })

  test.each([
    [
      'server.jwt_authentication.audiences',
      'unknown key; did you mean "server.jwt_authentication.audience"?',
    ],
    [
      'server.jwt_authentication.jkws',
      'unknown key; did you mean "server.jwt_authentication.jwks"?',
    ],
    [
      'server.oidc_authentication.tls_insecure_skip_verify.enabled',
      'is not available: the certificate of the provider is always verified, by `server.oidc_authentication.provider.custom_ca` where that is set',
    ],
  ])('%s is not known', (key, message) => {
    const [problem = ''] = problemsOf(`${minimal}settings: { ${key}: x }\n`)
    expect(problem).toBe(`7:13: settings["${key}"]: ${message}`)
  })

  test('does not repeat the values of others: they may come from elsewhere', () => {
    const text = yaml({ issuers: '${env:ISSUER}', 'jwks_auto_fetch.enabled': true })
    const problems = problemsOf(text, { ISSUER: 'not-an-url' })
    expect(problems.join()).toContain('an issuer that is no https URL has no discovery document')
    expect(problems.join()).not.toContain('not-an-url')
  })
})

describe('a notice', () => {
  test.each<[string, Settings, string]>([
    [
      'tells of commas',
      { audience: 'a,b' },
      '["server.jwt_authentication.audience"]: is read as a list with commas, as older documents have it; CockroachDB itself reads a JSON array',
    ],
    [
      'tells of keys that are not read',
      { 'jwks_auto_fetch.enabled': true },
      '["server.jwt_authentication.jwks"]: has no effect: `server.jwt_authentication.jwks_auto_fetch.enabled` is on',
    ],
    [
      'tells of addresses that are not read',
      { issuers: '{"issuer_jwks_map":{"a":"https://a.example/keys"}}' },
      '["server.jwt_authentication.issuers"]: the addresses of issuer_jwks_map have no effect: `server.jwt_authentication.jwks_auto_fetch.enabled` is off',
    ],
    [
      'tells that no role is created',
      { 'security.provisioning.jwt.enabled': 'on' },
      '["security.provisioning.jwt.enabled"]: has no effect: no role is created in this version',
    ],
  ])('%s', (_, settings, message) => {
    const notices = noticesOf(yaml(settings)).map((line) => line.replace(/^\d+:\d+: /, ''))
    expect(notices).toEqual([`settings${message}`])
  })

  test('is not needed for what CockroachDB reads alike', () => {
    expect(
      noticesOf(yaml({ audience: '["a,b"]', 'security.provisioning.jwt.enabled': false })),
    ).toEqual([])
  })
})
