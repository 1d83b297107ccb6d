// How the gateway lives with an identity provider: few requests, new keys at once, old ones while it is away.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { answers } from '../../demo/answers.ts'
import { generateSigningKey } from '../../demo/provider.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { errorFields, WireClient } from '../support/wire-client.ts'

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    configure: (config) => {
      const filed = { ...config.integrations['people'], jwks_file: 'keys.json' }
      const asking = {
        ...config.integrations['people'],
        userinfo_groups: true,
        groups_claim_ids: ['teams'],
        groups_claim_mappings: { writers: 'readwrite' },
      }
      config.integrations = { ...config.integrations, filed, asking }
      const sandbox = config.databases['sandbox']!['upstream'] as Record<string, unknown>
      const upstream = { ...sandbox, database: 'sandbox' }
      config.databases = {
        ...config.databases,
        filed: { integrations: ['filed'], upstream },
        asking: { integrations: ['asking'], upstream },
      }
    },
  })
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

const parameters = { user: 'app_readonly', database: 'sandbox' }

/** The type of the first message after the password: R when admitted, E when refused. */
async function logIn(
  token: string,
  its = parameters,
): Promise<{ type: string; sqlstate: string | undefined }> {
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  const answer = await client.logIn(its, token)
  const sqlstate = answer.type === 'E' ? errorFields(answer).sqlstate : undefined
  client.destroy()
  return { type: answer.type, sqlstate }
}

const admitted = { type: 'R', sqlstate: undefined }
const refused = { type: 'E', sqlstate: '28P01' }

test('two hundred tokens with made-up key ids fetch the key set at most twice', async () => {
  expect(await logIn(await stack.token())).toEqual(admitted)
  const before = stack.provider.jwksRequests
  const key = await generateSigningKey('RS256')
  const forged = await Promise.all(
    Array.from({ length: 200 }, async (_, i) =>
      stack.provider.mintIdToken('alice', {}, { key: { ...key, kid: `made-up-${i}` } }),
    ),
  )
  for (let i = 0; i < forged.length; i += 20) {
    const answers = await Promise.all(forged.slice(i, i + 20).map(async (token) => logIn(token)))
    expect(new Set(answers.map((answer) => answer.sqlstate))).toEqual(new Set(['28P01']))
  }
  expect(stack.provider.jwksRequests - before).toBeLessThanOrEqual(2)
  expect(await stack.metric('portcullis_jwks_unknown_kids_total')).toBe(200)
})

test('with the provider stopped, tokens under known keys log in and others are refused', async () => {
  const token = await stack.token()
  const unknown = await stack.provider.mintIdToken(
    'alice',
    {},
    { key: await generateSigningKey('RS256') },
  )
  await stack.provider.stop()
  expect(await logIn(token)).toEqual(admitted)
  expect(await logIn(unknown)).toEqual(refused)
  await stack.provider.startAgain()
})

test('keys from a file are believed as soon as they are there, without the provider', async () => {
  const filed = { user: 'app_readonly', database: 'filed' }
  const key = await generateSigningKey('RS256')
  const token = await stack.provider.mintIdToken('alice', {}, { key })
  expect(await logIn(token, filed)).toEqual({ type: 'E', sqlstate: '08006' })
  const { kty, n, e, kid } = key
  await writeFile(join(stack.folder, 'keys.json'), JSON.stringify({ keys: [{ kty, n, e, kid }] }))
  await stack.provider.stop()
  await until('the keys', async () => (await logIn(token, filed)).type === 'R')
  expect(await logIn(token)).toEqual(refused)
  await stack.provider.startAgain()
})

test('groups that a token does not tell are those of userinfo', async () => {
  const asking = { user: 'app_readwrite', database: 'asking' }
  const restore = stack.provider.intercept(
    '/me',
    answers.json({ sub: 'alice', teams: ['writers'] }),
  )
  const token = await stack.token()
  expect(await logIn(token, asking)).toEqual(admitted)
  expect(await logIn(token, asking)).toEqual(admitted)
  expect(stack.provider.requestsFor('/me')).toBe(1)
  restore()
})
