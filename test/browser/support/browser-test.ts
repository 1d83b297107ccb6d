import { type TestAPI, test as base } from 'vitest'
import type { Page } from 'playwright-core'
import { Chromium, type Look } from './chromium.ts'
import { Witness } from './witness.ts'

/** What the pages are of. */
export interface Site extends AsyncDisposable {
  readonly authority: { readonly certificate: string }
}

export interface BrowserFixtures<S extends Site> {
  /** One for all tests of a file. */
  readonly site: S
  readonly chromium: Chromium
  /** Each call is another person, with an empty page. */
  readonly open: (look?: Look) => Promise<Page>
}

/**
 * `test`, with a browser. A test fails with pictures of its pages and all that they said, and also where a
 * script threw or a page broke its own policy, whatever else it looked at.
 */
export function browserTest<S extends Site>(start: () => Promise<S>): TestAPI<BrowserFixtures<S>> {
  return base.extend<BrowserFixtures<S>>({
    site: [
      async ({}, use) => {
        await using site = await start()
        await use(site)
      },
      { scope: 'file' },
    ],
    chromium: [
      async ({ site }, use) => {
        await using chromium = await Chromium.start(site.authority.certificate)
        await use(chromium)
      },
      { scope: 'file' },
    ],
    open: async ({ chromium, task }, use) => {
      await using witness = new Witness()
      await use(async (look) => witness.watch(await chromium.person(look)))
      const complaints = witness.complaints()
      if (task.result?.state === 'fail' || complaints.length > 0) {
        const folder = await witness.keepEvidence(task.file.name, task.name)
        process.stderr.write(`what the browser saw: ${folder}\n`)
      }
      if (complaints.length > 0)
        throw new Error(`the browser complained:\n${complaints.join('\n')}`)
    },
  })
}
