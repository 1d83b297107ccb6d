// What PostgreSQL needs so that a role is proved by a certificate of ours, and by nothing else.
import type { Config } from '../config/index.ts'
import { quoteToken } from '../policy/hba-token.ts'
import { parseNetwork } from '../policy/network.ts'

/** One server that is logged in to by certificates of one authority. */
export interface CertificateServer {
  readonly hosts: readonly { readonly host: string; readonly port: number }[]
  /** PEM file. */
  readonly caCertificate: string
  /** Their names at the server. */
  readonly databases: readonly string[]
  readonly roles: readonly string[]
  /** Whether identities may be roles that no group names. */
  readonly hasOtherRoles: boolean
  readonly allowsReplication: boolean
}

const mapName = 'portcullis'
const caFile = 'portcullis-ca.crt'

export function serversOf(config: Config): readonly CertificateServer[] {
  const servers = new Map<string, CertificateServer>()
  const roles = [...new Set(Object.values(config.groups).map(({ role }) => role))]
  for (const { upstream } of Object.values(config.databases)) {
    if (upstream?.auth.method !== 'certificate') continue
    const { hosts, database } = upstream
    const { ca_certificate: caCertificate } = upstream.auth
    const key = JSON.stringify([hosts, caCertificate])
    const databases = new Set([...(servers.get(key)?.databases ?? []), database])
    servers.set(key, {
      hosts,
      caCertificate,
      databases: [...databases],
      roles,
      hasOtherRoles: canBeOtherRole(config),
      allowsReplication: Object.values(config.connectivity_pools).some(
        (pool) => pool.allow_replication,
      ),
    })
  }
  return [...servers.values()]
}

function canBeOtherRole({ identity_map: map, integrations }: Config): boolean {
  if (map.trim() !== '') return true
  return Object.values(integrations).some(
    ({ map_principal: maps, principal_regex: pattern, cockroach }) =>
      maps || pattern !== undefined || cockroach !== undefined,
  )
}

/** `certificates` is the PEM text of the authorities. */
export function writePgConfig(
  server: CertificateServer,
  from: readonly string[],
  certificates: string,
): string {
  const lines = [
    `# ${nameOf(server)}. After all of it: SELECT pg_reload_conf();`,
    '',
    '# 1. postgresql.conf',
    'ssl = on',
    `ssl_ca_file = '${caFile}'`,
    '',
    `# 2. ${caFile}, in the data directory: whoever is in it can make certificates for every role below.`,
    certificates.trim(),
    '',
    '# 3. pg_hba.conf, above every line that could match the same: the first that matches counts.',
    ...hbaLines(server, from),
    '',
    '# 4. pg_ident.conf: the roles that a certificate may be for. Others are refused, whoever signed.',
    ...identLines(server),
    '',
    '# 5. As a superuser: no password is needed any more, so there should be none.',
    ...server.roles.map((role) => `ALTER ROLE ${quoteIdentifier(role)} PASSWORD NULL;`),
    'SELECT rolname FROM pg_authid WHERE rolcanlogin AND rolpassword IS NOT NULL;',
    '',
  ]
  return lines.join('\n')
}

function nameOf({ hosts }: CertificateServer): string {
  const places = hosts.map(({ host, port }) => `${host} port ${port}`).join(', ')
  return hosts.length === 1 ? `The server at ${places}` : `Each of the servers at ${places}`
}

function hbaLines(server: CertificateServer, from: readonly string[]): readonly string[] {
  const { hasOtherRoles, allowsReplication } = server
  const databases = [
    ...server.databases.map(quoteToken),
    // Not in quotes it is no database: it is what physical replication connects to.
    ...(allowsReplication ? ['replication'] : []),
  ].join(',')
  const hasNames = !hasOtherRoles && server.roles.length > 0
  const users = hasNames ? server.roles.map(quoteToken).join(',') : 'all'
  const addresses = from.length === 0 ? ['all'] : from.map(withMask)
  const options = `cert clientcert=verify-full map=${mapName}`
  return [
    ...addresses.map((address) => `hostssl ${databases} ${users} ${address} ${options}`),
    ...(hasNames
      ? [`host ${databases} ${users} all reject`]
      : [
          '# Principals may be roles, so that this is for every role: administrators need a line above it.',
        ]),
  ]
}

function identLines({ roles, hasOtherRoles }: CertificateServer): readonly string[] {
  return [
    ...roles.map((role) => `${mapName} ${quoteToken(role)} ${quoteToken(role)}`),
    ...(hasOtherRoles
      ? [
          '# Principals may be roles: better is a line for each of them.',
          String.raw`${mapName} "/^(?!postgres$|pg_)(.+)$" \1`,
        ]
      : []),
  ]
}

function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function withMask(network: string): string {
  const { base, prefixLength } = parseNetwork(network)
  return `${base.toString()}/${prefixLength}`
}
