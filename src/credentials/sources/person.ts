import { CredentialProblem } from '../problem.ts'

/** Where there is nobody to be asked. */
export function needsPerson(where: string): CredentialProblem {
  return new CredentialProblem('sign-in-needed', `nobody is signed in at ${where}`, {
    hint: 'Run portcullis login on a terminal.',
  })
}

/** Where there was somebody, who has not done anything. */
export function nobodyCame(afterMs: number): CredentialProblem {
  const minutes = Math.round(afterMs / 60_000)
  return new CredentialProblem('failed', `nobody signed in within ${minutes} minutes`, {
    hint: 'Run portcullis login to begin again.',
  })
}
