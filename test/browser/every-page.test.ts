// Each page of the navigation, as somebody sees it who may do everything.
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { placesFor } from '../../src/web/layout/places.ts'
import { alice, bob, startWithPages } from '../support/pages.ts'
import { startPsql } from '../support/psql.ts'
import { browserTest } from './support/browser-test.ts'
import type { Look } from './support/chromium.ts'
import { expectAccessible, expectLight, expectNoSidewaysScroll } from './support/judge.ts'

const test = browserTest(async () => {
  const stack = await startWithPages()
  // Something to be seen: a session, and somebody who was not let in.
  await stack.logIn('app_readwrite')
  await stack.logIn('postgres').catch(() => undefined)
  return stack
})

const looks = [
  ['in light', { colorScheme: 'light' }],
  ['in the dark', { colorScheme: 'dark' }],
  ['on a narrow screen', { width: 320, height: 640 }],
] as const satisfies readonly (readonly [string, Look])[]

async function signIn(page: Page, publicUrl: string, who: string): Promise<void> {
  await page.goto(`${publicUrl}/oidc/v1/login`)
  await page.getByRole('button', { name: who }).click()
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
}

test.for(looks)('axe has nothing to say of any page %s', async ([, look], { site, open }) => {
  const page = await open(look)
  await signIn(page, site.publicUrl, alice)
  for (const { path, label } of placesFor('admin')) {
    await page.goto(`${site.publicUrl}${path}`)
    await expectAccessible(page)
    await expectNoSidewaysScroll(page)
    const current = page.locator('[aria-current="page"]')
    expect((await current.textContent())?.trim(), path).toBe(label)
  }
})

test('no page weighs more than a hundred kilobytes', async ({ site, open }) => {
  const page = await open()
  await signIn(page, site.publicUrl, alice)
  const protocol = await page.context().newCDPSession(page)
  await protocol.send('Network.setCacheDisabled', { cacheDisabled: true })
  for (const { path } of placesFor('admin')) await expectLight(page, `${site.publicUrl}${path}`)
})

test('every page is of use without script', async ({ site, open }) => {
  const page = await open({ javaScriptEnabled: false })
  await signIn(page, site.publicUrl, alice)
  for (const { path } of placesFor('admin')) {
    const response = await page.goto(`${site.publicUrl}${path}`)
    expect(response?.status(), path).toBe(200)
    expect((await page.locator('main').innerText()).length, path).toBeGreaterThan(50)
  }
})

test('times are those of the reader', async ({ site, open }) => {
  const page = await open()
  await signIn(page, site.publicUrl, alice)
  await page.goto(`${site.publicUrl}/sessions`)
  const time = page.locator('tbody time').first()
  const [at, shown] = [await time.getAttribute('datetime'), await time.textContent()]
  const expected = new Intl.DateTimeFormat('en-GB', {
    dateStyle: 'medium',
    timeStyle: 'medium',
    timeZone: 'Asia/Kathmandu',
  })
  expect(shown).toBe(expected.format(new Date(at ?? '')))
})

test('what clients say of themselves is text, also where it comes while somebody looks', async ({
  site,
  open,
}) => {
  const evil = '<img src=x onerror=alert(1)><script>alert(1)</script>'
  const page = await open()
  await signIn(page, site.publicUrl, alice)
  await page.goto(`${site.publicUrl}/sessions`)
  await page.getByText('Live', { exact: true }).waitFor()
  const environment = { ...site.environment(await site.token()), PGAPPNAME: evil }
  const psql = startPsql(environment, 'select pg_sleep(60)')
  try {
    await page.getByRole('cell', { name: evil.slice(0, 20) }).waitFor()
    expect(await page.locator('main img, main script').count()).toBe(0)
  } finally {
    psql.kill('SIGINT')
  }
})

test('everything on every page can be reached by the keyboard', async ({ site, open }) => {
  const page = await open()
  await signIn(page, site.publicUrl, alice)
  for (const { path } of placesFor('admin')) {
    await page.goto(`${site.publicUrl}${path}`)
    const [all, reached] = await page.evaluate<readonly [number, number]>(`{
      const shown = (one) => one.checkVisibility() && !one.closest('details:not([open]) > :not(summary)')
      const things = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]
      const those = things.filter(shown);
      [those.length, those.filter((one) => one.tabIndex >= 0).length]
    }`)
    expect(reached, path).toBe(all)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    expect(await page.evaluate('document.activeElement.id'), path).toBe('main')
  }
})

test('whoever is no operator sees what is theirs alone', async ({ site, open }) => {
  const page = await open()
  await signIn(page, site.publicUrl, bob)
  const links = page.getByRole('navigation', { name: 'Pages' }).getByRole('link')
  expect(await links.allTextContents()).toEqual(['Connect', 'Device'])
  for (const { path, needs } of placesFor('admin')) {
    const response = await page.goto(`${site.publicUrl}${path}`)
    expect(response?.status(), path).toBe(needs === undefined ? 200 : 403)
    await expectAccessible(page)
  }
})
