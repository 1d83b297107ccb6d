// Guides that people follow, one statement after the other on an installation that knows nobody.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseStatements } from '../../../../src/admin/grammar/parse.ts'
import { carryOut, faultOf } from '../../../support/define-catalog.ts'
import { emptyInstallation, MemoryCatalog } from '../../../support/memory-catalog.ts'

/** Each as it stands there, with the comments in front of it. */
function statementsOf(name: string): readonly string[] {
  const text = readFileSync(new URL(`../../../seeds/${name}`, import.meta.url), 'utf8')
  const starts = parseStatements(text).map(({ position }) => position - 1)
  return starts.map((start, index) => text.slice(index === 0 ? 0 : start, starts[index + 1]))
}

const issuer = 'https://auth.example.com'
const common = {
  protocol: 'oidc',
  issuer,
  default_group: 'readonly',
  groups_claim_ids: ['https://example.com/groups'],
  groups_claim_mappings: { 'readwrite-role': 'readwrite' },
}

test("the statements of Ocient's guide make the catalog that it describes", async () => {
  const server = { host: '10.0.0.5', auth: { method: 'trust' } }
  using catalog = new MemoryCatalog({
    ...emptyInstallation,
    node: 'sql0',
    default_upstream: server,
  })
  for (const statement of statementsOf('ocient.sql')) await carryOut(catalog, statement)
  expect(catalog.tree).toEqual({
    ...emptyInstallation,
    node: 'sql0',
    default_upstream: server,
    groups: {
      readonly: {
        grants: ['USE, SELECT, VIEW TABLE, VIEW SCHEMA, VIEW VIEW ON DATABASE sandbox'],
      },
      readwrite: {
        grants: ['USE, SELECT, CREATE TABLE, CREATE VIEW, CREATE SCHEMA ON DATABASE sandbox'],
      },
    },
    integrations: {
      sso_interactive: {
        ...common,
        client_id: '<INTERACTIVE_CLIENT_ID>',
        client_secret: '<INTERACTIVE_CLIENT_SECRET>',
        additional_scopes: ['email', 'profile', 'offline_access'],
        additional_audiences: ['https://auth.example.com/'],
      },
      sso_m2m: {
        ...common,
        client_id: '<M2M_CLIENT_ID>',
        client_secret: '<M2M_CLIENT_SECRET>',
        enable_id_token_authentication: true,
        additional_audiences: ['https://db.example.com'],
      },
    },
    databases: {
      system: { integrations: ['sso_interactive', 'sso_m2m'], primary: 'sso_interactive' },
      sandbox: {},
    },
    connectivity_pools: {
      sso_pool: {
        source_address: '0.0.0.0/0',
        priority: 10,
        sso_integration: 'sso_interactive',
        require_sso: true,
        participants: [
          {
            node: 'sql0',
            listen_address: '10.0.0.20',
            listen_port: 4051,
            advertised_address: 'db.example.com',
            advertised_port: 4050,
            openapi_port: 443,
            openapi_advertised_address: 'db.example.com',
            openapi_advertised_port: 443,
          },
        ],
      },
    },
  })
  expect(catalog.loaded.config.databases['sandbox']?.upstream).toBeDefined()
})

test("the settings of CockroachDB's guide are taken as they stand, or refused in its words", async () => {
  using catalog = new MemoryCatalog()
  const [enabled = '', issuers = '', audience = '', jwks = '', map = ''] =
    statementsOf('cockroachdb.sql')
  for (const statement of [enabled, issuers, audience]) await carryOut(catalog, statement)
  // The guide leaves the key set and the issuer to its readers.
  const { message } = await faultOf(catalog, jwks)
  expect(message).toContain('JWT authentication JWKS not a valid JWKS')
  const keys = '{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}'
  await carryOut(catalog, jwks.replace(' response string', keys))
  await carryOut(catalog, map.replace("' okta", `'${issuer} okta`))
  expect(catalog.tree).toEqual({
    ...emptyInstallation,
    settings: {
      'server.jwt_authentication.enabled': true,
      'server.jwt_authentication.issuers': '',
      'server.jwt_authentication.audience': 'your_okta_clientID',
      'server.jwt_authentication.jwks': keys,
      'server.identity_map.configuration': `${issuer} okta-userid-from-admin-url morgan`,
    },
  })
})
