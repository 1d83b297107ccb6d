import type { Finding } from './checks/index.ts'
import type { Config } from './config.ts'
import { missingForPeople } from './expand-oidc-settings.ts'
import { issuersOf } from './expand-settings.ts'
import type { Tree } from './read-tree.ts'

const enabled = 'server.jwt_authentication.enabled'
const audience = 'server.jwt_authentication.audience'
const issuers = 'server.jwt_authentication.issuers.configuration'
const issuersOldName = 'server.jwt_authentication.issuers'
const jwks = 'server.jwt_authentication.jwks'
const autoFetch = 'server.jwt_authentication.jwks_auto_fetch.enabled'
const enabledForPeople = 'server.oidc_authentication.enabled'
const provisioning = 'security.provisioning.jwt.enabled'

/** What CockroachDB's settings say in vain, or in another way than its code reads them. */
export function* aboutSettings({ settings }: Config, tree: Tree): Generator<Finding> {
  for (const key of [audience, issuers, issuersOldName] as const) {
    if (settings[key]?.hasCommas !== true) continue
    const message =
      'is read as a list with commas, as older documents have it; CockroachDB itself reads a JSON array'
    yield { path: ['settings', key], message }
  }
  const isFetched = settings[autoFetch]
  if (isFetched && tree.has(['settings', jwks])) {
    yield withoutEffect(jwks, `\`${autoFetch}\` is on`)
  }
  if (settings[enabled]) yield* incomplete(settings)
  if (settings[enabledForPeople]) yield* incompleteForPeople(settings)
  const key = settings[issuers] === undefined ? issuersOldName : issuers
  const hasAddresses = settings[key]?.issuers.some(({ jwksUri }) => jwksUri !== undefined) === true
  if (hasAddresses && !isFetched) {
    const message = `the addresses of issuer_jwks_map have no effect: \`${autoFetch}\` is off`
    yield { path: ['settings', key], message }
  }
  if (settings[provisioning]) {
    yield withoutEffect(provisioning, 'no role is created in this version')
  }
}

/** They may come one after the other. As in CockroachDB, each login by token is refused until all are there. */
function* incomplete(settings: Config['settings']): Generator<Finding> {
  const missing = [
    ...(issuersOf(settings).length === 0 ? [`\`${issuers}\``] : []),
    ...((settings[audience]?.values ?? []).length === 0 ? [`\`${audience}\``] : []),
    ...(!settings[autoFetch] && settings[jwks].isEmpty
      ? [`\`${jwks}\` with a key, or \`${autoFetch}\``]
      : []),
  ]
  if (missing.length === 0) return
  const message = `lets nobody in yet: it needs ${missing.join('; ')}`
  yield { path: ['settings', enabled], message }
}

function* incompleteForPeople(settings: Config['settings']): Generator<Finding> {
  const missing = missingForPeople(settings)
  if (missing.length === 0) return
  const message = `lets nobody sign in yet: it needs ${missing.map((key) => `\`${key}\``).join('; ')}`
  yield { path: ['settings', enabledForPeople], message }
}

function withoutEffect(key: string, why: string): Finding {
  return { path: ['settings', key], message: `has no effect: ${why}`, isAboutKey: true }
}
