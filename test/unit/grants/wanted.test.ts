import { describe, expect, test } from 'vitest'
import { wantedDatabases } from '../../../src/grants/wanted.ts'
import { load, minimal } from '../config/load.ts'

const integration = (name: string, provisions: boolean, more = '') => `
  ${name}: { issuer: "https://${name}.example.com", client_id: c, map_principal: true, provisioning: { enabled: ${provisions} }${more} }`

const server = '{ upstream: { host: db, auth: { method: trust }, provisioner: { role: maker } } }'

function wanted(yaml: string, changes = {}) {
  const groups = `
groups:
  a: { role: shared, grants: [USE ON DATABASE north] }
  b: { role: shared, grants: [SELECT ON DATABASE north] }
  c: { role: other, grants: [] }
  d: { role: unmanaged }
databases:
  north: ${server}
  south: ${server}
`
  const { config } = load(`${minimal}${groups}${yaml}`)
  return wantedDatabases(config, { databases: [], prune: false, ...changes })
}

describe('what is wanted', () => {
  test('is of databases where something is granted, and of a role that two groups have once', () => {
    const [north, ...others] = wanted('')
    expect(others).toEqual([])
    expect(north).toMatchObject({
      names: ['north'],
      roles: [{ role: 'shared', groups: ['a', 'b'], grants: [{ group: 'a' }, { group: 'b' }] }],
    })
  })

  test('is of every database and every role that has grants, where what is not wanted goes', () => {
    const found = wanted('', { prune: true })
    expect(found.map(({ names, roles }) => [names, roles.map(({ role }) => role)])).toEqual([
      [['north'], ['other', 'shared']],
      [['south'], ['other', 'shared']],
    ])
  })

  test('is of the databases that are named alone', () => {
    expect(wanted('', { databases: ['south'] })).toEqual([])
    expect(wanted('', { databases: ['north'] })).toHaveLength(1)
  })
})

describe('roles of groups', () => {
  test.each([
    ['log in without an integration', '', true],
    [
      'log in where one integration makes no roles',
      integration('x', true) + integration('y', false),
      true,
    ],
    ['do not where all make them', integration('x', true) + integration('y', true), false],
    [
      'do not where those that make none are switched off',
      integration('x', true) + integration('y', false, ', enabled: false'),
      false,
    ],
  ])('%s', (_, integrations, expected) => {
    const yaml = integrations === '' ? '' : `integrations:${integrations}\n`
    const names = ['x', 'y'].filter((name) => integrations.includes(`  ${name}:`))
    const systems =
      names.length === 0 ? '' : `  system: { integrations: [${names.join()}], primary: x }\n`
    expect(wanted(`${systems}${yaml}`)[0]?.rolesLogIn).toBe(expected)
  })
})
