// Integrations of CockroachDB's settings: the same checks, in the order of CockroachDB.
import { describe, expect, test } from 'vitest'
import { describeCheck } from '../../../src/identity/describe-check.ts'
import { KeyCache } from '../../../src/identity/key-cache.ts'
import { LateRefusal } from '../../../src/identity/late-refusal.ts'
import type { TokenCheck } from '../../../src/identity/token-check.ts'
import { readUnverified } from '../../../src/identity/token-shape.ts'
import { VerifiedTokens } from '../../../src/identity/verified-tokens.ts'
import type { TokenRules } from '../../../src/identity/token-rules.ts'
import { previewToken, verifyToken } from '../../../src/identity/verify-token.ts'
import { Refusal } from '../../../src/refusal.ts'
import {
  clientId,
  issuer,
  type Json,
  keysOf,
  makeToken,
  now,
  nowSeconds,
  signingKey,
  tokenRules,
  toJwk,
} from './tokens.ts'

const key = signingKey('ec')
const stranger = signingKey('ec')
const dark = new KeyCache({
  issuer,
  fetch: async () => Promise.reject(new Error('nobody there')),
  observer: { keysRefreshed() {}, unknownKey() {} },
})
const its = {
  clientId: undefined,
  additionalAudiences: ['cluster'],
  dialect: 'cockroachdb',
  leewayMs: 0,
} as const
const rules = tokenRules(keysOf([toJwk(key)]), its)
const good = { aud: 'cluster', azp: undefined }

async function refusalOf(token: string, by = rules): Promise<Refusal> {
  const outcome = await verifyToken(token, by, now).catch((error: unknown) => error)
  if (!(outcome instanceof Refusal)) throw new Error('the token was accepted')
  return outcome
}

interface Wrong {
  readonly name: string
  readonly reason: string
  readonly claims?: Json
  readonly header?: Json
  readonly signer?: typeof key
  readonly keys?: KeyCache
}

/** In the order in which CockroachDB looks. */
const wrongs: readonly Wrong[] = [
  { name: 'issuer', reason: 'token-issuer', claims: { iss: `${issuer}/` } },
  { name: 'keys', reason: 'keys-unavailable', keys: dark },
  { name: 'algorithm', reason: 'token-algorithm', header: { alg: 'HS256' } },
  { name: 'signature', reason: 'token-signature', signer: stranger },
  { name: 'times', reason: 'token-expired', claims: { exp: nowSeconds } },
  { name: 'claim', reason: 'token-claim', claims: { sub: undefined } },
  { name: 'audience', reason: 'token-audience', claims: { aud: 'other' } },
]

const pairs = wrongs.flatMap((first, index) =>
  wrongs
    .slice(index + 1)
    .map((second): [string, string, Wrong, Wrong] => [first.name, second.name, first, second]),
)

test.each(pairs)('a wrong %s is told before a wrong %s', async (_, __, first, second) => {
  const claims = { ...good, ...first.claims, ...second.claims }
  const signer = first.signer ?? second.signer ?? key
  const token = makeToken(signer, claims, { ...first.header, ...second.header })
  const keys = first.keys ?? second.keys ?? rules.keys
  expect(await refusalOf(token, { ...rules, keys })).toMatchObject({ reason: first.reason })
})

test.each(wrongs.map(({ name, ...wrong }) => [name, wrong] as const))(
  'a wrong %s by itself is refused',
  async (_, { reason, claims, header, signer = key, keys = rules.keys }) => {
    const token = makeToken(signer, { ...good, ...claims }, header)
    expect(await refusalOf(token, { ...rules, keys })).toMatchObject({ reason })
  },
)

test('what is no token is told first', async () => {
  expect(await refusalOf('a.b.c')).toMatchObject({ reason: 'token-malformed', values: {} })
})

test.each([
  ['what is no token', 'a.b.c', 'token-malformed'],
  ['a token of another issuer', makeToken(key, { ...good, iss: 'x' }), 'token-issuer'],
  ['a good token', makeToken(key, good), 'keys-unavailable'],
])('%s is told so where there are no keys, behind the cache too', async (_, token, reason) => {
  const tokens = new VerifiedTokens({ ...rules, keys: dark }, 65_536)
  await expect(tokens.verify(token, now)).rejects.toMatchObject({ reason })
})

test('a token with the wrong audience is refused again each time: nothing of it is remembered', async () => {
  const tokens = new VerifiedTokens(rules, 65_536)
  const token = makeToken(key, { ...good, aud: 'other' })
  for (let attempt = 0; attempt < 3; attempt++) {
    await expect(tokens.verify(token, now)).rejects.toMatchObject({ reason: 'token-audience' })
  }
})

test('a key that is not there is told by its id', async () => {
  const refusal = await refusalOf(makeToken(key, good, { kid: 'other' }))
  expect(refusal).toMatchObject({ reason: 'token-unknown-key', values: { kid: 'other' } })
})

test('a token without an end is refused for that', async () => {
  const refusal = await refusalOf(makeToken(key, { ...good, exp: undefined }))
  expect(refusal).toMatchObject({ reason: 'token-claim', values: { claim: 'exp' } })
})

test('a good token is a principal', async () => {
  expect(await verifyToken(makeToken(key, good), rules, now)).toMatchObject({
    names: ['auth0|alice'],
    issuer,
  })
})

describe('the audience', () => {
  test.each([['cluster'], [['x', 'cluster']]])('may be %j', async (aud) => {
    await expect(verifyToken(makeToken(key, { ...good, aud }), rules, now)).resolves.toBeDefined()
  })

  test.each<[unknown]>([
    [undefined],
    [null],
    [''],
    ['Cluster'],
    [[]],
    [[['cluster']]],
    [{ 0: 'cluster' }],
    [clientId],
  ])('may not be %j: whom the token names is told, and no principal made', async (aud) => {
    const refusal = await refusalOf(makeToken(key, { ...good, aud }))
    if (!(refusal instanceof LateRefusal)) throw refusal
    expect(refusal).toMatchObject({
      reason: 'token-audience',
      identity: { names: ['auth0|alice'] },
    })
    // The mark of a Principal is a symbol that nobody else can name.
    expect(Object.getOwnPropertySymbols(refusal.identity)).toEqual([])
  })

  test('is nobody where none is configured', async () => {
    const none = { ...rules, additionalAudiences: [] }
    for (const aud of ['', undefined, 'cluster']) {
      expect(await refusalOf(makeToken(key, { ...good, aud }), none)).toMatchObject({
        reason: 'token-audience',
      })
    }
  })
})

test('explain makes the same checks in the same order, without the keys', async () => {
  const token = makeToken(key, good)
  const [verified, previewed]: [TokenCheck[], TokenCheck[]] = [[], []]
  await verifyToken(token, rules, now, (check) => verified.push(check))
  previewToken(token, rules, now, (check) => previewed.push(check))
  expect(verified).toEqual([
    ...['format', 'issuer', 'keys', 'algorithm', 'signature', 'times', 'type', 'kind'],
    ...['authorized party', 'principal claim', 'audience'],
  ])
  expect(previewed).toEqual(
    verified.filter((check) => !['format', 'keys', 'algorithm'].includes(check)),
  )
  const told = readUnverified(token)!
  for (const check of verified) expect(describeCheck(check, told, rules, now)).not.toBe('')
})

test.each([
  ['another spelling of the issuer', { iss: `${issuer}/` }, 'token-issuer'],
  ['another audience', { aud: 'other' }, 'token-audience'],
])('explain without the keys refuses %s', (_, claims, reason) => {
  const preview = (): unknown =>
    previewToken(makeToken(key, { ...good, ...claims }), rules, now, () => {})
  expect(preview).toThrow(expect.objectContaining({ reason }) as Error)
})

describe('without an answer of userinfo', () => {
  const access = { customCa: undefined, limits: { timeoutMs: 1, maxBytes: 1 } }
  const asking = { ...rules, userinfo: access }
  const outcomeOf = async (by: TokenRules): Promise<unknown> =>
    verifyToken(makeToken(key, good), by, now).catch((error: unknown) => error)

  test('whom the token names is told, and no principal made', async () => {
    const refusal = await outcomeOf(asking)
    if (!(refusal instanceof LateRefusal)) throw refusal
    expect(refusal).toMatchObject({
      reason: 'userinfo-unavailable',
      values: { endpoint: 'none' },
      logDetail: `the discovery document of ${issuer} has no userinfo_endpoint`,
    })
    expect(refusal.identity).toMatchObject({ names: ['auth0|alice'], groups: [] })
    expect(Object.getOwnPropertySymbols(refusal.identity)).toEqual([])
  })

  test('nobody is told of by other integrations', async () => {
    const refusal = await outcomeOf({ ...asking, dialect: 'portcullis' })
    expect(refusal).toMatchObject({ reason: 'userinfo-unavailable' })
    expect(refusal).not.toBeInstanceOf(LateRefusal)
  })

  test('a bug stays one', async () => {
    const bug = new RangeError('bug')
    const broken: TokenRules = {
      ...rules,
      get groupsClaimIds(): never {
        throw bug
      },
    }
    expect(await outcomeOf(broken)).toBe(bug)
  })
})

describe('a refusal that comes late', () => {
  test('tells what it told before', () => {
    const identity = { ...previewToken(makeToken(key, good), rules, now, () => {}) }
    const cause = new Error('why')
    const options = { values: { claim: 'x' }, clientDetail: 'a', hint: 'b', logDetail: 'c', cause }
    const refusal = new Refusal('token-claim', options)
    expect(new LateRefusal(refusal, identity)).toMatchObject({ reason: 'token-claim', ...options })
  })
})

describe('groups', () => {
  test.each<[unknown, readonly string[]]>([
    ['A , b,,', ['a', 'b']],
    ['admin readers', ['admin readers']],
    [
      ['A', 'a ', 5, true, null, {}],
      ['a', '5', 'true'],
    ],
    [[], []],
    ['', []],
    [5, []],
    [{ a: 1 }, []],
    [undefined, []],
  ])('in %j are %j', async (roles, groups) => {
    const by = { ...rules, groupsClaimIds: ['roles'] }
    const principal = await verifyToken(makeToken(key, { ...good, roles }), by, now)
    expect(principal.groups).toEqual(groups)
  })
})
