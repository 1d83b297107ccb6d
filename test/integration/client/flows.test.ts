// Every flow of the client at a real provider, and with a real gateway where one is needed.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Browser, leadsTo, type Page } from '../../../demo/browser.ts'
import { passwordClient } from '../../../demo/password-grant.ts'
import { databaseAudience } from '../../../demo/provider-configuration.ts'
import { openCredentials } from '../../../src/credentials/open-credentials.ts'
import { createSource } from '../../../src/credentials/create-source.ts'
import { discoverGateway } from '../../../src/credentials/discover-gateway.ts'
import type { Grant } from '../../../src/credentials/grant.ts'
import { explainProblem } from '../../../src/credentials/explain-problem.ts'
import { gatewayApi } from '../../../src/credentials/gateway-api.ts'
import type { Interaction } from '../../../src/credentials/interaction.ts'
import { findNetwork } from '../../../src/credentials/network.ts'
import { CredentialProblem } from '../../../src/credentials/problem.ts'
import type { Flow, Profile, ProviderClient } from '../../../src/credentials/profile.ts'
import { readClaims } from '../../../src/credentials/read-claims.ts'
import type { TokenSource } from '../../../src/credentials/source.ts'
import { readUnverified } from '../../../src/identity/token-shape.ts'
import { type StackWithPages, startWithPages } from '../../support/pages.ts'

let stack: StackWithPages
/** Begun early: nobody is asked again before five seconds are over. */
let byDevice: Promise<readonly [Grant, Person]>
let byGateway: Promise<readonly [Grant, Person]>

const okta = passwordClient('seed-000', 'a secret of the program')

beforeAll(async () => {
  stack = await startWithPages((config) => {
    config.integrations['pages']!['additional_scopes'] = ['email', 'offline_access']
  })
  stack.provider.registerClient(okta)
  byDevice = onDevice(sourceOf({ flow: 'device', ...client() }))
  byGateway = onDevice(gatewaySource())
  for (const begun of [byDevice, byGateway]) begun.catch(() => {})
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

const signal = (): AbortSignal => AbortSignal.timeout(20_000)

function client(more: Partial<ProviderClient> = {}): ProviderClient {
  return {
    issuer: stack.provider.issuer,
    clientId: 'portcullis-cli',
    scopes: ['openid', 'email', 'profile', 'offline_access'],
    use: 'id_token',
    ...more,
  }
}

function sourceOf(signIn: Flow, more: Partial<Profile> = {}): TokenSource {
  const base = { endpoints: [], session: false, store: 'none', caFile: stack.caFile } as const
  const environment = { M2M: stack.provider.clientSecret('m2m'), WORD: 'a secret of the program' }
  const passwords = { PASSWORD: stack.provider.passwordOf('alice') }
  return createSource({ ...base, signIn, ...more }, { ...environment, ...passwords })
}

function gatewaySource(): TokenSource {
  const more = { gateway: stack.publicUrl, database: 'sandbox' }
  return sourceOf({ flow: 'gateway', integration: 'pages' }, more)
}

/** Somebody enters the code that is shown. */
async function onDevice(source: TokenSource): Promise<readonly [Grant, Person]> {
  const person = new Person(async () => Promise.reject(new Error('there is no browser here')))
  person.onShow = async (lines) => {
    const [, code = ''] = /code: (\S+)/.exec(lines.join(' ')) ?? []
    await stack.provider.approveDevice(code, 'alice')
  }
  return [await source.obtain(person, signal()), person]
}

/** Somebody at a terminal, whose browser does what a test says. */
class Person implements Interaction {
  readonly shown: string[] = []
  onShow: (lines: readonly string[]) => Promise<void> = async () => Promise.resolve()
  readonly #browse: (url: string) => Promise<unknown>
  browsed: Promise<unknown> = Promise.resolve()

  constructor(browse: (url: string) => Promise<unknown>) {
    this.#browse = browse
  }

  async openBrowser(url: string): Promise<boolean> {
    this.browsed = this.#browse(url)
    this.browsed.catch(() => {})
    return Promise.resolve(true)
  }

  show(lines: readonly string[]): void {
    this.shown.push(...lines)
    void this.onShow(lines)
  }

  waiting(): () => void {
    return () => {}
  }
}

/** Signs in at the provider, and goes where that sends: the loopback port. */
async function signInAs(user: string, url: string): Promise<Page & { readonly next: URL }> {
  const address = new URL(url)
  address.searchParams.set('login_hint', user)
  const last = await new Browser(stack.provider.issuer).open(address)
  const next = leadsTo(last)
  if (next === undefined) throw new Error(last.body)
  return { ...last, next }
}

async function problemOf(promise: Promise<unknown>): Promise<CredentialProblem> {
  const error: unknown = await promise.catch((one: unknown) => one)
  if (error instanceof CredentialProblem) return error
  throw new Error(`no problem: ${String(error)}`)
}

async function logsIn(grant: Grant): Promise<void> {
  const { client: session } = await stack.logIn('app_readonly', grant.token)
  session.destroy()
}

describe('a browser', () => {
  test('comes back with a token of whoever signed in, which is refreshed by itself', async () => {
    const source = sourceOf({ flow: 'browser', ...client() })
    const person = new Person(async (url) => fetch((await signInAs('alice', url)).next))
    const first = await source.obtain(person, signal())
    expect(first).toMatchObject({ principal: 'alice@example.com' })
    expect(first.expiresAt).toBe((readClaims(first.token).exp ?? 0) * 1_000)
    await logsIn(first)
    const page = (await person.browsed) as Response
    expect(new URL(page.url)).toMatchObject({ pathname: '/portcullis-done', search: '' })
    expect(await page.text()).toContain('You can close this page.')
    expect(page.headers.get('cache-control')).toBe('no-store')

    const second = await source.refresh(first, signal())
    expect(second?.refreshToken).toBeDefined()
    await logsIn(second!)
    await source.revoke(second!, signal())
    expect(await source.refresh(second!, signal())).toBeUndefined()
  })

  test('comes back with a no, which is told as one', async () => {
    const source = sourceOf({ flow: 'browser', ...client() })
    const person = new Person(async (url) => {
      const browser = new Browser(stack.provider.issuer)
      const question = await browser.open(new URL(url))
      const last = leadsTo(await browser.open(question.url, { refuse: 'yes' }))
      return fetch(last ?? '')
    })
    const problem = await problemOf(source.obtain(person, signal()))
    expect(problem).toMatchObject({ kind: 'refused' })
    expect(problem.message).toBe(`${stack.provider.issuer} says that the sign-in was denied`)
    expect(await ((await person.browsed) as Response).text()).not.toContain('denied')
  })

  test('is waited for no longer than somebody wants to wait', async () => {
    const source = sourceOf({ flow: 'browser', ...client() })
    const person = new Person(async () => Promise.resolve())
    const early = AbortSignal.timeout(500)
    expect(await problemOf(source.obtain(person, early))).toMatchObject({ kind: 'unreachable' })
  })

  test('brings an access token where that is wanted', async () => {
    const scopes = ['openid', 'email', 'offline_access', 'connect']
    const audience = databaseAudience
    const source = sourceOf({
      flow: 'browser',
      ...client({ use: 'access_token', audience, scopes }),
    })
    const person = new Person(async (url) => fetch((await signInAs('alice', url)).next))
    const grant = await source.obtain(person, signal())
    expect(readUnverified(grant.token)?.claims).toMatchObject({ aud: databaseAudience })
    const again = await source.refresh(grant, signal())
    expect(readUnverified(again?.token ?? '')?.claims).toMatchObject({ aud: databaseAudience })
  })
})

describe('another device', () => {
  test('is where somebody signs in at the provider, by the code that is shown', async () => {
    const [grant, { shown }] = await byDevice
    expect(shown[0]).toContain(`${stack.provider.issuer}/device`)
    expect(shown.join('\n')).toContain('user_code=')
    expect(grant).toMatchObject({ principal: 'alice@example.com' })
    await logsIn(grant)
    const again = await sourceOf({ flow: 'device', ...client() }).refresh(grant, signal())
    await logsIn(again!)
  })

  test('is where somebody signs in by way of the gateway, whose client has a secret', async () => {
    const [grant, { shown }] = await byGateway
    expect(shown[0]).toContain(`${stack.provider.issuer}/device`)
    expect(grant).toMatchObject({
      principal: 'alice',
      user: 'app_readwrite',
      roles: ['app_readwrite', 'app_readonly'],
    })
    expect(readClaims(grant.token).iss).toBe(stack.publicUrl)
    await logsIn(grant)
    const source = gatewaySource()
    // However long ago the session token expired.
    const idle = { ...grant, token: 'expired', expiresAt: Date.now() - 86_400_000 }
    const again = await source.refresh(idle, signal())
    expect(again).toMatchObject({ principal: 'alice', user: 'app_readwrite' })
    await logsIn(again!)
    await source.revoke(again!, signal())
    await expect(logsIn(again!)).rejects.toThrow('access is denied')
    expect(await source.refresh(again!, signal())).toBeUndefined()
    const forged = { ...grant, refreshToken: `${grant.refreshToken ?? ''}x` }
    expect(await source.refresh(forged, signal())).toBeUndefined()
  })

  test.each(['device', 'gateway', 'browser'] as const)(
    'and nobody is asked where nobody is there: %s',
    async (flow) => {
      const source = flow === 'gateway' ? gatewaySource() : sourceOf({ flow, ...client() })
      expect(source.needsPerson).toBe(true)
      expect(await problemOf(source.obtain(undefined, signal()))).toMatchObject({
        kind: 'sign-in-needed',
      })
    },
  )
})

describe('a machine', () => {
  test('gets a token as itself', async () => {
    const machine = client({
      clientId: 'm2m',
      scopes: [],
      use: 'access_token',
      clientSecret: { kind: 'environment', name: 'M2M' },
      audience: databaseAudience,
    })
    const grant = await sourceOf({ flow: 'client_credentials', ...machine }).obtain(
      undefined,
      signal(),
    )
    expect(grant.refreshToken).toBeUndefined()
    await logsIn(grant)
  })
})

describe('the password of somebody', () => {
  test('gives an ID token, and a refresh token for others', async () => {
    const source = sourceOf({
      flow: 'password',
      ...client({ clientId: 'seed-000', clientSecret: { kind: 'environment', name: 'WORD' } }),
      username: 'alice',
      password: { kind: 'environment', name: 'PASSWORD' },
    })
    const grant = await source.obtain(undefined, signal())
    expect(readClaims(grant.token)).toMatchObject({ sub: 'alice', iss: stack.provider.issuer })
    const again = await source.refresh(grant, signal())
    expect(readClaims(again?.token ?? '')).toMatchObject({ sub: 'alice' })
  })

  test('is refused where it is wrong', async () => {
    const source = sourceOf({
      flow: 'password',
      ...client({ clientId: 'seed-000', clientSecret: { kind: 'environment', name: 'WORD' } }),
      username: 'alice',
      password: { kind: 'environment', name: 'M2M' },
    })
    expect(await problemOf(source.obtain(undefined, signal()))).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('invalid_grant') as string,
    })
  })
})

describe('a gateway', () => {
  test('says by itself how to sign in', async () => {
    const options = { caFile: stack.caFile }
    const found = await discoverGateway(stack.publicUrl.slice(8), options, {}, signal())
    expect(found).toEqual({
      host: 'localhost',
      url: stack.publicUrl,
      endpoints: [],
      hasSessions: true,
      issuer: stack.provider.issuer,
      client: { issuer: stack.provider.issuer, clientId: 'portcullis-cli', scopes: ['openid'] },
      integration: 'people',
      pool: 'sso_pool',
      notes: [
        'The integration is people; choose another one with --integration.',
        'The gateway does not say where clients connect: say it with --host and --port.',
      ],
    })
    const wish = { ...options, integration: 'pages' }
    const other = await discoverGateway(stack.publicUrl, wish, {}, signal())
    expect(other).toMatchObject({ integration: 'pages', client: undefined })
  })

  test.each<[string, () => string, boolean, string, string]>([
    ['is somebody else', () => stack.provider.issuer, true, 'unreachable', 'status 404'],
    ['is nobody', () => 'localhost:1', true, 'unreachable', 'the connection was refused'],
    [
      'is not trusted',
      () => stack.publicUrl,
      false,
      'unreachable',
      'authority that is not trusted',
    ],
    ['has no such name', () => 'gate.invalid', true, 'unreachable', 'name is not known'],
  ])('that %s is said to be that', async (_, typed, isTrusted, kind, says) => {
    const options = isTrusted ? { caFile: stack.caFile } : {}
    const problem = await problemOf(discoverGateway(typed(), options, {}, signal()))
    expect(problem.kind).toBe(kind)
    expect(problem.message).toContain(says)
    expect(problem.hint).toBeDefined()
  })

  test('gives a short token for one of the provider', async () => {
    const network = findNetwork(stack.caFile, {})
    const api = gatewayApi(stack.publicUrl, network)
    const grant = await api.exchange(await stack.token(), { database: 'sandbox' }, signal())
    expect(grant).toMatchObject({ principal: 'alice', user: 'app_readwrite' })
    expect(grant.token.length).toBeLessThan(500)
    await logsIn(grant)
    const forged = `${(await stack.token()).slice(0, -8)}AAAAAAAA`
    const error: unknown = await api.exchange(forged, {}, signal()).catch((one: unknown) => one)
    const problem = explainProblem(error, stack.publicUrl) as CredentialProblem
    expect(problem.kind).toBe('refused')
    expect(problem.message).toMatch(/says: the token was not accepted \(api-[\w-]+\)$/)
    expect(problem.message + String(problem.hint)).not.toContain('AAAAAAAA')
  })

  test('is asked by a profile with session: true, and once', async () => {
    const token = await stack.token()
    const profile: Profile = {
      gateway: stack.publicUrl,
      endpoints: [],
      database: 'sandbox',
      caFile: stack.caFile,
      session: true,
      store: 'none',
      signIn: { flow: 'command', command: ['echo', token] },
    }
    const keeper = openCredentials({ name: 'db', profile }, process.env)
    const grant = await keeper.token()
    expect(grant).toMatchObject({ principal: 'alice', user: 'app_readwrite' })
    await logsIn(grant)
    expect((await keeper.token()).token).toBe(grant.token)
    expect((await keeper.token({ session: false })).token).toBe(token)
  })
})
