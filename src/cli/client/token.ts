import { processEnvironment } from '../../credentials/environment.ts'
import { openCredentials } from '../../credentials/open-credentials.ts'
import { openProfiles } from '../../credentials/profile-store.ts'
import { reportProblem } from './report-problem.ts'

export interface TokenOptions {
  readonly profile?: string
}

/** Prints a token that is good, and nothing else there. */
export async function printToken({ profile }: TokenOptions): Promise<number> {
  return reportProblem(async () => {
    const environment = processEnvironment()
    const named = await openProfiles(environment).read(profile)
    const { token } = await openCredentials(named, environment).token()
    process.stdout.write(`${token}\n`)
    return 0
  })
}
