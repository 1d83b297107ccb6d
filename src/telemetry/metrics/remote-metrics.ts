import type { HostObserver, IssuerObserver, WarmObserver } from '../observers.ts'
import type { Series } from './series.ts'

const outcomes = ['ok', 'failed'] as const

/** How old the keys of an issuer are; undefined where there are none that are believed. */
export interface KeyAge {
  readonly issuer: string
  readonly ageMs: number | undefined
}

const upstreamLoginBuckets = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

/** Identity providers and their keys. Issuers that are in use no more are not read any more. */
export function issuerMetrics(
  { counter, readEach }: Series,
  readKeyAges: () => readonly KeyAge[],
): IssuerObserver {
  const keyRefreshes = counter(
    ['jwks_refreshes_total', 'Fetches of the key set of an issuer, by outcome.'],
    ['issuer', 'outcome'],
  )
  const unknownKids = counter(
    ['jwks_unknown_kids_total', 'Tokens whose key id was not in the key set of the issuer.'],
    ['issuer'],
  )
  readEach(
    [
      'jwks_available',
      'Whether there are keys of an issuer to verify with; 0 where a process has none.',
    ],
    'issuer',
    () => readKeyAges().map(({ issuer, ageMs }) => [issuer, ageMs === undefined ? 0 : 1]),
    'min',
  )
  readEach(
    ['jwks_age_seconds', 'Time since the key set of an issuer was last fetched successfully.'],
    'issuer',
    () =>
      readKeyAges().flatMap(({ issuer, ageMs }) =>
        ageMs === undefined ? [] : [[issuer, ageMs / 1000] as const],
      ),
    'max',
  )
  return {
    keysRefreshed(issuer, outcome) {
      for (const each of outcomes) keyRefreshes.inc({ issuer, outcome: each }, 0)
      unknownKids.inc({ issuer }, 0)
      keyRefreshes.inc({ issuer, outcome })
    },
    unknownKey(issuer) {
      unknownKids.inc({ issuer })
    },
  }
}

/** Hosts of upstreams, and sessions that are ready there. */
export function upstreamMetrics({
  counter,
  gauge,
  histogram,
}: Series): HostObserver & WarmObserver {
  const upstreamLogins = counter(
    [
      'upstream_logins_total',
      'Attempts to log in at a host of an upstream, by outcome; unwanted is one that is not what target_session_attrs asks for.',
    ],
    ['host', 'outcome'],
  )
  const upstreamDuration = histogram(
    [
      'upstream_login_duration_seconds',
      'How long a host of an upstream took from the connection to the end of the login there.',
    ],
    upstreamLoginBuckets,
    ['host'],
  )
  const warmOpen = gauge(['warm_sessions_open', 'Upstream sessions that wait for a login.'])
  const warmLogins = counter(
    ['warm_logins_total', 'Logins where sessions are kept ready, by whether one was.'],
    ['outcome'],
  )
  const warmReturned = counter([
    'warm_sessions_returned_total',
    'Upstream sessions that wait for a login again after a client has left them.',
  ])
  for (const outcome of ['ready', 'none']) warmLogins.inc({ outcome }, 0)

  return {
    upstreamTried(host, outcome, durationMs) {
      upstreamLogins.inc({ host, outcome })
      if (durationMs !== undefined) upstreamDuration.observe({ host }, durationMs / 1000)
    },
    upstreamLost() {},
    upstreamBack() {},
    warmLogin(outcome) {
      warmLogins.inc({ outcome })
    },
    warmSessions(event, count) {
      warmOpen.inc(event === 'opened' || event === 'returned' ? count : -count)
      if (event === 'returned') warmReturned.inc(count)
    },
  }
}
