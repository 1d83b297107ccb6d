import { expect, test } from 'vitest'
import { sessionTokensOf, webSecretsOf } from '../../src/compose-session-tokens.ts'
import type { KeptIdentity } from '../../src/identity/kept-identity.ts'
import { load, minimal } from './config/load.ts'

const now = new Date('2026-03-01T12:00:00.000Z')
const ofThisStart = 'made for this start, and for no other'

function configOf(integration = '', web = '') {
  const { config } = load(`${minimal}databases: { system: { integrations: [sso] } }
groups: { readers: {} }
integrations:
  sso: { issuer: "https://auth.example.com", client_id: portcullis, groups_claim_ids: [groups], groups_claim_mappings: { idp-readers: readers }${integration} }
web: { public_url: "https://gate.example.com"${web} }
`)
  return config
}

function tokensOf(config = configOf()) {
  const tokens = sessionTokensOf(config, webSecretsOf(config, [ofThisStart]))
  if (tokens === undefined) throw new Error('there are none')
  return tokens
}

const identity: KeptIdentity = {
  integration: 'sso',
  kind: 'access_token',
  issuer: 'https://auth.example.com',
  subject: 'alice',
  names: ['alice'],
  groups: ['idp-readers'],
  expiresAt: now.getTime() + 3_600_000,
  issuedAt: now.getTime(),
}

test('what one configuration issues another of the same reads', async () => {
  const { token } = await tokensOf().issue({ identity, bounds: {} }, now)
  await expect(tokensOf().read(token, now)).resolves.toMatchObject({ identity })
})

test.each([
  ['are switched off', configOf('', ', session_tokens: { enabled: false }')],
  ['have no pages to be got at', load(minimal).config],
])('there are none where they %s', (_, config) => {
  expect(sessionTokensOf(config, [ofThisStart])).toBeUndefined()
})

const secrets = ['first-secret-of-thirty-two-characters', 'second-secret-of-thirty-two-character']

test('the secrets are those of the configuration, else that of this start', () => {
  expect(webSecretsOf(configOf('', `, secret: ${secrets[0]}`), [ofThisStart])).toEqual([secrets[0]])
  expect(webSecretsOf(configOf('', `, secret: [${secrets.join(', ')}]`), [ofThisStart])).toEqual(
    secrets,
  )
  expect(webSecretsOf(configOf(), [ofThisStart])).toEqual([ofThisStart])
})

test.each([
  ['client_id', { client_id: 'other' }],
  ['additional_audiences', { additional_audiences: ['other'] }],
  ['allow_no_audience', { allow_no_audience: true }],
  ['strict_audiences', { strict_audiences: true }],
  ['groups_claim_ids', { groups_claim_ids: ['roles'] }],
  ['userinfo_groups', { userinfo_groups: true }],
  ['blocked_groups', { blocked_groups: ['leavers'] }],
  ['principal_claim', { principal_claim: 'email' }],
  ['require_sender_constraint', { require_sender_constraint: true }],
  ['required_claims', { required_claims: { tenant: 'one' } }],
  ['required_acr', { required_acr: ['mfa'] }],
  ['algorithms', { algorithms: ['RS256'] }],
  ['allowed_typ', { allowed_typ: ['JWT'] }],
  ['token_kinds', { token_kinds: ['id_token'] }],
  ['max_token_age', { max_token_age: 60_000 }],
  ['jwks', { jwks: '{"keys":[]}' }],
  ['jwks_uri', { jwks_uri: 'https://auth.example.com/keys' }],
  ['issuer', { issuer: 'https://other.example.com' }],
] as const)('a change of %s makes those of before void', async (_, change) => {
  const config = configOf()
  const { token } = await tokensOf(config).issue({ identity, bounds: {} }, now)
  const { sso } = config.integrations
  if (sso === undefined) throw new Error('no integration')
  const changed = { ...config, integrations: { sso: { ...sso, ...change } } }
  await expect(tokensOf(changed).read(token, now)).rejects.toMatchObject({
    reason: 'session-token-outdated',
  })
})

test('a change of what is looked at for each login does not', async () => {
  const { token } = await tokensOf().issue({ identity, bounds: {} }, now)
  const changed = configOf(', default_group: readers, map_principal: true, leeway: 0')
  await expect(tokensOf(changed).read(token, now)).resolves.toMatchObject({ identity })
})

test('where the provider is asked about access tokens, there are none for them', async () => {
  const secret = 'client_secret: secret'
  const asking = configOf(`, ${secret}, introspection: {}`)
  const { token } = await tokensOf().issue({ identity, bounds: {} }, now)
  await expect(tokensOf(asking).read(token, now)).rejects.toMatchObject({
    reason: 'session-token-outdated',
  })
  for (const kind of ['access_token', 'at+jwt'] as const) {
    const issuing = tokensOf(asking).issue({ identity: { ...identity, kind }, bounds: {} }, now)
    await expect(issuing).rejects.toThrow('is asked about each access token')
  }
  const byIdToken = { identity: { ...identity, kind: 'id_token' as const }, bounds: {} }
  await expect(tokensOf(asking).issue(byIdToken, now)).resolves.toBeDefined()
})

test('an integration that is switched off issues none', async () => {
  const issuing = tokensOf(configOf(', enabled: false')).issue({ identity, bounds: {} }, now)
  await expect(issuing).rejects.toThrow('not in use any more')
})
