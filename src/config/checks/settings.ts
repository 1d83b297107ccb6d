import { namesOf } from '../expand-settings.ts'
import { issuerUrl } from '../fields.ts'
import type { Finding, View } from './view.ts'

const enabled = 'server.jwt_authentication.enabled'
const issuers = 'server.jwt_authentication.issuers.configuration'
const issuersOldName = 'server.jwt_authentication.issuers'
const autoFetch = 'server.jwt_authentication.jwks_auto_fetch.enabled'

/** What CockroachDB's settings mean to each other, and to the integrations that they become. */
export function* checkSettings(view: View): Generator<Finding> {
  const { settings } = view
  if (settings[issuers] !== undefined && settings[issuersOldName] !== undefined) {
    yield {
      path: ['settings', issuersOldName],
      message: `is the old name of \`${issuers}\`, which is here too: keep one of them`,
      isAboutKey: true,
    }
  }
  for (const name of namesOf(settings)) {
    if (!view.integrations.has(name)) continue
    const message = `is the name of an integration that \`settings\` make: choose another one`
    yield { path: ['integrations', name], message, isAboutKey: true }
  }
  if (settings[enabled] === true && settings[autoFetch] === true) yield* checkDiscovery(view)
}

function* checkDiscovery({ settings }: View): Generator<Finding> {
  const key = settings[issuers] === undefined ? issuersOldName : issuers
  const hasDiscovery = ({ issuer, jwksUri }: { issuer: string; jwksUri: string | undefined }) =>
    jwksUri !== undefined || issuerUrl().safeParse(issuer).success
  if (settings[key]?.issuers.every(hasDiscovery) !== false) return
  yield {
    path: ['settings', key],
    message: `an issuer that is no https URL has no discovery document: name the address of its keys in issuer_jwks_map, or turn \`${autoFetch}\` off`,
  }
}
