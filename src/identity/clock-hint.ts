import { Refusal } from '../refusal.ts'

/**
 * A refusal of a genuine token by its times, with what the provider's clock has to do with it: only where
 * it differs by more than the leeway, and in the direction that explains the refusal. `clockAheadMs` is by how
 * much the provider's clock is ahead of ours at the least.
 */
export function withClockHint(
  error: unknown,
  clockAheadMs: number | undefined,
  leewayMs: number,
): unknown {
  if (!(error instanceof Refusal)) return error
  const aheadMs = clockAheadMs ?? 0
  const { reason, values, clientDetail, logDetail, cause } = error
  const isOursFast = reason === 'token-expired' && -aheadMs > leewayMs
  const isOursSlow = reason === 'token-not-yet-valid' && aheadMs > leewayMs
  if (!isOursFast && !isOursSlow) return error
  const seconds = Math.abs(aheadMs) / 1_000
  const told = `the clock of the gateway was at least ${seconds} seconds ${isOursFast ? 'ahead of' : 'behind'} that of the identity provider when it fetched its keys`
  return new Refusal(reason, {
    values,
    clientDetail,
    logDetail: logDetail === undefined ? told : `${logDetail}; ${told}`,
    cause,
    hint: `A fresh token may not help: ${told}. Have its operator synchronise it.`,
  })
}
