// What somebody who is signed in does on our pages, and what the script of the pages does for them.
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { freePort } from '../../demo/ports.ts'
import { addPages, alice, clientOfPages } from '../support/pages.ts'
import { Stack } from '../support/stack.ts'
import { browserTest } from './support/browser-test.ts'
import { expectAccessible, expectLight, expectNoSidewaysScroll, focused } from './support/judge.ts'
import { waitingPsql } from './support/waiting-psql.ts'

let publicUrl: string

const test = browserTest(async () => {
  const port = await freePort()
  publicUrl = `https://localhost:${port}`
  return Stack.start({
    clients: [clientOfPages(publicUrl)],
    configure: (config) => {
      addPages(config, publicUrl, port)
    },
  })
})

async function signIn(page: Page, path = '/'): Promise<void> {
  await page.goto(`${publicUrl}/oidc/v1/login?return_to=${encodeURIComponent(path)}`)
  await page.getByRole('button', { name: alice }).click()
  await page.waitForURL(`${publicUrl}${path}`)
}

/** What is on the clipboard, as it comes out of it in the page. */
async function clipboard(page: Page): Promise<string> {
  return page.evaluate<string>('navigator.clipboard.readText()')
}

async function sizeOfToken(page: Page): Promise<string> {
  return page.evaluate<string>(
    'getComputedStyle(document.querySelector("#token .secret")).fontSize',
  )
}

test.for([
  ['in the dark', { colorScheme: 'dark' }],
  ['on a narrow screen', { width: 320 }],
] as const)('Connect and Device are for everybody, %s', async ([, look], { site, open }) => {
  const page = await open(look)
  await signIn(page)
  await expectLight(page, `${publicUrl}/connect`)
  await expectAccessible(page)
  await expectNoSidewaysScroll(page)
  await page.getByRole('button', { name: 'Connect to sandbox' }).click()
  await page.getByRole('heading', { name: 'Connect to sandbox' }).waitFor()
  await expectAccessible(page)
  await expectNoSidewaysScroll(page)
  await page.getByLabel('Show the token').check()
  for (const summary of await page.locator('summary').all()) await summary.click()
  await expectAccessible(page)
  await expectNoSidewaysScroll(page)
  const psql = await waitingPsql(site.environment(''))
  await page.goto(`${publicUrl}/device`)
  await expectAccessible(page)
  await page.getByLabel('Code').fill('nonsense')
  await page.keyboard.press('Enter')
  await page.getByText('No client waits here').waitFor()
  await expectAccessible(page)
  await page.getByLabel('Code').fill(psql.code)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'A database client asks to be let in' }).waitFor()
  await expectAccessible(page)
  await expectNoSidewaysScroll(page)
  await page.getByRole('button', { name: 'Approve as alice' }).click()
  await page.getByRole('heading', { name: 'You are signed in' }).waitFor()
  await expectAccessible(page)
  expect(await psql.output).toBe('app_readwrite\n')
})

test('the script copies what is masked, shows times as the reader has them, and counts down', async ({
  open,
}) => {
  const page = await open()
  await signIn(page)
  const until = page.locator('time').first()
  expect(await until.getAttribute('title')).toBe(await until.getAttribute('datetime'))
  expect(await until.textContent()).not.toContain('UTC')
  await page.getByRole('button', { name: 'Connect to sandbox' }).click()
  const token = (await page.locator('#token').textContent()) ?? ''
  expect(token.split('.')).toHaveLength(3)
  await page.getByRole('button', { name: 'Copy the token' }).click()
  await page.getByRole('button', { name: 'Copied' }).waitFor()
  expect(await clipboard(page)).toBe(token)
  await page.getByRole('button', { name: 'Copy for psql' }).click()
  await expect.poll(async () => clipboard(page)).toContain(`PGPASSWORD=${token} psql`)
  const timer = page.getByRole('timer')
  await expect.poll(async () => timer.textContent()).toMatch(/^\d+ minutes? \d+ seconds?$/)
  const before = await timer.textContent()
  await expect.poll(async () => timer.textContent()).not.toBe(before)
})

test('where nothing may be copied, it is selected', async ({ open }) => {
  const page = await open()
  await signIn(page)
  await page.getByRole('button', { name: 'Connect to sandbox' }).click()
  await page.evaluate(
    'navigator.clipboard.writeText = () => Promise.reject(new Error("it is not allowed"))',
  )
  await page.getByRole('button', { name: 'Copy the token' }).click()
  await page.getByText('Selected: copy it with the keyboard').first().waitFor()
  expect(await page.evaluate<string>('getSelection().toString()')).not.toBe('')
})

test('without a script everything but copying is there', async ({ open }) => {
  const page = await open({ javaScriptEnabled: false })
  await signIn(page)
  expect(await page.locator('time').first().textContent()).toContain('UTC')
  await page.getByRole('button', { name: 'Connect to sandbox' }).click()
  expect(await page.locator('.needs-script:visible').count()).toBe(0)
  expect(await sizeOfToken(page)).toBe('0px')
  await page.getByLabel('Show the token').check()
  expect(await sizeOfToken(page)).not.toBe('0px')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.waitForURL((url) => !url.pathname.startsWith('/connect'))
})

test('the first key leads to the content', async ({ open }) => {
  const page = await open()
  await signIn(page)
  await page.goto(`${publicUrl}/connect`)
  await page.keyboard.press('Tab')
  expect(await focused(page)).toBe('Skip to the content')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  expect(page.url()).toBe(`${publicUrl}/connect#main`)
})
