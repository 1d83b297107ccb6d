import { readTextFile } from './read-text-file.ts'

const maxPasswordBytes = 1024

/** The password of whoever runs a command: from a file, else from PGPASSWORD. Throws where there is no such file. */
export function operatorPassword(
  file: string | undefined,
  environment: NodeJS.ProcessEnv = process.env,
): string | undefined {
  if (file === undefined) return environment['PGPASSWORD']
  return readTextFile(file, maxPasswordBytes).replace(/\r?\n$/, '')
}

/** The user, where the command line names none. */
export function operatorUser(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  return environment['PGUSER']
}
