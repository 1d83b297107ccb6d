import type { Logout } from '../identity/verify-logout-token.ts'
import type { EndOrder } from './revocations.ts'
import type { SessionSelector } from './session-selector.ts'

/** So long tokens of before a logout are refused. None that is fit for logins lives longer. */
export const rememberedMs = 24 * 60 * 60 * 1_000

/**
 * What a logout ends, and keeps out. Of one session at the provider those are what has its `sid`; whoever has
 * a token that does not say of which session it is counts by the subject, as when somebody has signed out of
 * all sessions. Whoever has signed in again since is meant by neither.
 */
export function orderFor({ issuer, subject, sid, issuedAtMs }: Logout, now: Date): EndOrder {
  const selectors: SessionSelector[] = []
  if (sid !== undefined) selectors.push({ issuer, sid, subject })
  if (subject !== undefined) {
    const isWithoutSid = sid === undefined ? undefined : true
    selectors.push({ issuer, subject, isWithoutSid, issuedUntilMs: issuedAtMs })
  }
  return { selectors, end: 'logged-out', refusedUntilMs: now.getTime() + rememberedMs }
}
