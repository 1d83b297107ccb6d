// Signing in on the pages, and each page of somebody who is not signed in after all.
import type { Page } from 'playwright-core'
import { describe, expect } from 'vitest'
import { answers } from '../../demo/answers.ts'
import { alice, bob, startWithPages } from '../support/pages.ts'
import { browserTest } from './support/browser-test.ts'
import { expectAccessible, expectLight, expectNoSidewaysScroll, focused } from './support/judge.ts'

const test = browserTest(async () =>
  startWithPages((config) => {
    config.integrations['elsewhere'] = { ...config.integrations['pages'] }
  }),
)

async function heading(page: Page, name: string): Promise<void> {
  await page.getByRole('heading', { name, level: 1 }).waitFor()
}

/** As far as the provider asks who it is. */
async function begin(page: Page, publicUrl: string): Promise<void> {
  await page.goto(`${publicUrl}/login`)
  await page.getByRole('link', { name: /^Sign in with/ }).click()
  await heading(page, 'Who are you?')
}

/** Here, and where the provider asks whether that is meant for its own session, too. */
async function signOut(page: Page, publicUrl: string): Promise<void> {
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.waitForURL((url) => url.origin !== publicUrl)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.waitForURL(`${publicUrl}/login**`)
}

async function expectPage(page: Page, title: string): Promise<void> {
  await heading(page, title)
  await expectAccessible(page)
  await expectNoSidewaysScroll(page)
}

/** Goes as far as the provider sends the browser back, and gives the address of that. */
async function almost(page: Page, publicUrl: string): Promise<URL> {
  await begin(page, publicUrl)
  // What a redirect leads to is seen by the protocol of the browser alone.
  const protocol = await page.context().newCDPSession(page)
  const { promise, resolve } = Promise.withResolvers<URL>()
  protocol.on('Fetch.requestPaused', ({ requestId, request }) => {
    resolve(new URL(request.url))
    void protocol.send('Fetch.failRequest', { requestId, errorReason: 'Aborted' })
  })
  await protocol.send('Fetch.enable', {
    patterns: [{ urlPattern: `${publicUrl}/oidc/v1/callback*` }],
  })
  await page.getByRole('button', { name: alice }).click({ noWaitAfter: true })
  const address = await promise
  await protocol.detach()
  return address
}

test.for([
  ['in light', { colorScheme: 'light' }],
  ['in the dark', { colorScheme: 'dark' }],
  ['on a narrow screen', { width: 320 }],
  ['without script', { javaScriptEnabled: false }],
] as const)('somebody signs in and out %s', async ([, look], { site, open }) => {
  const page = await open(look)
  await expectLight(page, `${site.publicUrl}/login`)
  const isJudged = !('javaScriptEnabled' in look)
  if (isJudged) await expectPage(page, 'Sign in')
  await begin(page, site.publicUrl)
  await page.getByRole('button', { name: bob }).click()
  await page.waitForURL(`${site.publicUrl}/**`)
  await page.goto(`${site.publicUrl}/login`)
  expect(await page.locator('main').textContent()).toContain('You are signed in as bob')
  if (isJudged) await expectPage(page, 'Sign in')
  await signOut(page, site.publicUrl)
  expect(await page.locator('main').textContent()).not.toContain('bob')
})

test('a sign-in needs no pointer', async ({ site, open }) => {
  const page = await open()
  await page.goto(`${site.publicUrl}/login`)
  await page.keyboard.press('Tab')
  expect(await focused(page)).toBe('Skip to the content')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  expect(await focused(page)).toMatch(/^Sign in with/)
  await page.keyboard.press('Enter')
  await heading(page, 'Who are you?')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.waitForURL(`${site.publicUrl}/**`)
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
})

test('several providers are several buttons, in the order of the configuration', async ({
  site,
  open,
}) => {
  const { config, gateway } = site
  const web = config['web'] as object
  await gateway.reload({ ...config, web: { ...web, integrations: ['elsewhere', 'pages'] } })
  try {
    const page = await open()
    await page.goto(`${site.publicUrl}/login`)
    const links = page.locator('main').getByRole('link')
    expect(await links.allTextContents()).toEqual([
      expect.stringContaining('elsewhere'),
      expect.stringContaining('pages'),
    ])
    await expectPage(page, 'Sign in')
  } finally {
    await gateway.reload(config)
  }
})

test('with autologin whoever opens a page is at the provider at once, and back on that page', async ({
  site,
  open,
}) => {
  const { config, gateway } = site
  const web = config['web'] as object
  await gateway.reload({ ...config, web: { ...web, autologin: true } })
  try {
    const page = await open()
    await page.goto(`${site.publicUrl}/connect`)
    await heading(page, 'Who are you?')
    await page.getByRole('button', { name: alice }).click()
    await page.waitForURL(`${site.publicUrl}/connect`)
    await signOut(page, site.publicUrl)
    // Not to the provider again, which would sign in whoever has just signed out.
    await heading(page, 'Sign in')
  } finally {
    await gateway.reload(config)
  }
})

describe('somebody', () => {
  test('whose provider is down is told so, and signs in once it is back', async ({
    site,
    open,
  }) => {
    const page = await open()
    const restore = site.provider.intercept('/token', answers.status(503))
    await begin(page, site.publicUrl)
    await page.getByRole('button', { name: alice }).click()
    await expectPage(page, 'OIDC: unable to complete authentication')
    restore()
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByRole('link', { name: /^Sign in with/ }).click()
    await page.getByRole('button', { name: 'Sign out' }).waitFor()
  })

  test('who refuses at the provider is told so', async ({ site, open }) => {
    const page = await open()
    await begin(page, site.publicUrl)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await expectPage(page, 'You are not signed in')
    expect(await page.context().cookies()).not.toContainEqual(
      expect.objectContaining({ name: '__Host-portcullis-session' }),
    )
  })

  test('is not signed in by an answer with another state', async ({ site, open }) => {
    const page = await open()
    const address = await almost(page, site.publicUrl)
    address.searchParams.set('state', 'x'.repeat(43))
    const response = await page.goto(address.href)
    expect(response?.status()).toBe(400)
    await expectPage(page, 'OIDC: unable to complete authentication')
  })

  test('is not signed in by an answer that has been used', async ({ site, open }) => {
    const page = await open()
    const address = await almost(page, site.publicUrl)
    await page.goto(address.href)
    await signOut(page, site.publicUrl)
    const response = await page.goto(address.href)
    expect(response?.status()).toBe(400)
    await expectPage(page, 'OIDC: unable to complete authentication')
  })

  test('is not signed in by an answer that another browser has asked for', async ({
    site,
    open,
  }) => {
    const [attacker, victim] = [await open(), await open()]
    const address = await almost(attacker, site.publicUrl)
    const response = await victim.goto(address.href)
    expect(response?.status()).toBe(400)
    await expectPage(victim, 'OIDC: unable to complete authentication')
    expect(await victim.context().cookies()).not.toContainEqual(
      expect.objectContaining({ name: '__Host-portcullis-session' }),
    )
  })

  test('is not signed out by a form of another origin', async ({ site, open }) => {
    const page = await open()
    await begin(page, site.publicUrl)
    await page.getByRole('button', { name: alice }).click()
    await page.getByRole('button', { name: 'Sign out' }).waitFor()
    // Another port is another origin, but the same site: the cookie goes along.
    await page.goto(`${site.provider.issuer}/nothing`)
    await page.evaluate(`{
      const form = document.createElement('form')
      form.method = 'post'
      form.action = ${JSON.stringify(`${site.publicUrl}/logout`)}
      document.body.append(form)
      form.submit()
    }`)
    await page.getByText('This is for pages of this site alone').waitFor()
    await page.goto(`${site.publicUrl}/login`)
    expect(await page.locator('main').textContent()).toContain('You are signed in as alice')
  })

  test('is not shown the pages inside of those of others', async ({ site, open }) => {
    const page = await open()
    await page.goto(`${site.provider.issuer}/nothing`)
    const refused = page.waitForEvent('requestfailed', {
      predicate: (request) => request.url() === `${site.publicUrl}/login`,
    })
    await page.evaluate(`{
      const frame = document.createElement('iframe')
      frame.src = ${JSON.stringify(`${site.publicUrl}/login`)}
      document.body.append(frame)
    }`)
    expect((await refused).failure()?.errorText).toContain('BLOCKED_BY')
  })
})
