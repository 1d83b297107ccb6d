// Every flow of the client at a real provider, and with a real gateway where one is needed.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Browser, leadsTo, type Page } from '../../../demo/browser.ts'
import { passwordClient } from '../../../demo/password-grant.ts'
import { databaseAudience } from '../../../demo/provider-configuration.ts'
import { createSource } from '../../../src/credentials/create-source.ts'
import type { Grant } from '../../../src/credentials/grant.ts'
import type { Interaction } from '../../../src/credentials/interaction.ts'
import { CredentialProblem } from '../../../src/credentials/problem.ts'
import type { Flow, Profile, ProviderClient } from '../../../src/credentials/profile.ts'
import { readClaims } from '../../../src/credentials/read-claims.ts'
import type { TokenSource } from '../../../src/credentials/source.ts'
import { Stack } from '../../support/stack.ts'

let stack: Stack

const okta = passwordClient('seed-000', 'a secret of the program')

beforeAll(async () => {
  stack = await Stack.start({ clients: [okta] })
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

/** Somebody at a terminal, whose browser does what a test says. */
class Person implements Interaction {
  readonly shown: string[] = []
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
    expect(new URL(page.url)).toMatchObject({ pathname: '/done', search: '' })
    expect(await page.text()).toContain('You can close this page.')
    expect(page.headers.get('cache-control')).toBe('no-store')

    const second = await source.refresh(first, signal())
    expect(second?.refreshToken).toBeDefined()
    await logsIn(second!)
    await source.revoke(second!, signal())
    expect(await source.refresh(second!, signal())).toBeUndefined()
  })
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
