// What somebody does who has just cloned the repository: `npm start`, and then in a browser.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { Demo, lastWords } from '../support/demo.ts'
import { alice } from '../support/pages.ts'
import { until } from '../support/until.ts'
import { browserTest } from './support/browser-test.ts'
import { expectAccessible } from './support/judge.ts'
import { picture } from './support/pictures.ts'

const test = browserTest(async () => {
  const demo = new Demo()
  try {
    await demo.untilPrinted(lastWords)
    const certificate = await readFile(`${demo.folder}/ca.crt`, 'utf8')
    const publicUrl = demo.matchOf(/The pages\s+(https:\S+)/)
    return Object.assign(demo, { authority: { certificate }, publicUrl })
  } catch (error) {
    await demo[Symbol.asyncDispose]()
    throw error
  }
})

async function signIn(page: Page, publicUrl: string): Promise<void> {
  await page.goto(publicUrl)
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await expectAccessible(page)
  await picture(page, 'sign-in')
  await page.locator('main').getByRole('link').click()
  await page.getByRole('button', { name: alice }).click()
  await page.getByRole('heading', { name: 'Connect', level: 1 }).waitFor()
}

interface Shell {
  readonly heard: () => string
  readonly type: (text: string) => void
  readonly ended: Promise<unknown>
}

/** A shell into which one line was pasted; what is typed then is for the program that it runs. */
function paste(line: string): Shell {
  const { PATH } = process.env
  const shell = spawn('/bin/sh', ['-c', `exec 2>&1; ${line} -X -At`], {
    env: { PATH },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  let heard = ''
  shell.stdout.setEncoding('utf8').on('data', (text: string) => (heard += text))
  // psql may be gone before it reads.
  shell.stdin.on('error', () => {})
  return {
    heard: () => heard,
    type: (text) => shell.stdin.write(text),
    ended: once(shell, 'close'),
  }
}

test('a login is copied from a page, works in psql, is seen live, and is ended by the operator', async ({
  site,
  open,
}) => {
  const { publicUrl } = site
  const page = await open({ height: 800 })
  await signIn(page, publicUrl)
  await expectAccessible(page)
  await picture(page, 'connect')

  await page.getByLabel('Role in sandbox').selectOption('app_readwrite')
  await page.getByRole('button', { name: 'Connect to sandbox' }).click()
  await page.getByRole('heading', { name: 'Connect to sandbox' }).waitFor()
  await page.getByText('Other settings').click()
  await page.getByLabel(/^File of the certificate authority/).fill(`${site.folder}/ca.crt`)
  await page.getByRole('button', { name: 'Make another token' }).click()
  await page.getByText(`sslrootcert=${site.folder}/ca.crt`).first().waitFor()
  await expectAccessible(page)
  await picture(page, 'token')
  await page.getByRole('button', { name: 'Copy for psql' }).click()
  await page.getByRole('status').getByText('Copied').waitFor()
  const line = await page.evaluate<string>('navigator.clipboard.readText()')
  expect(Buffer.byteLength(line)).toBeLessThan(1_000)

  const sessions = await page.context().newPage()
  await sessions.goto(`${publicUrl}/sessions`)
  await sessions.getByText('Live', { exact: true }).waitFor()
  await sessions.getByText('Nobody is connected.').waitFor()
  await sessions.evaluate('window.isTheSamePage = true')

  const psql = paste(line)
  psql.type('select session_user;\n')
  await until('the answer', () => psql.heard() === 'app_readwrite\n')
  const row = sessions.getByRole('row', { name: /alice.*app_readwrite.*sandbox/ })
  await row.waitFor()
  await expectAccessible(sessions)
  await picture(sessions, 'sessions')
  await sessions.emulateMedia({ colorScheme: 'dark' })
  await expectAccessible(sessions)
  await picture(sessions, 'sessions-dark')

  const operator = await page.context().newPage()
  await operator.goto(`${publicUrl}/sessions`)
  await operator.getByRole('link', { name: 'End the session of alice at sandbox' }).click()
  await operator.getByRole('button', { name: 'End this session' }).waitFor()
  await expectAccessible(operator)
  await picture(operator, 'session')
  await operator.getByRole('button', { name: 'End this session' }).click()
  await operator.getByRole('heading', { name: '1 session was ended' }).waitFor()
  await expectAccessible(operator)

  psql.type('select 1;\n')
  await psql.ended
  expect(psql.heard()).toContain('FATAL:  terminating connection due to administrator command')
  await sessions.getByText('Nobody is connected.').waitFor()
  expect(await sessions.evaluate('window.isTheSamePage')).toBe(true)

  await operator.goto(`${publicUrl}/refusals`)
  await operator.getByRole('cell', { name: 'token-expired' }).first().waitFor()
  await expectAccessible(operator)
  await picture(operator, 'refusals')
})
