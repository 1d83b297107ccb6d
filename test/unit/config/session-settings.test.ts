import { expect, test } from 'vitest'
import { load, minimal, problemsOf } from './load.ts'

const secret = 's'.repeat(32)
const yaml = (
  settings: string,
  upstream = 'host: db.example.com, auth: { method: trust }',
): string =>
  `${minimal}integrations:
  sso: { issuer: "https://auth.example.com", client_id: a, default_group: g }
groups: { g: { role: app } }
databases:
  system: { integrations: [sso] }
  app: { upstream: { ${upstream} }, session_settings: ${settings} }
`
const problems = (settings: string): readonly string[] =>
  problemsOf(yaml(settings)).map((one) =>
    one.replace(/^[\d:]+ databases\.app\.session_settings/, ''),
  )

test.each([
  '{ identity: true }',
  '{ claims: [sub, "https://example.com/org"] }',
  '{ claim_settings: { request.jwt.claim.sub: sub, app.tenant: /org/id } }',
  `{ signing: { secret: ${secret}, validity: 1h, bound_to: role } }`,
])('session_settings may be %s', (settings) => {
  expect(problems(settings)).toEqual([])
})

test('what is not written is off', () => {
  const { config } = load(yaml(`{ signing: { secret: ${secret} } }`))
  expect(config.databases['app']?.session_settings).toEqual({
    identity: false,
    claims: [],
    claim_settings: {},
    signing: { secret, validity: 12 * 3_600_000, bound_to: 'connection' },
  })
})

const settingRule =
  'must be a setting of your own such as app.tenant: lower case, with a dot, and not portcullis.*'

test.each([
  ['{}', ': sets nothing: give it `identity`, `claims`, `claim_settings` or `signing`'],
  ['{ claim_settings: { search_path: sub } }', `.claim_settings.search_path: ${settingRule}`],
  ['{ claim_settings: { role: sub } }', `.claim_settings.role: ${settingRule}`],
  ['{ claim_settings: { App.x: sub } }', `.claim_settings["App.x"]: ${settingRule}`],
  [
    '{ claim_settings: { portcullis.subject: sub } }',
    `.claim_settings["portcullis.subject"]: ${settingRule}`,
  ],
  [
    '{ claims: [sub], claim_settings: { request.jwt.claims: sub } }',
    '.claim_settings["request.jwt.claims"]: is what `claims` sets',
  ],
  [
    '{ signing: { secret: short } }',
    '.signing.secret: must be a secret of 32 bytes or more, such as `openssl rand -hex 32` makes',
  ],
])('session_settings may not be %s', (settings, problem) => {
  expect(problems(settings)).toEqual([problem])
})

test('sessions are at databases with an upstream', () => {
  const text = yaml('{ identity: true }').replace(
    'system: { integrations: [sso] }',
    'system: { integrations: [sso], session_settings: { identity: true } }',
  )
  expect(problemsOf(text).map((one) => one.replace(/^[\d:]+ /, ''))).toEqual([
    'databases.system.session_settings: needs `upstream`: sessions are at databases',
  ])
})
