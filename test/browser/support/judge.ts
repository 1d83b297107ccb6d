import { AxeBuilder } from '@axe-core/playwright'
import type { Page, Response } from 'playwright-core'
import { expect } from 'vitest'

/** WCAG 2.2 AA, and what axe holds to be good practice beyond it. */
export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  const told = violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary = '' }) => `${id}: ${help}\n  ${html}\n  ${failureSummary}`),
  )
  expect(told, `axe on ${page.url()}`).toEqual([])
}

/** Nothing is cut off or has to be scrolled to sideways (WCAG 1.4.10). */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const [content, window] = await page.evaluate<readonly [number, number]>(
    '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
  )
  expect(content, `the width of ${page.url()}`).toBeLessThanOrEqual(window)
}

/** The text of what has the focus. */
export async function focused(page: Page): Promise<string> {
  return page.evaluate<string>('(document.activeElement?.textContent ?? "").trim()')
}

const mostPageBytes = 100_000
const weighed = new Set(['document', 'stylesheet', 'script'])

/** Goes there, and holds what had to be fetched to what a page may weigh, without compression and cache. */
export async function expectLight(page: Page, address: string): Promise<void> {
  const sizes: Promise<number>[] = []
  const weigh = (response: Response): void => {
    if (!weighed.has(response.request().resourceType())) return
    sizes.push(
      response.body().then(
        ({ length }) => length,
        // A redirect has no body.
        () => 0,
      ),
    )
  }
  page.on('response', weigh)
  await page.goto(address)
  page.off('response', weigh)
  const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
  expect(bytes, `the weight of ${address}`).toBeGreaterThan(0)
  expect(bytes, `the weight of ${address}`).toBeLessThan(mostPageBytes)
}
