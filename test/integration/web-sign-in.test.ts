// People sign in on our pages, at a real provider.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../demo/ports.ts'
import { addPages, alice, bob, clientOfPages } from '../support/pages.ts'
import { Stack } from '../support/stack.ts'
import { WebBrowser } from '../support/web-browser.ts'

let stack: Stack
let publicUrl: string

beforeAll(async () => {
  const port = await freePort()
  publicUrl = `https://localhost:${port}`
  stack = await Stack.start({
    clients: [clientOfPages(publicUrl)],
    configure: (config) => {
      config.workers = 2
      addPages(config, publicUrl, port)
    },
  })
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

const sessionCookie = '__Host-portcullis-session'
const isCallback = ({ pathname }: URL): boolean => pathname === '/oidc/v1/callback'

function browser(): WebBrowser {
  return new WebBrowser(stack.authority.certificate)
}

async function signIn(who: string, returnTo = '/login', me = browser()): Promise<WebBrowser> {
  await me.open(`${publicUrl}/oidc/v1/login?return_to=${encodeURIComponent(returnTo)}`)
  await me.press(who)
  return me
}

describe('somebody', () => {
  test('signs in and out', async () => {
    const me = await signIn(alice)
    await me.open(`${publicUrl}/login`)
    expect(me.text).toContain('You are signed in as alice.')
    expect([...me.cookies('localhost').keys()].filter((name) => name.includes('state'))).toEqual([])
  })

  test('who refuses at the provider is not signed in', async () => {
    const me = browser()
    await me.open(`${publicUrl}/oidc/v1/login`)
    await me.press(bob, isCallback)
    const denied = new URL(me.leadsTo!)
    denied.searchParams.delete('code')
    denied.searchParams.set('error', 'access_denied')
    await me.open(denied)
    expect(me.status).toBe(403)
    expect(me.cookies('localhost').has(sessionCookie)).toBe(false)
  })
})
