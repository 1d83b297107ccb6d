import { nearestName } from '../nearest-name.ts'
import { quote, quoteSome } from './problem.ts'

/** The second half of "unknown ...": the nearest name, else a few of those that exist. */
export function suggestion(written: string, names: readonly string[]): string {
  const nearest = nearestName(written, names)
  if (nearest !== undefined) return `did you mean ${quote(nearest)}?`
  return names.length === 0 ? 'there are none' : `known are ${quoteSome(names)}`
}
