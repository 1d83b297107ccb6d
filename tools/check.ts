// Everything static: `npm run check`.
import { run } from './run.ts'

const steps: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['format', 'prettier', '--check', '--log-level', 'warn', '.'],
  ['types', 'tsc', '--project', 'tsconfig.json'],
  ['types of assets', 'tsc', '--project', 'assets/tsconfig.json'],
  ['lint', 'eslint', '.'],
  ['boundaries', 'depcruise', '--config', 'dependency-cruiser.js', 'src'],
  ['unused', 'knip'],
  ['docs', process.execPath, 'tools/docs.ts', '--check'],
]

/** Runs every step, prints what the failed ones said, and returns whether all passed. */
export async function check(): Promise<boolean> {
  const results = await Promise.all(
    steps.map(async ([name, command, ...args]) => ({ name, ...(await run(command, args)) })),
  )
  for (const { name, code, output, seconds } of results) {
    const verdict = code === 0 ? 'ok' : 'FAILED'
    process.stdout.write(`check ${name}: ${verdict} (${seconds.toFixed(1)} s)\n`)
    if (code !== 0) process.stdout.write(`${output}\n`)
  }
  return results.every(({ code }) => code === 0)
}

if (import.meta.main) process.exitCode = (await check()) ? 0 : 1
