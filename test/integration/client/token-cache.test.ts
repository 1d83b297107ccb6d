// What processes of one user keep of tokens and share, with a real provider and real files.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { answers } from '../../../demo/answers.ts'
import { createAuthority } from '../../../demo/certificates.ts'
import { passwordClient } from '../../../demo/password-grant.ts'
import { type IdentityProvider, startProvider } from '../../../demo/provider.ts'
import { readClaims } from '../../../src/credentials/read-claims.ts'
import { ClientMachine, type ClientRun } from '../../support/client-machine.ts'

const program = fileURLToPath(new URL('../../../src/main.ts', import.meta.url))
const hour = 3_600_000

let provider: IdentityProvider
let authority: string
let machine: ClientMachine
/** Of compiled code: so many processes are started that it is most of the time. */
let compiled: string

beforeAll(async () => {
  compiled = await mkdtemp(join(tmpdir(), 'portcullis-compiled-'))
  const root = await createAuthority('the provider')
  authority = root.certificate
  provider = await startProvider({
    tls: await root.issue({ commonName: 'provider' }),
    authority,
    clients: [passwordClient('program', 'a secret of the program')],
  })
})

afterAll(async () => {
  await provider[Symbol.asyncDispose]()
  await rm(compiled, { recursive: true })
})

beforeEach(async () => {
  machine = await ClientMachine.start()
  Object.assign(machine.environment, {
    NODE_COMPILE_CACHE: compiled,
    SECRET: 'a secret of the program',
    PASSWORD: provider.passwordOf('alice'),
  })
  await machine.write('ca.crt', authority)
  await machine.write(
    '.config/portcullis/profiles/db.yaml',
    `ca_file: ~/ca.crt
store: auto
sign_in:
  flow: password
  issuer: ${provider.issuer}
  client_id: program
  client_secret: { env: SECRET }
  username: alice
  password: { env: PASSWORD }
  scopes: [openid, offline_access]
`,
  )
  onTestFinished(async () => machine[Symbol.asyncDispose]())
})

const asked = (): number => provider.requestsFor('/token')

async function printed(): Promise<string> {
  const { code, stdout, stderr } = await machine.run(['token'])
  // Said with each token that is had anew by it.
  const others = stderr.replace(/^portcullis: the password grant is deprecated.*\n/, '')
  expect({ code, others }).toEqual({ code: 0, others: '' })
  expect(readClaims(stdout.trim())).toMatchObject({ sub: 'alice' })
  return stdout
}

async function cacheFile(): Promise<string> {
  const folder = join(machine.home, '.cache/portcullis/tokens')
  const files = await readdir(folder)
  expect(files).toEqual([expect.stringMatching(/^db-[0-9a-f]{20}\.json$/)])
  return join(folder, files[0]!)
}

/** As if it had been given out so long ago that so much of its hour is left. */
async function age(leftMs: number): Promise<void> {
  const file = await cacheFile()
  const kept = JSON.parse(await readFile(file, 'utf8')) as { readonly grant: object }
  const expiresAt = Date.now() + leftMs
  const grant = { ...kept.grant, issuedAt: expiresAt - hour, expiresAt }
  await writeFile(file, JSON.stringify({ ...kept, grant }))
}

test(
  'twenty processes at the same time make one refresh, and print one token',
  { timeout: 60_000 },
  async () => {
    const first = await printed()
    await age(-1_000)
    const before = asked()
    const runs = await Promise.all(Array.from({ length: 20 }, async () => machine.run(['token'])))
    expect(asked() - before).toBe(1)
    const outputs = new Set(runs.map(({ code, stdout, stderr }) => `${code} ${stdout}${stderr}`))
    expect(outputs.size).toBe(1)
    expect([...outputs][0]).toMatch(/^0 ey/)
    expect(runs[0]!.stdout).not.toBe(first)
    expect(await printed()).toBe(runs[0]!.stdout)
    expect(asked() - before).toBe(1)
  },
)

test('a cache that is open to others is refused, and so is one that belongs to somebody else', async () => {
  await printed()
  const file = await cacheFile()
  const before = asked()
  const refused = (what: string): object => ({
    code: 78,
    stdout: '',
    stderr: expect.stringContaining(what) as string,
  })
  await chmod(file, 0o644)
  expect(await machine.run(['token'])).toEqual(refused(`Run: chmod go-rwx '${file}'`))
  await chmod(file, 0o600)
  if (process.getuid?.() === 0) {
    await chown(file, 65_534, 65_534)
    expect(await machine.run(['token'])).toEqual(refused(`${file} belongs to another user`))
    await chown(file, 0, 0)
  }
  await printed()
  expect(asked()).toBe(before)
})

test('a corrupt cache is replaced', async () => {
  await printed()
  await writeFile(await cacheFile(), '{"version":1,"grant":{"token":"ey')
  const second = await printed()
  const before = asked()
  expect(await printed()).toBe(second)
  expect(asked()).toBe(before)
})

test('without a network a kept token is printed until it expires', async () => {
  const token = await printed()
  await provider.stop()
  onTestFinished(async () => provider.startAgain())
  await age(60_000)
  const runs: ClientRun[] = [await machine.run(['token']), await machine.run(['token'])]
  expect(runs.map(({ code, stdout }) => ({ code, stdout }))).toEqual([
    { code: 0, stdout: token },
    { code: 0, stdout: token },
  ])
  await age(-1)
  expect(await machine.run(['token'])).toMatchObject({ code: 69, stdout: '' })
})

test('a process that is killed while it renews tokens holds nobody up', async () => {
  await printed()
  await age(-1_000)
  const answerAgain = provider.intercept('/token', answers.hang())
  const before = asked()
  const child = spawn(process.execPath, [program, 'token'], {
    env: machine.environment,
    stdio: 'ignore',
  })
  await expect.poll(asked).toBe(before + 1)
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
  answerAgain()
  await printed()
  await cacheFile()
})
