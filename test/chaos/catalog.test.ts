// The catalog under load, and under SIGKILL.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { loadConfig } from '../../src/config/index.ts'
import { applyCatalog } from '../support/apply-catalog.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'

/** `CATALOG_CHANGES=1000` is the full size. */
const changes = Number(process.env['CATALOG_CHANGES'] ?? 60)
const loginsPerSecond = Number(process.env['CATALOG_LOGINS'] ?? 50)
const maxAtOnce = 100

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    configure: (config) => {
      config.workers = 2
      config['control_socket'] = 'control.sock'
      config.limits = { max_unauthenticated: 10_000, max_unauthenticated_per_address: 10_000 }
    },
  })
  await stack.keysFetched()
})

afterAll(async () => stack[Symbol.asyncDispose]())

interface Applied {
  readonly kind: string
  readonly result?: { readonly version: number }
}

test('changes under logins: none lost, none half seen, and no login fails for it', async () => {
  const first = await stack.metric('portcullis_catalog_version')
  let isOver = false as boolean
  const failures: unknown[] = []
  const logins = new Set<Promise<void>>()
  let begun = 0
  const token = await stack.token()
  const logIn = async (): Promise<void> => {
    try {
      const { client } = await stack.logIn('app_readonly', token)
      client.destroy()
    } catch (error) {
      failures.push(error)
    }
  }
  const load = (async () => {
    const begin = performance.now()
    while (!isOver) {
      const due = ((performance.now() - begin) * loginsPerSecond) / 1_000
      // A machine that cannot keep up has them wait, and says below how many there were.
      while (begun < due && logins.size < maxAtOnce) {
        begun++
        const login = logIn().finally(() => logins.delete(login))
        logins.add(login)
      }
      await pause(5)
    }
  })()
  const begin = performance.now()
  const versions: unknown[] = []
  for (let rank = 1; rank <= changes; rank++) {
    // Both in one change: whoever saw half of it would have nobody to be.
    const groups = {
      readonly: { role: 'app_readonly', rank },
      readwrite: { role: 'app_readwrite', rank: rank + 1 },
    }
    const { result } = (await applyCatalog(stack, { groups })) as Applied
    versions.push(result?.version)
  }
  const tookMs = performance.now() - begin
  isOver = true
  await load
  await Promise.all(logins)
  const rate = (begun * 1_000) / tookMs
  process.stdout.write(
    `${changes} changes, ${(tookMs / changes).toFixed(1)} ms each, beside ${begun} logins, ${rate.toFixed(0)} a second\n`,
  )
  expect(failures).toEqual([])
  expect(versions).toEqual(Array.from({ length: changes }, (_, index) => first + index + 1))
  expect(parse(await readFile(stack.gateway.configFile, 'utf8'))).toMatchObject({
    groups: { readonly: { rank: changes }, readwrite: { rank: changes + 1 } },
  })
}, 300_000)

test('kill -9 in the middle of writing leaves a whole file, and no change that was told is lost', async () => {
  const { configFile: file } = stack.gateway
  const program = fileURLToPath(new URL('../support/change-catalog.ts', import.meta.url))
  let told = 0
  const rounds = Number(process.env['CATALOG_KILLS'] ?? 5)
  for (let round = 0; round < rounds; round++) {
    const child = spawn(process.execPath, [program, file, String(told)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    const ended = once(child, 'exit')
    await until('a few changes', () => output.split('\n').length > 3)
    // Anywhere within the next one.
    await pause(Math.random() * 15)
    child.kill('SIGKILL')
    await ended
    const done = output.split('\n').slice(0, -1).map(Number)
    told = Math.max(told, ...done)
    const text = await readFile(file, 'utf8')
    const { config } = loadConfig(file, {}, undefined, text)
    // What it was about to tell may be done; what it has told is.
    expect([told, told + 1]).toContain(config.groups['readonly']?.rank)
    told = config.groups['readonly']?.rank ?? 0
  }
  const child = spawn(process.execPath, [program, file, String(told), 'once'])
  await once(child, 'exit')
  const folder = await readdir(stack.folder)
  expect(folder.filter((name) => name.includes('.tmp') || name.endsWith('.lock'))).toEqual([])
  const versions = await readdir(`${file}.versions`)
  expect(versions.filter((name) => name.endsWith('.pending'))).toEqual([])
}, 120_000)
