import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Authority, createAuthority } from '../certificates.ts'
import { Gateway } from '../gateway.ts'
import { freePortFrom, freePortsFrom, hasIpv6Loopback, isTaken } from '../ports.ts'
import { type PostgresServer, startPostgres } from '../postgres.ts'
import { findBinaries, findServerUser } from '../postgres-binaries.ts'
import { pagesClient } from '../provider-configuration.ts'
import { type IdentityProvider, startProvider } from '../provider.ts'
import { seedDatabase } from '../seed.ts'
import { pagesAddress, writeConfiguration } from './configuration.ts'
import { Folder } from './folder.ts'
import type { Lifetime } from './lifetime.ts'
import { machine, people } from './people.ts'
import type { Screen } from './screen.ts'
import { run, word } from './shell.ts'

const preferredPorts = { gateway: 6432, http: 8432, pages: 8443, provider: 9443 } as const
const portAttempts = 5
const tokenSeconds = 3600
const lastLogLines = 5

export const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/** Everything that the tour is played with, running. */
export interface Stage {
  readonly folder: Folder
  readonly provider: IdentityProvider
  readonly gateway: Gateway
  /** Where the pages are. */
  readonly pages: string
  /** A copy of PostgreSQL's programs that stays for the next start, where one was needed. */
  readonly programs: string | undefined
}

/** Starts one part after the other, and tells so. */
export async function setStage(screen: Screen, lifetime: Lifetime): Promise<Stage> {
  const folder = await lifetime.own(Folder.create())
  const certificates = await screen.step(
    'Making certificates',
    lifetime.during(makeCertificates(folder)),
    'Made a certificate authority, and a certificate (ECDSA P-256) for each server',
  )
  const postgres = await startDatabase(screen, lifetime, folder, certificates)
  const provider = await startIdentityProvider(screen, lifetime, folder, certificates)
  const { gateway, pages } = await startGateway(screen, lifetime, { folder, postgres, provider })

  void postgres.exited.then(() => {
    lifetime.stop(
      new Error(`PostgreSQL has ended by itself. It said last:\n${lastLines(postgres.log())}`),
    )
  })
  gateway.process.once('exit', () => {
    lifetime.stop(
      new Error(`Portcullis has ended by itself. It said last:\n${lastLines(gateway.log())}`),
    )
  })
  return { folder, provider, gateway, pages, programs: await copyOfPrograms() }
}

/** Those in a private home cannot be run by the user that the server runs as. */
async function copyOfPrograms(): Promise<string | undefined> {
  const { postgres } = await findBinaries(await findServerUser())
  return postgres.startsWith(`${checkout}/`) ? undefined : dirname(dirname(dirname(postgres)))
}

type Certificates = Readonly<
  Record<'postgres' | 'provider', Awaited<ReturnType<Authority['issue']>>>
>

async function makeCertificates(folder: Folder): Promise<Certificates> {
  const authority = await createAuthority('Portcullis demo')
  const [gateway, provider, postgres] = await Promise.all([
    authority.issue({ commonName: 'portcullis' }),
    authority.issue({ commonName: 'provider' }),
    authority.issue({ commonName: 'postgres' }),
  ])
  await folder.write({
    'ca.crt': authority.certificate,
    'server.crt': gateway.certificate,
    'server.key': gateway.key,
  })
  return { provider, postgres }
}

async function startDatabase(
  screen: Screen,
  lifetime: Lifetime,
  folder: Folder,
  certificates: Certificates,
): Promise<PostgresServer> {
  async function start(): Promise<{ server: PostgresServer; version: string }> {
    const server = await lifetime.own(
      startPostgres({
        tls: certificates.postgres,
        hba: 'hostssl all all 127.0.0.1/32 scram-sha-256',
      }),
    )
    const { passwords } = await seedDatabase(server)
    await folder.write({
      'secrets/app_readonly': `${passwords.app_readonly}\n`,
      'secrets/app_readwrite': `${passwords.app_readwrite}\n`,
    })
    const [row] = await server.sql('show server_version')
    return { server, version: String(row?.['server_version']) }
  }
  const { server } = await screen.step(
    'Starting PostgreSQL',
    lifetime.during(start()),
    ({ version }) =>
      `Started PostgreSQL ${version}, with a table of orders in the database sandbox`,
  )
  return server
}

async function startIdentityProvider(
  screen: Screen,
  lifetime: Lifetime,
  folder: Folder,
  certificates: Certificates,
): Promise<IdentityProvider> {
  const starting = onFreePort(async () =>
    startProvider({
      tls: certificates.provider,
      port: await freePortFrom(preferredPorts.provider),
      users: people,
      accessTokenSeconds: tokenSeconds,
      idTokenSeconds: tokenSeconds,
    }),
  )
  const provider = await screen.step(
    'Starting the identity provider',
    lifetime.own(starting),
    ({ issuer, port }) =>
      `Started an OpenID provider on ${issuer}${instead(port, preferredPorts.provider)}`,
  )
  await folder.write({
    [`secrets/${machine}`]: `${provider.clientSecret(machine)}\n`,
    token: tokenScript(folder, provider),
    portcullis: clientScript(folder),
  })
  return provider
}

/** A command that is short enough to be typed, and works in every folder. */
function tokenScript(folder: Folder, provider: IdentityProvider): string {
  const program = fileURLToPath(new URL('../token.ts', import.meta.url))
  const words = [process.execPath, program, folder.path, provider.issuer].map(word).join(' ')
  return `# Prints a fresh token of ${Object.keys(people).join(', ')} or ${machine}, and nothing else.
exec ${words} "$@"
`
}

/** The command of clients, which keeps what it learns here and in no keyring: it goes when the demo goes. */
function clientScript(folder: Folder): string {
  const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
  return `# portcullis, with profiles and tokens in this folder.
export XDG_CONFIG_HOME=${word(folder.file('config'))} XDG_CACHE_HOME=${word(folder.file('cache'))}
exec ${[process.execPath, program].map(word).join(' ')} "$@"
`
}

interface Neighbours {
  readonly folder: Folder
  readonly postgres: PostgresServer
  readonly provider: IdentityProvider
}

async function startGateway(
  screen: Screen,
  lifetime: Lifetime,
  neighbours: Neighbours,
): Promise<Pick<Stage, 'gateway' | 'pages'>> {
  const { folder } = neighbours
  const file = folder.file('portcullis.yaml')
  const random = (): string => randomBytes(32).toString('base64url')
  const pagesSecret = random()
  await folder.write({
    'secrets/portcullis-web': `${pagesSecret}\n`,
    'secrets/web': `${random()}\n`,
    'portcullis.yaml': (await configure(neighbours, pagesSecret)).text,
  })
  await screen.step(
    'Checking the configuration',
    lifetime.during(check(file, lifetime.signal)),
    `Wrote and checked the configuration ${file}`,
  )
  let pages = ''
  const starting = onFreePort(async () => {
    const { text, address } = await configure(neighbours, pagesSecret)
    pages = address
    return Gateway.start({ folder: folder.path, config: text })
  })
  const gateway = await screen.step('Starting Portcullis', lifetime.own(starting), ({ port }) => {
    const { gateway: usual, http, pages: beside } = preferredPorts
    return `Started Portcullis on localhost:${port}${instead(port, usual, http, beside)}`
  })
  if (gateway.process.pid !== undefined) folder.watch(gateway.process.pid)
  keepLog(gateway, folder.file('portcullis.log'))
  return { gateway, pages }
}

/** The pages have a port that the provider has to know, too. */
async function configure(
  { folder, postgres, provider }: Neighbours,
  pagesSecret: string,
): Promise<{ readonly text: string; readonly address: string }> {
  const { gateway, http, pages } = preferredPorts
  // Linux lets two gates of one user share a port, if they look for it at the same moment. The port for
  // HTTP is never shared: whoever has that one has the other.
  const found = await freePortsFrom([gateway, http, pages])
  const [listenPort = gateway, httpPort = http, pagesPort = pages] = found
  const address = pagesAddress(pagesPort)
  provider.registerClient(pagesClient(address, pagesSecret))
  const text = writeConfiguration({
    issuer: provider.issuer,
    postgresPort: postgres.port,
    // Clients try every address of `localhost`, and complain about each that does not answer.
    listenAddresses: (await hasIpv6Loopback()) ? ['127.0.0.1', '::1'] : ['127.0.0.1'],
    listenPort,
    httpPort,
    pagesPort,
    authority: `${folder.path}/ca.crt`,
  })
  return { text, address }
}

async function check(file: string, signal: AbortSignal): Promise<void> {
  const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
  const command = [process.execPath, program, 'check', '--config', file].map(word).join(' ')
  const { code, output } = await run(command, { folder: checkout, signal })
  if (code !== 0) throw new Error(`The configuration is not valid:\n${output.trimEnd()}`)
}

/** Somebody may take a port between the look and the start: then the next ones are tried. */
async function onFreePort<T>(start: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start()
    } catch (error) {
      if (!isTaken(error) || attempt === portAttempts) throw error
    }
  }
}

function instead(port: number, ...preferred: readonly number[]): string {
  const names = preferred.map(String)
  const last = names.pop() ?? ''
  const listed = names.length === 0 ? last : `${names.join(', ')} or ${last}`
  return port === preferred[0] ? '' : ` (${listed} is in use)`
}

function keepLog(gateway: Gateway, path: string): void {
  const file = createWriteStream(path, { mode: 0o600 })
  // A full disk costs the file, not the demo.
  file.on('error', () => {})
  file.write(gateway.log())
  gateway.process.stderr?.pipe(file)
}

/** What may explain why something failed. */
export function lastLines(log: string): string {
  return log.trimEnd().split('\n').slice(-lastLogLines).join('\n')
}
