import { readFile } from 'node:fs/promises'
import type { Grant } from './grant.ts'
import type { NamedProfile } from './open-credentials.ts'
import { CredentialProblem } from './problem.ts'

/** What `pg` and all that is built on it call the settings of one connection. */
export interface Connection {
  readonly host: string
  readonly port: number
  readonly database?: string
  readonly user: string
  readonly password: string
  readonly ssl: { readonly rejectUnauthorized: true; readonly ca?: string }
  /** Knex asks it whether these settings are too old for another connection. */
  readonly expirationChecker: () => boolean
}

/** A connection that is opened with settings so old may come too late. */
const spareMs = 5_000

/** All that a driver needs for a connection now, verified as with `sslmode=verify-full`. */
export async function connectionFor(
  { name, profile }: NamedProfile,
  { token, issuedAt, expiresAt, user }: Grant,
): Promise<Connection> {
  const [endpoint] = profile.endpoints
  if (endpoint === undefined) throw missing(name, 'where the gateway is', 'host')
  const chosen = profile.user ?? user
  if (chosen === undefined) throw missing(name, 'which user to connect as', 'user')
  const lastMs = expiresAt - Math.min(spareMs, (expiresAt - issuedAt) / 2)
  return {
    host: endpoint.host,
    port: endpoint.port,
    ...(profile.database !== undefined && { database: profile.database }),
    user: chosen,
    password: token,
    ssl: {
      rejectUnauthorized: true,
      ...(profile.caFile !== undefined && { ca: await readAuthorities(profile.caFile) }),
    },
    expirationChecker: () => Date.now() >= lastMs,
  }
}

async function readAuthorities(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new CredentialProblem('configuration', `${path} cannot be read`, {
      hint: 'It is to have the authorities that certificates are trusted from.',
      cause,
    })
  }
}

function missing(name: string, what: string, key: string): CredentialProblem {
  return new CredentialProblem('configuration', `the profile ${name} does not say ${what}`, {
    hint: `Add ${key} to it.`,
  })
}
