// Ten integrations on three databases: `system`, `app` with integrations of its own, `sandbox` without.
import { expect, test } from 'vitest'
import type { Catalog, Database } from '../../../src/policy/catalog.ts'
import { resolveIntegration } from '../../../src/policy/resolve-integration.ts'
import { readIntent } from '../../../src/session/client-intent.ts'
import { catalogOf, database, integration, issuer } from './catalogs.ts'

const partner = 'https://partner.example'

const integrations = [
  // system
  integration('people', { clientId: 'cli' }),
  integration('machines', { clientId: 'm2m' }),
  integration('guests', { issuer: partner, clientId: 'cli' }),
  integration('anyone', { issuer: 'https://open.example', clientId: undefined }),
  integration('retired', { clientId: 'old', isEnabled: false }),
  // app
  integration('app_people', { clientId: 'app-cli' }),
  integration('app_jobs', { clientId: 'job' }),
  integration('app_batch', { clientId: 'job' }),
  integration('app_guests', { issuer: partner, clientId: 'app-cli' }),
  integration('app_retired', { clientId: 'app-old', isEnabled: false }),
]

const systemNames = ['people', 'machines', 'guests', 'anyone', 'retired']
const appNames = ['app_people', 'app_jobs', 'app_batch', 'app_guests', 'app_retired']

function catalog(selection: Database['selection'], primaries = ['people', 'app_people']): Catalog {
  return catalogOf({
    integrations,
    databases: [
      database('system', {
        integrations: systemNames,
        primary: primaries[0],
        selection,
        hasUpstream: false,
      }),
      database('app', { integrations: appNames, primary: primaries[1], selection }),
      database('sandbox'),
    ],
  })
}

/** What a client says of itself: user, database and the option, as they come in its startup message. */
type Asked = readonly [user: string, database: string, identityProvider?: string]

/** `iss` and `azp` of its token; undefined for one that is opaque. */
type Token = readonly [issuer: string, authorizedParty?: string] | undefined

function outcomeOf([user, name, identityProvider]: Asked, token: Token, its: Catalog): string {
  const parameters = new Map([
    ['user', user],
    ['database', name],
  ])
  if (identityProvider !== undefined) {
    parameters.set('options', `-c identityprovider=${identityProvider}`)
  }
  const intent = readIntent({ kind: 'startup', minorVersion: 0, parameters, protocolOptions: [] })
  const claimed = token && { issuer: token[0], authorizedParty: token[1] }
  const resolution = resolveIntegration(its, { ...intent, claimed })
  return resolution.outcome === 'resolved' ? resolution.integration.name : resolution.reason
}

const cli: Token = [issuer, 'cli']
const m2m: Token = [issuer, 'm2m']
const stranger: Token = [issuer, 'nobody']

test.each<[string, Asked, Token, byToken: string, byPrimary: string]>([
  // The database
  ['system has its own', ['bob', 'system'], stranger, 'people', 'people'],
  ['integrations of its own stop the search', ['bob', 'app'], stranger, 'app_people', 'app_people'],
  ['without one it falls back to system', ['bob', 'sandbox'], stranger, 'people', 'people'],
  ['one that nobody knows falls back too', ['bob', 'nowhere'], stranger, 'people', 'people'],

  // The qualifier
  ['the qualifier goes before the database', ['id_token@system', 'app'], cli, 'people', 'people'],
  ['from a fallback it is the same', ['id_token@system', 'sandbox'], cli, 'people', 'people'],
  [
    'it may name another database',
    ['id_token@app', 'sandbox'],
    stranger,
    'app_people',
    'app_people',
  ],
  ['of a database without any it is system', ['id_token@sandbox', 'app'], cli, 'people', 'people'],
  ['only a token-type user has one', ['bob@system', 'app'], stranger, 'app_people', 'app_people'],
  ['without one the database counts', ['id_token', 'app'], cli, 'app_people', 'app_people'],

  // identityprovider
  ['a name in scope', ['bob', 'system', 'machines'], cli, 'machines', 'machines'],
  ['a name on the fallback', ['bob', 'sandbox', 'machines'], cli, 'machines', 'machines'],
  [
    'a name behind the qualifier',
    ['id_token@system', 'app', 'machines'],
    cli,
    'machines',
    'machines',
  ],
  ['a name of its own', ['bob', 'app', 'app_batch'], cli, 'app_batch', 'app_batch'],
  [
    'a name of system where the search has stopped',
    ['bob', 'app', 'machines'],
    m2m,
    'integration-unknown',
    'integration-unknown',
  ],
  [
    'a name of a database on the fallback',
    ['bob', 'sandbox', 'app_jobs'],
    m2m,
    'integration-unknown',
    'integration-unknown',
  ],
  [
    'a name that there is not, and no primary instead',
    ['bob', 'sandbox', 'oops'],
    cli,
    'integration-unknown',
    'integration-unknown',
  ],

  // The token's issuer and authorized party
  ['the token of the primary', ['bob', 'sandbox'], cli, 'people', 'people'],
  ['the token of another', ['bob', 'sandbox'], m2m, 'machines', 'people'],
  ['the token of another, from system', ['bob', 'system'], m2m, 'machines', 'people'],
  ['the same party at another issuer', ['bob', 'system'], [partner, 'cli'], 'guests', 'people'],
  ['an issuer with a slash', ['bob', 'system'], [`${partner}/`, 'cli'], 'guests', 'people'],
  [
    'an integration for every party of its issuer',
    ['bob', 'system'],
    ['https://open.example', 'whoever'],
    'anyone',
    'people',
  ],
  [
    'an integration for every party, and a token without',
    ['bob', 'system'],
    ['https://open.example'],
    'anyone',
    'people',
  ],
  ['a token that fits only outside the scope', ['bob', 'app'], m2m, 'app_people', 'app_people'],
  ['a token within its own', ['bob', 'app'], [partner, 'app-cli'], 'app_guests', 'app_people'],
  ['a token that fits two', ['bob', 'app'], [issuer, 'job'], 'app_people', 'app_people'],
  [
    'a token that fits two, by name',
    ['bob', 'app', 'app_jobs'],
    [issuer, 'job'],
    'app_jobs',
    'app_jobs',
  ],
  ['a token without party', ['bob', 'sandbox'], [issuer], 'people', 'people'],
  ['a token of nobody', ['bob', 'sandbox'], ['https://evil.example', 'm2m'], 'people', 'people'],
  ['no token at all', ['bob', 'sandbox'], undefined, 'people', 'people'],

  // Switched off
  [
    'one that is off, by name',
    ['bob', 'system', 'retired'],
    cli,
    'integration-disabled',
    'integration-disabled',
  ],
  [
    'one that is off, by token',
    ['bob', 'system'],
    [issuer, 'old'],
    'integration-disabled',
    'people',
  ],
  [
    'one that is off, of its own',
    ['bob', 'app'],
    [issuer, 'app-old'],
    'integration-disabled',
    'app_people',
  ],
])('%s: %j with %j is %s, or %s in primary mode', (_, asked, token, byToken, byPrimary) => {
  expect(outcomeOf(asked, token, catalog('token'))).toBe(byToken)
  expect(outcomeOf(asked, token, catalog('primary'))).toBe(byPrimary)
})

test.each<[string, Asked, string]>([
  ['the primary of system', ['bob', 'sandbox'], 'integration-disabled'],
  ['the primary of its own, though system has others', ['bob', 'app'], 'integration-disabled'],
  ['another by name', ['bob', 'app', 'app_people'], 'app_people'],
])('a primary that is switched off refuses: %s', (_, asked, outcome) => {
  const its = catalog('token', ['retired', 'app_retired'])
  expect(outcomeOf(asked, stranger, its)).toBe(outcome)
})
