// A connection as one URL, for tools that take nothing else.
import type { LibpqConnection } from '../../credentials/libpq.ts'
import type { GatewayEndpoint } from '../../credentials/profile.ts'

export interface UrlParts {
  readonly connection: LibpqConnection
  readonly token: string | undefined
}

/** As libpq reads it (PostgreSQL 34.1.1.2). */
export function toUrl({ connection, token }: UrlParts): string {
  const { endpoints, database, user, rootCertificate } = connection
  const password = token === undefined ? '' : `:${encodeURIComponent(token)}`
  const settings = query({ sslmode: 'verify-full', sslrootcert: rootCertificate })
  return `postgresql://${encodeURIComponent(user)}${password}@${hosts(endpoints)}/${pathOf(database)}?${settings}`
}

/** As pgjdbc reads it. Without a file of authorities it takes those that Java trusts. */
export function toJdbcUrl({
  connection: { endpoints, database, user },
  token,
  caFile,
}: UrlParts & { readonly caFile: string | undefined }): string {
  const settings = query({
    user,
    ...(token !== undefined && { password: token }),
    sslmode: 'verify-full',
    ...(caFile === undefined
      ? { sslfactory: 'org.postgresql.ssl.DefaultJavaSSLFactory' }
      : { sslrootcert: caFile }),
  })
  return `jdbc:postgresql://${hosts(endpoints)}/${pathOf(database)}?${settings}`
}

function hosts(endpoints: readonly GatewayEndpoint[]): string {
  return endpoints
    .map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`)
    .join(',')
}

function pathOf(database: string | undefined): string {
  return encodeURIComponent(database ?? '')
}

function query(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&')
}
