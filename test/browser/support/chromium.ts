import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Browser, type BrowserContext, chromium } from 'playwright-core'
import { findBrowser } from './programs.ts'

const deadlineMs = 15_000
const execute = promisify(execFile)

export interface Look {
  readonly colorScheme?: 'light' | 'dark'
  readonly width?: number
  readonly height?: number
  readonly javaScriptEnabled?: boolean
}

/** Chromium with a home of its own, in which it trusts one authority more than any other Chromium does. */
export class Chromium {
  readonly #home: string
  readonly #browser: Browser

  private constructor(home: string, browser: Browser) {
    this.#home = home
    this.#browser = browser
  }

  /** `authority`: PEM. Certificates are verified as everywhere, so that a wrong one fails the test. */
  static async start(authority: string): Promise<Chromium> {
    const home = await mkdtemp(join(tmpdir(), 'portcullis-chromium-'))
    try {
      await trust(home, authority)
      const executablePath = await findBrowser()
      if (executablePath === undefined) throw new Error('there is no Chromium')
      const browser = await chromium.launch({
        executablePath,
        // Root cannot have it, and nobody else is to be without.
        chromiumSandbox: process.getuid?.() !== 0,
        env: { PATH: process.env['PATH'] ?? '', HOME: home, TMPDIR: home },
      })
      return new Chromium(home, browser)
    } catch (error) {
      await rm(home, { recursive: true, force: true })
      throw error
    }
  }

  /** Somebody with a profile of their own, who lets pages use the clipboard. */
  async person(look: Look = {}): Promise<BrowserContext> {
    const { colorScheme = 'light', width = 1_000, height = 720, javaScriptEnabled = true } = look
    const context = await this.#browser.newContext({
      colorScheme,
      javaScriptEnabled,
      viewport: { width, height },
      locale: 'en-GB',
      // Not that of the server: times are to be those of the reader.
      timezoneId: 'Asia/Kathmandu',
      reducedMotion: 'reduce',
      permissions: ['clipboard-read', 'clipboard-write'],
    })
    context.setDefaultTimeout(deadlineMs)
    return context
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close()
    await rm(this.#home, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  }
}

/** Chromium on Linux reads the authorities of its user from here. */
async function trust(home: string, authority: string): Promise<void> {
  const database = join(home, '.pki', 'nssdb')
  const file = join(home, 'ca.crt')
  await mkdir(database, { recursive: true })
  await writeFile(file, authority)
  const where = ['-d', `sql:${database}`]
  await execute('certutil', ['-N', '--empty-password', ...where])
  await execute('certutil', ['-A', '-n', 'portcullis', '-t', 'C,,', '-i', file, ...where])
}
