// Where the gate is db.example.com, and the provider auth.example.com: on addresses of loopback that have these names
// in a network of their own.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { createAuthority } from '../../demo/certificates.ts'
import { Gateway } from '../../demo/gateway.ts'
import { startPostgres } from '../../demo/postgres.ts'
import { pagesClient } from '../../demo/provider-configuration.ts'
import { type IdentityProvider, startProvider } from '../../demo/provider.ts'
import { seedDatabase } from '../../demo/seed.ts'
import { writeConfiguration } from '../../demo/tour/configuration.ts'
import { people } from '../../demo/tour/people.ts'

const gate = { name: 'db.example.com', address: '127.0.0.2' }
const identities = { name: 'auth.example.com', address: '127.0.0.3' }
const https = 443
const secret = 'a secret of the pages'

export const hosts = `127.0.0.1 localhost
${gate.address} ${gate.name}
${identities.address} ${identities.name}
`

export const systemBundle = '/etc/ssl/certs/ca-certificates.crt'

export interface Trust {
  /** PEM: an authority of their own, and that together with those of this machine. */
  readonly authority: string
  readonly authorities: string
}

export interface Certificates extends Trust {
  readonly gate: Pair
  readonly provider: Pair
  readonly postgres: Pair
}

interface Pair {
  readonly certificate: string
  readonly key: string
}

export async function makeCertificates(): Promise<Certificates> {
  const authority = await createAuthority('Example certificates')
  const issue = async (name: string): Promise<Pair> =>
    authority.issue({ commonName: name, names: [name] })
  const [gateway, provider, postgres] = await Promise.all([
    issue(gate.name),
    issue(identities.name),
    issue('localhost'),
  ])
  const others = await readFile(systemBundle, 'utf8')
  return {
    authority: authority.certificate,
    authorities: `${others}\n${authority.certificate}`,
    ...{ gate: gateway, provider, postgres },
  }
}

export interface Town extends AsyncDisposable {
  readonly provider: IdentityProvider
  readonly gateway: Gateway
}

export async function startTown(folder: string, certificates: Certificates): Promise<Town> {
  await using started = new AsyncDisposableStack()
  const postgres = started.use(await startPostgres({ tls: certificates.postgres }))
  const { passwords } = await seedDatabase(postgres)
  const publicUrl = `https://${gate.name}`
  const provider = started.use(
    await startProvider({
      tls: certificates.provider,
      host: identities.address,
      name: identities.name,
      port: https,
      users: people,
      clients: [pagesClient(publicUrl, secret)],
    }),
  )
  const files = {
    'ca.crt': certificates.authority,
    'server.crt': certificates.gate.certificate,
    'server.key': certificates.gate.key,
  }
  for (const [name, text] of Object.entries(files))
    await writeFile(join(folder, name), text, { mode: 0o600 })
  const config = configure(provider.issuer, postgres.port, passwords)
  const gateway = started.use(await Gateway.start({ folder, config }))
  const kept = started.move()
  return {
    provider,
    gateway,
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  }
}

/** That of the demo, at names that others can reach. */
function configure(
  issuer: string,
  postgresPort: number,
  passwords: Readonly<Record<string, string>>,
): object {
  const text = writeConfiguration({
    issuer,
    postgresPort,
    listenAddresses: [gate.address],
    listenPort: 5432,
    httpPort: 8432,
    pagesPort: https,
    authority: systemBundle,
  })
  const config = parse(text) as Config
  delete config.web.root_certificate
  Object.assign(config.web, {
    public_url: `https://${gate.name}`,
    listen_address: gate.address,
    secret: `${secret}, which is long enough to seal cookies`,
  })
  Object.assign(config.integrations['pages'] ?? {}, { client_secret: secret })
  Object.assign(config.databases['sandbox']?.upstream.auth ?? {}, { passwords })
  for (const pool of Object.values(config.connectivity_pools))
    for (const participant of pool.participants) participant['advertised_address'] = gate.name
  return config
}

interface Config {
  readonly web: { root_certificate?: string }
  readonly integrations: Record<string, object>
  readonly databases: Record<string, { readonly upstream: { readonly auth: object } }>
  readonly connectivity_pools: Record<
    string,
    { readonly participants: readonly Record<string, unknown>[] }
  >
}
