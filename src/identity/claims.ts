import { isRecord } from './token-shape.ts'

/** Deeper pointers are a mistake, not a claim. */
const maxPointerSegments = 10

/** Reads a claim by its literal name, or by a JSON Pointer (RFC 6901) when it begins with a slash. */
export function readClaim(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  if (!name.startsWith('/')) return Object.hasOwn(claims, name) ? claims[name] : undefined
  const segments = name.slice(1).split('/', maxPointerSegments + 1)
  if (segments.length > maxPointerSegments) return undefined
  let value: unknown = claims
  for (const segment of segments) {
    const key = segment.replaceAll('~1', '/').replaceAll('~0', '~')
    if (Array.isArray(value)) value = /^\d{1,5}$/.test(key) ? value[Number(key)] : undefined
    else if (isRecord(value) && Object.hasOwn(value, key)) value = value[key]
    else return undefined
  }
  return value
}

/**
 * Group names in a claim: an array of strings, a string with commas, or an object that has by each name where
 * it counts, as roles of Zitadel do; anything else has none.
 */
export function readGroups(value: unknown): readonly string[] {
  return namesIn(value)
    .filter((name): name is string => typeof name === 'string')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

function namesIn(value: unknown): readonly unknown[] {
  if (typeof value === 'string') return value.split(',')
  if (Array.isArray(value)) return value
  if (!isRecord(value)) return []
  // A name with `false`, with nothing or with a text beside it may be one that somebody does not have.
  const held = Object.entries(value).filter(
    ([, where]) => isRecord(where) && Object.keys(where).length > 0,
  )
  return held.map(([name]) => name)
}

/**
 * Groups as CockroachDB reads them, in lower case; scalars in an array are text. Undefined for what it
 * takes for no list at all.
 */
export function readCockroachGroups(value: unknown): readonly string[] | undefined {
  if (typeof value !== 'string' && !Array.isArray(value)) return undefined
  const names: readonly unknown[] = typeof value === 'string' ? value.split(',') : value
  return names
    .filter((name) => ['string', 'number', 'boolean'].includes(typeof name))
    .map((name) => String(name).trim().toLowerCase())
    .filter((name) => name !== '')
}
