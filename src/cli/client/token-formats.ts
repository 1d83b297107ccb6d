// A token as programs want to read it.
import { type LibpqConnection, libpqVariables } from '../../credentials/libpq.ts'
import type { Grant } from '../../credentials/grant.ts'
import type { TokenFormat } from './options.ts'
import { passfileLines } from './passfile.ts'

export interface Shown {
  readonly profile: string
  readonly grant: Grant
  /** Undefined where the profile does not say where to connect. */
  readonly connection: LibpqConnection | undefined
}

/** As text that ends with a line feed. */
export const formatToken: Readonly<Record<TokenFormat, (shown: Shown) => string>> = {
  raw: ({ grant }) => `${grant.token}\n`,
  json: (shown) => `${JSON.stringify(asJson(shown), undefined, 2)}\n`,
  env: asVariables,
  pgpass: ({ grant, connection }) =>
    passfileLines(connection?.endpoints ?? [], grant.token)
      .map((line) => `${line}\n`)
      .join(''),
  exec: ({ grant }) => `${JSON.stringify(asExecCredential(grant))}\n`,
}

function asJson({ profile, grant, connection }: Shown): Readonly<Record<string, unknown>> {
  return {
    token: grant.token,
    issued_at: new Date(grant.issuedAt).toISOString(),
    expires_at: new Date(grant.expiresAt).toISOString(),
    principal: grant.principal,
    profile,
    ...(connection !== undefined && {
      endpoints: connection.endpoints,
      database: connection.database,
      user: connection.user,
      roles: grant.roles,
      sslmode: 'verify-full',
      sslrootcert: connection.rootCertificate,
    }),
  }
}

/** For `eval` of a shell. */
function asVariables({ grant, connection }: Shown): string {
  const variables: Readonly<Record<string, string | undefined>> = {
    ...(connection === undefined
      ? { PGPASSWORD: grant.token }
      : libpqVariables(connection, grant.token)),
    PORTCULLIS_TOKEN_EXPIRES_AT: new Date(grant.expiresAt).toISOString(),
  }
  return Object.entries(variables)
    .map(([name, value]) =>
      value === undefined ? `unset ${name}\n` : `export ${name}=${quoteForShell(value)}\n`,
    )
    .join('')
}

function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

/** As plugins of kubectl answer, which other tools have taken over. */
function asExecCredential({ token, expiresAt }: Grant): Readonly<Record<string, unknown>> {
  return {
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    spec: { interactive: false },
    // RFC 3339 without fractions: that is what is read there.
    status: { expirationTimestamp: new Date(expiresAt).toISOString().replace(/\.\d+/, ''), token },
  }
}
