import { readBoundedFile } from '../identity/read-bounded-file.ts'
import { CredentialProblem } from './problem.ts'

/** Reads a file that somebody has named, and no more of it than it may have. Problems say what it is for. */
export async function readSmallFile(
  file: string,
  longestBytes: number,
  what: string,
): Promise<string> {
  try {
    return await readBoundedFile(file, longestBytes)
  } catch (error) {
    throw new CredentialProblem('configuration', `${file}: ${whyNot(error)}`, {
      hint: `It is to hold ${what}.`,
      cause: error,
    })
  }
}

function whyNot(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES' || code === 'EPERM') return 'this user may not read it'
  if (code === 'EISDIR') return 'it is a folder'
  return error instanceof Error && code === undefined ? 'it is too long' : 'it cannot be read'
}
