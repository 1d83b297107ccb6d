// What is published works where it is installed: not only here, where the source is.
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const environment = {
  ...process.env,
  PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
}
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-package-'))
  await run('npm', ['pack', '--pack-destination', folder], { cwd: root, env: environment })
  const [tarball] = await readdir(folder)
  await writeFile(join(folder, 'package.json'), '{ "private": true }')
  await run('npm', ['install', '--no-audit', '--no-fund', `./${tarball!}`], {
    cwd: folder,
    env: environment,
  })
}, 180_000)

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

test('npx portcullis --help tells what there is', async () => {
  const { stdout } = await run('npx', ['portcullis', '--help'], { cwd: folder, env: environment })
  expect(stdout).toContain('Usage: portcullis')
  expect(stdout).toContain('serve')
  expect(stdout).toContain('check')
})

test('npx portcullis check reads a configuration and exits with 78 where it is wrong', async () => {
  await writeFile(join(folder, 'portcullis.yaml'), 'nod: gw0\n')
  const outcome = run('npx', ['portcullis', 'check', '--config', 'portcullis.yaml'], {
    cwd: folder,
    env: environment,
  })
  await expect(outcome).rejects.toMatchObject({
    code: 78,
    stderr: expect.stringContaining('portcullis.yaml:1:1: nod: unknown key') as string,
  })
})

test('the package holds no test, demo or source', async () => {
  const files = await readdir(join(folder, 'node_modules', 'portcullis'))
  expect(files).toEqual(expect.arrayContaining(['assets', 'bin', 'dist', 'docs', 'package.json']))
  for (const name of ['src', 'test', 'demo', 'bench', 'node_modules']) {
    expect(files).not.toContain(name)
  }
})

test('the style and the script of the pages are found where it is installed', async () => {
  const program = `import('portcullis/dist/web/layout/assets.js').then((assets) => {
    process.stdout.write(assets.stylePath + ' ' + assets.scriptPath)
  })`
  const { stdout } = await run(process.execPath, ['--eval', program], { cwd: folder })
  expect(stdout).toMatch(/^\/assets\/[0-9a-f]{16}\.css \/assets\/[0-9a-f]{16}\.js$/)
})

test('a program imports portcullis/credentials, and one of CommonJS requires it', async () => {
  const imported = `import { createCredentials, CredentialProblem } from 'portcullis/credentials'
    console.log(typeof createCredentials, typeof CredentialProblem)`
  const required = `const { createCredentials, CredentialProblem } = require('portcullis/credentials')
    console.log(typeof createCredentials, typeof CredentialProblem)`
  await writeFile(join(folder, 'program.mjs'), imported)
  await writeFile(join(folder, 'program.cjs'), required)
  for (const program of ['program.mjs', 'program.cjs']) {
    const { stdout, stderr } = await run(process.execPath, [program], { cwd: folder })
    expect({ stdout, stderr }).toEqual({ stdout: 'function function\n', stderr: '' })
  }
})

test('a program of an installed package has a token by an inline profile', async () => {
  const claims = Buffer.from(JSON.stringify({ exp: 4_102_444_800 })).toString('base64url')
  const program = `import { createCredentials } from 'portcullis/credentials'
    const command = [process.execPath, '--print', '"a.${claims}.b"']
    const { password } = createCredentials({ profile: { signIn: { flow: 'command', command } } })
    process.stdout.write(await password())`
  await writeFile(join(folder, 'token.mjs'), program)
  const { stdout } = await run(process.execPath, ['token.mjs'], { cwd: folder })
  expect(stdout).toBe(`a.${claims}.b`)
})

test.each(['nodenext', 'bundler'])(
  'a program in TypeScript has the types of portcullis/credentials with moduleResolution %s',
  async (moduleResolution) => {
    const program = `import { createCredentials, type DriverConnection, CredentialProblem } from 'portcullis/credentials'
export const credentials = createCredentials({
  profile: {
    host: 'db.example.com',
    signIn: {
      flow: 'client_credentials',
      issuer: 'https://auth.example.com',
      clientId: 'report',
      clientSecret: () => 'secret',
    },
  },
})
export const password: () => Promise<string> = credentials.password
export const connection: Promise<DriverConnection> = credentials.connection()
export const isKnown = (error: unknown): boolean => error instanceof CredentialProblem && error.kind === 'refused'
// @ts-expect-error -- a token is to be waited for
export const token: string = credentials.password()
`
    await writeFile(join(folder, 'program.mts'), program)
    const options = [
      ...['--noEmit', '--strict', '--target', 'es2022'],
      ...['--module', moduleResolution === 'bundler' ? 'esnext' : moduleResolution],
      ...['--moduleResolution', moduleResolution],
    ]
    const outcome = run(
      process.execPath,
      [join(root, 'node_modules/typescript/bin/tsc'), ...options, 'program.mts'],
      { cwd: folder },
    )
    await expect(outcome).resolves.toEqual({ stdout: '', stderr: '' })
  },
)

test('there are types for what is imported by programs, and for nothing else', async () => {
  const dist = join(folder, 'node_modules', 'portcullis', 'dist')
  const files = await readdir(dist, { recursive: true })
  const folders = new Set(files.filter((name) => name.endsWith('.d.ts')).map(dirname))
  expect([...folders].filter((name) => !name.startsWith('credentials'))).toEqual([])
})
