import type { Environment } from '../../credentials/environment.ts'
import { processEnvironment } from '../../credentials/environment.ts'
import { askedByEnvironment, endpointsOf, toConnection } from '../../credentials/libpq.ts'
import type { NamedProfile } from '../../credentials/open-credentials.ts'
import { openProfiles } from '../../credentials/profile-store.ts'
import { findRootCertificate } from '../../credentials/root-certificate.ts'
import { toJdbcUrl, toUrl } from './connection-url.ts'
import { haveToken, lastGrant } from './have-token.ts'
import type { ClientOptions } from './options.ts'
import { reportProblem } from './report-problem.ts'

export interface UrlOptions extends ClientOptions {
  /** False by `--no-token`. */
  readonly token?: boolean
  readonly jdbc?: boolean
  readonly database?: string
  readonly user?: string
}

export async function printUrl(options: UrlOptions): Promise<number> {
  return reportProblem(async () => {
    const environment = processEnvironment()
    const named = await openProfiles(environment).read(options.profile)
    endpointsOf(named)
    const grant =
      options.token === false
        ? undefined
        : (await haveToken({ ...options, profile: named.name }, environment)).grant
    const asked = askedByEnvironment(environment)
    const connection = toConnection(named, grant ?? (await lastGrant(named, environment)), {
      database: options.database ?? asked.database,
      user: options.user ?? asked.user,
      rootCertificate: await findRootCertificate(named.profile, environment),
    })
    const parts = { connection, token: grant?.token }
    const url =
      options.jdbc === true
        ? toJdbcUrl({ ...parts, caFile: ownAuthorities(named, environment) })
        : toUrl(parts)
    process.stdout.write(`${url}\n`)
    if (grant !== undefined && process.stdout.isTTY) {
      process.stderr.write(
        `portcullis: the token is in it; whoever reads it is you until ${new Date(grant.expiresAt).toISOString()}\n`,
      )
    }
    return 0
  })
}

function ownAuthorities({ profile }: NamedProfile, environment: Environment): string | undefined {
  const named = environment['PGSSLROOTCERT']
  return profile.caFile ?? (named === '' || named === 'system' ? undefined : named)
}
