import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const library = new URL('../../../src/credentials/index.ts', import.meta.url)

test('a program that imports portcullis/credentials loads three small files', async () => {
  const program = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({
      load(url, context, next) {
        loaded.push(url)
        return next(url, context)
      },
    })
    await import(${JSON.stringify(library.href)})
    process.stdout.write(JSON.stringify(loaded))`
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
  })
  const loaded = (JSON.parse(stdout) as string[]).map((url) => url.replace(/^.*\/src\//, ''))
  expect(loaded).toEqual([
    'credentials/index.ts',
    'credentials/create-credentials.ts',
    'credentials/problem.ts',
  ])
})
