import type { ProblemKind } from '../../credentials/problem.ts'

/** As sysexits.h has them, where it does. A command that runs another ends with that one's code. */
export const exitCodes: Readonly<Record<ProblemKind, number>> = {
  failed: 1,
  usage: 64,
  'sign-in-needed': 67,
  unreachable: 69,
  refused: 77,
  configuration: 78,
}
