import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findProgram, stopProcess } from '../../bench/run-program.ts'
import { findServerUser, temporaryFolder } from '../../demo/postgres-binaries.ts'

export interface PgBouncerOptions {
  readonly port: number
  /** Lines of `[databases]`, and the settings. */
  readonly databases: string
  readonly settings: Readonly<Record<string, string>>
  /** Written beside pgbouncer.ini: the users, and what TLS needs. */
  readonly files: Readonly<Record<string, string>>
}

const startDeadlineMs = 10_000

/** Whether PgBouncer is on this machine; where it is not, its tests say so and are skipped. */
export function hasPgBouncer(): boolean {
  if (findProgram('pgbouncer') !== undefined) return true
  process.stderr.write('SKIPPED: pgbouncer is not installed, its tests do not run\n')
  return false
}

export async function startPgBouncer(options: PgBouncerOptions): Promise<AsyncDisposable> {
  // It refuses to run as root.
  const user = await findServerUser()
  const folder = await mkdtemp(join(await temporaryFolder(user), 'portcullis-pgbouncer-'))
  const settings = {
    ...{ listen_addr: '127.0.0.1', listen_port: String(options.port), unix_socket_dir: '' },
    ...options.settings,
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`)
  const ini = `[databases]\n${options.databases}\n[pgbouncer]\n${lines.join('')}`
  for (const [name, text] of Object.entries({ ...options.files, 'pgbouncer.ini': ini })) {
    await writeFile(join(folder, name), text, { mode: 0o600 })
    if (user !== undefined) await chown(join(folder, name), user.uid, user.gid)
  }
  if (user !== undefined) await chown(folder, user.uid, user.gid)
  const child = spawn(findProgram('pgbouncer') ?? 'pgbouncer', ['pgbouncer.ini'], {
    ...user,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await untilUp(child)
  return { [Symbol.asyncDispose]: async () => stopProcess(child) }
}

async function untilUp({ stderr }: ChildProcess): Promise<void> {
  if (stderr === null) return
  const signal = AbortSignal.timeout(startDeadlineMs)
  let log = ''
  // Read on for as long as it lives, or it would block on a full pipe.
  stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
  stderr.once('end', () => stderr.emit('data', '\0'))
  while (!log.includes('process up')) {
    if (log.includes('\0')) throw new Error(`PgBouncer did not start:\n${log}`)
    await once(stderr, 'data', { signal })
  }
}
