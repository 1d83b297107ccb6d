import { namesOf } from '../expand-settings.ts'
import { issuerUrl } from '../fields.ts'
import type { Finding, View } from './view.ts'

const enabled = 'server.jwt_authentication.enabled'
const issuers = 'server.jwt_authentication.issuers.configuration'
const issuersOldName = 'server.jwt_authentication.issuers'
const audience = 'server.jwt_authentication.audience'
const jwks = 'server.jwt_authentication.jwks'
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
  if (settings[enabled] === true) yield* checkEnabled(view)
}

/** In CockroachDB each of these would refuse everybody, one login after the other. */
function* checkEnabled({ settings }: View): Generator<Finding> {
  const areIssuersMissing =
    issuers in settings && issuersOldName in settings && namesOf(settings).length === 0
  const isAudienceMissing = audience in settings && !hasAny(settings[audience]?.values)
  const areKeysMissing = settings[autoFetch] === false && settings[jwks]?.isEmpty === true
  const missing = [
    ...(areIssuersMissing ? [`\`${issuers}\``] : []),
    ...(isAudienceMissing ? [`\`${audience}\``] : []),
    ...(areKeysMissing ? [`\`${jwks}\` with a key, or \`${autoFetch}\``] : []),
  ]
  if (missing.length > 0) {
    yield { path: ['settings', enabled], message: `needs ${missing.join('; ')}` }
  }
  if (settings[autoFetch] === true) yield* checkDiscovery({ settings })
}

function hasAny(values: readonly string[] = []): boolean {
  return values.length > 0
}

function* checkDiscovery({ settings }: Pick<View, 'settings'>): Generator<Finding> {
  const key = settings[issuers] === undefined ? issuersOldName : issuers
  const hasDiscovery = ({ issuer, jwksUri }: { issuer: string; jwksUri: string | undefined }) =>
    jwksUri !== undefined || issuerUrl().safeParse(issuer).success
  if (settings[key]?.issuers.every(hasDiscovery) !== false) return
  yield {
    path: ['settings', key],
    message: `an issuer that is no https URL has no discovery document: name the address of its keys in issuer_jwks_map, or turn \`${autoFetch}\` off`,
  }
}
