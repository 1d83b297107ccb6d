// libpq 18, which comes with the PostgreSQL of the tests, by way of Python.
import { execFile, execFileSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { findBinaries, findServerUser } from '../../demo/postgres-binaries.ts'

export interface LibpqAnswer {
  readonly ok: boolean
  readonly error: string
  readonly protocol?: number
  readonly asked: readonly { readonly openid_configuration: string; readonly scope: string }[]
  readonly results: readonly { readonly sqlstate: string; readonly value: string | null }[]
}

const run = promisify(execFile)

export function hasPython(): boolean {
  try {
    execFileSync('python3', ['--version'])
    return true
  } catch {
    process.stderr.write('SKIPPED: python3, which drives libpq 18, is not installed\n')
    return false
  }
}

/** Connects, runs the statements, and tells what came of it. */
export async function libpq(
  settings: Readonly<Record<string, string>>,
  { bearer = '', statements = [] }: { bearer?: string; statements?: readonly string[] } = {},
): Promise<LibpqAnswer> {
  const conninfo = Object.entries(settings)
    .map(([name, value]) => `${name}='${value}'`)
    .join(' ')
  const { postgres } = await findBinaries(await findServerUser())
  const folder = join(dirname(dirname(postgres)), 'lib')
  const library = process.platform === 'darwin' ? 'libpq.5.dylib' : 'libpq.so.5'
  const { stdout } = await run(
    'python3',
    [join(import.meta.dirname, 'libpq.py'), conninfo, ...statements],
    {
      timeout: 30_000,
      env: {
        PATH: process.env['PATH'],
        LD_LIBRARY_PATH: folder,
        LIBPQ: join(folder, library),
        BEARER: bearer,
      },
    },
  )
  return JSON.parse(stdout) as LibpqAnswer
}
