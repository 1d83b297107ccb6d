import { askedByEnvironment, type LibpqConnection, toConnection } from '../../credentials/libpq.ts'
import { type Environment, processEnvironment } from '../../credentials/environment.ts'
import { CredentialProblem } from '../../credentials/problem.ts'
import { findRootCertificate } from '../../credentials/root-certificate.ts'
import { type HadToken, haveToken } from './have-token.ts'
import type { ClientOptions, TokenFormat } from './options.ts'
import { reportProblem } from './report-problem.ts'
import { formatToken } from './token-formats.ts'

export interface TokenOptions extends ClientOptions {
  readonly format: TokenFormat
  /** By `--session` and `--no-session`; else what the profile says. */
  readonly session?: boolean
  readonly fresh?: boolean
  readonly minValidity: number
}

/** Prints a token that is good, and nothing else there. */
export async function printToken(options: TokenOptions): Promise<number> {
  return reportProblem(async () => {
    const environment = processEnvironment()
    const had = await haveToken(options, environment, {
      minimumMs: options.minValidity * 1_000,
      isNew: options.fresh,
      session: options.session,
    })
    process.stdout.write(
      formatToken[options.format]({
        profile: had.named.name,
        grant: had.grant,
        connection: await connectionFor(options.format, had, environment),
      }),
    )
    return 0
  })
}

async function connectionFor(
  format: TokenFormat,
  { named, grant }: HadToken,
  environment: Environment,
): Promise<LibpqConnection | undefined> {
  if (format === 'raw' || format === 'exec') return undefined
  if (named.profile.endpoints.length === 0) {
    if (format !== 'pgpass') return undefined
    throw new CredentialProblem('usage', 'a line of a password file says where to connect', {
      hint: `Add endpoints to the profile "${named.name}", or leave out --format pgpass.`,
    })
  }
  return toConnection(named, grant, {
    ...askedByEnvironment(environment),
    rootCertificate: await findRootCertificate(named.profile, environment),
  })
}
