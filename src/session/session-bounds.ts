// How long a session may go on: pure, so that `portcullis explain` says what a session would do.
import type { SessionLimits } from '../policy/catalog.ts'
import type { GovernedEnd } from './endings.ts'

/** The limits of a pool, for one session. */
export interface SessionBounds {
  /** When its token expires, where that bounds it: by the wall clock, as the issuer wrote it. */
  readonly expiresAtMs: number | undefined
  /** How long after the expiry it is ended whatever it does; undefined: never. */
  readonly expiryGraceMs: number | undefined
  readonly maxLifetimeMs: number | undefined
  /** How long after its greatest age it is ended whatever it does. */
  readonly lifetimeGraceMs: number
  readonly idleMs: number | undefined
  readonly idleInTransactionMs: number | undefined
}

/** Where a session stands between its statements; busy while one is under way. */
export type Standing = 'busy' | 'idle' | 'in-transaction'

export interface Moment {
  /** By the wall clock, which may step. */
  readonly nowMs: number
  readonly ageMs: number
  readonly standing: Standing
  /** How long nothing has been asked and nothing answered. */
  readonly quietMs: number
}

export interface Assessment {
  /** Why the session is to end; undefined where it may go on. */
  readonly end: GovernedEnd | undefined
  /** Whether that is now, and not when its transaction is over. */
  readonly isNow: boolean
  readonly lookAgainMs: number
}

/**
 * The wall clock may step forward while a timer sleeps, so it is looked at this often. It is also less
 * than the 2^31 milliseconds that a timer can sleep.
 */
export const longestSleepMs = 60_000

/** Undefined where nothing bounds the session. A password has no expiry. */
export function boundsOf(
  limits: SessionLimits,
  expiresAt: Date | undefined,
): SessionBounds | undefined {
  const { expiry, graceMs, maxLifetimeMs, idleMs, idleInTransactionMs } = limits
  const expiresAtMs = expiry === 'ignore' ? undefined : expiresAt?.getTime()
  const isFree = [expiresAtMs, maxLifetimeMs, idleMs, idleInTransactionMs].every(
    (bound) => bound === undefined,
  )
  if (isFree) return undefined
  return {
    expiresAtMs,
    expiryGraceMs: expiry === 'hard' ? graceMs : undefined,
    maxLifetimeMs,
    lifetimeGraceMs: graceMs,
    idleMs,
    idleInTransactionMs,
  }
}

/** No moment is later. */
const latestMs = 8.64e15

/** When a session that begins at this moment ends, as soon as it is in no transaction; undefined: never. */
export function endsAtMs(bounds: SessionBounds, startsAtMs: number): number | undefined {
  const { expiresAtMs = Infinity, maxLifetimeMs = Infinity } = bounds
  const first = Math.min(expiresAtMs, startsAtMs + maxLifetimeMs)
  return first === Infinity ? undefined : Math.min(first, latestMs)
}

/** Until when a session that begins at this moment may go on, for people. */
export function describeBounds(bounds: SessionBounds, startsAtMs: number): string {
  const { expiresAtMs, expiryGraceMs, maxLifetimeMs, lifetimeGraceMs } = bounds
  const { idleMs, idleInTransactionMs } = bounds
  const at = (ms: number): string => new Date(Math.min(ms, latestMs)).toISOString()
  const parts: string[] = []
  if (expiresAtMs !== undefined) {
    const most = expiryGraceMs === undefined ? '' : `, ${at(expiresAtMs + expiryGraceMs)} at most`
    parts.push(`until its transaction is over at ${at(expiresAtMs)} (token-expired)${most}`)
  }
  if (maxLifetimeMs !== undefined) {
    const endsAtMs = startsAtMs + maxLifetimeMs
    const most = at(endsAtMs + lifetimeGraceMs)
    parts.push(
      `until its transaction is over at ${at(endsAtMs)} (session-lifetime), ${most} at most`,
    )
  }
  if (idleMs !== undefined) parts.push(`${idleMs / 1_000} s idle`)
  if (idleInTransactionMs !== undefined) {
    parts.push(`${idleInTransactionMs / 1_000} s idle in a transaction`)
  }
  return parts.join('; ')
}

/** One bound at one moment. Times that are not positive are over. */
interface Bound {
  readonly reason: GovernedEnd
  /** Until it ends when its transaction is over. */
  readonly gentlyInMs: number
  /** Until it ends whatever it does. */
  readonly firmlyInMs: number
}

export function assess(bounds: SessionBounds, moment: Moment): Assessment {
  const all = boundsAt(bounds, moment)
  const firm = all.find(({ firmlyInMs }) => firmlyInMs <= 0)
  const gentle = all.find(({ gentlyInMs }) => gentlyInMs <= 0)
  const coming = all
    .flatMap(({ gentlyInMs, firmlyInMs }) => [gentlyInMs, firmlyInMs])
    .filter((leftMs) => leftMs > 0)
  return {
    end: (firm ?? gentle)?.reason,
    isNow: firm !== undefined,
    // Timers take whole milliseconds, and one that is early has to be set again.
    lookAgainMs: Math.ceil(Math.min(longestSleepMs, ...coming)),
  }
}

function boundsAt(bounds: SessionBounds, moment: Moment): readonly Bound[] {
  const { nowMs, ageMs } = moment
  const { expiresAtMs, expiryGraceMs, maxLifetimeMs, lifetimeGraceMs } = bounds
  const found: Bound[] = []
  if (expiresAtMs !== undefined) {
    const gentlyInMs = expiresAtMs - nowMs
    const firmlyInMs = gentlyInMs + (expiryGraceMs ?? Infinity)
    found.push({ reason: 'token-expired', gentlyInMs, firmlyInMs })
  }
  if (maxLifetimeMs !== undefined) {
    const gentlyInMs = maxLifetimeMs - ageMs
    const firmlyInMs = gentlyInMs + lifetimeGraceMs
    found.push({ reason: 'session-lifetime', gentlyInMs, firmlyInMs })
  }
  found.push(
    ...quietBound('idle-in-transaction', 'in-transaction', bounds.idleInTransactionMs, moment),
  )
  found.push(...quietBound('idle', 'idle', bounds.idleMs, moment))
  return found
}

/** Nothing runs in a session that is quiet: there is nothing to wait for. */
function quietBound(
  reason: GovernedEnd,
  counted: Standing,
  limitMs: number | undefined,
  { standing, quietMs }: Moment,
): readonly Bound[] {
  if (limitMs === undefined) return []
  // One that is not quiet in this way now cannot have been for the whole of it before that time is over.
  const leftMs = standing === counted ? limitMs - quietMs : limitMs
  return [{ reason, gentlyInMs: leftMs, firmlyInMs: leftMs }]
}
