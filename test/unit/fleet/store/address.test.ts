import { expect, test } from 'vitest'
import { clientConfig, type StoreAddress, tlsOptions } from '../../../../src/fleet/store/address.ts'

const address: StoreAddress = {
  ...{ host: 'db.internal', port: 5432, user: 'fleet', password: undefined },
  ...{ database: 'fleet', tls: 'verify-full' },
}

const configOf = (changes: Partial<StoreAddress>): ReturnType<typeof clientConfig> =>
  clientConfig({ address: { ...address, ...changes }, authorities: 'PEM', name: 'x'.repeat(99) })

test.each([
  ['verify-full', undefined, true, false],
  ['verify-full', 'PEM', true, false],
  ['verify-ca', 'PEM', true, true],
  ['require', 'PEM', true, true],
  ['require', undefined, false, true],
] as const)('%s with authorities %s', (tls, authorities, isVerified, isAnyName) => {
  const options = tlsOptions(tls, authorities)
  expect(options.rejectUnauthorized).toBe(isVerified)
  expect(options.checkServerIdentity !== undefined).toBe(isAnyName)
  expect(options.ca).toBe(authorities)
})

test('nothing is left for the environment to say', () => {
  const config = configOf({})
  expect(config).toMatchObject({ host: 'db.internal', ssl: { ca: 'PEM' }, client_encoding: 'UTF8' })
  // Where it were undefined, a variable or a file would be looked for.
  expect((config.password as () => string)()).toBe('')
  expect(configOf({ tls: 'disable' }).ssl).toBe(false)
})

test('a name that PostgreSQL would cut is cut', () => {
  expect(configOf({}).application_name).toHaveLength(63)
})
