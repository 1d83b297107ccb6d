// A full disk under the audit log, really full: a file system of a few pages.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { errorFields, type Received, WireClient } from '../support/wire-client.ts'

const disk = mountSmallDisk()

describe.skipIf(disk === undefined)('a full disk under the audit log', () => {
  let stack: Stack
  const ballast = join(disk ?? '', 'ballast')
  const file = join(disk ?? '', 'audit.jsonl')

  afterAll(() => {
    if (disk === undefined) return
    execFileSync('umount', [disk])
    rmSync(disk, { recursive: true })
  })

  async function logIn(): Promise<{ client: WireClient; answer: Received }> {
    const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
    const inSandbox = { user: 'app_readonly', database: 'sandbox' }
    return { client, answer: await client.logIn(inSandbox, await stack.token()) }
  }

  async function readiness(): Promise<string> {
    return (await fetch(`${stack.gateway.httpAddress}/readiness`)).text()
  }

  function fillDisk(): void {
    // The last page of the file itself has room yet.
    const room = 4096 - (statSync(file).size % 4096)
    writeFileSync(file, `${' '.repeat(room - 1)}\n`, { flag: 'a' })
    try {
      for (let n = 0; n < 1_000; n++) writeFileSync(ballast, Buffer.alloc(4096), { flag: 'a' })
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC')
    }
  }

  function statuses(): readonly string[] {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => (JSON.parse(line) as { message: string }).message)
  }

  describe.each(['continue', 'refuse'])('with on_failure: %s', (onFailure) => {
    beforeAll(async () => {
      writeFileSync(file, '')
      writeFileSync(ballast, '')
      stack = await Stack.start({
        configure: (config) => {
          config['audit'] = { sink: 'file', file, on_failure: onFailure }
        },
      })
      return async () => stack[Symbol.asyncDispose]()
    })

    test('does to logins what it says, spares sessions, and is over when there is room', async () => {
      const { client: earlier, answer } = await logIn()
      expect(answer.type).toBe('R')
      await earlier.readUntil('Z')
      fillDisk()

      const during = await logIn()
      if (onFailure === 'continue') {
        expect(during.answer.type).toBe('R')
        await during.client.readUntil('Z')
      } else {
        const refused = { sqlstate: '57P03', message: 'the gateway cannot keep its audit trail' }
        expect(errorFields(during.answer)).toMatchObject(refused)
        expect(errorFields((await logIn()).answer)).toMatchObject(refused)
        await until('the word of it', async () => (await readiness()).includes('audit'))
        const labels = { reason: 'audit-unavailable', outcome: 'refused' }
        expect(await stack.metric('portcullis_logins_total', labels)).toBe(2)
        await until('no backend of those refused', async () => (await stack.backends()) === 1)
      }
      during.client.destroy()
      earlier.query('select 1')
      await earlier.readUntil('Z')
      await expect.poll(() => stack.gateway.log()).toContain('audit records cannot be written')

      truncateSync(ballast)
      // By itself: nobody has to log in for it, and no signal is needed.
      await until('the file to be written again', () =>
        stack.gateway.log().includes('audit records are written again'),
      )
      await until('the word of it', async () => !(await readiness()).includes('audit'))
      const later = await logIn()
      expect(later.answer.type).toBe('R')
      later.client.destroy()
      earlier.destroy()
      await until('the end of it', () => statuses().at(-1)?.startsWith('session ended') === true)
      const refusals = statuses().filter((one) => one === 'session refused: audit-unavailable')
      expect(refusals).toHaveLength(onFailure === 'refuse' ? 2 : 0)
      expect(await stack.metric('portcullis_audit_dropped_total')).toBe(0)
    })
  })
})

/** Undefined where that takes rights that we do not have. */
function mountSmallDisk(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    say('it takes root')
    return undefined
  }
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], { stdio: 'pipe' })
    return folder
  } catch {
    rmSync(folder, { recursive: true })
    say('mount is not permitted')
    return undefined
  }
}

function say(why: string): void {
  process.stderr.write(`SKIPPED: a full disk under the audit log: ${why}\n`)
}
