// What all systems have in common: one PostgreSQL, one identity provider, one set of certificates.
import { randomBytes } from 'node:crypto'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createAuthority, type KeyType } from '../demo/certificates.ts'
import { findServerUser, type ServerUser, temporaryFolder } from '../demo/postgres-binaries.ts'
import { type PostgresServer, startPostgres } from '../demo/postgres.ts'
import { type IdentityProvider, startProvider } from '../demo/provider.ts'
import { type ClientPrograms, findClientPrograms } from './client-programs.ts'
import { type RunOptions, runProgram } from './run-program.ts'

export const keyTypes = ['ecdsa-p256', 'rsa-2048'] as const satisfies readonly KeyType[]

export const role = 'bench'
export const database = 'bench'
export const pgbenchScale = 10
/** The copy of pgbench_accounts that COPY FROM fills. */
export const copyTarget = 'bench_copy'

export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
}

export interface World extends AsyncDisposable {
  /** Aborted when the run is to end early: programs are ended, and what waits for them fails. */
  readonly signal: AbortSignal
  /** Open to `serverUser`, under which PgBouncer runs where this process is root. */
  readonly folder: string
  readonly serverUser: ServerUser | undefined
  readonly programs: ClientPrograms
  readonly postgres: PostgresServer
  readonly provider: IdentityProvider
  readonly caFile: string
  /** The same files for whoever accepts clients. */
  readonly serverFiles: Readonly<Record<KeyType, CertificateFiles>>
  readonly password: string
  /** The role's SCRAM secret as PostgreSQL keeps it. */
  readonly scramSecret: string
  /** How a client reaches whoever listens on a port of this machine, over TLS. */
  clientEnvironment(port: number, password: string): NodeJS.ProcessEnv
}

const tokenLifeSeconds = 86_400
const fillTimeoutMs = 120_000
/** Room for the idle sessions and for whoever looks after them. */
const maxConnections = '500'

export async function createWorld(signal: AbortSignal): Promise<World> {
  const programs = findClientPrograms()
  const serverUser = await findServerUser()
  await using made = new AsyncDisposableStack()
  const folder = await mkdtemp(join(await temporaryFolder(serverUser), 'portcullis-bench-'))
  made.defer(async () => rm(folder, { recursive: true, force: true }))
  const owned = async (path: string): Promise<string> => {
    if (serverUser !== undefined) await chown(path, serverUser.uid, serverUser.gid)
    return path
  }
  const put = async (name: string, text: string): Promise<string> => {
    const path = join(folder, name)
    await writeFile(path, text, { mode: 0o600 })
    return owned(path)
  }
  await owned(folder)

  const authority = await createAuthority('portcullis bench')
  const caFile = await put('ca.crt', authority.certificate)
  const issue = async (keyType: KeyType): Promise<CertificateFiles> => {
    const { certificate, key } = await authority.issue({ commonName: 'bench', keyType })
    return {
      certificate: await put(`${keyType}.crt`, certificate),
      key: await put(`${keyType}.key`, key),
    }
  }
  const serverFiles = {
    'ecdsa-p256': await issue('ecdsa-p256'),
    'rsa-2048': await issue('rsa-2048'),
  }
  const postgres = made.use(
    await startPostgres({
      tls: await authority.issue({ commonName: 'postgres' }),
      settings: { max_connections: maxConnections, shared_buffers: '256MB' },
    }),
  )
  const provider = made.use(
    await startProvider({
      tls: await authority.issue({ commonName: 'provider' }),
      idTokenSeconds: tokenLifeSeconds,
    }),
  )
  const password = randomBytes(24).toString('base64url')
  const clientEnvironment = (port: number, secret: string): NodeJS.ProcessEnv => ({
    PATH: process.env['PATH'],
    LC_ALL: 'C',
    PGHOST: 'localhost',
    // Without it every connect would try ::1 first, where nobody listens.
    PGHOSTADDR: '127.0.0.1',
    PGPORT: String(port),
    PGDATABASE: database,
    PGUSER: role,
    PGPASSWORD: secret,
    PGSSLMODE: 'verify-full',
    PGSSLROOTCERT: caFile,
    PGCONNECT_TIMEOUT: '20',
  })
  await fill(postgres, programs, password, {
    environment: clientEnvironment(postgres.port, password),
    timeoutMs: fillTimeoutMs,
    signal,
  })

  const kept = made.move()
  return {
    signal,
    folder,
    serverUser,
    programs,
    postgres,
    provider,
    caFile,
    serverFiles,
    password,
    scramSecret: await readScramSecret(postgres),
    clientEnvironment,
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  }
}

async function fill(
  postgres: PostgresServer,
  { pgbench }: ClientPrograms,
  password: string,
  options: RunOptions,
): Promise<void> {
  await postgres.sql(`create role ${role} login password '${password}'`)
  await postgres.sql(`create database ${database} owner ${role}`)
  await runProgram(pgbench, ['--initialize', `--scale=${pgbenchScale}`, '--quiet'], options)
  await postgres.sql(
    `create unlogged table ${copyTarget} (like pgbench_accounts);
     alter table ${copyTarget} owner to ${role};
     checkpoint`,
    { database },
  )
}

async function readScramSecret(postgres: PostgresServer): Promise<string> {
  const [row] = await postgres.sql('select rolpassword from pg_authid where rolname = $1', {
    values: [role],
  })
  return String(row?.['rolpassword'])
}

/** Has the PostgreSQL server itself show the certificate that the proxies show. */
export async function showCertificate(
  postgres: PostgresServer,
  { certificate, key }: CertificateFiles,
): Promise<void> {
  await postgres.sql(`alter system set ssl_cert_file = '${certificate}'`)
  await postgres.sql(`alter system set ssl_key_file = '${key}'`)
  await postgres.sql('select pg_reload_conf()')
}
