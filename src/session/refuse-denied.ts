import type { Attempt } from './attempt.ts'
import { deniedBy } from './denials.ts'

/**
 * Refuses whoever is denied by what is known by now: an address before it is asked for anything, an identity
 * once it is verified and has its role. Nothing goes upstream before.
 */
export function refuseDenied(
  { facts, findDenial, report }: Attempt,
  role: string | undefined,
): void {
  const denial = findDenial?.(role === undefined ? facts : { ...facts, role })
  if (denial === undefined) return
  report?.({ check: 'denial', compared: denial.why, passed: false })
  throw deniedBy(denial)
}
