// How a client of PostgreSQL gets to the gateway of a profile, always with its certificate verified.
import type { Environment } from './environment.ts'
import type { Grant } from './grant.ts'
import type { NamedProfile } from './open-credentials.ts'
import { CredentialProblem } from './problem.ts'
import type { GatewayEndpoint } from './profile.ts'

export interface LibpqConnection {
  /** In the order in which they are tried; at least one. */
  readonly endpoints: readonly [GatewayEndpoint, ...GatewayEndpoint[]]
  /** Undefined: what the client takes for the default. */
  readonly database: string | undefined
  readonly user: string
  /** A file of authorities, or `system`. */
  readonly rootCertificate: string
}

/** By it the gateway takes the role that the token gives. */
const userOfToken = 'id_token'

/** What is asked for by option or environment goes before what the profile says; where to connect is the profile's alone. */
export function toConnection(
  { name, profile }: NamedProfile,
  grant: Pick<Grant, 'user'>,
  asked: {
    readonly database?: string | undefined
    readonly user?: string | undefined
    readonly rootCertificate: string
  },
): LibpqConnection {
  return {
    endpoints: endpointsOf({ name, profile }),
    database: asked.database ?? profile.database,
    user: asked.user ?? usualUser(profile, grant),
    rootCertificate: asked.rootCertificate,
  }
}

/** Whom a client is that names nobody: as the profile has it, else as the gateway has said. */
export function usualUser(
  profile: Pick<NamedProfile['profile'], 'user'>,
  grant: Pick<Grant, 'user'>,
): string {
  return profile.user ?? grant.user ?? userOfToken
}

export function endpointsOf({ name, profile }: NamedProfile): LibpqConnection['endpoints'] {
  const [first, ...others] = profile.endpoints
  if (first !== undefined) return [first, ...others]
  throw new CredentialProblem('configuration', `profile "${name}" does not say where to connect`, {
    hint: `Run portcullis login --profile ${name} --host <host> --port <port>, or add endpoints to the profile.`,
  })
}

/** What the user of libpq has set; empty is not set, as for libpq. */
export function askedByEnvironment(environment: Environment): {
  readonly database: string | undefined
  readonly user: string | undefined
} {
  const value = (name: string): string | undefined => {
    const text = environment[name]
    return text === '' ? undefined : text
  }
  return { database: value('PGDATABASE'), user: value('PGUSER') }
}

/**
 * What would lead libpq elsewhere, or past the certificate: it sends PGPASSWORD to whatever it connects to. Values
 * of the environment go for what they are not, since a program may be started with them by anybody.
 */
const taken = ['PGHOSTADDR', 'PGSERVICE', 'PGPASSFILE', 'PGREQUIRESSL', 'PGREQUIREPEER']

/** The variables of libpq. Undefined: it must not be there. */
export function libpqVariables(
  { endpoints, database, user, rootCertificate }: LibpqConnection,
  token: string,
): Readonly<Record<string, string | undefined>> {
  if (database !== undefined && isConnectionString(database)) {
    // pgbench and others read it from PGDATABASE as a connection string, which may name another host.
    throw new CredentialProblem('usage', 'the name of the database is a connection string', {
      hint: 'Set PGDATABASE, or database of the profile, to the name of a database alone.',
    })
  }
  return {
    ...Object.fromEntries(taken.map((name) => [name, undefined])),
    PGHOST: endpoints.map(({ host }) => host).join(','),
    PGPORT: endpoints.map(({ port }) => port).join(','),
    PGDATABASE: database,
    PGUSER: user,
    PGSSLMODE: 'verify-full',
    PGSSLROOTCERT: rootCertificate,
    // Its encryption goes before TLS where there is a ticket, and no certificate is verified then.
    PGGSSENCMODE: 'disable',
    PGPASSWORD: token,
  }
}

/** As libpq tells one from the name of a database. */
export function isConnectionString(text: string): boolean {
  return text.includes('=') || /^postgres(ql)?:\/\//.test(text)
}
