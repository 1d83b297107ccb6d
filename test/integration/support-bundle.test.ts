// What somebody who helps is given, and that no secret is in it.
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { supportBundle } from '../../src/cli/support-bundle.ts'
import { inspect } from '../../src/inspection/inspect.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { WireClient } from '../support/wire-client.ts'

const run = promisify(execFile)
/** Each of them is somewhere that the command reads. */
const secrets = {
  file: 'SecretOfAFile-1f0c',
  environment: 'SecretOfTheEnvironment-2e1d',
  written: 'SecretThatIsWritten-3d2e-of-at-least-32-bytes',
  misspelt: 'SecretUnderAWrongKey-4c3f',
  url: 'SecretOfAUrl-5b40',
}

let stack: Stack
let token: string
let config: string

beforeAll(async () => {
  process.env['BUNDLE_SECRET'] = secrets.environment
  stack = await Stack.start({
    prepare: async (folder) => {
      await writeFile(join(folder, 'secret'), `${secrets.file}\n`)
    },
    configure: (made) => {
      made['control_socket'] = 'control.sock'
      made.integrations['people']!['client_secret'] = '${file:secret}'
      made.integrations['machines']!['client_secret'] = '${env:BUNDLE_SECRET}'
      made.integrations['people']!['proxy_url'] = undefined
    },
  })
  await stack.keysFetched()
  token = await stack.token()
  // A client that mistakes its user for its password.
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  await client.logIn({ user: `${token.slice(0, 60)} ${secrets.file}`, database: 'sandbox' }, 'x')
  client.destroy()
  await until('the record', async () => (await stack.audit()).length > 0)
  const text = await readFile(stack.gateway.configFile, 'utf8')
  config = join(stack.folder, 'bundled.yaml')
  const port = new URL(stack.gateway.httpAddress).port
  await writeFile(
    config,
    `${text.replace(/^http:(?:\n +.*)*$/m, `http: { listen_port: ${port} }`)}
web: { secret: ${secrets.written} } # ${secrets.misspelt}
sekret: { nested: [${secrets.misspelt}] }
fleet: { store: 'postgres://portcullis:${secrets.url}@db.internal/portcullis', secret: ${secrets.written} }
`,
  )
}, 60_000)

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

async function bundle(
  name: string,
  options: object = {},
): Promise<Readonly<Record<string, string>>> {
  const out = join(stack.folder, `${name}.tar.gz`)
  const spies = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, 'write').mockReturnValue(true),
  )
  const code = await supportBundle({ config, out, ...options }, '1.2.3', inspect)
  const said = spies.map((spy) => spy.mock.calls.join('')).join('')
  for (const spy of spies) spy.mockRestore()
  expect({ code, said }).toMatchObject({ code: 0 })
  expect((await stat(out)).mode & 0o777).toBe(0o600)
  const folder = join(stack.folder, name)
  await mkdir(folder)
  await run('tar', ['-xzf', out, '-C', folder, '--strip-components=1'])
  const names = await readdir(folder)
  const texts = names.map(async (one) => [one, await readFile(join(folder, one), 'utf8')] as const)
  return { ...Object.fromEntries(await Promise.all(texts)), said }
}

function expectNoSecret(parts: Readonly<Record<string, string>>): void {
  const parties = [...Object.values(secrets), ...Object.values(stack.passwords), token.slice(0, 30)]
  const payload = token.split('.')[1]!.slice(0, 30)
  for (const [name, text] of Object.entries(parts)) {
    for (const secret of [...parties, payload]) {
      expect(text, name).not.toContain(secret)
      expect(text, name).not.toContain(secret.slice(0, 12))
    }
  }
}

test('it has what helps, and no part of a secret', async () => {
  const parts = await bundle('all')
  expect(Object.keys(parts).sort()).toEqual([
    ...['about.json', 'check.json', 'configuration.yaml', 'liveness.json', 'log-level.json'],
    ...['metrics.txt', 'readiness.json', 'refusals.json', 'said', 'service.json', 'sessions.json'],
    'system.json',
  ])
  expect(parts['metrics.txt']).toContain('portcullis_logins_total')
  expect(parts['service.json']).toContain(stack.provider.issuer)
  expect(parts['configuration.yaml']).toContain('client_secret: ${file:secret}')
  expect(parts['about.json']).toContain('"missing": {}')
  expectNoSecret(parts)
})

test('those who were refused are counted, and named where that is asked for', async () => {
  const counted = await bundle('counted')
  expect(counted['refusals.json']).not.toContain('127.0.0.1')
  const named = await bundle('named', { withNames: true })
  expect(named['refusals.json']).toContain('127.0.0.1')
  expectNoSecret(named)
})

test('a configuration that is no YAML is left out', async () => {
  const good = config
  config = join(stack.folder, 'broken.yaml')
  await writeFile(config, `web: { secret: ${secrets.written}\n  : [${secrets.misspelt}`)
  const parts = await bundle('broken')
  expect(parts['about.json']).toContain('the configuration is no YAML')
  expectNoSecret(parts)
  config = good
})

test('where the service is down, it has the rest and says what is missing', async () => {
  await stack.gateway.stop()
  const parts = await bundle('down')
  expect(parts['metrics.txt']).toBeUndefined()
  expect(parts['about.json']).toMatch(/"service.json": "the service cannot be reached/)
  expect(parts['system.json']).toContain('memoryBytes')
  expect(parts['check.json']).toBeDefined()
  expectNoSecret(parts)
})
