// Portcullis with a real Dex, psql and PostgreSQL. Dex has neither back-channel logout nor, at this version, the grant
// of client credentials.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../demo/ports.ts'
import { readUnverified } from '../../src/identity/token-shape.ts'
import { secretOfPages } from '../support/pages.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { Dex, password, webSecret } from './dex/dex.ts'
import {
  type Answering,
  beginPsql,
  browserFor,
  check,
  connect,
  logInOnDevice,
  reasonOfLast,
  signIn,
  signInOnPage,
  type SignedIn,
} from './support/clients.ts'
import { homes } from './support/homes.ts'
import { answerProvider, type ProviderPages } from './support/person.ts'
import { request } from './support/request.ts'

const pages: ProviderPages = {
  ...{ name: 'login', password: 'password', signIn: 'Login', agree: 'Submit' },
}

let stack: Stack
let dex: Dex
let publicUrl: string
let portByCode: number

/** By the connector whose somebody is in the group authors, or as alice by her password. */
const by =
  (connector: 'mock' | 'local'): Answering =>
  async (me, isBack) => {
    const who = { name: 'alice@example.com', password }
    await answerProvider(me, pages, who, isBack)
    const [, link] = new RegExp(`href="([^"]*/auth/${connector}[^"]*)"`).exec(me.page.body) ?? []
    if (link === undefined) return
    const address = link.replaceAll('&amp;', '&').replaceAll('&#43;', '+')
    await me.open(new URL(address, me.page.url), isBack)
    await answerProvider(me, pages, who, isBack)
  }

describe.skipIf(homes.dex === '')('Dex', () => {
  beforeAll(async () => {
    const port = await freePort()
    portByCode = await freePort()
    publicUrl = `https://localhost:${port}`
    stack = await Stack.start({
      prepare: async (_, authority) => {
        dex = await Dex.start(homes.dex, authority, publicUrl)
      },
      configure: (config) => {
        const person = {
          ...{ issuer: dex.issuer, custom_ca: 'ca.crt' },
          additional_scopes: ['email', 'profile', 'groups', 'offline_access'],
          principal_claim: 'email',
          groups_claim_ids: ['groups'],
          groups_claim_mappings: { authors: 'readwrite' },
          default_group: 'readonly',
          enable_id_token_authentication: true,
        }
        const secret = { client_id: 'portcullis-web', client_secret: webSecret }
        config['web'] = { public_url: publicUrl, listen_port: port, secret: secretOfPages }
        config.integrations = {
          people: { ...person, client_id: 'portcullis-cli' },
          pages: { ...person, ...secret },
          // What it tells of a token is no more than whose it is.
          asking: {
            ...{ ...person, principal_claim: 'sub' },
            ...{ client_id: 'portcullis-cli', introspection: secret },
          },
        }
        const { upstream } = config.databases['sandbox']!
        const same = { ...(upstream as object), database: 'sandbox' }
        config.databases = {
          system: { integrations: ['people', 'pages'], primary: 'people' },
          sandbox: { upstream },
          asking: { integrations: ['asking'], upstream: same },
        }
        config.connectivity_pools['by_code'] = {
          require_sso: true,
          sso_integration: 'people',
          participants: [{ node: 'gw0', listen_address: '127.0.0.1', listen_port: portByCode }],
        }
        const pool = config.connectivity_pools['sso_pool']!
        pool['sso_integration'] = 'pages'
        pool['sso_flows'] = ['authorizationCode']
      },
    })
    await stack.keysFetched()
  })

  afterAll(async () => {
    await stack[Symbol.asyncDispose]()
    await dex[Symbol.asyncDispose]()
  })

  async function signInBy(
    connector: 'mock' | 'local',
    use: 'id_token' | 'access_token' = 'id_token',
  ): Promise<SignedIn> {
    const scopes = ['openid', 'email', 'profile', 'groups', 'offline_access']
    // A public client of Dex may come back to localhost alone.
    const redirectUri = 'http://localhost/callback'
    return signIn(stack, { issuer: dex.issuer, scopes, redirectUri, use }, by(connector))
  }

  test('has nothing amiss, as portcullis check sees it', async () => {
    const findings = await check(stack)
    expect(findings.length).toBeGreaterThan(8)
    expect(findings.filter(({ verdict }) => verdict !== 'ok')).toEqual([])
  })

  test('signs people in by the authorization code, and their groups are roles', async () => {
    const [author, alice] = await Promise.all([signInBy('mock'), signInBy('local')])
    const user = { PGUSER: 'id_token' }
    const { token } = author.grant
    expect(await connect(stack, token, user)).toMatchObject({ stdout: 'app_readwrite\n' })
    expect(await connect(stack, alice.grant.token, user)).toMatchObject({
      stdout: 'app_readonly\n',
    })
    const denied = await connect(stack, alice.grant.token, { PGUSER: 'app_readwrite' })
    expect(denied.stderr).toContain('may not log in as user "app_readwrite"')
    const again = await author.refresh()
    expect(await connect(stack, again?.token ?? '', user)).toMatchObject({
      stdout: 'app_readwrite\n',
    })
  })

  test('signs people in on our pages, while psql waits', async () => {
    const waiting = await beginPsql(stack, 'select 1', {})
    await signInOnPage(stack, waiting, by('mock'))
    expect(await waiting.output).toBe('app_readwrite\n1\n')
  })

  test('signs people in on another device, while psql waits', async () => {
    const port = { PGPORT: String(portByCode) }
    const waiting = await beginPsql(stack, 'select 1', port)
    const me = browserFor(stack)
    await me.open(waiting.address)
    await by('local')(me)
    expect(await waiting.output).toBe('app_readonly\n1\n')
  })

  test('signs people in for portcullis login, by the code that it shows', async () => {
    expect(await logInOnDevice(stack, publicUrl, by('mock'))).toBe('app_readwrite\n')
  })

  test('is asked about access tokens', async () => {
    const { token } = (await signInBy('local', 'access_token')).grant
    const settings = { PGUSER: 'access_token', PGDATABASE: 'asking' }
    expect(await connect(stack, token, settings)).toEqual({
      code: 0,
      stdout: 'app_readonly\n',
      stderr: '',
    })
  })

  test('has no token for a program as itself', async () => {
    const form = { grant_type: 'client_credentials', client_id: 'portcullis-web' }
    const answer = await request(`${dex.issuer}/token`, {
      ...{ method: 'POST', authority: stack.authority.certificate },
      form: { ...form, client_secret: webSecret },
    })
    expect(answer.json).toMatchObject({ error: 'unsupported_grant_type' })
  })

  test('changes its keys, and tokens of both are good until it has forgotten the old ones', async () => {
    const kidOf = (token: string): unknown => readUnverified(token)?.header['kid']
    const isIn = async (token: string): Promise<boolean> => (await connect(stack, token)).code === 0
    const old = (await signInBy('mock')).grant.token
    expect(await isIn(old)).toBe(true)
    let late = old
    await until(
      'a new key signs, and is known',
      async () => {
        late = (await signInBy('mock')).grant.token
        return kidOf(late) !== kidOf(old) && (await isIn(late))
      },
      75_000,
    )
    expect(await isIn(old)).toBe(true)

    await dex.restart()
    const newest = (await signInBy('mock')).grant.token
    await stack.restartGateway()
    expect(await isIn(late)).toBe(false)
    expect(await reasonOfLast(stack)).toBe('token-unknown-key')
    expect(await isIn(newest)).toBe(true)
  }, 100_000)
})
