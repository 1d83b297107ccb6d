import type { Environment } from './environment.ts'
import { CredentialProblem } from './problem.ts'
import type { SecretReference } from './profile.ts'
import { readSmallFile } from './read-small-file.ts'

const longestBytes = 16_384

/** Anew each time: whoever keeps it may change it. */
export async function readSecret(
  reference: SecretReference,
  environment: Environment,
  what: string,
): Promise<string> {
  const { where, text } =
    reference.kind === 'file'
      ? {
          where: reference.path,
          text: await readSmallFile(reference.path, longestBytes, what),
        }
      : {
          where: `the environment variable ${reference.name}`,
          text: environment[reference.name] ?? '',
        }
  // Editors put a line end there.
  const secret = text.replace(/\r?\n$/, '')
  if (secret !== '') return secret
  throw new CredentialProblem('configuration', `${where} is empty`, {
    hint: `It is to hold ${what}.`,
  })
}
