// `npm test`: everything static, then every suite that needs only npm. Arguments go to vitest.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { check } from './check.ts'
import { run } from './run.ts'

const args = process.argv.slice(2)
const isWholeRun = args.length === 0
const isChecked = !isWholeRun || (await check())

const folder = await mkdtemp(join(tmpdir(), 'portcullis-results-'))
try {
  const results = join(folder, 'results.json')
  const { code } = await run(
    'vitest',
    ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${results}`, ...args],
    'inherit',
  )
  const { passed, failed, skipped } = await count(results)
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`)
  if (!isChecked) process.stdout.write('npm run check failed: see above\n')
  process.exitCode = code === 0 && isChecked && passed > 0 ? 0 : 1
} finally {
  await rm(folder, { recursive: true, force: true })
}

async function count(file: string): Promise<{ passed: number; failed: number; skipped: number }> {
  const report: unknown = JSON.parse(await readFile(file, 'utf8'))
  const counts = new Map<string, unknown>(Object.entries(Object(report) as object))
  const number = (name: string): number => Number(counts.get(name) ?? 0)
  return {
    passed: number('numPassedTests'),
    failed: number('numFailedTests'),
    skipped: number('numPendingTests') + number('numTodoTests'),
  }
}
