import { describe, expect, test } from 'vitest'
import { load, minimal, problemsOf } from './load.ts'

const client = 'client_id: x, client_secret: y'

function yaml({
  upstream = 'host: db.example.com, auth: { method: token }',
  exchange = '{ audience: db }',
  integration = client,
} = {}): string {
  return `${minimal}integrations:
  sso: { issuer: "https://a.example", ${integration} }
  off: { issuer: "https://b.example", client_id: x, enabled: false }
databases:
  system: { integrations: [sso, off], primary: sso }
  app:
    upstream: { ${upstream} }
${exchange === '' ? '' : `    exchange: ${exchange}\n`}`
}

const problems = (parts: Parameters<typeof yaml>[0]): readonly string[] =>
  problemsOf(yaml(parts)).map((problem) => problem.replace(/^[\d:]+ databases\.app\./, ''))

describe('the method token', () => {
  test.each([
    'host: db.example.com, auth: { method: token }',
    'host: db.example.com, tls: verify-ca, ca: ca.crt, auth: { method: token }',
    'host: db.example.com, auth: { method: token, as: cleartext, cockroachdb: true }',
    'host: db.example.com, auth: { method: token, as: oauthbearer }',
    'host: 127.0.0.1, tls: require, auth: { method: token }',
  ])('is for a server that is known to be the right one: %s', (upstream) => {
    expect(problems({ upstream, exchange: '' })).toEqual([])
  })

  test.each([
    'host: db.example.com, tls: require, auth: { method: token }',
    'host: db.example.com, tls: disable, auth: { method: token }',
    'host: 127.0.0.1, tls: disable, auth: { method: token }',
  ])('is not for any other: %s', (upstream) => {
    expect(problems({ upstream, exchange: '' })).toEqual([
      'upstream.tls: must be "verify-full" or "verify-ca" with the method "token": whoever gets the token can use it',
    ])
  })
})

test('the method token is not for every server of a public authority', () => {
  const upstream = 'host: db.example.com, tls: verify-ca, auth: { method: token }'
  expect(problems({ upstream, exchange: '' })).toEqual([
    'upstream.tls: needs `upstream.ca` with the method "token", or must be "verify-full"',
  ])
})

test.each(['verify-ca', 'require', 'disable'])('a token of RDS is not for tls: %s', (tls) => {
  const auth = '{ method: rds-iam, region: eu-central-1 }'
  const upstream = (tls: string): string =>
    `host: 127.0.0.1, ca: ca.crt, tls: ${tls}, auth: ${auth}`
  expect(problems({ upstream: upstream('verify-full'), exchange: '' })).toEqual([])
  expect(problems({ upstream: upstream(tls), exchange: '' })).toEqual([
    'upstream.tls: must be "verify-full" with the method "rds-iam": whoever gets the token can use it',
  ])
})

test('CockroachDB takes no OAUTHBEARER', () => {
  const upstream =
    'host: db.example.com, auth: { method: token, as: oauthbearer, cockroachdb: true }'
  expect(problems({ upstream, exchange: '' })).toEqual([
    'upstream.auth.as: CockroachDB takes tokens as a cleartext password: leave this out',
  ])
})

describe('an exchange', () => {
  test.each([
    '{ audience: db }',
    '{ resource: "https://db.example.com" }',
    '{ audience: db, integration: sso, authentication: post }',
    '{ audience: db, client_id: a, client_secret: b }',
    '{ audience: db, client_id: a, authentication: none }',
    '{ audience: db, requested_token_type: "urn:ietf:params:oauth:token-type:jwt" }',
  ])('may be %s', (exchange) => {
    expect(problems({ exchange })).toEqual([])
  })

  test.each([
    [
      '{}',
      'exchange: needs `audience` or `resource`, so that it is known whom the token must be for',
    ],
    ['{ resource: db }', 'exchange.resource: must be an absolute URI without fragment'],
    ['{ audience: db, client_secret: b }', 'exchange.client_secret: needs `client_id`'],
    [
      '{ audience: db, client_id: a }',
      'exchange.client_id: needs `client_secret`, or `authentication: none`',
    ],
    [
      '{ audience: db, client_id: a, client_secret: b, authentication: none }',
      'exchange.client_secret: is not sent with `authentication: none`',
    ],
    ['{ audience: db, integration: off }', 'exchange: integration "off" is switched off'],
    [
      '{ audience: db, integration: sos }',
      'exchange.integration: integration "sos" does not exist; did you mean "sso"?',
    ],
  ])('as %s is explained', (exchange, problem) => {
    expect(problems({ exchange })).toEqual([problem])
  })

  test('needs the method token, which reads what it issues', () => {
    const message =
      'exchange: needs `upstream.auth.method: token`, which passes the issued token on'
    expect(problems({ upstream: 'host: db, auth: { method: trust }' })).toEqual([message])
  })

  test.each([
    ['client_id: x', 'has no `client_secret`: name a client here'],
    ['additional_audiences: [x]', 'has no `client_id`: name one here'],
    [`${client}, jwks_file: x`, 'reads no discovery document, which has the token endpoint'],
  ])('needs to know where and as whom to ask: %s', (integration, lack) => {
    expect(problems({ integration })).toEqual([`exchange: integration "sso" ${lack}`])
  })

  test('has defaults that refuse what cannot be verified', () => {
    expect(load(yaml()).config.databases['app']?.exchange).toMatchObject({
      authentication: 'basic',
      allow_opaque: false,
      allow_other_subject: false,
    })
  })
})
