import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { openSync, closeSync, readFileSync } from 'node:fs'
import {
  appendFile,
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { Janitor } from './janitor.ts'
import { freePort } from './ports.ts'
import {
  findBinaries,
  findServerUser,
  temporaryFolder,
  type PostgresBinaries,
  type ServerUser,
} from './postgres-binaries.ts'

export interface PostgresTls {
  readonly certificate: string
  readonly key: string
  /** Whom client certificates are trusted from (`ssl_ca_file`). */
  readonly clientAuthority?: string
}

export interface PostgresOptions {
  /** Where the server's own folder is made. Its path must be open to the server's user. */
  readonly folder?: string
  readonly tls?: PostgresTls
  /** Lines of pg_hba.conf. The superuser always gets in from 127.0.0.1 without TLS, for `sql`. */
  readonly hba?: string
  /** Lines of pg_ident.conf. */
  readonly ident?: string
  readonly settings?: Readonly<Record<string, string>>
  readonly port?: number
  /** Another PostgreSQL than the one from npm. */
  readonly programs?: PostgresBinaries
  /** Arguments of its initdb about locales; the built-in C.UTF-8 of PostgreSQL 17 and newer by default. */
  readonly locale?: readonly string[]
}

export interface SqlOptions {
  readonly database?: string
  readonly user?: string
  readonly password?: string
  readonly values?: readonly unknown[]
}

/** smart waits for sessions to end, fast ends them, immediate leaves recovery to the next start. */
export type StopMode = 'smart' | 'fast' | 'immediate'

export type Row = Record<string, unknown>

const startDeadlineMs = 30_000
const stopDeadlineMs = 15_000
const connectDeadlineMs = 10_000
const queryDeadlineMs = 30_000
const pollMs = 10
const portAttempts = 10

const stopSignals = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const

const everybodyByPassword = 'host all all 127.0.0.1/32 scram-sha-256'
const superuserLine = 'hostnossl all postgres 127.0.0.1/32 scram-sha-256'

const builtinLocale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']

// Nothing here outlives the process, so durability is time wasted.
const defaultSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '300',
  password_encryption: 'scram-sha-256',
  shared_buffers: '32MB',
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
}

/** A PostgreSQL server of one's own, listening on 127.0.0.1, ready when the promise resolves. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const user = await findServerUser()
  const binaries = options.programs ?? (await findBinaries(user))
  const parent = options.folder ?? (await temporaryFolder(user))
  const folder = await mkdtemp(join(parent, 'portcullis-postgres-'))
  const janitor = new Janitor(folder, 'QUIT')
  const password = randomBytes(24).toString('base64url')

  try {
    await initialize({ binaries, user, folder, password, options })
    return await startOnFreePort({ binaries, user, folder, password, janitor, port: options.port })
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    await janitor.dismiss()
    throw error
  }
}

interface Initialization {
  readonly binaries: PostgresBinaries
  readonly user: ServerUser | undefined
  readonly folder: string
  readonly password: string
  readonly options: PostgresOptions
}

async function initialize(plan: Initialization): Promise<void> {
  const { binaries, user, folder, password, options } = plan
  const data = dataFolder(folder)
  const passwordFile = join(folder, 'password')
  await mkdir(data, { mode: 0o700 })
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  for (const path of [folder, data, passwordFile]) await hand(path, user)

  await runInitdb(binaries.initdb, data, passwordFile, user, options.locale ?? builtinLocale)
  await rm(passwordFile)

  const { tls, hba = everybodyByPassword, ident = '' } = options
  const files: Record<string, string> = {
    'pg_hba.conf': `${superuserLine}\n${hba}\n`,
    'pg_ident.conf': `${ident}\n`,
  }
  if (tls !== undefined) {
    files['server.crt'] = tls.certificate
    files['server.key'] = tls.key
    if (tls.clientAuthority !== undefined) files['clients.crt'] = tls.clientAuthority
  }
  for (const [name, text] of Object.entries(files)) {
    const path = join(data, name)
    await writeFile(path, text, { mode: 0o600 })
    await hand(path, user)
  }
  const settings = { ...defaultSettings, ...tlsSettings(tls), ...options.settings }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${quote(value)}\n`)
  await appendFile(join(data, 'postgresql.conf'), lines.join(''))
}

function tlsSettings(tls: PostgresTls | undefined): Record<string, string> {
  if (tls === undefined) return {}
  return {
    ssl: 'on',
    ssl_cert_file: 'server.crt',
    ssl_key_file: 'server.key',
    ...(tls.clientAuthority !== undefined && { ssl_ca_file: 'clients.crt' }),
  }
}

function quote(value: string): string {
  return `'${value.replaceAll(/['\\]/g, (character) => character + character)}'`
}

async function hand(path: string, user: ServerUser | undefined): Promise<void> {
  if (user !== undefined) await chown(path, user.uid, user.gid)
}

async function runInitdb(
  initdb: string,
  data: string,
  passwordFile: string,
  user: ServerUser | undefined,
  locale: readonly string[],
): Promise<void> {
  const child = spawn(
    initdb,
    [
      `--pgdata=${data}`,
      '--username=postgres',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      ...locale,
      '--no-sync',
      '--no-instructions',
    ],
    { ...user, cwd: data, env: serverEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const output: string[] = []
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => output.push(text))
  const closed = once(child, 'close', { signal: AbortSignal.timeout(startDeadlineMs) })
  try {
    const [code] = (await closed) as [number | null]
    if (code !== 0) throw new Error(`exit code ${String(code)}`)
  } catch (cause) {
    child.kill('SIGKILL')
    throw new Error(`initdb failed: ${output.join('').trim()}`, { cause })
  }
}

/** Without the PG* variables of whoever runs the demo, and with messages in English. */
function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C' }
}

interface Installation {
  readonly binaries: PostgresBinaries
  readonly user: ServerUser | undefined
  readonly folder: string
  readonly password: string
  readonly janitor: Janitor
}

async function startOnFreePort(
  plan: Installation & { readonly port: number | undefined },
): Promise<PostgresServer> {
  for (let attempt = 1; ; attempt++) {
    const server = new PostgresServer(plan, plan.port ?? (await freePort()))
    try {
      await server.startAgain()
      return server
    } catch (error) {
      const isTaken = server.log().includes('Address already in use')
      if (!isTaken || plan.port !== undefined || attempt === portAttempts) throw error
      await rm(logFile(plan.folder))
    }
  }
}

export class PostgresServer {
  readonly host = '127.0.0.1'
  readonly port: number
  readonly superuser: { readonly user: 'postgres'; readonly password: string }
  readonly folder: string
  readonly #installation: Installation
  #process: ChildProcess | undefined
  #exited: Promise<unknown> = Promise.resolve()
  #lastLog: string | undefined

  /** Use `startPostgres`. */
  constructor(installation: Installation, port: number) {
    this.port = port
    this.folder = installation.folder
    this.superuser = { user: 'postgres', password: installation.password }
    this.#installation = installation
  }

  /** Of the postmaster; `undefined` while it is stopped. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** Resolves when the server that runs now is gone. */
  get exited(): Promise<unknown> {
    return this.#exited
  }

  /** Everything that the server has logged so far, over all its starts. */
  log(): string {
    return this.#lastLog ?? readFileSync(logFile(this.folder), 'utf8')
  }

  /** One query on a connection of its own; by default as the superuser. */
  async sql(text: string, options: SqlOptions = {}): Promise<Row[]> {
    const client = new pg.Client({
      host: this.host,
      port: this.port,
      database: options.database ?? 'postgres',
      user: options.user ?? this.superuser.user,
      password: options.password ?? this.superuser.password,
      ssl: false,
      connectionTimeoutMillis: connectDeadlineMs,
      query_timeout: queryDeadlineMs,
    })
    // A server that is stopped meanwhile is reported by the query itself.
    client.on('error', () => {})
    try {
      await client.connect()
      const result = await client.query<Row>(text, options.values && [...options.values])
      // Several statements give several results, which the types of pg leave out.
      return ([result].flat().at(-1) ?? result).rows
    } finally {
      await client.end().catch(() => {})
    }
  }

  /** Starts on the same port and data. Nothing happens if it runs already. */
  async startAgain(): Promise<void> {
    if (this.#process !== undefined) return
    const { binaries, user, folder, janitor } = this.#installation
    const data = dataFolder(folder)
    const log = openSync(logFile(folder), 'a', 0o600)
    // A session of its own: Ctrl-C in the terminal is for us, and we decide in which order things end.
    const child = spawn(binaries.postgres, ['-D', data, '-p', String(this.port)], {
      ...user,
      cwd: data,
      env: serverEnvironment(),
      detached: true,
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    this.#process = child
    this.#exited = new Promise((resolve) => {
      child.once('exit', resolve)
      child.once('error', resolve)
    }).then(() => {
      this.#process = undefined
      janitor.forgetServer()
    })
    if (child.pid !== undefined) janitor.watchServer(child.pid)
    try {
      await this.#untilReady()
    } catch (error) {
      await this.stop('immediate')
      throw error
    }
  }

  /** Waits until the process is gone; a mode that takes too long is followed by a harder one. */
  async stop(mode: StopMode = 'fast'): Promise<void> {
    for (const signal of [stopSignals[mode], 'SIGQUIT', 'SIGKILL'] as const) {
      if (this.#process === undefined) return
      this.#process.kill(signal)
      await Promise.race([this.#exited, timeout(stopDeadlineMs)])
    }
  }

  /**
   * A hot standby with the data of this server, which has to be stopped: a copy that follows nobody and
   * waits to be promoted.
   */
  async standby(): Promise<PostgresServer> {
    if (this.#process !== undefined) throw new Error('a server that runs cannot be copied')
    const { folder } = this
    const copy = await mkdtemp(join(dirname(folder), 'portcullis-postgres-'))
    await hand(copy, this.#installation.user)
    const options = { recursive: true, preserveTimestamps: true }
    await cp(dataFolder(folder), dataFolder(copy), options)
    await writeFile(join(dataFolder(copy), 'standby.signal'), '')
    const { user } = this.#installation
    for (const path of await readdir(dataFolder(copy), { recursive: true })) {
      await hand(join(dataFolder(copy), path), user)
    }
    await hand(dataFolder(copy), user)
    await chmod(dataFolder(copy), 0o700)
    const janitor = new Janitor(copy, 'QUIT')
    return startOnFreePort({ ...this.#installation, folder: copy, janitor, port: undefined })
  }

  async restart(mode: StopMode = 'fast'): Promise<void> {
    await this.stop(mode)
    await this.startAgain()
  }

  /** Stops the server and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#lastLog !== undefined) return
    await this.stop('fast')
    this.#lastLog = this.log()
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
    await this.#installation.janitor.dismiss()
  }

  async #untilReady(): Promise<void> {
    const deadline = Date.now() + startDeadlineMs
    while (!(await this.#isReady())) {
      if (this.#process === undefined) throw new Error(`PostgreSQL did not start:\n${this.log()}`)
      if (Date.now() > deadline) throw new Error(`PostgreSQL is not ready:\n${this.log()}`)
      await delay(pollMs)
    }
  }

  /** What pg_ctl does: the last line of the lock file becomes `ready` once connections are accepted. */
  async #isReady(): Promise<boolean> {
    try {
      const lines = (await readFile(join(dataFolder(this.folder), 'postmaster.pid'), 'utf8')).split(
        '\n',
      )
      return Number(lines[0]) === this.pid && lines[7]?.trim() === 'ready'
    } catch {
      return false
    }
  }
}

async function timeout(ms: number): Promise<void> {
  await delay(ms, undefined, { ref: false })
}

function dataFolder(folder: string): string {
  return join(folder, 'data')
}

function logFile(folder: string): string {
  return join(folder, 'postgres.log')
}
