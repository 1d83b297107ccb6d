import { createLocalJWKSet } from 'jose'
import { expect, test } from 'vitest'
import { chooseFlow } from '../../../src/session/sign-in.ts'

const findKey = createLocalJWKSet({ keys: [] })
const none = { issuer: 'https://issuer.example', findKey }
const device = { deviceAuthorizationEndpoint: 'https://issuer.example/device' }
const code = { authorizationEndpoint: 'https://issuer.example/auth' }

test.each([
  [
    'the first of the pool',
    ['deviceGrant', 'authorizationCode'],
    { ...device, ...code },
    'deviceGrant',
  ],
  [
    'the first of the pool',
    ['authorizationCode', 'deviceGrant'],
    { ...device, ...code },
    'authorizationCode',
  ],
  [
    'the one that the provider has',
    ['deviceGrant', 'authorizationCode'],
    code,
    'authorizationCode',
  ],
  ['the one that the provider has', ['authorizationCode', 'deviceGrant'], device, 'deviceGrant'],
  ['the one that was named', ['authorizationCode'], device, 'authorizationCode'],
  [
    'the first, where the provider has none',
    ['authorizationCode', 'deviceGrant'],
    {},
    'authorizationCode',
  ],
] as const)('the flow is %s: %j', (_, flows, endpoints, chosen) => {
  expect(chooseFlow(flows, { ...none, ...endpoints })).toBe(chosen)
})
