import { Refusal } from '../refusal.ts'

/** Whoever cannot be counted is not let in. */
export async function askLedger<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (cause) {
    throw new Refusal('limits-unavailable', { cause })
  }
}
