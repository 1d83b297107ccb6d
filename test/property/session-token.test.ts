import fc from 'fast-check'
import { expect, test } from 'vitest'
import { UnfitForSessionToken } from '../../src/identity/session-token.ts'
import type { KeptIdentity } from '../../src/identity/kept-identity.ts'
import { issuer, now, sessionTokens } from '../unit/identity/session-tokens.ts'

const name = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
const uuid = fc.uuid()
const atMs = (from: number, to: number) =>
  fc.integer({ min: from, max: to }).map((seconds) => now.getTime() + seconds * 1_000)

const maybe = <T>(key: string, value: fc.Arbitrary<T>) =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: value.map((one) => ({ [key]: one })) },
  )

const identities: fc.Arbitrary<KeptIdentity> = fc
  .tuple(
    fc.record({
      integration: fc.constant('sso'),
      kind: fc.constantFrom('id_token', 'access_token', 'at+jwt'),
      issuer: fc.constantFrom(issuer, `${issuer}/`),
      subject: name,
      names: fc.array(name, { minLength: 1, maxLength: 3 }),
      groups: fc.uniqueArray(fc.constantFrom('readers', 'writers', 'blocked')),
      expiresAt: atMs(1, 100_000),
      issuedAt: fc.option(atMs(-100_000, 100), { nil: undefined }),
    }),
    maybe('tokenIdHash', fc.stringMatching(/^[0-9a-f]{12}$/)),
    maybe('sid', fc.oneof(name, uuid)),
    maybe('certificateThumbprint', fc.stringMatching(/^[\w-]{43}$/)),
    maybe('actors', fc.array(name, { minLength: 1, maxLength: 2 })),
    maybe('sessionClaims', fc.dictionary(fc.constantFrom('a', 'b'), fc.jsonValue({ maxDepth: 1 }))),
  )
  .map((parts) => Object.assign({}, ...parts) as KeptIdentity)

const bounds = fc
  .tuple(maybe('user', name), maybe('database', name), maybe('pool', name))
  .map((parts) => Object.assign({}, ...parts) as object)

test('whatever identity one is issued for comes back, and those that it has no room for get none', async () => {
  const tokens = sessionTokens()
  let fitting = 0
  await fc.assert(
    fc.asyncProperty(identities, bounds, async (identity, asked) => {
      const issued = await tokens
        .issue({ identity, bounds: asked }, now)
        .catch((error: unknown) => {
          if (error instanceof UnfitForSessionToken) return undefined
          throw error
        })
      if (issued === undefined) return
      fitting++
      const read = await tokens.read(issued.token, now)
      expect(read).toEqual({ id: issued.id, identity, bounds: asked, expiresAt: issued.expiresAt })
      expect(issued.expiresAt).toBeLessThanOrEqual(identity.expiresAt)
    }),
    { numRuns: 500 },
  )
  expect(fitting).toBeGreaterThan(50)
})

test('nothing else is one, and nothing breaks on it', async () => {
  const tokens = sessionTokens()
  const { token } = await tokens.issue(
    {
      identity: {
        ...{ integration: 'sso', kind: 'id_token', issuer, subject: 'alice', names: ['alice'] },
        ...{ groups: [], expiresAt: now.getTime() + 60_000, issuedAt: undefined },
      },
      bounds: {},
    },
    now,
  )
  const [header = '', claims = '', signature = ''] = token.split('.')
  const part = fc.oneof(
    fc.constantFrom(header, claims, signature, ''),
    fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)).toString('base64url')),
    fc.string(),
  )
  await fc.assert(
    fc.asyncProperty(part, part, part, async (...parts) => {
      const made = parts.join('.')
      fc.pre(made !== token)
      await expect(tokens.read(made, now)).rejects.toMatchObject({ name: 'Refusal' })
    }),
    { numRuns: 500 },
  )
})
