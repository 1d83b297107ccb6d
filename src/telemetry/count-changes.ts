import type { ProcessChanges } from '../session/process-view.ts'
import type { SessionObserver } from '../session/observer.ts'

export interface ChangeCounter extends SessionObserver {
  readonly counts: Omit<ProcessChanges, 'process'>
}

/** Counts what changes the lists of sessions and of refused logins: who looks at them asks for that alone. */
export function countChanges(): ChangeCounter {
  const counts = { sessions: 0, refusals: 0 }
  const sessionsChanged = (): void => {
    counts.sessions++
  }
  return {
    counts,
    opened() {},
    stage() {},
    admitted: sessionsChanged,
    refused() {
      counts.refusals++
    },
    abandoned() {},
    discovered() {},
    cancelled() {},
    ended: sessionsChanged,
  }
}
