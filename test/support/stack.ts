import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClientMetadata } from 'oidc-provider'
import { type Authority, createAuthority } from '../../demo/certificates.ts'
import { Gateway } from '../../demo/gateway.ts'
import { type PostgresOptions, type PostgresServer, startPostgres } from '../../demo/postgres.ts'
import { databaseAudience, groupsClaim } from '../../demo/provider-configuration.ts'
import { type IdentityProvider, type ProviderOptions, startProvider } from '../../demo/provider.ts'
import { seedDatabase } from '../../demo/seed.ts'
import { until } from './until.ts'
import { errorFields, WireClient } from './wire-client.ts'

type Section = Readonly<Record<string, unknown>>

export interface StackOptions {
  /** Writes more files into the folder of the gateway. */
  readonly prepare?: (folder: string, authority: Authority) => Promise<void>
  /** Changes the configuration before the gateway starts. */
  readonly configure?: (config: GatewayConfig) => void
  readonly settings?: Readonly<Record<string, string>>
  readonly hba?: string
  readonly ident?: string
  /** Another PostgreSQL than the one from npm, and how its data are made. */
  readonly postgres?: Pick<PostgresOptions, 'programs' | 'locale'>
  /** Added to those of the identity provider. */
  readonly clients?: readonly ClientMetadata[]
  /** How long its tokens are good. */
  readonly tokenLifetimes?: Pick<ProviderOptions, 'idTokenSeconds' | 'accessTokenSeconds'>
  /** What runs the gateway, where it is not this Node. */
  readonly runtime?: string
  readonly runtimeOptions?: (folder: string) => readonly string[]
}

export interface GatewayConfig {
  [key: string]: unknown
  workers: number
  timeouts: Record<string, unknown>
  limits: Record<string, unknown>
  integrations: Record<string, Record<string, unknown>>
  groups: Record<string, Record<string, unknown>>
  databases: Record<string, Record<string, unknown>>
  connectivity_pools: Record<string, Record<string, unknown>>
}

export interface AuditRecord {
  readonly activity_id: number
  readonly status: string
  readonly status_detail?: string
  /** Milliseconds since 1970, as all times of it. */
  readonly time: number
  readonly session: { readonly expiration_time?: number }
  readonly metadata: { readonly correlation_uid: string }
  readonly unmapped: { readonly portcullis: Section }
}

/** A session with the key that cancels its statements. */
export interface Session {
  readonly client: WireClient
  readonly processId: number
  readonly secretKey: Buffer
}

/** PostgreSQL, identity provider and gateway, all real and all ours. */
export class Stack {
  readonly folder: string
  readonly authority: Authority
  readonly postgres: PostgresServer
  readonly provider: IdentityProvider
  readonly config: GatewayConfig
  readonly passwords: Readonly<Record<string, string>>
  gateway: Gateway
  #renewed = 0

  private constructor(
    parts: Pick<
      Stack,
      'folder' | 'authority' | 'postgres' | 'provider' | 'config' | 'passwords' | 'gateway'
    >,
  ) {
    this.folder = parts.folder
    this.authority = parts.authority
    this.postgres = parts.postgres
    this.provider = parts.provider
    this.config = parts.config
    this.passwords = parts.passwords
    this.gateway = parts.gateway
  }

  static async start(options: StackOptions = {}): Promise<Stack> {
    const folder = await mkdtemp(join(tmpdir(), 'portcullis-test-'))
    const authority = await createAuthority('portcullis test')
    const [tls, providerTls, postgresTls] = await Promise.all(
      ['portcullis', 'provider', 'postgres'].map(async (commonName) =>
        authority.issue({ commonName }),
      ),
    )
    const [postgres, provider] = await Promise.all([
      startPostgres({
        ...options.postgres,
        tls: postgresTls!,
        ...(options.settings && { settings: { ...options.settings } }),
        ...(options.hba === undefined ? {} : { hba: options.hba }),
        ...(options.ident === undefined ? {} : { ident: options.ident }),
      }),
      startProvider({
        tls: providerTls!,
        authority: authority.certificate,
        ...(options.clients && { clients: options.clients }),
        ...options.tokenLifetimes,
      }),
    ])
    const { passwords } = await seedDatabase(postgres)
    await Promise.all([
      writeFile(join(folder, 'ca.crt'), authority.certificate),
      writeFile(join(folder, 'server.crt'), tls!.certificate),
      writeFile(join(folder, 'server.key'), tls!.key, { mode: 0o600 }),
    ])
    await options.prepare?.(folder, authority)
    const config = baseConfig(postgres, provider, passwords)
    options.configure?.(config)
    const runtime = options.runtime ?? process.env['PORTCULLIS_TEST_RUNTIME']
    const gateway = await Gateway.start({
      folder,
      config,
      runtimeOptions: options.runtimeOptions?.(folder) ?? [],
      ...(runtime !== undefined && { runtime }),
    })
    return new Stack({ folder, authority, postgres, provider, config, passwords, gateway })
  }

  get caFile(): string {
    return join(this.folder, 'ca.crt')
  }

  /** The environment of a libpq client that logs in with a token over verify-full. */
  environment(token: string, gateway = this.gateway): NodeJS.ProcessEnv {
    return {
      PATH: process.env['PATH'],
      PGHOST: 'localhost',
      PGPORT: String(gateway.port),
      PGDATABASE: 'sandbox',
      PGUSER: 'app_readonly',
      PGPASSWORD: token,
      PGSSLMODE: 'verify-full',
      PGSSLROOTCERT: this.caFile,
      PGCONNECT_TIMEOUT: '10',
    }
  }

  /** An ID token of alice as the provider signs it, with changes. */
  async token(changes: Readonly<Record<string, unknown>> = {}): Promise<string> {
    return this.provider.mintIdToken('alice', changes)
  }

  /** Logs in over TLS with a token of alice, up to the point where the session is idle. */
  async logIn(user = 'app_readonly', token?: string, gateway = this.gateway): Promise<Session> {
    const client = await WireClient.connectSecurely(gateway.port, this.authority.certificate)
    const password = token ?? (await this.token())
    const first = await client.logIn({ user, database: 'sandbox' }, password)
    if (first.type === 'E') throw new Error(errorFields(first).message)
    const { body } = await client.readUntil('K')
    await client.readUntil('Z')
    return { client, processId: body.readInt32BE(0), secretKey: body.subarray(4) }
  }

  /** The audit records of a gateway, by its file within the folder. */
  async audit(file = 'audit.jsonl'): Promise<readonly AuditRecord[]> {
    const text = await readFile(join(this.folder, file), 'utf8').catch(() => '')
    return (
      text
        .split('\n')
        // Behind the last end of a line there is nothing, or a record that is being written.
        .slice(0, -1)
        .map((line) => JSON.parse(line) as AuditRecord)
    )
  }

  /** Changes how the databases are reached, so that whatever was opened before is let go. */
  async renewUpstreams(): Promise<void> {
    this.#renewed++
    for (const { upstream } of Object.values(this.config.databases)) {
      if (upstream !== undefined)
        Object.assign(upstream as object, { connect_timeout: `${10_000 + this.#renewed}ms` })
    }
    await this.gateway.reload(this.config)
  }

  async metrics(gateway = this.gateway): Promise<string> {
    const response = await fetch(`${gateway.httpAddress}/metrics`)
    return response.text()
  }

  /** The sum of a metric over the series that have these labels. */
  async metric(
    name: string,
    labels: Readonly<Record<string, string>> = {},
    gateway = this.gateway,
  ): Promise<number> {
    const lines = (await this.metrics(gateway)).split('\n')
    return lines
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) =>
        Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`)),
      )
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
  }

  /** Waits until the gateway has the keys, which it fetches by itself. */
  async keysFetched(): Promise<void> {
    await until(
      'the keys are there',
      async () => (await this.metric('portcullis_jwks_refreshes_total', { outcome: 'ok' })) > 0,
    )
  }

  /** Backends of clients at PostgreSQL, but for the one that asks and those that make roles. */
  async backends(): Promise<number> {
    const rows = await this.postgres.sql(
      `select count(*)::int as n from pg_stat_activity
       where backend_type = 'client backend' and pid <> pg_backend_pid()
         and application_name <> 'portcullis provisioning'`,
    )
    return Number(rows[0]?.['n'])
  }

  /** Statements that PostgreSQL is working on, but for the one that asks. */
  async activeStatements(): Promise<number> {
    const rows = await this.postgres.sql(
      `select count(*)::int as n from pg_stat_activity
       where state = 'active' and backend_type = 'client backend' and pid <> pg_backend_pid()`,
    )
    return Number(rows[0]?.['n'])
  }

  /** The process ids of the gateway's workers, as children of the primary. */
  workers(): readonly number[] {
    const primary = String(this.gateway.process.pid)
    const children = execFileSync('ps', ['-o', 'pid=', '--ppid', primary], { encoding: 'utf8' })
    return children.trim().split(/\s+/).map(Number)
  }

  /** Starts the gateway again, with the configuration that it had. */
  async restartGateway(): Promise<void> {
    await this.gateway.stop()
    this.gateway = await Gateway.start({ folder: this.folder, config: this.config })
    await this.keysFetched()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway.stop()
    await Promise.all([this.provider[Symbol.asyncDispose](), this.postgres[Symbol.asyncDispose]()])
    await rm(this.folder, { recursive: true, force: true })
  }
}

function baseConfig(
  postgres: PostgresServer,
  provider: IdentityProvider,
  passwords: Readonly<Record<string, string>>,
): GatewayConfig {
  const integration = {
    issuer: provider.issuer,
    custom_ca: 'ca.crt',
    groups_claim_ids: [groupsClaim],
    groups_claim_mappings: { 'readwrite-role': 'readwrite' },
    enable_id_token_authentication: true,
  }
  return {
    node: 'gw0',
    workers: 1,
    tls: { certificate: 'server.crt', key: 'server.key' },
    http: { listen_port: 0 },
    timeouts: { drain: '5s' },
    limits: {},
    log: { level: 'debug' },
    audit: { sink: 'file', file: 'audit.jsonl' },
    integrations: {
      people: { ...integration, client_id: 'portcullis-cli', default_group: 'readonly' },
      machines: {
        ...integration,
        client_id: 'm2m',
        additional_audiences: [databaseAudience],
        default_group: 'readonly',
      },
    },
    groups: {
      readonly: { role: 'app_readonly' },
      readwrite: { role: 'app_readwrite', rank: 10 },
    },
    databases: {
      system: { integrations: ['people', 'machines'], primary: 'people' },
      sandbox: {
        upstream: {
          host: 'localhost',
          port: postgres.port,
          ca: 'ca.crt',
          auth: { method: 'password', passwords: { ...passwords } },
        },
      },
    },
    connectivity_pools: {
      sso_pool: {
        require_sso: true,
        participants: [{ node: 'gw0', listen_address: '127.0.0.1', listen_port: 0 }],
      },
    },
  }
}
