import { type Environment, processEnvironment } from '../../credentials/environment.ts'
import { openCredentials } from '../../credentials/open-credentials.ts'
import { CredentialProblem } from '../../credentials/problem.ts'
import { openProfiles, type ProfileStore } from '../../credentials/profile-store.ts'
import { printable } from '../../refusal.ts'
import type { ClientOptions } from './options.ts'
import { reportProblem } from './report-problem.ts'

export interface LogoutOptions extends ClientOptions {
  readonly all?: boolean
  readonly forget?: boolean
}

/** The provider is told within it, or not at all. */
const timeoutMs = 15_000

/** Forgets tokens, and with `forget` where they came from. */
export async function logOut(options: LogoutOptions): Promise<number> {
  return reportProblem(async () => {
    const environment = processEnvironment()
    const profiles = openProfiles(environment)
    if (options.all === true && options.profile !== undefined) {
      throw new CredentialProblem('usage', '--all and --profile contradict each other', {
        hint: 'Leave one of them out.',
      })
    }
    const names =
      options.all === true
        ? (await profiles.list()).map(({ name }) => name)
        : [(await profiles.read(options.profile)).name]
    for (const name of names) await leave(name, options.forget === true, profiles, environment)
    if (names.length === 0) process.stderr.write('There is no profile.\n')
    return 0
  })
}

export async function leave(
  name: string,
  forget: boolean,
  profiles: ProfileStore,
  environment: Environment,
): Promise<void> {
  const named = await profiles.read(name)
  const had = await openCredentials(named, environment).signOut(AbortSignal.timeout(timeoutMs))
  if (forget) await profiles.remove(name)
  const tokens = had ? 'the tokens are forgotten' : 'there were no tokens'
  const said = `${name}: ${tokens}${forget ? ', and so is the profile' : ''}.`
  process.stderr.write(`${printable(said, 1_000)}\n`)
}
