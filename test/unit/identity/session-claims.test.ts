import { expect, test } from 'vitest'
import { previewToken, verifyToken } from '../../../src/identity/verify-token.ts'
import { keysOf, makeToken, now, signingKey, tokenRules, toJwk } from './tokens.ts'
import { sessionClaimsIn } from '../../../src/identity/session-claims.ts'

const claims = { sub: 'alice', org: { id: 'o-1' }, no: null, empty: '', off: false }

test('the claims that sessions are told of are those that are named and there', () => {
  const names = ['sub', '/org/id', 'no', 'empty', 'off', 'missing', '/org/name']
  expect(sessionClaimsIn(claims, names)).toEqual(
    new Map<string, unknown>([
      ['sub', 'alice'],
      ['/org/id', 'o-1'],
      ['no', null],
      ['empty', ''],
      ['off', false],
    ]),
  )
})

test.each([undefined, []])(
  'nothing is kept of a token where nothing is to be told: %j',
  (names) => {
    expect(sessionClaimsIn(claims, names)).toBeUndefined()
  },
)

test('a principal has them from its verified token, and nobody else does', async () => {
  const key = signingKey('one')
  const keys = keysOf([toJwk(key)])
  const token = makeToken(key, { tenant: 'acme', other: 'not told' })
  const told = new Map([['tenant', 'acme']])
  const rules = tokenRules(keys, { sessionClaims: ['tenant', 'missing'] })
  expect((await verifyToken(token, rules, now)).sessionClaims).toEqual(told)
  expect(previewToken(token, rules, now, () => {}).sessionClaims).toEqual(told)
  expect((await verifyToken(token, tokenRules(keys), now)).sessionClaims).toBeUndefined()
})
