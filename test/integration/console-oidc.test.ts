// CockroachDB's guide to single sign-on for its console, statement by statement: an empty gate, psql, a browser.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { alice, clientOfPages, startWithPages, type StackWithPages } from '../support/pages.ts'
import { hasPsql, psql, type PsqlResult } from '../support/psql.ts'
import { WebBrowser } from '../support/web-browser.ts'

const secret = 'known to the operator'
const isAuthorization = ({ pathname }: URL): boolean => pathname === '/auth'
const isCallback = ({ pathname }: URL): boolean => pathname === '/oidc/v1/callback'

let stack: StackWithPages
let publicUrl: string

beforeAll(async () => {
  stack = await startWithPages((config) => {
    config.integrations = {}
    config.groups = {}
    const { upstream } = config.databases['sandbox'] as { upstream: object }
    config.databases = { sandbox: { upstream: { ...upstream, auth: { method: 'trust' } } } }
    config['console'] = { users: { root: { secret, right: 'admin' } } }
    const pool = config.connectivity_pools['sso_pool']
    const signIn = { sso_integration: undefined, sso_flows: undefined }
    config.connectivity_pools = { public: { ...pool, ...signIn, require_sso: false } }
  })
  ;({ publicUrl } = stack)
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

async function set(name: string, value: string): Promise<PsqlResult> {
  const environment = { ...stack.environment(secret), PGUSER: 'root', PGDATABASE: 'system' }
  const statement = `SET CLUSTER SETTING server.oidc_authentication.${name} = '${value}'`
  return psql(environment, statement)
}

async function taken(name: string, value: string): Promise<void> {
  expect(await set(name, value)).toMatchObject({ code: 0, stdout: 'SET CLUSTER SETTING\n' })
}

function browser(): WebBrowser {
  return new WebBrowser(stack.authority.certificate)
}

describe.skipIf(!hasPsql())('the settings of the guide', () => {
  test('let nobody sign in before they are there', async () => {
    const me = browser()
    await me.open(`${publicUrl}/oidc/v1/login`)
    expect(me.status).toBe(400)
    expect(me.text).toContain('OIDC: disabled')
  })

  test('are refused where they cannot be meant', async () => {
    expect((await set('scopes', 'email')).stderr).toContain('Missing `openid` scope')
  })

  test('let people in who are SQL users, and nobody else', async () => {
    await taken('client_id', clientOfPages(publicUrl).client_id)
    await taken('client_secret', String(clientOfPages(publicUrl).client_secret))
    await taken('provider_url', stack.provider.issuer)
    await taken('provider.custom_ca', stack.authority.certificate)
    await taken('redirect_url', `${publicUrl}/oidc/v1/callback`)
    await taken('scopes', 'openid email')
    await taken('claim_json_key', 'email')
    await taken('principal_regex', '^([^@]+)@example\\.com$')
    await taken('enabled', 'true')
    const elsewhere = await set('redirect_url', 'https://elsewhere.example.com/oidc/v1/callback')
    expect(elsewhere).toMatchObject({ code: 1, stdout: '' })
    expect(elsewhere.stderr).toContain('redirect_url')
    const me = browser()
    await me.open(`${publicUrl}/`)
    expect(me.text).toContain('Log in with your OIDC provider')
    await me.open(`${publicUrl}/oidc/v1/login`, isAuthorization)
    expect(me.leadsTo?.origin).toBe(stack.provider.issuer)
    await me.open(me.leadsTo!)
    await me.press(alice)
    await me.open(`${publicUrl}/login`)
    expect(me.text).toContain('You are signed in as')

    await taken('principal_regex', '^([^@]+)@elsewhere\\.example\\.com$')
    const other = browser()
    await other.open(`${publicUrl}/oidc/v1/login`, isCallback)
    if (other.leadsTo === undefined) await other.press(alice, isCallback)
    await other.open(other.leadsTo!)
    expect(other.status).toBe(403)
    await taken('principal_regex', '^([^@]+)@example\\.com$')
  })

  test('send whoever opens a page to the provider at once, where they say so', async () => {
    await taken('autologin', 'true')
    const me = browser()
    await me.open(`${publicUrl}/`, isAuthorization)
    expect(me.leadsTo?.origin).toBe(stack.provider.issuer)
  })
})
