import { until } from '../deadline.ts'
import { CredentialProblem } from '../problem.ts'

/** Where there is nobody to be asked. */
export function needsPerson(where: string): CredentialProblem {
  return new CredentialProblem('sign-in-needed', `nobody is signed in at ${where}`, {
    hint: 'Run portcullis login on a terminal.',
  })
}

/** Waits for somebody no longer than that, nor than whoever asks. */
export async function untilSignedIn<T>(
  work: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<T> {
  const tooLate = AbortSignal.timeout(timeoutMs)
  const either = AbortSignal.any([signal, tooLate])
  try {
    return await until(work(either), either)
  } catch (error) {
    if (tooLate.aborted && !signal.aborted) throw nobodyCame(timeoutMs)
    throw error
  }
}

function nobodyCame(afterMs: number): CredentialProblem {
  const seconds = Math.round(afterMs / 1_000)
  const time = seconds < 120 ? `${seconds} seconds` : `${Math.round(seconds / 60)} minutes`
  return new CredentialProblem('failed', `nobody signed in within ${time}`, {
    hint: 'Run portcullis login to begin again.',
  })
}
