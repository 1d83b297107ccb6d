import { DatabaseError } from 'pg'
import { StoreAway } from './store.ts'

/** Integrity constraints: what a work tried cannot be, and the store is well. */
const violated = '23'

/** A cause in a word, which names no host and nobody: a SQLSTATE, or what the system or TLS calls it. */
export function whyOf(error: unknown): string {
  if (error instanceof StoreAway) return error.message
  if (!(error instanceof Error)) return 'unknown'
  if ('code' in error && typeof error.code === 'string' && /^[\w-]{1,60}$/.test(error.code)) {
    return error.code
  }
  if (/timeout|timed out/i.test(error.message)) return 'timeout'
  if (error.message.includes('does not support SSL')) return 'no-tls'
  if (/SASL|SCRAM|password/i.test(error.message)) return 'authentication'
  if (/terminated|not queryable|closed/i.test(error.message)) return 'connection-lost'
  return 'unknown'
}

/** What a statement threw, for whoever asked: a violated constraint as it is, anything else as the store being away. */
export function toStoreError(error: unknown): unknown {
  if (error instanceof StoreAway) return error
  if (error instanceof DatabaseError && error.code?.startsWith(violated) === true) return error
  return new StoreAway(whyOf(error), { cause: error })
}
