import { expect, test, vi } from 'vitest'
import { SignedTokens, type TokenScope } from '../../../src/upstream/signed-tokens.ts'

const scope: TokenScope = { host: 'db.example.com', port: 5432, role: 'app' }

function tokens(sign?: (scope: TokenScope) => Promise<string>, maxTokens = 10) {
  const clock = { nowMs: 1_000_000 }
  let count = 0
  const signing = vi.fn(sign ?? (async () => Promise.resolve(`token ${++count}`)))
  const made = new SignedTokens({
    sign: signing,
    what: 'token of AWS',
    useMs: 300_000,
    timeoutMs: 20,
    maxTokens,
    now: () => clock.nowMs,
  })
  return { made, signing, clock }
}

test('a token is used until it has been used for long enough', async () => {
  const { made, clock } = tokens()
  expect(await made.tokenFor(scope)).toBe('token 1')
  clock.nowMs += 299_999
  expect(await made.tokenFor(scope)).toBe('token 1')
  clock.nowMs += 1
  expect(await made.tokenFor(scope)).toBe('token 2')
})

test('a token of a clock that was set back is not used', async () => {
  const { made, clock } = tokens()
  await made.tokenFor(scope)
  clock.nowMs -= 1
  expect(await made.tokenFor(scope)).toBe('token 2')
})

test.each([{ host: 'other.example.com' }, { port: 5433 }, { role: 'another' }])(
  'a token is for its own server and role: %j',
  async (change) => {
    const { made } = tokens()
    expect(await made.tokenFor(scope)).toBe('token 1')
    expect(await made.tokenFor({ ...scope, ...change })).toBe('token 2')
    expect(await made.tokenFor(scope)).toBe('token 1')
  },
)

test('logins at the same time wait for one signature', async () => {
  const { made, signing } = tokens()
  const all = await Promise.all(Array.from({ length: 50 }, async () => made.tokenFor(scope)))
  expect(new Set(all)).toEqual(new Set(['token 1']))
  expect(signing).toHaveBeenCalledTimes(1)
})

test('a token that was refused is signed anew', async () => {
  const { made } = tokens()
  await made.tokenFor(scope)
  made.forget(scope)
  expect(await made.tokenFor(scope)).toBe('token 2')
})

test('no more tokens are kept than may be', async () => {
  const { made } = tokens(undefined, 1)
  await made.tokenFor(scope)
  await made.tokenFor({ ...scope, role: 'another' })
  expect(await made.tokenFor(scope)).toBe('token 3')
})

test('what fails is tried again, and nothing but its name is told', async () => {
  const error = new Error('with the secret in it')
  error.name = 'CredentialsProviderError'
  const { made, signing } = tokens(async () => Promise.reject(error))
  for (let attempt = 1; attempt <= 2; attempt++) {
    const refusal: unknown = await made.tokenFor(scope).catch((one: unknown) => one)
    expect(refusal).toMatchObject({
      reason: 'upstream-authentication',
      logDetail: 'no token of AWS: CredentialsProviderError',
      cause: undefined,
    })
    expect(signing).toHaveBeenCalledTimes(attempt)
  }
})

test('whoever signs has a deadline', async () => {
  const { made } = tokens(async () => new Promise(() => {}))
  await expect(made.tokenFor(scope)).rejects.toMatchObject({
    logDetail: 'no token of AWS within 20 ms',
  })
})
