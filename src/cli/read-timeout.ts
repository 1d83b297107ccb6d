import { parseDuration } from '../config/units.ts'
import { WrongUsage } from './wrong-usage.ts'

/** A timer can wait no longer. */
const longestMs = 2_147_000_000

/** `--timeout` in milliseconds. Throws WrongUsage. */
export function readTimeout(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms < 1 || ms > longestMs) {
    throw new WrongUsage('--timeout must be a duration such as 60s, 500ms or 5m')
  }
  return ms
}
