import { expect, test } from 'vitest'
import { parseKeySet } from '../../../src/identity/key-set.ts'
import { verifyToken } from '../../../src/identity/verify-token.ts'
import { keysOf, makeToken, now, signingKey, tokenRules, toJwk } from './tokens.ts'

const key = signingKey('one')

test.each([
  ['jwt-svid', 'accepted'],
  ['sig', 'accepted'],
  [undefined, 'accepted'],
  ['x509-svid', 'token-unknown-key'],
  ['JWT-SVID', 'token-unknown-key'],
  ['enc', 'token-unknown-key'],
])('by a key whose use is %s a token is %s', async (use, expected) => {
  const { keys } = parseKeySet(JSON.stringify({ keys: [toJwk(key, { use })] }))
  const outcome = await verifyToken(makeToken(key), tokenRules(keysOf(keys)), now).then(
    () => 'accepted',
    (error: unknown) => (error as { reason: string }).reason,
  )
  expect(outcome).toBe(expected)
})

test('what else a key set has stays what it is', () => {
  const set = { spiffe_sequence: 1, keys: [toJwk(key, { use: 'x509-svid' }), toJwk(key)] }
  expect(parseKeySet(JSON.stringify(set))).toEqual(set)
})
