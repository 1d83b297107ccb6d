import type { Refusal } from '../refusal.ts'
import type { SessionObserver } from '../session/observer.ts'

/** What identity tells of issuers. Telemetry does not import identity, so the shape is repeated here. */
export interface IssuerObserver {
  keysRefreshed(issuer: string, outcome: 'ok' | 'failed', error?: unknown): void
  unknownKey(issuer: string): void
}

/** What upstream tells of hosts, likewise. */
export interface HostObserver {
  /** `durationMs` where it answered. */
  upstreamTried(host: string, outcome: 'ok' | 'failed' | 'unwanted', durationMs?: number): void
  upstreamLost(host: string, refusal: Refusal): void
  upstreamBack(host: string): void
}

/** What upstream tells of sessions that are ready before they are needed, likewise. */
export interface WarmObserver {
  warmLogin(outcome: 'ready' | 'none'): void
  warmSessions(event: 'opened' | 'taken' | 'dropped' | 'returned', count: number): void
}

/**
 * One observer that tells all of them. One that throws hinders neither the others nor the session; its
 * first error goes to `onError`.
 */
export function combine(
  observers: readonly SessionObserver[],
  onError: (error: unknown) => void,
): SessionObserver {
  const tell = teller(observers, onError)
  return {
    opened(...event) {
      tell((observer) => {
        observer.opened(...event)
      })
    },
    stage(...event) {
      tell((observer) => {
        observer.stage(...event)
      })
    },
    admitted(...event) {
      tell((observer) => {
        observer.admitted(...event)
      })
    },
    refused(...event) {
      tell((observer) => {
        observer.refused(...event)
      })
    },
    abandoned(...event) {
      tell((observer) => {
        observer.abandoned(...event)
      })
    },
    discovered(...event) {
      tell((observer) => {
        observer.discovered(...event)
      })
    },
    cancelled(...event) {
      tell((observer) => {
        observer.cancelled(...event)
      })
    },
    ended(...event) {
      tell((observer) => {
        observer.ended(...event)
      })
    },
  }
}

/** As `combine`, for the observers of issuers. */
export function combineIssuer(
  observers: readonly IssuerObserver[],
  onError: (error: unknown) => void,
): IssuerObserver {
  const tell = teller(observers, onError)
  return {
    keysRefreshed(...event) {
      tell((observer) => {
        observer.keysRefreshed(...event)
      })
    },
    unknownKey(...event) {
      tell((observer) => {
        observer.unknownKey(...event)
      })
    },
  }
}

/** As `combine`, for the observers of hosts. */
export function combineHosts(
  observers: readonly HostObserver[],
  onError: (error: unknown) => void,
): HostObserver {
  const tell = teller(observers, onError)
  return {
    upstreamTried(...event) {
      tell((observer) => {
        observer.upstreamTried(...event)
      })
    },
    upstreamLost(...event) {
      tell((observer) => {
        observer.upstreamLost(...event)
      })
    },
    upstreamBack(...event) {
      tell((observer) => {
        observer.upstreamBack(...event)
      })
    },
  }
}

function teller<Observer extends object>(
  observers: readonly Observer[],
  onError: (error: unknown) => void,
): (event: (observer: Observer) => void) => void {
  const failed = new Set<Observer>()
  return (event) => {
    for (const observer of observers) {
      try {
        event(observer)
      } catch (error) {
        if (failed.has(observer)) continue
        failed.add(observer)
        onError(error)
      }
    }
  }
}
