import { mkdir, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import { root } from '../../../tools/run.ts'

const artefacts = join(root, 'test-artefacts', 'browser')
const pictureDeadlineMs = 5_000

interface Watched {
  readonly context: BrowserContext
  readonly said: string[]
  readonly complaints: string[]
}

/** Sees what the pages of a test say, and keeps it where the test fails. */
export class Witness {
  readonly #watched: Watched[] = []

  async watch(context: BrowserContext): Promise<Page> {
    const watched: Watched = { context, said: [], complaints: [] }
    this.#watched.push(watched)
    context.on('console', (message) => {
      const line = `${message.type()}: ${message.text()} (${message.location().url})`
      watched.said.push(line)
      if (message.type() === 'error' && !isStatus(message.text())) watched.complaints.push(line)
    })
    context.on('weberror', (error) => {
      watched.complaints.push(`thrown: ${error.error().message}`)
    })
    context.on('response', (response) => {
      watched.said.push(`${response.status()} ${response.request().method()} ${response.url()}`)
    })
    context.on('requestfailed', (request) => {
      watched.said.push(`failed ${request.url()}: ${request.failure()?.errorText ?? ''}`)
    })
    return context.newPage()
  }

  /** Errors of scripts, and what the policy of a page did not let it do. */
  complaints(): readonly string[] {
    return this.#watched.flatMap(({ complaints }) => complaints)
  }

  async keepEvidence(file: string, test: string): Promise<string> {
    const folder = join(artefacts, basename(file, '.test.ts'), test.replaceAll(/\W+/g, '-'))
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true })
    for (const [number, { context, said, complaints }] of this.#watched.entries()) {
      await writeFile(join(folder, `${number}.log`), [...said, ...complaints, ''].join('\n'))
      for (const [nth, page] of context.pages().entries()) {
        const path = join(folder, `${number}-${nth}`)
        // A page that hangs has no picture, and is told by its log.
        await page
          .screenshot({ path: `${path}.png`, fullPage: true, timeout: pictureDeadlineMs })
          .catch(() => undefined)
        await writeFile(`${path}.html`, await page.content().catch(() => ''))
      }
    }
    return folder
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#watched.map(async ({ context }) => context.close()))
  }
}

/** The browser says so of every page of ours that is an error, which is no fault of the page. */
function isStatus(text: string): boolean {
  return text.startsWith('Failed to load resource: the server responded with a status of')
}
