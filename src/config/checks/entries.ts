import { quote } from '../problem.ts'
import type { Finding, View } from './view.ts'

// Rules between the keys of one entry, and between entries of one kind.

export function* checkTls({ root: { tls } }: View): Generator<Finding> {
  if (tls === undefined) return
  const { min_version: min, max_version: max, ciphers } = tls
  if (min === 'TLSv1.3' && max === 'TLSv1.2') {
    yield { path: ['tls', 'max_version'], message: 'must not be older than `min_version`' }
  }
  if (min === 'TLSv1.3' && ciphers !== undefined) {
    const message = 'has no effect: they are of TLS 1.2, and `min_version` is TLSv1.3'
    yield { path: ['tls', 'ciphers'], message, isAboutKey: true }
  }
}

export const keySources = ['jwks', 'jwks_file', 'jwks_uri'] as const

export function* checkIntegrations({ integrations }: View): Generator<Finding> {
  for (const [name, integration] of integrations) {
    const hasNoClient = 'client_id' in integration && integration.client_id === undefined
    // A token for any other service of the same issuer would be as good as one for us.
    if (hasNoClient && integration.additional_audiences?.length === 0) {
      yield {
        path: ['integrations', name],
        message:
          'needs a `client_id` or at least one of `additional_audiences`, so that tokens for other services are not accepted',
      }
    }
    if (integration.allow_no_audience !== true) continue
    const path = ['integrations', name, 'allow_no_audience']
    if (hasNoClient) {
      const message = 'needs `client_id`, which says alone then for whom a token is'
      yield { path, message, isAboutKey: true }
    }
    if (integration.strict_audiences === true) {
      yield { path, message: 'is not allowed beside `strict_audiences`', isAboutKey: true }
    }
  }
}

/** Where groups are looked for at all. */
export function* checkGroupClaims({ integrations }: View): Generator<Finding> {
  for (const [name, integration] of integrations) {
    const { blocked_groups: blocked = [], groups_claim_ids: claims, userinfo_groups } = integration
    const message = 'needs `groups_claim_ids`, where the groups are found'
    if (claims?.length === 0 && blocked.length > 0) {
      yield { path: ['integrations', name, 'blocked_groups'], message }
    }
    if (userinfo_groups !== true) continue
    const path = ['integrations', name, 'userinfo_groups']
    if (claims?.length === 0) yield { path, message }
    const source = keySources.find((key) => integration[key] !== undefined)
    if (source !== undefined) {
      const why = 'the discovery document, which has the endpoint, is not read then'
      yield { path, message: `is not allowed beside \`${source}\`: ${why}`, isAboutKey: true }
    }
  }
}

export function* checkKeySources({ integrations }: View): Generator<Finding> {
  for (const [name, integration] of integrations) {
    const [source, ...others] = keySources.filter((key) => integration[key] !== undefined)
    for (const other of others) {
      const message = `is not allowed beside \`${source ?? ''}\`: keys come from one place`
      yield { path: ['integrations', name, other], message, isAboutKey: true }
    }
    const isLocal = source === 'jwks' || source === 'jwks_file'
    if (isLocal && integration.jwks_bearer_token_file !== undefined) {
      const message = `is not allowed beside \`${source}\`: nothing is fetched then`
      yield { path: ['integrations', name, 'jwks_bearer_token_file'], message, isAboutKey: true }
    }
  }
}

/** Two groups that differ in case alone look alike to people, and some providers change the case. */
export function* checkGroups({ groups }: View): Generator<Finding> {
  const seen = new Map<string, string>()
  for (const name of groups.keys()) {
    const folded = name.toLowerCase()
    const other = seen.get(folded)
    if (other === undefined) {
      seen.set(folded, name)
    } else {
      const message = `differs only by case from group ${quote(other)}`
      yield { path: ['groups', name], message, isAboutKey: true }
    }
  }
}

/** `system` is where integrations may stand that serve every database; it need not exist upstream. */
export const systemDatabase = 'system'

export function* checkDatabases(view: View): Generator<Finding> {
  for (const [name, database] of view.databases) {
    const path = ['databases', name]
    const { integrations, primary } = database
    if ('upstream' in database && database.upstream === undefined && name !== systemDatabase) {
      const message = `is required for every database but ${quote(systemDatabase)}, here or as \`default_upstream\``
      yield { path: [...path, 'upstream'], message }
    }
    if (database.upstream?.channel_binding === 'require') {
      const { tls, auth } = database.upstream
      const key = [...path, 'upstream', 'channel_binding']
      const message = 'must not be "require": '
      if (tls === 'disable') {
        yield { path: key, message: `${message}without TLS there is no channel to bind to` }
      } else if (auth.method !== 'password') {
        const why = `with the method ${quote(auth.method)} nothing is proved of a password`
        yield { path: key, message: message + why }
      }
    }
    if (integrations === undefined || !('primary' in database)) continue
    if (primary === undefined && integrations.length > 1) {
      const message = 'is required if a database has several integrations'
      yield { path: [...path, 'primary'], message }
    }
    if (primary !== undefined && !integrations.includes(primary)) {
      const written = view.written([...path, 'primary'], primary)
      const message = `integration ${quote(written)} is not among the \`integrations\` of this database`
      yield { path: [...path, 'primary'], message }
    }
  }
}
