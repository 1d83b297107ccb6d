import { isRecord } from '../../../identity/token-shape.ts'
import { CredentialProblem } from '../../problem.ts'

/** The members of an answer in JSON; throws where it is none, or says no. What it says is not told: it may be a token. */
export function readAnswer(
  text: string,
  status: number,
  from: string,
): Readonly<Record<string, unknown>> {
  if (status === 200) {
    try {
      const answer: unknown = JSON.parse(text)
      if (isRecord(answer)) return answer
    } catch {
      // Not JSON.
    }
    throw new CredentialProblem('unreachable', `${from} gave no answer that can be used`)
  }
  throw refusedBy(from, status)
}

export function refusedBy(from: string, status: number): CredentialProblem {
  const mayHelp = status === 429 || status >= 500
  return new CredentialProblem(mayHelp ? 'unreachable' : 'refused', `${from} answered ${status}`, {
    hint: mayHelp
      ? 'Try again in a minute.'
      : 'Look whether this workload has an identity, and whether the audience is one that it may have.',
  })
}

/** Seconds since 1970, or from now on; as numbers or, as Azure has it, as text. */
export function secondsIn(
  answer: Readonly<Record<string, unknown>>,
  name: string,
): number | undefined {
  const value = answer[name]
  const number = typeof value === 'string' && /^\d{1,12}$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) && number >= 0 ? number : undefined
}

export function textIn(answer: Readonly<Record<string, unknown>>, name: string): string {
  const value = answer[name]
  return typeof value === 'string' ? value : ''
}
