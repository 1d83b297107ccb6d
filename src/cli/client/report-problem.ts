import { CredentialProblem } from '../../credentials/problem.ts'
import { printable } from '../../refusal.ts'
import { exitCodes } from './exit-codes.ts'

const longestText = 2_000

/** Runs a command of the client: what went wrong is said on standard error. Returns the exit code. */
export async function reportProblem(run: () => Promise<number>): Promise<number> {
  try {
    return await run()
  } catch (error) {
    const problem = error instanceof CredentialProblem ? error : fromSystem(error)
    if (problem === undefined) throw error
    process.stderr.write(`portcullis: ${printable(problem.message, longestText)}\n`)
    if (problem.hint !== undefined) {
      process.stderr.write(`${printable(problem.hint, longestText)}\n`)
    }
    return exitCodes[problem.kind]
  }
}

/** A full disk, a folder that may not be read: what the system says is all there is to say. */
function fromSystem(error: unknown): CredentialProblem | undefined {
  if (!(error instanceof Error) || !('syscall' in error)) return undefined
  return new CredentialProblem('failed', error.message)
}
