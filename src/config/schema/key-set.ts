import { z } from 'zod'
import { expecting } from '../messages.ts'
import { isMapping } from '../mapping.ts'

/** A key set as a mapping or as JSON, which is what it becomes. */
export const keySet = z
  .union([z.string(), z.record(z.string(), z.unknown())], {
    error: expecting('must be a key set: a mapping with a list `keys`, or the JSON text of one'),
  })
  .transform((written, context) => {
    const value = typeof written === 'string' ? parse(written) : written
    const fault = faultOf(value)
    if (fault === undefined) return JSON.stringify(value)
    context.addIssue({ code: 'custom', message: fault })
    return z.NEVER
  })
  .meta({ 'x-type': 'key set' })

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function faultOf(value: unknown): string | undefined {
  const keys = isMapping(value) ? value['keys'] : undefined
  if (!Array.isArray(keys) || keys.length === 0 || !keys.every(isMapping)) {
    return 'must be a key set with at least one key: `{ "keys": [{ "kty": ... }] }`'
  }
  // RFC 7518 6: the private part of a key, or a secret one.
  const isPublic = keys.every((key) => !('d' in key) && !('k' in key))
  return isPublic ? undefined : 'must have public keys only: keep the private ones to yourself'
}
