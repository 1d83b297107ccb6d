import { parseStoreUrl, StoreUrlError } from '../store-url.ts'
import type { Finding, View } from './view.ts'

/** Whether the store can be reached by what is written. */
export function* checkFleet({ root }: View): Generator<Finding> {
  const fleet = 'fleet' in root ? root.fleet : undefined
  if (fleet === undefined) return
  try {
    const { tls } = parseStoreUrl(fleet.store)
    if (tls === 'disable' && fleet.store_ca !== undefined) {
      const message = 'is not used without TLS: leave it out, or say `sslmode=verify-full`'
      yield { path: ['fleet', 'store_ca'], message, isAboutKey: true }
    }
  } catch (error) {
    if (!(error instanceof StoreUrlError)) throw error
    yield { path: ['fleet', 'store'], message: error.message }
  }
  if (new Set(fleet.secret).size < fleet.secret.length) {
    yield { path: ['fleet', 'secret'], message: 'has the same secret more than once' }
  }
}
