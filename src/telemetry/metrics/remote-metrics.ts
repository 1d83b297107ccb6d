import { Gauge, type Registry } from 'prom-client'
import type { HostObserver, IssuerObserver, WarmObserver } from '../observers.ts'
import type { Series } from './series.ts'

const outcomes = ['ok', 'failed'] as const

/** Identity providers and their keys. */
export function issuerMetrics({ counter }: Series, registry: Registry): IssuerObserver {
  const keyRefreshes = counter(
    ['jwks_refreshes_total', 'Fetches of the key set of an issuer, by outcome.'],
    ['issuer', 'outcome'],
  )
  const unknownKids = counter(
    ['jwks_unknown_kids_total', 'Tokens whose key id was not in the key set of the issuer.'],
    ['issuer'],
  )
  const keysRefreshedAtMs = new Map<string, number>()
  new Gauge({
    name: 'portcullis_jwks_age_seconds',
    help: 'Time since the key set of an issuer was last fetched successfully.',
    labelNames: ['issuer'],
    aggregator: 'max',
    registers: [registry],
    collect() {
      for (const [issuer, atMs] of keysRefreshedAtMs) {
        this.set({ issuer }, (performance.now() - atMs) / 1000)
      }
    },
  })
  return {
    keysRefreshed(issuer, outcome) {
      for (const each of outcomes) keyRefreshes.inc({ issuer, outcome: each }, 0)
      unknownKids.inc({ issuer }, 0)
      keyRefreshes.inc({ issuer, outcome })
      if (outcome === 'ok') keysRefreshedAtMs.set(issuer, performance.now())
    },
    unknownKey(issuer) {
      unknownKids.inc({ issuer })
    },
  }
}

/** Hosts of upstreams, and sessions that are ready there. */
export function upstreamMetrics({ counter, gauge }: Series): HostObserver & WarmObserver {
  const upstreamLogins = counter(
    [
      'upstream_logins_total',
      'Attempts to log in at a host of an upstream, by outcome; unwanted is one that is not what target_session_attrs asks for.',
    ],
    ['host', 'outcome'],
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
  return {
    upstreamTried(host, outcome) {
      upstreamLogins.inc({ host, outcome })
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
