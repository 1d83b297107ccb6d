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
