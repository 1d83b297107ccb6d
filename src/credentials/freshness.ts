// For how long a token may still be used, and from when on another one is asked for. Nobody's clock is trusted far.
import type { Grant } from './grant.ts'

/** By how much the clocks of two machines may differ. */
const leewayMs = 60_000
const mostAheadMs = 5 * 60_000
const marginMs = 10_000

/** Whether it can be used at all. One from the future was kept before the clock was set back: nothing is known of it. */
export function isAlive({ issuedAt, expiresAt }: Grant, now: number): boolean {
  return expiresAt > now && issuedAt <= now + leewayMs
}

/** Whether there is no need for another one yet. */
export function isFresh(grant: Grant, minimumMs: number, now: number): boolean {
  return (
    isAlive(grant, now) &&
    grant.expiresAt - now >= Math.max(aheadOf(grant), least(grant, minimumMs))
  )
}

/** Whether it does while somebody else asks for another one, or none is to be had without a person. */
export function isEnough(grant: Grant, minimumMs: number, now: number): boolean {
  const margin = Math.min(marginMs, lifeOf(grant) / 6)
  return isAlive(grant, now) && grant.expiresAt - now >= Math.max(margin, least(grant, minimumMs))
}

/** How long before its end another one is asked for. */
export function aheadOf(grant: Grant): number {
  return Math.min(lifeOf(grant) / 3, mostAheadMs)
}

/**
 * As it is kept. Where it seems to be from the future the clock of this machine is behind the provider's, and
 * it was given out just now.
 */
export function arrived(grant: Grant, now: number): Grant {
  const aheadMs = grant.issuedAt - now
  if (aheadMs <= leewayMs) return grant
  return { ...grant, issuedAt: now, expiresAt: grant.expiresAt - aheadMs }
}

/** More than half of a life cannot be had for long, however often it is asked for. */
function least(grant: Grant, minimumMs: number): number {
  return Math.min(minimumMs, lifeOf(grant) / 2)
}

function lifeOf({ issuedAt, expiresAt }: Grant): number {
  return Math.max(0, expiresAt - issuedAt)
}
