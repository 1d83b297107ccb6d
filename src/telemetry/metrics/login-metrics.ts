import type { EndReason, SessionFacts, SessionObserver, Stage } from '../../session/observer.ts'
import type { LoginCounts } from '../../session/process-view.ts'
import type { Series } from './series.ts'

export interface LoginMetrics extends SessionObserver {
  /** What is counted of logins, without what a snapshot resets. */
  logins(): Promise<Omit<LoginCounts, 'process'>>
}

const loginBuckets = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
]
const sessionBuckets = [1, 10, 60, 300, 900, 3600, 14_400, 43_200, 86_400]
const tokenLifeBuckets = [10, 60, 300, 900, 3600, 14_400, 43_200, 86_400]

// Every label value of the small sets, so that a series exists before its first event and rates work.
const stages = {
  startup: 0,
  tls: 0,
  credential: 0,
  verify: 0,
  exchange: 0,
  provision: 0,
  upstream: 0,
  total: 0,
} satisfies Record<Stage, 0>
const endReasons = {
  'client-closed': 0,
  'client-lost': 0,
  'upstream-closed': 0,
  'upstream-lost': 0,
  drain: 0,
  'token-expired': 0,
  'session-lifetime': 0,
  idle: 0,
  'idle-in-transaction': 0,
  killed: 0,
  revoked: 0,
  'logged-out': 0,
} satisfies Record<EndReason, 0>
const provisionOutcomes = { created: 0, changed: 0, unchanged: 0 } satisfies Record<
  NonNullable<SessionFacts['provisioned']>,
  0
>
const cancelOutcomes = { forwarded: 0, 'unknown-key': 0, failed: 0 } satisfies Record<
  Parameters<SessionObserver['cancelled']>[1],
  0
>

/** Connections, logins, and the sessions that come of them. */
export function loginMetrics({ counter, gauge, histogram }: Series): LoginMetrics {
  const logins = counter(
    ['logins_total', 'Login attempts that came to an end, by integration, outcome and reason.'],
    ['integration', 'outcome', 'reason'],
  )
  const loginDuration = histogram(
    [
      'login_duration_seconds',
      'Duration of the parts of a login; total leaves out the wait for the credential.',
    ],
    loginBuckets,
    ['stage'],
  )
  const tokenLife = histogram(
    [
      'token_remaining_life_seconds',
      'How long the token of an admitted session was still valid at its login.',
    ],
    tokenLifeBuckets,
  )
  const connectionsOpen = gauge([
    'connections_open',
    'Open connections, including those that are not admitted yet.',
  ])
  const sessionsOpen = gauge(['sessions_open', 'Sessions that are admitted and have not ended.'])
  const sessionsOpened = counter(['sessions_opened_total', 'Sessions admitted.'])
  const sessionsEnded = counter(
    ['sessions_ended_total', 'Admitted sessions that have ended, by reason.'],
    ['reason'],
  )
  const sessionDuration = histogram(
    ['session_duration_seconds', 'How long sessions that have ended were open.'],
    sessionBuckets,
  )
  const cancelRequests = counter(
    ['cancel_requests_total', 'Cancel requests, by outcome.'],
    ['outcome'],
  )
  const provisioned = counter(
    ['provisioned_total', 'Logins whose own role was made ready, by what that took.'],
    ['outcome'],
  )
  const sessionTokenLogins = counter(
    ['session_token_logins_total', 'Logins by session tokens, by outcome.'],
    ['outcome'],
  )

  for (const stage of Object.keys(stages)) loginDuration.zero({ stage })
  for (const reason of Object.keys(endReasons)) sessionsEnded.inc({ reason }, 0)
  for (const outcome of Object.keys(cancelOutcomes)) cancelRequests.inc({ outcome }, 0)
  for (const outcome of Object.keys(provisionOutcomes)) provisioned.inc({ outcome }, 0)
  for (const outcome of ['admitted', 'refused']) sessionTokenLogins.inc({ outcome }, 0)

  function decided(
    session: SessionFacts,
    outcome: 'admitted' | 'refused' | 'abandoned' | 'discovered',
    reason = 'none',
  ): void {
    logins.inc({ integration: session.integration ?? 'none', outcome, reason })
    if (session.credential === 'session-token') sessionTokenLogins.inc({ outcome })
    if (session.provisioned !== undefined) provisioned.inc({ outcome: session.provisioned })
  }

  return {
    opened() {
      connectionsOpen.inc()
    },
    stage(stage, durationMs) {
      loginDuration.observe({ stage }, durationMs / 1000)
    },
    admitted(session) {
      decided(session, 'admitted')
      sessionsOpen.inc()
      sessionsOpened.inc()
      if (session.identity !== undefined) {
        tokenLife.observe((session.identity.expiresAt.getTime() - Date.now()) / 1000)
      }
    },
    refused(session, refusal) {
      decided(session, 'refused', refusal.reason)
      connectionsOpen.dec()
    },
    abandoned(session) {
      decided(session, 'abandoned')
      connectionsOpen.dec()
    },
    discovered(session) {
      decided(session, 'discovered')
      connectionsOpen.dec()
    },
    cancelled(_, outcome) {
      cancelRequests.inc({ outcome })
      connectionsOpen.dec()
    },
    ended(_, { reason, durationMs }) {
      sessionsEnded.inc({ reason })
      sessionDuration.observe(durationMs / 1000)
      sessionsOpen.dec()
      connectionsOpen.dec()
    },
    async logins() {
      const { values } = await logins.get()
      const sum = (wanted: string): number =>
        values.reduce(
          (count, { labels, value }) => (labels.outcome === wanted ? count + value : count),
          0,
        )
      const refused: Record<string, number> = {}
      for (const { labels, value } of values) {
        if (labels.outcome !== 'refused') continue
        const reason = String(labels.reason)
        refused[reason] = (refused[reason] ?? 0) + value
      }
      return {
        admitted: sum('admitted'),
        abandoned: sum('abandoned'),
        refused,
        sessionsOpen: (await sessionsOpen.get()).values[0]?.value ?? 0,
        durations: (await loginDuration.get()).values.flatMap(({ labels, value }) => {
          const { stage, le } = labels as { readonly stage?: string; readonly le?: string | number }
          if (stage !== 'total' || le === undefined) return []
          return [[Number(le === '+Inf' ? Infinity : le), value] as const]
        }),
      }
    },
  }
}
