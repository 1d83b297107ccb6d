import { describe, expect, test } from 'vitest'
import type { Config } from '../../../src/config/index.ts'
import { load, minimal, noticesOf, problemsOf } from './load.ts'

type Settings = Readonly<Record<string, unknown>>

const oidc = 'server.oidc_authentication'
const complete: Settings = {
  enabled: 'on',
  provider_url: 'https://a.example',
  client_id: 'web',
  client_secret: 'hunter2',
  claim_json_key: 'email',
}
const web = 'web: { public_url: "https://gate.example" }\n'

function yaml(settings: Settings, more = web): string {
  const named = Object.entries({ ...complete, ...settings })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => [`${oidc}.${key}`, value])
  return `${minimal}${more}settings: ${JSON.stringify(Object.fromEntries(named))}\n`
}

function configOf(settings: Settings, more = web): Config {
  return load(yaml(settings, more)).config
}

function integrationOf(settings: Settings): Config['integrations'][string] | undefined {
  return configOf(settings).integrations['cockroachdb_oidc']
}

function problemOf(settings: Settings, more = web): string {
  const problems = problemsOf(yaml(settings, more)).map((line) => line.replace(/^\d+:\d+: /, ''))
  expect(problems).toHaveLength(1)
  return problems[0]!.replace(`settings["${oidc}.`, '').replace('"]', '')
}

describe('the settings for people', () => {
  test('become an integration of their own, which no database has', () => {
    const { integrations, databases } = configOf({
      scopes: 'openid email  profile',
      principal_regex: '^([^@]+)@',
      button_text: 'Sign in at work',
      'client.timeout': '3s',
    })
    expect(integrations['cockroachdb_oidc']).toMatchObject({
      enabled: true,
      issuer: 'https://a.example',
      client_id: 'web',
      client_secret: 'hunter2',
      principal_claim: 'email',
      principal_regex: '^([^@]+)@',
      button_text: 'Sign in at work',
      additional_scopes: ['email', 'profile'],
      request_timeout: 3_000,
      shown_token: undefined,
      groups_claim_ids: [],
      cockroach: { requiresGroups: false },
    })
    expect(Object.keys(databases)).toEqual([])
  })

  test('may be named by a database and by the pages', () => {
    const more = `${web.replace(' }', ', integrations: [cockroachdb_oidc] }')}databases: { system: { integrations: [cockroachdb_oidc] } }\n`
    expect(configOf({}, more).databases['system']?.integrations).toEqual(['cockroachdb_oidc'])
  })

  test('may not have the name of a configured integration', () => {
    const more = `${web}integrations: { cockroachdb_oidc: { issuer: "https://s.example", client_id: x } }\n`
    expect(problemOf({}, more)).toContain('is the name of an integration that `settings` make')
  })

  test('read groups where that is on, and want one then', () => {
    expect(
      integrationOf({ 'authorization.enabled': 'on', group_claim: 'a,b', userinfo_group_key: 'c' }),
    ).toMatchObject({
      groups_claim_ids: ['a', 'b'],
      userinfo_groups: true,
      cockroach: { requiresGroups: true, userinfoGroupKeys: ['c'] },
    })
  })

  test('show a token where that is on', () => {
    expect(
      integrationOf({
        'generate_cluster_sso_token.enabled': true,
        'generate_cluster_sso_token.use_token': 'access_token',
        'generate_cluster_sso_token.sql_host': 'db.example',
        'generate_cluster_sso_token.sql_port': 5432,
      })?.shown_token,
    ).toEqual({ use_token: 'access_token', host: 'db.example', port: 5_432 })
    expect(integrationOf({ 'generate_cluster_sso_token.enabled': true })?.shown_token).toEqual({
      use_token: 'id_token',
      host: 'localhost',
      port: 26_257,
    })
  })

  test.each([['provider_url'], ['client_id'], ['claim_json_key']])(
    'let nobody in without %s, and say so',
    (key) => {
      for (const nothing of [undefined, '']) {
        expect(integrationOf({ [key]: nothing })?.enabled ?? false).toBe(false)
        expect(noticesOf(yaml({ [key]: nothing })).join()).toContain(
          `lets nobody sign in yet: it needs \`${oidc}.${key}\``,
        )
      }
    },
  )

  test('let nobody in where they are off', () => {
    expect(integrationOf({ enabled: 'off' })?.enabled).toBe(false)
    expect(noticesOf(yaml({ enabled: 'off', client_id: undefined })).join()).not.toContain(oidc)
    expect(noticesOf(yaml({ principal_regex: '([a-z]+)@' })).join()).toMatch(
      /settings\["server\.oidc_authentication\.principal_regex"\]: is not anchored/,
    )
  })
})

describe('the redirect URL', () => {
  const own = 'https://gate.example/oidc/v1/callback'
  const byRegion = JSON.stringify({
    redirect_urls: { eu: own, us: 'https://us.example/oidc/v1/callback' },
  })

  test.each<[string, unknown, string]>([
    ['that of the pages', own, web],
    ['left out', undefined, web],
    ['empty', '', web],
    ['that of the region', byRegion, `${web}region: eu\n`],
    ['that of the region, in YAML', JSON.parse(byRegion), `${web}region: eu\n`],
  ])('may be %s', (_, redirect_url, more) => {
    expect(problemsOf(yaml({ redirect_url }, more))).toEqual([])
  })

  test.each<[string, unknown, string, string]>([
    ['of another host', 'https://other.example/oidc/v1/callback', web, 'must be `web.public_url`'],
    ['of another path', 'https://gate.example/callback', web, 'must be `web.public_url`'],
    ['with a slash more', `${own}/`, web, 'must be `web.public_url`'],
    ['without TLS', 'http://gate.example/oidc/v1/callback', web, 'must be an https URL'],
    ['of another region', byRegion, `${web}region: us\n`, 'must be `web.public_url`'],
    [
      'of no region',
      byRegion,
      web,
      'OIDC: redirect URL config expects region setting, which is unset',
    ],
    [
      'of other regions',
      byRegion,
      `${web}region: asia\n`,
      'OIDC: no matching redirect URL found for region "asia"',
    ],
    ['in broken JSON', '{"redirect_urls"', web, 'is not valid JSON'],
    ['under another key', '{"urls":{}}', web, 'or {"redirect_urls": {"<region>": "<https URL>"}}'],
    [
      'that is no text',
      '{"redirect_urls":{"eu":5}}',
      web,
      'must have an https URL for each region',
    ],
  ])('is refused %s', (_, redirect_url, more, message) => {
    expect(problemOf({ redirect_url }, more)).toContain(message)
  })
})

describe('a value', () => {
  test.each<[string, unknown, string]>([
    ['scopes', 'email openid', 'Missing `openid` scope which is required for OIDC'],
    ['scopes', '', 'Missing `openid` scope which is required for OIDC'],
    ['principal_regex', '(a)(b)', 'must have exactly one capture group'],
    ['provider_url', 'http://a.example', 'must be an https URL'],
    ['generate_cluster_sso_token.use_token', 'refresh_token', 'must be id_token or access_token'],
    ['generate_cluster_sso_token.sql_port', 65_536, 'must be a port'],
    ['generate_cluster_sso_token.sql_port', 'x', 'must be a port'],
    ['provider.custom_ca', 'x', 'must be the PEM text of certificates'],
    ['enabled', 'maybe', 'must be on or off'],
  ])('%s of %j is refused', (key, value, message) => {
    expect(problemOf({ [key]: value })).toContain(message)
  })

  test('needs pages', () => {
    expect(problemOf({}, '')).toBe('enabled: needs `web`, on whose pages people sign in')
  })
})

test('the pages know no integration that is not there', () => {
  const more = 'web: { public_url: "https://gate.example", integrations: [people] }\n'
  expect(problemsOf(`${minimal}${more}`).join()).toContain('integration "people" does not exist')
})
