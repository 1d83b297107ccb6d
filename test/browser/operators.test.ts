// The pages for operators: fit for everybody's eyes and hands, and live.
import { expect } from 'vitest'
import { freePort } from '../../demo/ports.ts'
import { addPages, alice, clientOfPages } from '../support/pages.ts'
import { startPsql } from '../support/psql.ts'
import { Stack } from '../support/stack.ts'
import { browserTest } from './support/browser-test.ts'
import { expectAccessible, expectLight, expectNoSidewaysScroll } from './support/judge.ts'

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

const paths = ['/sessions', '/refusals', '/integrations', '/pools', '/catalog', '/statistics']

test.for([
  ['in light', { colorScheme: 'light' }],
  ['in the dark', { colorScheme: 'dark' }],
  ['on a narrow screen', { width: 320 }],
] as const)('operators see everything %s', async ([, look], { site, open }) => {
  const refused = startPsql(site.environment('no token'), 'select 1')
  const psql = startPsql(site.environment(await site.token()), 'select pg_sleep(60)')
  try {
    const page = await open(look)
    await page.goto(`${publicUrl}/oidc/v1/login?return_to=/sessions`)
    await page.getByRole('button', { name: alice }).click()
    // It comes by itself.
    const link = page.locator('#sessions-rows').getByRole('link', { name: 'alice', exact: true })
    await link.waitFor()
    const state = page.locator('[data-live-state]')
    await expect.poll(async () => state.textContent()).toBe('Live')
    for (const path of paths) {
      await expectLight(page, `${publicUrl}${path}`)
      await expectAccessible(page)
      await expectNoSidewaysScroll(page)
    }
    await page.goto(`${publicUrl}/refusals`)
    await page.locator('#refusals-rows').getByRole('link').first().click()
    await page.getByRole('heading', { name: 'What happened' }).waitFor()
    await expectAccessible(page)
    await expectNoSidewaysScroll(page)
    await page.goto(`${publicUrl}/sessions`)
    await link.click()
    await page.getByRole('heading', { name: 'End this session' }).waitFor()
    await expectAccessible(page)
    await expectNoSidewaysScroll(page)
    await page.getByRole('button', { name: 'End this session' }).click()
    await page.getByRole('heading', { name: '1 session was ended' }).waitFor()
    await expectAccessible(page)
  } finally {
    refused.kill()
    psql.kill()
  }
})
