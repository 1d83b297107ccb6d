import { expect, test } from 'vitest'
import type { IssuerKeys } from '../../../src/identity/discovery.ts'
import { KeyCache, keyAges } from '../../../src/identity/key-cache.ts'
import { VerifiedTokens } from '../../../src/identity/verified-tokens.ts'
import { issuer, makeToken, now, nowSeconds, signingKey, tokenRules, toJwk } from './tokens.ts'
import { createLocalJWKSet } from 'jose'

const key = signingKey('ec')
const another = signingKey('ec')

/** Key sets that count how often a key is looked up in them: a token that is remembered looks up none. */
function countingKeys(): {
  keys: KeyCache
  lookUps: () => number
  replace: (key: typeof another) => void
  clock: { ms: number }
} {
  let lookUps = 0
  const setOf = (signing: typeof key): IssuerKeys => {
    const findKey = createLocalJWKSet({ keys: [toJwk(signing)] })
    const counting = async (...args: Parameters<typeof findKey>): ReturnType<typeof findKey> => {
      lookUps++
      return findKey(...args)
    }
    return { issuer, findKey: Object.assign(counting, { jwks: findKey.jwks }) }
  }
  let current = setOf(key)
  const clock = { ms: 0 }
  const keys = new KeyCache({
    issuer,
    fetch: async () => Promise.resolve(current),
    observer: { keysRefreshed() {}, unknownKey() {} },
    monotonicNow: () => clock.ms,
  })
  const replace = (signing: typeof key): void => {
    current = setOf(signing)
  }
  return { keys, lookUps: () => lookUps, replace, clock }
}

test('a token is verified once, and then remembered', async () => {
  const { keys, lookUps } = countingKeys()
  const tokens = new VerifiedTokens(tokenRules(keys), 65_536)
  const token = makeToken(key, {})
  const first = await tokens.verify(token, now)
  expect(await tokens.verify(token, now)).toBe(first)
  expect(lookUps()).toBe(1)
})

test('who asks is told what is checked, and of nothing where the token is a remembered one', async () => {
  const { keys } = countingKeys()
  const tokens = new VerifiedTokens(tokenRules(keys), 65_536)
  const token = makeToken(key, {})
  const [first, second]: [string[], string[]] = [[], []]
  await tokens.verify(token, now, (check) => first.push(check))
  await tokens.verify(token, now, (check) => second.push(check))
  expect(first.slice(0, 2)).toEqual(['format', 'algorithm'])
  expect(first).toContain('signature')
  expect(second).toEqual([])
})

test('who asks is told that an encrypted token is to be opened', async () => {
  const { keys } = countingKeys()
  const tokens = new VerifiedTokens(tokenRules(keys), 65_536)
  const header = Buffer.from(JSON.stringify({ alg: 'RSA-OAEP', enc: 'A256GCM' })).toString(
    'base64url',
  )
  const checks: string[] = []
  await expect(
    tokens.verify(`${header}.a.b.c.d`, now, (check) => checks.push(check)),
  ).rejects.toThrow()
  expect(checks).toEqual(['decryption'])
})

test('the spelling of the issuer is that of its discovery document, which is asked for first', async () => {
  const signed = makeToken(key, { iss: `${issuer}/` })
  const tokens = (fetch: () => Promise<IssuerKeys>): VerifiedTokens => {
    const observer = { keysRefreshed() {}, unknownKey() {} }
    return new VerifiedTokens(tokenRules(new KeyCache({ issuer, fetch, observer })), 65_536)
  }
  const findKey = createLocalJWKSet({ keys: [toJwk(key)] })
  const there = tokens(async () => Promise.resolve({ issuer: `${issuer}/`, findKey }))
  await expect(there.verify(signed, now)).resolves.toMatchObject({ issuer: `${issuer}/` })
  const away = tokens(async () => Promise.reject(new Error('nobody there')))
  await expect(away.verify(signed, now)).rejects.toMatchObject({ reason: 'keys-unavailable' })
})

test('a token that was refused is verified again each time', async () => {
  const { keys, lookUps } = countingKeys()
  const tokens = new VerifiedTokens(tokenRules(keys), 65_536)
  const token = makeToken(key, { aud: 'another' })
  for (let i = 0; i < 3; i++) {
    await expect(tokens.verify(token, now)).rejects.toMatchObject({ reason: 'token-audience' })
  }
  expect(lookUps()).toBe(3)
})

test('a remembered token is refused from its expiry on', async () => {
  const { keys } = countingKeys()
  const tokens = new VerifiedTokens(tokenRules(keys, { leewayMs: 0 }), 65_536)
  const token = makeToken(key, { exp: nowSeconds + 30 })
  await tokens.verify(token, now)
  const later = new Date((nowSeconds + 30) * 1_000)
  await expect(tokens.verify(token, later)).rejects.toMatchObject({ reason: 'token-expired' })
})

test('a remembered token is refused once the key set was fetched with another key in its place', async () => {
  const { keys, replace, clock } = countingKeys()
  const tokens = new VerifiedTokens(tokenRules(keys), 65_536)
  const token = makeToken(key, {})
  await tokens.verify(token, now)
  replace(another)
  clock.ms += keyAges.waitAfterMs + 1
  await expect(tokens.verify(token, now)).rejects.toMatchObject({ reason: 'token-signature' })
})

test('a token that differs in one character of its signature is another token', async () => {
  const { keys } = countingKeys()
  const tokens = new VerifiedTokens(tokenRules(keys), 65_536)
  const token = makeToken(key, {})
  await tokens.verify(token, now)
  const forged = makeToken({ ...another, kid: key.kid })
  const mixed = [...token.split('.').slice(0, 2), forged.split('.')[2]].join('.')
  await expect(tokens.verify(mixed, now)).rejects.toMatchObject({ reason: 'token-signature' })
})

test('no more is remembered than the limit', async () => {
  const { keys, lookUps } = countingKeys()
  const token = makeToken(key, {})
  const tokens = new VerifiedTokens(tokenRules(keys), token.length + 10)
  await tokens.verify(token, now)
  await tokens.verify(makeToken(key, { sub: 'somebody else' }), now)
  await tokens.verify(token, now)
  expect(lookUps()).toBe(3)
})

test('the groups of a principal count too', async () => {
  const { keys, lookUps } = countingKeys()
  const token = makeToken(key, { 'https://example.com/groups': ['a'.repeat(20)] })
  const tokens = new VerifiedTokens(tokenRules(keys), token.length + 10)
  await tokens.verify(token, now)
  await tokens.verify(token, now)
  expect(lookUps()).toBe(2)
})
