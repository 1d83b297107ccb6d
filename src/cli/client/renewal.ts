/** Tokens are renewed with a third of what is left still to go, and not in a hurry. */
const shortestMs = 1_000
/** The clock may be set, and a laptop may sleep, while a timer waits. */
const longestMs = 60_000

/** When to look whether there is a better token than the one that expires then. */
export function renewalDelayMs(expiresAtMs: number, nowMs: number): number {
  return Math.min(longestMs, Math.max(shortestMs, ((expiresAtMs - nowMs) * 2) / 3))
}
