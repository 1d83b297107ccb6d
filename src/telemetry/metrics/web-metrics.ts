import type { Series } from './series.ts'

const logoutOutcomes = { done: 0, refused: 0, failed: 0 } as const
const visitKinds = [
  ...['sign-in', 'step-up', 'token', 'renewal', 'logout'],
  ...['device', 'exchange', 'refresh'],
] as const

/** Pages, sign-in API and back-channel logout. */
export interface WebMetrics {
  loggedOut(outcome: keyof typeof logoutOutcomes): void
  sessionTokenIssued(): void
  /** On the pages; `outcome` is `ok`, or one of a closed list of reasons. */
  visited(kind: string, outcome: string): void
}

export function webMetrics({ counter }: Series): WebMetrics {
  const logouts = counter(
    ['backchannel_logouts_total', 'Logout tokens of identity providers, by outcome.'],
    ['outcome'],
  )
  const sessionTokensIssued = counter(['session_tokens_issued_total', 'Session tokens issued.'])
  const visits = counter(
    ['web_sign_ins_total', 'Sign-ins and logouts of people on the pages, by kind and outcome.'],
    ['kind', 'outcome'],
  )

  for (const outcome of Object.keys(logoutOutcomes)) logouts.inc({ outcome }, 0)
  for (const kind of visitKinds) visits.inc({ kind, outcome: 'ok' }, 0)

  return {
    loggedOut(outcome) {
      logouts.inc({ outcome })
    },
    sessionTokenIssued() {
      sessionTokensIssued.inc()
    },
    visited(kind, outcome) {
      visits.inc({ kind, outcome })
    },
  }
}
