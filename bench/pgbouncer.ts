import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../demo/ports.ts'
import { stopProcess } from './run-program.ts'
import { type CertificateFiles, database, role, type World } from './world.ts'

export interface PgBouncer extends AsyncDisposable {
  readonly pid: number
  readonly port: number
}

export interface PgBouncerOptions {
  readonly program: string
  readonly world: World
  readonly tls: CertificateFiles
  /** Whether a server connection serves one client and is closed, instead of waiting for the next. */
  readonly usesServersOnce: boolean
}

const startTimeoutMs = 10_000
const portAttempts = 10

/** One process in session mode; everything that is not listed in `settings` is PgBouncer's default. */
export async function startPgBouncer(options: PgBouncerOptions): Promise<PgBouncer> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const child = await spawnOn(port, options)
    const log = await readLogUntilUp(child)
    if (child.pid !== undefined && log.includes('process up')) {
      // Somebody has to read on, or it would block on a full pipe.
      child.stderr?.resume()
      const { pid } = child
      return { pid, port, [Symbol.asyncDispose]: async () => stopProcess(child) }
    }
    await stopProcess(child)
    if (!log.includes('Address already in use') || attempt === portAttempts)
      throw new Error(`PgBouncer did not start:\n${log}`)
  }
}

export function pgBouncerSettings(usesServersOnce: boolean): Readonly<Record<string, string>> {
  return {
    pool_mode: 'session',
    default_pool_size: '480',
    max_client_conn: '1000',
    auth_type: 'scram-sha-256',
    client_tls_sslmode: 'require',
    server_tls_sslmode: 'disable',
    log_connections: '0',
    log_disconnections: '0',
    log_stats: '0',
    ...(usesServersOnce ? { server_lifetime: '0' } : {}),
  }
}

async function spawnOn(port: number, options: PgBouncerOptions): Promise<ChildProcess> {
  const { program, world, tls, usesServersOnce } = options
  const { serverUser, postgres, scramSecret } = world
  const folder = await mkdtemp(join(world.folder, 'pgbouncer-'))
  const put = async (name: string, text: string): Promise<string> => {
    const path = join(folder, name)
    await writeFile(path, text, { mode: 0o600 })
    if (serverUser !== undefined) await chown(path, serverUser.uid, serverUser.gid)
    return path
  }
  // With the secret in place of the password it has the keys of both legs without deriving any.
  const users = await put('users.txt', `"${role}" "${scramSecret}"\n`)
  const settings = {
    ...pgBouncerSettings(usesServersOnce),
    listen_addr: '127.0.0.1',
    listen_port: String(port),
    unix_socket_dir: '',
    auth_file: users,
    client_tls_cert_file: tls.certificate,
    client_tls_key_file: tls.key,
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`)
  const config = await put(
    'pgbouncer.ini',
    [
      '[databases]',
      `${database} = host=${postgres.host} port=${postgres.port} dbname=${database}`,
      '[pgbouncer]',
      ...lines,
      '',
    ].join('\n'),
  )
  if (serverUser !== undefined) await chown(folder, serverUser.uid, serverUser.gid)
  return spawn(program, [config], {
    // It refuses to run as root.
    ...serverUser,
    cwd: folder,
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
}

async function readLogUntilUp(child: ChildProcess): Promise<string> {
  const signal = AbortSignal.timeout(startTimeoutMs)
  const { stderr } = child
  if (stderr === null) return ''
  let log = ''
  stderr.setEncoding('utf8')
  const add = (text: string): void => {
    log += text
  }
  stderr.on('data', add)
  try {
    while (!log.includes('process up')) {
      const ended = await Promise.race([
        once(stderr, 'data', { signal }).then(() => false),
        once(stderr, 'end', { signal }).then(() => true),
      ])
      if (ended) break
    }
  } catch (error) {
    log += `\n${String(error)}`
  }
  stderr.off('data', add)
  return log
}
