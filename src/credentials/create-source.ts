import { CredentialProblem } from './problem.ts'
import type { Profile } from './profile.ts'
import type { TokenSource } from './source.ts'
import { commandSource } from './sources/command.ts'
import type { Environment } from './environment.ts'

/** The source of a profile. What only a request to the provider needs is loaded with the first one. */
export function createSource({ signIn }: Profile, environment: Environment): TokenSource {
  switch (signIn.flow) {
    case 'command':
      return commandSource(signIn.command, environment)
    case 'browser':
    case 'device':
    case 'gateway':
    case 'client_credentials':
    case 'password':
    case 'workload':
      throw new CredentialProblem('configuration', `there is no flow ${signIn.flow} yet`)
  }
}
