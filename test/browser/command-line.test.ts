// `portcullis login` on a desktop: the browser that it opens is a real one, and comes back to the terminal.
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { expect } from 'vitest'
import { ClientMachine } from '../support/client-machine.ts'
import { browserFiles, browserInbox, watchBrowser } from '../support/desktop.ts'
import { alice, startWithPages, type StackWithPages } from '../support/pages.ts'
import { Terminal } from '../support/terminal.ts'
import { browserTest } from './support/browser-test.ts'
import { expectAccessible, expectNoSidewaysScroll } from './support/judge.ts'
import type { Page } from 'playwright-core'

const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const loginSeconds = 40

const test = browserTest(async () => startWithPages())

interface Desktop extends AsyncDisposable {
  readonly machine: ClientMachine
  /** Runs `portcullis` on a terminal. */
  portcullis(...args: readonly string[]): Terminal
  /** What the browser is given to open. */
  readonly opened: Promise<string>
}

async function startDesktop(): Promise<Desktop> {
  const machine = await ClientMachine.start()
  for (const [path, text] of Object.entries(browserFiles(machine.home)))
    await machine.write(path, text, text.startsWith('#!') ? 0o700 : 0o600)
  const opened = Promise.withResolvers<string>()
  const inbox = watchBrowser(join(machine.home, browserInbox), opened.resolve)
  const variables = {
    ...machine.environment,
    PATH: `${machine.home}/bin:${machine.environment['PATH'] ?? ''}`,
    DISPLAY: ':0',
    // A desktop, whatever container the suite runs in.
    WSL_DISTRO_NAME: 'desktop',
  }
  const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
  return {
    machine,
    opened: opened.promise,
    portcullis: (...args) =>
      new Terminal(
        ['env', '-i', ...assignments, process.execPath, program, ...args],
        [],
        loginSeconds,
      ),
    [Symbol.asyncDispose]: async () => {
      inbox.close()
      await machine[Symbol.asyncDispose]()
    },
  }
}

function logIn(desktop: Desktop, site: StackWithPages): Terminal {
  const gateway = new URL(site.publicUrl).host
  const options = ['--database', 'sandbox', '--ca-file', site.caFile, '--store', 'file']
  // It has taken a port that is not in its configuration, and so it cannot say which.
  const where = ['--host', 'localhost', '--port', String(site.gateway.port)]
  return desktop.portcullis('login', gateway, ...options, ...where)
}

/** Every address that the browser could go back to, as it shows them. */
async function historyOf(page: Page): Promise<readonly string[]> {
  const session = await page.context().newCDPSession(page)
  const { entries } = await session.send('Page.getNavigationHistory')
  return entries.map(({ url }) => url)
}

test('portcullis login opens the browser, and alice is signed in where she began', async ({
  site,
  open,
}) => {
  await using desktop = await startDesktop()
  const terminal = logIn(desktop, site)
  const page = await open()
  await page.goto(await desktop.opened)
  await page.getByRole('button', { name: alice }).click()
  await page.getByText('You can close this page.').waitFor()
  expect(await terminal.ended, terminal.shown).toBe(0)
  expect(terminal.shown).toContain('Signed in as alice')
  expect(terminal.shown).not.toContain('eyJ')

  expect(page.url()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/portcullis-done$/)
  for (const address of await historyOf(page)) expect(address).not.toMatch(/[?&#](code|state)=\w/)
  await expectAccessible(page)
  await expectNoSidewaysScroll(page)

  const { stdout } = await desktop.machine.run(['token', '--no-session'])
  expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/)
  const psql = await desktop.machine.run(['psql', '-At', '-c', 'select session_user'])
  expect(psql.stdout).toBe('app_readwrite\n')
})

test('a sign-in that somebody cancels is told on the terminal', async ({ site, open }) => {
  await using desktop = await startDesktop()
  const terminal = logIn(desktop, site)
  const page = await open()
  await page.goto(await desktop.opened)
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByText('You can close this page.').waitFor()
  expect(await terminal.ended).toBe(77)
  expect(terminal.shown).toContain('says that the sign-in was denied')
  const { code, stderr } = await desktop.machine.run(['token'])
  expect([code, stderr]).not.toEqual([0, ''])
})
