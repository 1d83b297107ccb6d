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
  const { where, text } = await read(reference, environment, what)
  // Editors put a line end there.
  const secret = text.replace(/\r?\n$/, '')
  if (secret !== '') return secret
  throw new CredentialProblem('configuration', `${where} is empty`, {
    hint: `It is to hold ${what}.`,
  })
}

async function read(
  reference: SecretReference,
  environment: Environment,
  what: string,
): Promise<{ readonly where: string; readonly text: string }> {
  switch (reference.kind) {
    case 'file': {
      const { path } = reference
      return { where: path, text: await readSmallFile(path, longestBytes, what) }
    }
    case 'environment': {
      const { name } = reference
      return { where: `the environment variable ${name}`, text: environment[name] ?? '' }
    }
    case 'program':
      return { where: `what the program gives for ${what}`, text: await ask(reference.read, what) }
  }
}

/** A program in JavaScript may give anything. */
async function ask(give: () => unknown, what: string): Promise<string> {
  try {
    const given = await give()
    return typeof given === 'string' ? given : ''
  } catch (cause) {
    throw new CredentialProblem('configuration', `the program could not give ${what}`, {
      hint: 'Its own function for that threw an error, which is the cause of this one.',
      cause,
    })
  }
}
