import { CredentialProblem } from './problem.ts'

/** Waits for work no longer than the signal says. What is left of the work ends by limits of its own. */
export async function until<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (isOver(signal)) {
    work.catch(() => {})
    throw stopped(signal)
  }
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => {
    reject(stopped(signal))
  }
  signal.addEventListener('abort', onAbort)
  try {
    return await Promise.race([work, promise])
  } catch (error) {
    // Whatever was stopped by the same signal says so in words of its own.
    throw isOver(signal) ? stopped(signal) : error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function isOver({ aborted }: AbortSignal): boolean {
  return aborted
}

function stopped({ reason }: AbortSignal): CredentialProblem {
  if (reason instanceof CredentialProblem) return reason
  const isLate = reason instanceof DOMException && reason.name === 'TimeoutError'
  return isLate
    ? new CredentialProblem('unreachable', 'there was no answer in time', { cause: reason })
    : new CredentialProblem('failed', 'stopped before there was a token', { cause: reason })
}
