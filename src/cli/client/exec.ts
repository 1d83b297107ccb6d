import { askedByEnvironment, endpointsOf, toConnection } from '../../credentials/libpq.ts'
import { processEnvironment } from '../../credentials/environment.ts'
import { findRootCertificate } from '../../credentials/root-certificate.ts'
import { openProfiles } from '../../credentials/profile-store.ts'
import { childEnvironment } from './child-environment.ts'
import { haveToken } from './have-token.ts'
import type { ClientOptions } from './options.ts'
import { endpointsOfCommand } from './psql-arguments.ts'
import { reportProblem } from './report-problem.ts'
import { runChild } from './run-child.ts'

/** Runs a program that finds in its environment how to connect, and a token. */
export async function runWithToken(
  command: readonly [string, ...string[]],
  options: ClientOptions,
): Promise<number> {
  return reportProblem(async () => {
    const environment = processEnvironment()
    // Before anybody is asked to sign in.
    const first = await openProfiles(environment).read(options.profile)
    const endpoints = endpointsOfCommand(command, endpointsOf(first))
    const { named, grant } = await haveToken({ ...options, profile: first.name }, environment)
    const connection = toConnection(named, grant, {
      ...askedByEnvironment(environment),
      rootCertificate: await findRootCertificate(named.profile, environment),
    })
    return runChild(command, childEnvironment({ ...connection, endpoints }, grant, environment))
  })
}
