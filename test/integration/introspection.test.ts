// Opaque access tokens and encrypted tokens of a real provider, with psql as the client.
import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CompactEncrypt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, answers } from '../../demo/answers.ts'
import { send } from '../../demo/browser.ts'
import { hasPsql, psql, type PsqlResult } from '../support/psql.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { type ErrorFields, errorFields, WireClient } from '../support/wire-client.ts'

const endpoint = '/token/introspection'
const ours = generateKeyPairSync('rsa', { modulusLength: 2_048 })

let stack: Stack
let config: object

beforeAll(async () => {
  stack = await Stack.start()
  const { people } = stack.config.integrations
  const introspection = {
    client_id: 'm2m',
    client_secret: stack.provider.clientSecret('m2m'),
    cache: '0',
  }
  await writeFile(
    join(stack.folder, 'decryption.json'),
    JSON.stringify({
      keys: [{ ...ours.privateKey.export({ format: 'jwk' }), kid: 'ours', use: 'enc' }],
    }),
    { mode: 0o600 },
  )
  const { upstream } = stack.config.databases['sandbox'] as { upstream: object }
  const request_timeout = '1s'
  config = {
    ...stack.config,
    // Made-up tokens are no guesses here, but for those that are.
    limits: { throttle: ['password'] },
    integrations: {
      ...stack.config.integrations,
      asking: { ...people, introspection, request_timeout },
      posting: { ...people, introspection: { ...introspection, authentication: 'post' } },
      remembering: { ...people, introspection: { ...introspection, cache: '2s' } },
      decrypting: { ...people, decryption_keys_file: 'decryption.json' },
    },
    databases: {
      ...stack.config.databases,
      ...Object.fromEntries(
        ['asking', 'posting', 'remembering', 'decrypting'].map((name) => [
          name,
          { integrations: [name], upstream: { ...upstream, database: 'sandbox' } },
        ]),
      ),
    },
  }
  await stack.gateway.reload(config)
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

async function opaqueToken(): Promise<string> {
  const { accessToken } = await stack.provider.signIn('alice', { audience: undefined })
  expect(accessToken).not.toContain('.')
  return accessToken
}

async function logIn(token: string, database: string, user = 'access_token'): Promise<PsqlResult> {
  const environment = { ...stack.environment(token), PGUSER: user, PGDATABASE: database }
  return psql(environment, 'select current_user')
}

async function whileAnswering<T>(answer: Answer, work: () => Promise<T>): Promise<T> {
  const restore = stack.provider.intercept(endpoint, answer)
  try {
    return await work()
  } finally {
    restore()
  }
}

describe.skipIf(!hasPsql())('an opaque access token', () => {
  test.each(['asking', 'posting'])(
    'logs in as what the groups of its holder give: %s',
    async (database) => {
      const before = stack.provider.requestsFor(endpoint)
      const result = await logIn(await opaqueToken(), database)
      expect(result).toMatchObject({ code: 0, stdout: 'app_readwrite\n' })
      expect(stack.provider.requestsFor(endpoint)).toBe(before + 1)
    },
  )

  test('is recorded like any other', async () => {
    await logIn(await opaqueToken(), 'asking')
    await until('the audit record', async () =>
      (await stack.audit()).some(
        ({ status, unmapped }) =>
          status === 'Success' &&
          JSON.stringify(unmapped).includes('"asking"') &&
          JSON.stringify(unmapped).includes('alice'),
      ),
    )
  })

  test('that is revoked is refused at once where nothing is remembered', async () => {
    const token = await opaqueToken()
    expect(await logIn(token, 'asking')).toMatchObject({ code: 0 })
    await revoke(token)
    const result = await logIn(token, 'asking')
    expect(result.code).not.toBe(0)
    expect(result.stderr).toContain('password authentication failed for user "access_token"')
  })

  test('that is revoked is refused once the limit is over, and asked about once before', async () => {
    const token = await opaqueToken()
    const before = stack.provider.requestsFor(endpoint)
    expect(await logIn(token, 'remembering')).toMatchObject({ code: 0 })
    await revoke(token)
    await until('the token to be refused', async () => {
      const { code } = await logIn(token, 'remembering')
      return code !== 0
    })
    expect(stack.provider.requestsFor(endpoint)).toBe(before + 2)
  })

  test('that is made up is refused', async () => {
    const result = await logIn('made-up', 'asking')
    expect(result.stderr).toContain('password authentication failed for user "access_token"')
  })

  test('that is a refresh token is refused, although it is active', async () => {
    const { refreshToken } = await stack.provider.signIn('alice')
    const result = await logIn(refreshToken, 'asking')
    expect(result.stderr).toContain('does not say that it is an access token')
  })

  test('is never asked about for another user', async () => {
    const before = stack.provider.requestsFor(endpoint)
    const token = await opaqueToken()
    for (const user of ['id_token', 'app_readonly']) {
      expect((await logIn(token, 'asking', user)).stderr).toContain('requires SSO authentication')
    }
    expect(stack.provider.requestsFor(endpoint)).toBe(before)
  })

  test('says nothing of the provider when that does not answer as it should', async () => {
    const token = await opaqueToken()
    const active = { active: 'true', sub: 'alice', client_id: 'portcullis-cli', exp: 4_000_000_000 }
    for (const answer of [
      answers.status(500, 'said-by-the-provider'),
      answers.html(),
      answers.hang(),
      answers.slowDrip(),
      answers.oversized(),
      answers.redirect(`${stack.provider.issuer}/elsewhere`),
      answers.redirect(`${stack.provider.issuer}/elsewhere`, 307),
      answers.json(active),
    ]) {
      const { code, stderr } = await whileAnswering(answer, async () => logIn(token, 'asking'))
      expect(code).not.toBe(0)
      expect(stderr).toContain('identity provider for pool "sso_pool" is unavailable')
      expect(stderr).not.toContain('said-by-the-provider')
    }
    expect(stack.provider.requestsFor('/elsewhere')).toBe(0)
    expect(await logIn(token, 'asking')).toMatchObject({ code: 0 })
  })

  test('is refused while the provider is away, and taken when it is back', async () => {
    const token = await opaqueToken()
    await stack.provider.stop()
    try {
      expect((await logIn(token, 'asking')).stderr).toContain('is unavailable')
    } finally {
      await stack.provider.startAgain()
    }
    expect(await logIn(token, 'asking')).toMatchObject({ code: 0 })
  })

  test('is in no log and no audit record', async () => {
    const token = await opaqueToken()
    await logIn(token, 'asking')
    await whileAnswering(answers.status(500), async () => logIn(token, 'asking'))
    await revoke(token)
    await logIn(token, 'asking')
    for (const text of [stack.gateway.log(), JSON.stringify(await stack.audit())]) {
      expect(text).not.toContain(token)
      expect(text).not.toContain(stack.provider.clientSecret('m2m'))
    }
  })
})

describe.skipIf(!hasPsql())('an access token that is a JWT', () => {
  test('is verified here for the user access_token where the provider is not asked', async () => {
    const token = await stack.provider.clientCredentialsToken()
    const before = stack.provider.requestsFor(endpoint)
    const result = await logIn(token, 'sandbox')
    expect(result).toMatchObject({ code: 0, stdout: 'app_readonly\n' })
    expect(stack.provider.requestsFor(endpoint)).toBe(before)
  })

  test('is what its user says: an ID token of user access_token is refused', async () => {
    const { code, stderr } = await logIn(await stack.token(), 'sandbox')
    expect(code).not.toBe(0)
    expect(stderr).toContain('the user says that it is an access token')
  })

  test("is the provider's to judge where it is asked", async () => {
    const { accessToken } = await stack.provider.signIn('alice')
    const before = stack.provider.requestsFor(endpoint)
    // This provider answers 400 to a JWT.
    const result = await logIn(accessToken, 'asking')
    expect(result.stderr).toContain('is unavailable')
    expect(stack.provider.requestsFor(endpoint)).toBe(before + 1)
  })

  test('logs in for an enabled user id_token too', async () => {
    const result = await logIn(await stack.provider.clientCredentialsToken(), 'sandbox', 'id_token')
    expect(result).toMatchObject({ code: 0 })
  })
})

describe.skipIf(!hasPsql())('an encrypted token', () => {
  async function encrypted(content: string, header: object = {}): Promise<string> {
    return new CompactEncrypt(Buffer.from(content))
      .setProtectedHeader({
        alg: 'RSA-OAEP-256',
        enc: 'A256GCM',
        kid: 'ours',
        cty: 'JWT',
        ...header,
      })
      .encrypt(ours.publicKey)
  }

  test('logs in where its integration has the key', async () => {
    const token = await encrypted(await stack.token())
    const result = await logIn(token, 'decrypting', 'app_readonly')
    expect(result).toMatchObject({ code: 0, stdout: 'app_readonly\n' })
  })

  test('is refused with what is wrong inside', async () => {
    const token = await encrypted(await stack.token({ aud: 'another' }))
    const { stderr } = await logIn(token, 'decrypting', 'app_readonly')
    expect(stderr).toContain('The token was issued for an alternate audience: "another".')
  })

  test('is refused elsewhere, and says so', async () => {
    const token = await encrypted(await stack.token())
    const { stderr } = await logIn(token, 'sandbox', 'app_readonly')
    expect(stderr).toContain('encrypted tokens are not accepted')
  })
})

describe.skipIf(!hasPsql())('a made-up token, where those are throttled', () => {
  beforeAll(async () => {
    await stack.gateway.reload({ ...config, limits: {} })
  })

  async function wireLogIn(token: string): Promise<ErrorFields> {
    const { port } = stack.gateway
    const client = await WireClient.connectSecurely(port, stack.authority.certificate)
    const first = await client.logIn({ user: 'access_token', database: 'asking' }, token)
    client.destroy()
    return errorFields(first)
  }

  test('delays the next one of its address, whoever it is said to be of, and no token with a signature', async () => {
    const right = await opaqueToken()
    const before = stack.provider.requestsFor(endpoint)
    const madeUp = await Promise.all(['one', 'two', 'three'].map(async (token) => wireLogIn(token)))
    const looked = madeUp.filter(({ sqlstate }) => sqlstate === '28P01').length
    expect(looked).toBeGreaterThan(0)
    for (const token of ['one', 'four', right]) {
      expect(await wireLogIn(token)).toMatchObject({
        sqlstate: '53300',
        message: expect.stringMatching(
          /^too many failed authentication attempts; retry in [1-7] s$/,
        ) as string,
      })
    }
    expect(stack.provider.requestsFor(endpoint)).toBe(before + looked)
    expect(await logIn(await stack.token(), 'asking', 'app_readonly')).toMatchObject({ code: 0 })
  })
})

async function revoke(token: string): Promise<void> {
  const url = new URL('/token/revocation', stack.provider.issuer)
  const form = { token, client_id: 'portcullis-cli' }
  const { status, body } = await send(url, {}, form, stack.authority.certificate)
  expect({ status, body }).toMatchObject({ status: 200 })
}
