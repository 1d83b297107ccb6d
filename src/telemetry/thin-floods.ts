import type { Reason, Refusal } from '../refusal.ts'
import type { SessionFacts, SessionObserver } from '../session/observer.ts'

/** Refusals that cost whoever provokes them next to nothing, so that a record of each would be the damage. */
const floods: ReadonlySet<Reason> = new Set([
  'too-many-logins',
  'too-many-from-address',
  'too-many-unauthenticated',
  'throttled',
])

/** Of each reason and in each second; the one behind them stands for all others. */
const recordedEach = 10
const windowMs = 1_000
const namedAddresses = 10

interface Window {
  readonly beganAtMs: number
  recorded: number
  held: Held | undefined
}

interface Held {
  readonly since: Date
  count: number
  readonly addresses: Map<string, number>
  otherAddresses: number
  last: readonly [SessionFacts, Refusal]
}

export interface ThinnedObserver extends SessionObserver {
  /** Tells what is held back. */
  flush(): void
}

/** The same observer, told of a flood of refusals once in a second, and how many of them there were. */
export function thinFloods(observer: SessionObserver): ThinnedObserver {
  const windows = new Map<Reason, Window>()
  let timer: NodeJS.Timeout | undefined

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    for (const window of windows.values()) tell(window)
    windows.clear()
  }

  function tell(window: Window): void {
    const { held } = window
    window.held = undefined
    if (held === undefined) return
    const { since, count, addresses, otherAddresses } = held
    const [facts, refusal] = held.last
    observer.refused({ ...facts, standsFor: { since, count, addresses, otherAddresses } }, refusal)
  }

  function windowOf(reason: Reason): Window {
    const known = windows.get(reason)
    const nowMs = performance.now()
    if (known !== undefined && nowMs - known.beganAtMs < windowMs) return known
    if (known !== undefined) tell(known)
    const window: Window = { beganAtMs: nowMs, recorded: 0, held: undefined }
    windows.set(reason, window)
    return window
  }

  return {
    ...observer,
    refused(session, refusal) {
      if (!floods.has(refusal.reason)) {
        observer.refused(session, refusal)
        return
      }
      const window = windowOf(refusal.reason)
      if (window.recorded < recordedEach) {
        window.recorded++
        observer.refused(session, refusal)
        return
      }
      window.held = hold(window.held, session, refusal)
      timer ??= setTimeout(flush, windowMs).unref()
    },
    flush,
  }
}

function hold(before: Held | undefined, session: SessionFacts, refusal: Refusal): Held {
  const { address } = session.peer
  const held = before ?? {
    since: session.openedAt,
    count: 0,
    addresses: new Map<string, number>(),
    otherAddresses: 0,
    last: [session, refusal],
  }
  held.count++
  held.last = [session, refusal]
  const known = held.addresses.get(address)
  if (known !== undefined || held.addresses.size < namedAddresses) {
    held.addresses.set(address, (known ?? 0) + 1)
  } else held.otherAddresses++
  return held
}
