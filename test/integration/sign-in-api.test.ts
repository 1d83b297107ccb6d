// Tools get session tokens by HTTP, at a real provider, and connect with them.
import { execFile, execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Validator } from '@seriousme/openapi-schema-validator'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../demo/ports.ts'
import { errorCodes } from '../../src/web/api/api-error.ts'
import { ApiClient, type ApiAnswer, type ApiRequest } from '../support/api-client.ts'
import { DescribedApi } from '../support/described-api.ts'
import { addPages, alice, clientOfPages } from '../support/pages.ts'
import { hasPsql, psql, type PsqlResult } from '../support/psql.ts'
import { Stack } from '../support/stack.ts'
import { WebBrowser } from '../support/web-browser.ts'

const withPsql = hasPsql()

let stack: Stack
let publicUrl: string
let api: DescribedApi
/** Begun early: a provider is not asked before five seconds are over. */
let guideGrant: ApiAnswer

beforeAll(async () => {
  const port = await freePort()
  publicUrl = `https://localhost:${port}`
  stack = await Stack.start({
    clients: [clientOfPages(publicUrl)],
    configure: (config) => {
      config.workers = 2
      addPages(config, publicUrl, port)
      config.integrations['people']!['additional_scopes'] = ['offline_access']
    },
  })
  const { json } = await client().send('/v1/openapi.json')
  api = new DescribedApi(json)
  guideGrant = await post('sso_device_grant', { database: 'sandbox' })
  await stack.provider.approveDevice(String(guideGrant.json['user_code']), 'alice')
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

function client(): ApiClient {
  return new ApiClient(publicUrl, stack.authority.certificate)
}

/** Whatever is answered is held against the document. */
async function post(
  name: string,
  body?: object | string,
  { by = client(), ...more }: ApiRequest & { readonly by?: ApiClient } = {},
): Promise<ApiAnswer> {
  const path = `/v1/${name}`
  const answer = await by.post(path, body, more)
  api.check('post', path, answer)
  return answer
}

async function sessionToken(claims: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const id_token = await stack.token(claims)
  const { status, json, text } = await post('sso_token', { database: 'sandbox', id_token })
  if (status !== 200) throw new Error(text)
  return String(json['access_token'])
}

async function logIn(issued: Readonly<Record<string, unknown>>): Promise<PsqlResult> {
  const environment = stack.environment(String(issued['access_token']))
  return psql({ ...environment, PGUSER: String(issued['username']) }, 'select session_user')
}

describe('the document', () => {
  test('is OpenAPI 3.1', async () => {
    const validator = new Validator()
    const { valid, errors } = await validator.validate(structuredClone(api.document))
    expect(errors).toBeUndefined()
    expect(valid).toBe(true)
    expect(validator.version).toBe('3.1')
  })

  test('is all that is served', async () => {
    for (const { method, path } of api.operations) {
      const answer = await client().send(path, { method: method.toUpperCase() })
      expect(answer.status, path).not.toBe(404)
      expect(answer.status, path).not.toBe(405)
      api.check(method, path, answer)
      const other = method === 'get' ? 'POST' : 'GET'
      const wrong = await client().send(path, { method: other })
      expect(wrong.status, path).toBe(405)
      expect(wrong.headers.allow).toContain(method.toUpperCase())
    }
    for (const path of ['/v1/', '/v1/nothing', '/v1/sso_token/x', '/.well-known/nothing']) {
      const answer = await client().send(path)
      expect(answer.status, path).toBe(404)
      expect(answer.json).toMatchObject({ error: 'not_found' })
    }
  })
})

describe('a token', () => {
  test.skipIf(!withPsql)('of a provider becomes a short one, which is a password', async () => {
    const id_token = await stack.token()
    const { status, json } = await post('sso_token', { database: 'sandbox', id_token })
    expect(status).toBe(200)
    expect(json).toMatchObject({
      token_type: 'Bearer',
      username: 'app_readwrite',
      roles: ['app_readwrite', 'app_readonly'],
      principal: 'alice',
      integration: 'people',
      database: 'sandbox',
    })
    expect(String(json['access_token']).length).toBeLessThan(500)
    const result = await logIn(json)
    expect(result).toMatchObject({ code: 0, stdout: 'app_readwrite\n' })
  })

  test('of a machine is taken as an access token', async () => {
    const access_token = await stack.provider.clientCredentialsToken()
    const { json } = await post('sso_token', { database: 'sandbox', access_token })
    expect(json).toMatchObject({ integration: 'machines', username: 'app_readonly' })
  })

  test('that is an ID token is no access token', async () => {
    const access_token = await stack.token()
    const { status, json } = await post('sso_token', { database: 'sandbox', access_token })
    expect(status).toBe(401)
    expect(json['error_description']).toContain('The token is an ID token')
  })

  test('is not said what is wrong with before it is known to be genuine', async () => {
    const [header = '', claims = ''] = (await stack.token()).split('.')
    const forged = `${header}.${claims}.${'A'.repeat(342)}`
    const answers = await Promise.all(
      [forged, await stack.token({ iss: 'https://other.example' }), 'not a token'].map(
        async (id_token) => post('sso_token', { database: 'sandbox', id_token }),
      ),
    )
    for (const { status, json, headers } of answers) {
      expect(status).toBe(401)
      expect(json).toEqual({
        error: 'invalid_token',
        error_description: 'the token was not accepted',
        sqlstate: '28P01',
        reference: expect.stringMatching(/^api-/) as string,
      })
      expect(headers['www-authenticate']).toBe('Bearer realm="portcullis", error="invalid_token"')
    }
    const expired = await stack.token({ exp: Math.floor(Date.now() / 1_000) - 3_600 })
    const { json } = await post('sso_token', { database: 'sandbox', id_token: expired })
    expect(json['error_description']).toContain('The token expired')
  })

  test.each([
    ['another database', { database: 'nowhere' }, 404, 'not_found'],
    ['another integration', { integration: 'nobody' }, 404, 'not_found'],
    ['a role of others', { bounds: { user: 'postgres' } }, 403, 'access_denied'],
    ['a pool that there is not', { bounds: { pool: 'nowhere' } }, 404, 'not_found'],
    ['a bound that is misspelt', { bounds: { usr: 'app_readonly' } }, 400, 'invalid_request'],
    ['both kinds at once', { access_token: 'x' }, 400, 'invalid_request'],
    ['too long a life', { lifetime: 86_401 }, 400, 'invalid_request'],
  ])('for %s is refused', async (_, more, status, error) => {
    const id_token = await stack.token()
    const answer = await post('sso_token', { database: 'sandbox', id_token, ...more })
    expect(answer.json).toMatchObject({ error })
    expect(answer.status).toBe(status)
  })

  test('of somebody with no role anywhere becomes none', async () => {
    const config = structuredClone(stack.config)
    config.integrations['people']!['blocked_groups'] = ['engineering']
    await stack.gateway.reload(config)
    const id_token = await stack.token()
    const { status, json } = await post('sso_token', { database: 'sandbox', id_token })
    await stack.gateway.reload(stack.config)
    expect(status).toBe(403)
    expect(json).toMatchObject({
      error: 'access_denied',
      error_description: 'identity "alice" has no access',
      sqlstate: '28000',
      doc: 'troubleshooting.md#group-blocked',
    })
  })
})

describe('a session token', () => {
  test('is replaced before its time, with its bounds, and never past the end of its origin', async () => {
    const id_token = await stack.token({ exp: Math.floor(Date.now() / 1_000) + 300 })
    const bounds = { user: 'app_readonly', database: 'sandbox' }
    const first = await post('sso_token', { database: 'sandbox', id_token, bounds, lifetime: 60 })
    expect(Number(first.json['expires_in'])).toBeLessThanOrEqual(60)
    const bearer = String(first.json['access_token'])
    const second = await post('token_refresh', undefined, { bearer })
    expect(second.json).toMatchObject({ username: 'app_readonly', roles: ['app_readonly'] })
    expect(Number(second.json['expires_in'])).toBeGreaterThan(60)
    expect(Number(second.json['expires_in'])).toBeLessThanOrEqual(300)
    const elsewhere = await post('token_refresh', { database: 'system' }, { bearer })
    expect(elsewhere.json).toMatchObject({ error: 'conflict' })
  })

  test.each([
    ['nothing', undefined],
    ['something else', 'eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl'],
  ])('is not made of %s', async (_, bearer) => {
    const answer = await post('token_refresh', {}, bearer === undefined ? {} : { bearer })
    expect(answer.status).toBe(401)
    expect(answer.headers['www-authenticate']).toContain('Bearer')
  })

  test('is not made of the token of a provider without an exchange', async () => {
    const { status } = await post('token_refresh', {}, { bearer: await stack.token() })
    expect(status).toBe(401)
  })

  test('is good for nothing once it is revoked, and its sessions are over', async () => {
    const bearer = await sessionToken()
    const { client: session } = await stack.logIn('app_readonly', bearer)
    const { status, json } = await post('logout', undefined, { bearer })
    expect(status).toBe(200)
    expect(json).toEqual({ revoked: true, refresh_token_revoked: false, sessions_ended: 1 })
    expect((await session.readUntilError()).sqlstate).toBe('57P01')
    expect((await post('token_refresh', {}, { bearer })).status).toBe(403)
    await expect(stack.logIn('app_readonly', bearer)).rejects.toThrow('access is denied')
    // Others of the same person are what they were.
    await post('token_refresh', {}, { bearer: await sessionToken() }).then((answer) => {
      expect(answer.status).toBe(200)
    })
  })

  test('is verified by the keys that anybody can read', async () => {
    const { json, headers } = await client().send('/.well-known/jwks.json')
    api.check('get', '/.well-known/jwks.json', { status: 200, headers, json, text: '' })
    expect(headers['cache-control']).toBe('public, max-age=300')
    const keys = createLocalJWKSet(json as unknown as JSONWebKeySet)
    const { payload } = await jwtVerify(await sessionToken(), keys)
    expect(payload).toMatchObject({ iss: publicUrl, sub: 'alice' })
    expect(JSON.stringify(json)).not.toContain('"d"')
  })
})

describe.concurrent('a device grant', () => {
  const verify = async (begun: ApiAnswer, more: object = {}): Promise<ApiAnswer> => {
    const { user_code, device_code } = begun.json
    return post('sso_device_grant_verify', { user_code, device_code, timeout: 10, ...more })
  }

  test.skipIf(!withPsql)('waits until somebody has signed in, and can be refreshed', async () => {
    const begun = await post('sso_device_grant', { database: 'sandbox' })
    const { user_code: code, verification_uri: uri } = begun.json
    expect(String(uri)).toBe(`${stack.provider.issuer}/device`)
    const early = await verify(begun, { timeout: 1 })
    expect(early.status).toBe(400)
    expect(early.json).toMatchObject({ error: 'authorization_pending', interval: 5 })
    const signedIn = verify({ ...begun, json: { ...begun.json, ...early.json } })
    await stack.provider.approveDevice(String(code), 'alice')
    const { json } = await signedIn
    expect(json).toMatchObject({ principal: 'alice', username: 'app_readwrite' })
    expect((await logIn(json)).code).toBe(0)

    const [bearer, refresh_token] = [String(json['access_token']), String(json['refresh_token'])]
    const again = await post('token_refresh', { refresh_token, database: 'sandbox' }, { bearer })
    expect(again.json).toMatchObject({ principal: 'alice', username: 'app_readwrite' })
    expect((await logIn(again.json)).code).toBe(0)
    const bob = await post('sso_token', {
      database: 'sandbox',
      id_token: await stack.provider.mintIdToken('bob'),
    })
    const foreign = await post(
      'token_refresh',
      { refresh_token: again.json['refresh_token'] },
      { bearer: String(bob.json['access_token']) },
    )
    expect(foreign.json).toMatchObject({ error: 'conflict' })

    // Whoever comes back when the session token has expired has the refresh token alone.
    const alone = { refresh_token: again.json['refresh_token'], database: 'sandbox' }
    const later = await post('token_refresh', alone)
    expect(later.json).toMatchObject({ principal: 'alice', username: 'app_readwrite' })
    const newest = { refresh_token: later.json['refresh_token'] }
    const out = await post('logout', newest, { bearer: String(later.json['access_token']) })
    expect(out.json).toMatchObject({ revoked: true, refresh_token_revoked: true })
    expect((await post('token_refresh', newest)).json).toMatchObject({ error: 'expired_token' })
  })

  test('goes on by its cookie where only the code is sent', async () => {
    const by = client()
    const begun = await post('sso_device_grant', undefined, { by })
    const user_code = String(begun.json['user_code']).toLowerCase().replace('-', '')
    await stack.provider.approveDevice(String(begun.json['user_code']), 'bob')
    const { status, json } = await post('sso_device_grant_verify', { user_code }, { by })
    expect(status).toBe(200)
    expect(json).toMatchObject({ principal: 'bob', database: 'system', roles: ['app_readonly'] })
    expect(by.cookies.has('__Host-portcullis-device')).toBe(false)
    const without = await post('sso_device_grant_verify', { user_code }, { by })
    expect(without.json).toMatchObject({ error: 'invalid_request' })
  })
})

describe('the browser of a tool', () => {
  test.skipIf(!withPsql)('comes back with a session token', async () => {
    const me = new WebBrowser(stack.authority.certificate)
    const asked = { database: 'sandbox', integration: 'pages', do_redirect: false }
    const by = client()
    const { json } = await post('sso_authentication', asked, { by })
    for (const [name, value] of by.cookies) me.setCookie('localhost', name, value)
    await me.open(String(json['redirect_url']))
    await me.press(alice)
    expect(me.status).toBe(200)
    const answered = JSON.parse(me.page.body) as Readonly<Record<string, unknown>>
    api.check('get', '/v1/callback', { ...me.page, text: '', json: answered })
    expect(answered).toMatchObject({ integration: 'pages', username: 'app_readwrite' })
    expect((await logIn(answered)).code).toBe(0)
    await me.open(me.page.url)
    expect(me.status).toBe(400)
  })

  test('is sent to the provider, and comes back to nothing without its cookie', async () => {
    const sent = await post('sso_authentication', { integration: 'pages' })
    expect(sent.status).toBe(302)
    expect(sent.headers.location).toContain(encodeURIComponent(`${publicUrl}/v1/callback`))
    const [cookie = ''] = sent.headers['set-cookie'] ?? []
    expect(cookie).toMatch(/^__Host-.*; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
    const state = new URL(sent.headers.location ?? '').searchParams.get('state') ?? ''
    const answer = await client().send(`/v1/callback?code=x&state=${state}`)
    api.check('get', '/v1/callback', answer)
    expect(answer.json).toMatchObject({ error: 'invalid_request' })
  })
})

describe('the gateway', () => {
  test('says to anybody how people sign in and where they connect, and no more', async () => {
    const answer = await client().send('/.well-known/portcullis')
    api.check('get', '/.well-known/portcullis', answer)
    expect(answer.headers['cache-control']).toBe('public, max-age=300')
    expect(answer.json).toMatchObject({
      format: 1,
      public_url: publicUrl,
      session_tokens: true,
      endpoints: { sso_token: `${publicUrl}/v1/sso_token` },
      pools: [{ name: 'sso_pool', sso_integration: 'pages', client_certificate: false }],
    })
    const { issuer } = stack.provider
    expect(answer.json['integrations']).toContainEqual({
      name: 'people',
      issuer,
      public_client: true,
      client_id: 'portcullis-cli',
      scopes: ['openid', 'offline_access'],
      usual: true,
      primary: true,
    })
    expect(answer.json['integrations']).toContainEqual({
      name: 'pages',
      issuer,
      public_client: false,
      usual: true,
      primary: false,
    })
    expect(answer.text).not.toContain('sandbox')
  })
})

test('no token is in the log or in the audit', async () => {
  const id_token = await stack.token()
  const { json } = await post('sso_token', { database: 'sandbox', id_token })
  const audit = await readFile(join(stack.folder, 'audit.jsonl'), 'utf8')
  const said = audit + stack.gateway.log()
  for (const secret of [id_token, String(json['access_token'])]) {
    expect(said).not.toContain(secret.split('.')[2])
  }
})

const withCurl = hasCurl()

describe('docs/sign-in-api.md', () => {
  test.skipIf(!withCurl)('shows calls that work as they are written', async () => {
    const guide = await readFile('docs/sign-in-api.md', 'utf8')
    const calls = [...guide.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, call = '']) => call)
    const { user_code, device_code } = guideGrant.json
    const environment: Record<string, string | undefined> = {
      PATH: process.env['PATH'],
      CURL_CA_BUNDLE: stack.caFile,
      ID_TOKEN: await stack.token(),
      ACCESS_TOKEN: await stack.provider.clientCredentialsToken(),
      SESSION_TOKEN: await sessionToken(),
      USER_CODE: String(user_code),
      DEVICE_CODE: String(device_code),
    }
    const answers: string[] = []
    for (const call of calls) {
      const script = call.replaceAll('https://gate.example.com:8443', publicUrl)
      const silent = script.replaceAll('curl ', 'curl --silent --show-error --fail-with-body ')
      const answer = await run('bash', ['-e', '-c', silent], environment)
      answers.push(answer)
      environment['REFRESH_TOKEN'] ??= /"refresh_token":"([^"]+)"/.exec(answer)?.[1]
    }
    expect(answers).toHaveLength(10)
    const paths = calls.map((call) => /https:\/\/gate[^/]*(\/\S*)/.exec(call)?.[1])
    for (const [index, path] of paths.entries()) {
      const json = answers[index]?.replace(/^HTTP.*?\r\n\r\n/s, '') ?? ''
      const method = path?.startsWith('/v1/') === true ? 'post' : 'get'
      const headers = { 'content-type': 'application/json' }
      const answered = JSON.parse(json) as Readonly<Record<string, unknown>>
      api.check(method, path ?? '', { status: 200, headers, text: json, json: answered })
    }
  })

  test.skipIf(!withCurl)(
    'names every call, every member of the description and every error',
    async () => {
      const guide = await readFile('docs/sign-in-api.md', 'utf8')
      for (const { path } of api.operations) expect(guide, path).toContain(path)
      const { json } = await client().send('/.well-known/portcullis')
      for (const name of Object.keys(json)) expect(guide, name).toContain(`\`${name}`)
      for (const [code, status] of Object.entries(errorCodes)) {
        expect(guide, code).toMatch(new RegExp(`^\\| ${status} \\|.*\`${code}\``, 'm'))
      }
    },
  )
})

function hasCurl(): boolean {
  try {
    execFileSync('curl', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    process.stderr.write('SKIPPED: curl is not installed, its tests do not run\n')
    return false
  }
}

async function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const { stdout } = await promisify(execFile)(program, [...args], { env, timeout: 20_000 })
  return stdout
}
