import { describe, expect, test } from 'vitest'
import type { Catalog } from '../../../src/policy/catalog.ts'
import {
  type IntegrationRequest,
  type Resolution,
  resolveIntegration,
} from '../../../src/policy/resolve-integration.ts'
import { catalogOf, database, integration, issuer } from './catalogs.ts'

const other = 'https://other.example'

const catalog = catalogOf({
  databases: [
    database('system', { integrations: ['people', 'machines', 'foreign'], primary: 'people' }),
    database('sandbox'),
    database('own', { integrations: ['private'] }),
    database('strict', {
      integrations: ['people', 'machines'],
      primary: 'people',
      selection: 'primary',
    }),
    database('headless', { integrations: ['people', 'machines'], primary: undefined }),
    database('twins', { integrations: ['people', 'anyone', 'machines'], primary: 'machines' }),
    database('dangling', { integrations: ['gone'] }),
  ],
  integrations: [
    integration('people'),
    integration('machines'),
    integration('foreign', { issuer: `${other}/` }),
    integration('private'),
    integration('anyone', { clientId: undefined }),
  ],
})

function resolve(request: Partial<IntegrationRequest>, its: Catalog = catalog): Resolution {
  return resolveIntegration(its, {
    database: 'sandbox',
    qualifier: undefined,
    identityProvider: undefined,
    claimed: undefined,
    ...request,
  })
}

/** The integration, or the reason why there is none. */
function outcomeOf(request: Partial<IntegrationRequest>, its = catalog): string {
  const resolution = resolve(request, its)
  return resolution.outcome === 'resolved' ? resolution.integration.name : resolution.reason
}

function tokenOf(authorizedParty: unknown, its: unknown = issuer): IntegrationRequest['claimed'] {
  return { issuer: its, authorizedParty }
}

describe('the scope of a login', () => {
  test.each<[string, Partial<IntegrationRequest>, string]>([
    ['the database, if it has integrations of its own', { database: 'own' }, 'private'],
    ['system, if it has none', { database: 'sandbox' }, 'people'],
    ['system, if there is no such database', { database: 'unknown' }, 'people'],
    ['the one behind the @', { database: 'own', qualifier: 'system' }, 'people'],
    ['the one behind the @, from system too', { database: 'system', qualifier: 'own' }, 'private'],
    [
      'system, if the one behind the @ has none',
      { database: 'own', qualifier: 'sandbox' },
      'people',
    ],
  ])('is %s', (_, request, name) => {
    expect(outcomeOf(request)).toBe(name)
  })

  test('is told in the steps', () => {
    expect(resolve({ database: 'own' })).toMatchObject({
      outcome: 'resolved',
      steps: [
        { check: 'scope', compared: 'database own', passed: true },
        {
          check: 'integration',
          compared: 'token or primary among private -> private',
          passed: true,
        },
      ],
    })
  })

  test.each([
    ['no database', catalogOf({})],
    ['a system without integrations', catalogOf({ databases: [database('system')] })],
  ])('is nowhere in a catalog with %s', (_, its) => {
    expect(resolve({}, its)).toEqual({
      outcome: 'denied',
      reason: 'integration-none',
      steps: [{ check: 'scope', compared: 'no integration anywhere', passed: false }],
    })
  })

  test('is the database alone, even where system has nothing', () => {
    const its = catalogOf({
      databases: [database('own', { integrations: ['private'] })],
      integrations: [integration('private')],
    })
    expect(outcomeOf({ database: 'own' }, its)).toBe('private')
    expect(outcomeOf({ database: 'sandbox' }, its)).toBe('integration-none')
  })
})

describe('identityprovider', () => {
  test.each<[string, Partial<IntegrationRequest>, string]>([
    ['picks one of the scope', { database: 'system' }, 'machines'],
    ['is honoured on a fallback too', { database: 'sandbox' }, 'machines'],
    ['is honoured behind a qualifier', { database: 'own', qualifier: 'system' }, 'machines'],
    ['is honoured in primary mode', { database: 'strict' }, 'machines'],
    ['goes before what the token says', { claimed: tokenOf('people') }, 'machines'],
    ['is unknown where the database stops the search', { database: 'own' }, 'integration-unknown'],
  ])('%s', (_, request, outcome) => {
    expect(outcomeOf({ ...request, identityProvider: 'machines' })).toBe(outcome)
  })

  test.each(['nobody', '', 'MACHINES', 'private', '__proto__'])(
    'that names %j is an error, and not ignored',
    (identityProvider) => {
      expect(resolve({ identityProvider, claimed: tokenOf('people') })).toEqual({
        outcome: 'denied',
        reason: 'integration-unknown',
        steps: [
          { check: 'scope', compared: 'database system', passed: true },
          {
            check: 'integration',
            compared: `${identityProvider} among people, machines, foreign -> none`,
            passed: false,
          },
        ],
      })
    },
  )
})

describe('a token', () => {
  test.each<[string, string, IntegrationRequest['claimed'], string]>([
    ['picks by its authorized party', 'system', tokenOf('machines'), 'machines'],
    ['picks on a fallback too', 'sandbox', tokenOf('machines'), 'machines'],
    [
      'picks by its issuer, with a slash or without',
      'sandbox',
      tokenOf('foreign', other),
      'foreign',
    ],
    ['may have the slash itself', 'sandbox', tokenOf('machines', `${issuer}/`), 'machines'],
    ['of an unknown party leaves the primary', 'system', tokenOf('stranger'), 'people'],
    ['of an unknown issuer leaves the primary', 'system', tokenOf('machines', 'x'), 'people'],
    [
      'of another issuer and our party leaves the primary',
      'sandbox',
      tokenOf('machines', other),
      'people',
    ],
    ['without party leaves the primary', 'system', tokenOf(undefined), 'people'],
    ['whose party is no text leaves the primary', 'system', tokenOf(['machines']), 'people'],
    [
      'whose issuer is no text leaves the primary',
      'system',
      tokenOf('machines', [issuer]),
      'people',
    ],
    ['with a null issuer leaves the primary', 'system', tokenOf('machines', null), 'people'],
    ['that fits two leaves the primary', 'twins', tokenOf('people'), 'machines'],
    ['that fits only the one without client picks it', 'twins', tokenOf('x'), 'anyone'],
    ['does not pick in primary mode', 'strict', tokenOf('machines'), 'people'],
    ['picks none that is outside the scope', 'own', tokenOf('machines'), 'private'],
    ['picks where there is no primary', 'headless', tokenOf('machines'), 'machines'],
    [
      'that fits none where there is no primary is refused',
      'headless',
      tokenOf('x'),
      'integration-none',
    ],
    ['does not bring back what is not configured', 'dangling', tokenOf('gone'), 'integration-none'],
  ])('%s', (_, its, claimed, outcome) => {
    expect(outcomeOf({ database: its, claimed })).toBe(outcome)
  })

  test('without issuer leaves the primary', () => {
    const claimed = { issuer: undefined, authorizedParty: 'machines' }
    expect(outcomeOf({ claimed })).toBe('people')
  })

  test('that is opaque leaves the primary', () => {
    expect(outcomeOf({ claimed: undefined })).toBe('people')
    expect(outcomeOf({ database: 'headless' })).toBe('integration-none')
  })
})

describe('an integration that is switched off', () => {
  const its = catalogOf({
    databases: [
      database('system', { integrations: ['people', 'off'], primary: 'people' }),
      database('primary', { integrations: ['off', 'people'], primary: 'off' }),
    ],
    integrations: [integration('people'), integration('off', { isEnabled: false })],
  })

  test.each<[string, Partial<IntegrationRequest>]>([
    ['when it is named', { identityProvider: 'off' }],
    ['when the token is from it', { claimed: tokenOf('off') }],
    ['when it is the primary', { database: 'primary' }],
  ])('refuses %s', (_, request) => {
    expect(resolve(request, its)).toMatchObject({
      outcome: 'denied',
      reason: 'integration-disabled',
      steps: [{ passed: true }, { passed: true }, { check: 'enabled', passed: false }],
    })
  })

  test('leaves the others alone', () => {
    expect(outcomeOf({}, its)).toBe('people')
    expect(outcomeOf({ database: 'primary', claimed: tokenOf('people') }, its)).toBe('people')
  })
})
