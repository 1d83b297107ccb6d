// A PostgreSQL of the suite's own version, and a Portcullis in front of it.
import { mkdtemp, rm, writeFile, chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { createAuthority } from '../../demo/certificates.ts'
import { Gateway } from '../../demo/gateway.ts'
import { findServerUser, temporaryFolder } from '../../demo/postgres-binaries.ts'
import { type PostgresServer, startPostgres } from '../../demo/postgres.ts'
import { groupsClaim } from '../../demo/provider-configuration.ts'
import { startProvider } from '../../demo/provider.ts'
import type { Suite } from './packages.ts'

export type Way = 'direct' | 'portcullis'

export interface Stage extends AsyncDisposable {
  readonly postgres: PostgresServer
  readonly gateway: Gateway
  /** What a libpq client needs to come in one way or the other; with Portcullis the password is a token. */
  environment(way: Way): NodeJS.ProcessEnv
}

/** The suite makes and drops what only a superuser can. */
const role = 'postgres'
const databases = ['postgres', 'regression']
const tokenSeconds = 86_400

export async function createStage(suite: Suite): Promise<Stage> {
  await using made = new AsyncDisposableStack()
  const folder = await mkdtemp(
    join(await temporaryFolder(await findServerUser()), 'portcullis-regress-run-'),
  )
  made.defer(async () => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o755)
  const authority = await createAuthority('portcullis regress')
  const [tls, providerTls, postgresTls] = await Promise.all([
    authority.issue({ commonName: 'portcullis' }),
    authority.issue({ commonName: 'provider' }),
    authority.issue({ commonName: 'postgres' }),
  ])
  const caFile = join(folder, 'ca.crt')
  await writeFile(caFile, authority.certificate)
  await writeFile(join(folder, 'server.crt'), tls.certificate)
  await writeFile(join(folder, 'server.key'), tls.key, { mode: 0o600 })
  const postgres = made.use(
    await startPostgres({
      programs: suite.server,
      locale: ['--no-locale'],
      tls: postgresTls,
      // The suite's expected plans and settings are those of a server as it comes.
      settings: { max_connections: '100', shared_buffers: '128MB', synchronous_commit: 'on' },
    }),
  )
  const provider = made.use(await startProvider({ tls: providerTls, idTokenSeconds: tokenSeconds }))
  const upstream = {
    host: 'localhost',
    port: postgres.port,
    ca: 'ca.crt',
    auth: { method: 'password', passwords: { [role]: postgres.superuser.password } },
  }
  const gateway = made.use(
    await Gateway.start({
      folder,
      config: {
        node: 'gw0',
        tls: { certificate: 'server.crt', key: 'server.key' },
        http: { listen_port: 0 },
        audit: { sink: 'none' },
        integrations: {
          people: {
            issuer: provider.issuer,
            custom_ca: 'ca.crt',
            client_id: 'portcullis-cli',
            groups_claim_ids: [groupsClaim],
            default_group: 'owners',
          },
        },
        groups: { owners: { role, allow_superuser: true } },
        databases: {
          system: { integrations: ['people'] },
          ...Object.fromEntries(databases.map((name) => [name, { upstream }])),
        },
        connectivity_pools: {
          sso: {
            require_sso: true,
            participants: [{ node: 'gw0', listen_address: '127.0.0.1', listen_port: 0 }],
          },
        },
      },
    }),
  )
  const token = await provider.mintIdToken('alice')
  const common = {
    PATH: `${suite.programs}:${process.env['PATH'] ?? ''}`,
    PGHOST: 'localhost',
    // Without it each connect would try ::1 first, where nobody listens.
    PGHOSTADDR: '127.0.0.1',
    PGUSER: role,
    PGSSLMODE: 'verify-full',
    PGSSLROOTCERT: caFile,
    PGCONNECT_TIMEOUT: '20',
  }
  const kept = made.move()
  return {
    postgres,
    gateway,
    environment: (way) =>
      way === 'direct'
        ? {
            ...common,
            PGPORT: String(postgres.port),
            PGPASSWORD: postgres.superuser.password,
          }
        : { ...common, PGPORT: String(gateway.port), PGPASSWORD: token },
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  }
}
