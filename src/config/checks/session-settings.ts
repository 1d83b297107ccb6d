import { systemDatabase } from './entries.ts'
import type { Finding, View } from './view.ts'

/** What is set in sessions needs sessions, and something to be set. */
export function* checkSessionSettings(view: View): Generator<Finding> {
  for (const [name, database] of view.databases) {
    const { session_settings: settings } = database
    if (settings === undefined) continue
    const path = ['databases', name, 'session_settings']
    const names = Object.keys(settings.claim_settings)
    if (name === systemDatabase && 'upstream' in database && database.upstream === undefined) {
      yield { path, message: 'needs `upstream`: sessions are at databases', isAboutKey: true }
    }
    if (
      !settings.identity &&
      settings.claims.length === 0 &&
      names.length === 0 &&
      settings.signing === undefined
    ) {
      const message = 'sets nothing: give it `identity`, `claims`, `claim_settings` or `signing`'
      yield { path, message, isAboutKey: true }
    }
    if (settings.claims.length > 0 && names.includes('request.jwt.claims')) {
      const message = 'is what `claims` sets'
      yield { path: [...path, 'claim_settings', 'request.jwt.claims'], message, isAboutKey: true }
    }
  }
}
