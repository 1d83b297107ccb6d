// The pages for a client that waits until somebody has signed in.
import { expect } from 'vitest'
import { createAuthority } from '../../demo/certificates.ts'
import { startProvider } from '../../demo/provider.ts'
import { alice, startWithPages } from '../support/pages.ts'
import { browserTest } from './support/browser-test.ts'
import { expectAccessible, expectNoSidewaysScroll, focused } from './support/judge.ts'
import { waitingPsql } from './support/waiting-psql.ts'

const test = browserTest(async () => startWithPages())

test.for([
  ['in light', { colorScheme: 'light' }],
  ['in the dark', { colorScheme: 'dark' }],
  ['on a narrow screen', { width: 320 }],
] as const)(
  'psql waits, somebody signs in %s, and psql is in',
  async ([, look], { site, open }) => {
    const psql = await waitingPsql({ ...site.environment(''), PGAPPNAME: 'my <b>laptop</b>' })
    const page = await open(look)
    await page.goto(psql.address)
    expect(await page.locator('main').textContent()).toContain(psql.code)
    await expectAccessible(page)
    await expectNoSidewaysScroll(page)
    await page.getByRole('button', { name: 'Continue to sign in' }).click()
    await page.getByRole('button', { name: alice }).click()
    await page.getByRole('heading', { name: 'You are signed in' }).waitFor()
    expect(page.url()).toBe(psql.address)
    await expectAccessible(page)
    expect(await psql.output).toBe('app_readwrite\n')
  },
)

test('a sign-in needs no pointer', async ({ site, open }) => {
  const psql = await waitingPsql(site.environment(''))
  const page = await open()
  await page.goto(psql.address)
  await page.keyboard.press('Tab')
  // Nothing stands in front of it that could be skipped.
  expect(await focused(page)).toBe('Continue to sign in')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Who are you?' }).waitFor()
  await page.keyboard.press('Tab')
  expect(await focused(page)).toBe(alice)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'You are signed in' }).waitFor()
  expect(await psql.output).toBe('app_readwrite\n')
})

test('a sign-in needs no script', async ({ site, open }) => {
  const psql = await waitingPsql(site.environment(''))
  const page = await open({ javaScriptEnabled: false })
  await page.goto(psql.address)
  await page.getByRole('button', { name: 'This was not me' }).click()
  await page.getByRole('heading', { name: 'The sign-in was ended' }).waitFor()
  await psql.output
  expect(psql.heard()).toContain('refused by somebody who did not begin it')
})

test('a site whose certificate is of another authority is not opened', async ({ open }) => {
  const stranger = await createAuthority('somebody else')
  await using elsewhere = await startProvider({
    tls: await stranger.issue({ commonName: 'provider' }),
  })
  const page = await open()
  await expect(page.goto(elsewhere.issuer)).rejects.toThrow('ERR_CERT_AUTHORITY_INVALID')
})
