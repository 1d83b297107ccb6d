import { describe, expect, test } from 'vitest'
import { looksLikeToken, readUnverified } from '../../../src/identity/token-shape.ts'
import { hasUniqueNames } from '../../../src/identity/unique-names.ts'
import { verifyToken } from '../../../src/identity/verify-token.ts'
import { goodClaims, keysOf, now, signingKey, signToken, tokenRules, toJwk } from './tokens.ts'

const key = signingKey('ec')
const rules = tokenRules(keysOf([toJwk(key)]))
const header = '{"alg":"ES256","kid":"ec"}'
const claims = JSON.stringify(goodClaims)
const with1 = (text: string, member: string): string => `{${member},${text.slice(1)}`

describe('the names of a JSON text', () => {
  test.each([
    '{}',
    '[]',
    '"a"',
    '{"a":1,"b":1}',
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":1}]',
    '{"a":["a","a"],"b":"a"}',
    '{"a":"b","b":"a","c":"\\"a\\":"}',
    '{"a":{},"b":{"a":[]},"c":[{"a":1}]}',
    '{"a":"\\\\","b":1}',
    '{"":1," ":1,"a ":1,"a":1}',
    '{"\\u0061":1,"\\u0062":1}',
    '{"__proto__":1,"constructor":1}',
    '{"é":1,"e\u0301":1}',
  ])('are unique in %s', (json) => {
    expect(() => JSON.parse(json) as unknown).not.toThrow()
    expect(hasUniqueNames(json)).toBe(true)
  })

  test.each([
    '{"a":1,"a":1}',
    '{"a":1,"b":2,"a":3}',
    '{"a":{"b":1,"b":2}}',
    '{"a":{"c":{}},"b":[],"a":1}',
    '[{"a":1},[{"b":1,"b":1}]]',
    '{ "a" \n\t: 1 ,\r "a":1}',
    '{"a":1,"\\u0061":1}',
    '{"\\"":1,"\\u0022":2}',
    '{"":1,"":2}',
    '{"__proto__":1,"__proto__":2}',
    '{"a":"}","a":1}',
    '{"a":"\\\\","a":1}',
  ])('are not unique in %s', (json) => {
    expect(() => JSON.parse(json) as unknown).not.toThrow()
    expect(hasUniqueNames(json)).toBe(false)
  })
})

describe('a token in which a name is twice', () => {
  test.each([
    ['its header names the algorithm twice', with1(header, '"alg":"none"'), claims],
    ['its header names the algorithm twice alike', with1(header, '"alg":"ES256"'), claims],
    ['its header names the key twice', with1(header, '"kid":"ec"'), claims],
    ['its header names something unknown twice', with1(header, '"x":1,"x":1'), claims],
    ['its claims name the subject twice', header, with1(claims, '"sub":"eve"')],
    ['its claims name the issuer twice', header, with1(claims, '"iss":"https://evil.example"')],
    ['its claims name the expiry twice', header, with1(claims, '"exp":1')],
    ['its claims spell a name in two ways', header, with1(claims, '"s\\u0075b":"eve"')],
    ['an object within its claims names a role twice', header, with1(claims, '"a":{"r":1,"r":2}')],
  ])('is malformed where %s', async (_, itsHeader, itsClaims) => {
    const token = signToken(itsHeader, itsClaims, key)
    await expect(verifyToken(token, rules, now)).rejects.toMatchObject({
      reason: 'token-malformed',
      clientDetail: undefined,
    })
    expect(readUnverified(token)).toBeUndefined()
  })

  test('is meant as a token all the same, and never as a password', () => {
    expect(looksLikeToken(signToken(with1(header, '"alg":"none"'), claims, key))).toBe(true)
  })

  test('is not one that names the same in different objects', async () => {
    const token = signToken(header, with1(claims, '"a":{"sub":1},"b":{"sub":2}'), key)
    await expect(verifyToken(token, rules, now)).resolves.toMatchObject({ names: ['auth0|alice'] })
  })
})
