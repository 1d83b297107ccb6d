import { CredentialProblem } from '../../credentials/problem.ts'
import { printable } from '../../refusal.ts'
import { exitCodes } from './exit-codes.ts'

/** Runs a command of the client: what went wrong is said on standard error. Returns the exit code. */
export async function reportProblem(run: () => Promise<number>): Promise<number> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof CredentialProblem)) throw error
    process.stderr.write(`portcullis: ${printable(error.message)}\n`)
    if (error.hint !== undefined) process.stderr.write(`${printable(error.hint)}\n`)
    return exitCodes[error.kind]
  }
}
