// PostgreSQL's own regression tests, as `make installcheck-parallel` runs them.
import { spawn } from 'node:child_process'
import { chown, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { exitOf } from '../../bench/run-program.ts'
import { findServerUser, temporaryFolder } from '../../demo/postgres-binaries.ts'
import type { Suite } from './packages.ts'

export interface SuiteResult {
  readonly passed: ReadonlySet<string>
  readonly failed: ReadonlySet<string>
  readonly seconds: number
  /** How the outputs of the failed tests differ from the expected ones. */
  readonly differences: string
}

const timeoutMs = 20 * 60_000

/** One run of the whole schedule; the suite makes its database itself, and replaces the one before. */
export async function runCoreSuite(
  suite: Suite,
  environment: NodeJS.ProcessEnv,
): Promise<SuiteResult> {
  const user = await findServerUser()
  const folder = await mkdtemp(join(await temporaryFolder(user), 'portcullis-regress-out-'))
  try {
    // The server writes files next to those that the driver writes, so both are the same user.
    await mkdir(join(folder, 'results'))
    for (const path of [folder, join(folder, 'results')]) {
      if (user !== undefined) await chown(path, user.uid, user.gid)
    }
    const startedAt = performance.now()
    const child = spawn(
      suite.driver,
      [
        `--bindir=${suite.programs}`,
        `--inputdir=${suite.source}`,
        `--outputdir=${folder}`,
        `--dlpath=${suite.libraries}`,
        `--schedule=${join(suite.source, 'parallel_schedule')}`,
        '--max-concurrent-tests=20',
        '--no-locale',
      ],
      { ...user, cwd: folder, env: { ...environment }, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    const timer = setTimeout(() => child.kill('SIGTERM'), timeoutMs)
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    }
    const code = await exitOf(child).finally(() => {
      clearTimeout(timer)
    })
    const { passed, failed } = verdicts(output)
    // A driver that gave up in between has tests that are neither.
    if (passed.size === 0 || (code !== 0 && failed.size === 0)) {
      throw new Error(
        `the suite did not run to its end (${String(code)}):\n${output.slice(-2_000)}`,
      )
    }
    return {
      passed,
      failed,
      seconds: (performance.now() - startedAt) / 1_000,
      differences: await readFile(join(folder, 'regression.diffs'), 'utf8').catch(() => ''),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Lines are `test name ... ok 12 ms` for a test alone, and `     name ... FAILED 12 ms` within a group. A
 * test that the schedule ignores may fail by chance, and then says `failed (ignored)`.
 */
function verdicts(output: string): { passed: Set<string>; failed: Set<string> } {
  const passed = new Set<string>()
  const failed = new Set<string>()
  for (const [, name = '', verdict] of output.matchAll(
    /^(?:test|    ) +([\w.]+) +\.\.\. +(ok|FAILED) /gm,
  )) {
    if (verdict === 'ok') passed.add(name)
    else failed.add(name)
  }
  return { passed, failed }
}
