import { readFile } from 'node:fs/promises'
import type { DriverConnection } from './driver-connection.ts'
import type { Grant } from './grant.ts'
import { usualUser } from './libpq.ts'
import type { NamedProfile } from './open-credentials.ts'
import { CredentialProblem } from './problem.ts'

/** With settings so old a connection may come too late. */
const spareMs = 5_000

/** The certificate is verified as with `sslmode=verify-full`. */
export async function toDriverConnection(
  { name, profile }: NamedProfile,
  grant: Grant,
): Promise<DriverConnection> {
  const { token, issuedAt, expiresAt } = grant
  const [endpoint] = profile.endpoints
  if (endpoint === undefined) {
    throw new CredentialProblem(
      'configuration',
      `profile "${name}" does not say where to connect`,
      { hint: 'Add endpoints to its file, or host to an inline profile.' },
    )
  }
  const lastMs = expiresAt - Math.min(spareMs, (expiresAt - issuedAt) / 2)
  return {
    host: endpoint.host,
    port: endpoint.port,
    ...(profile.database !== undefined && { database: profile.database }),
    user: usualUser(profile, grant),
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
