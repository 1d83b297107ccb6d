// Session tokens as a configuration has them: for the pages, which issue them, and for logins, which read them.
import { createHash } from 'node:crypto'
import { composeCatalog } from './compose-rules.ts'
import type { Config } from './config/index.ts'
import { createSessionTokens } from './identity/create-session-tokens.ts'
import type { SessionTokens } from './identity/session-token.ts'
import {
  asksAboutAccessTokens,
  fingerprintLength,
  type SessionTokenTerms,
} from './identity/session-token-terms.ts'
import { VerifiedSessionTokens } from './identity/verify-session-token.ts'
import type { KeptParts } from './kept-parts.ts'
import type { Catalog } from './policy/catalog.ts'
import { usefulGroups } from './policy/useful-groups.ts'

/** Those of the configuration; where there are none, those that were made for this start. */
export function webSecretsOf({ web }: Config, ofThisStart: readonly string[]): readonly string[] {
  return web?.secret ?? ofThisStart
}

/** Undefined where there are none. */
export function sessionTokensOf(
  config: Config,
  secrets: readonly string[],
  catalog: Catalog = composeCatalog(config),
): SessionTokens | undefined {
  const { web, integrations } = config
  if (web?.session_tokens.enabled !== true) return undefined
  const { lifetime: tokenLifetimeMs, key_lifetime: keyLifetimeMs } = web.session_tokens
  const terms = Object.entries(integrations).flatMap(([name, integration]) => {
    const policy = catalog.integrations.get(name)
    return policy === undefined ? [] : [termsOf(name, integration, usefulGroups(policy, catalog))]
  })
  return createSessionTokens({
    ...{ secrets, keyLifetimeMs, tokenLifetimeMs, terms },
    publicUrl: web.public_url,
  })
}

/** The same for logins, with what it remembers of those that it has verified. */
export function verifiedSessionTokensOf(
  config: Config,
  secrets: readonly string[],
  catalog: Catalog,
  parts: KeptParts,
): VerifiedSessionTokens | undefined {
  const tokens = sessionTokensOf(config, secrets, catalog)
  if (tokens === undefined) return undefined
  const { web, integrations, groups } = config
  return parts.once(
    ['session tokens', secrets, web, integrations, groups],
    () => new VerifiedSessionTokens(tokens),
  )
}

type IntegrationConfig = Config['integrations'][string]

function termsOf(
  name: string,
  integration: IntegrationConfig,
  groups: ReadonlySet<string>,
): SessionTokenTerms {
  const { enabled, issuer, introspection } = integration
  return {
    integration: name,
    isEnabled: enabled,
    ...{ issuer, groups },
    fingerprint: fingerprintOf(name, integration),
    unfitKinds: introspection === undefined ? new Set() : asksAboutAccessTokens,
  }
}

/**
 * Which keys say what a token has to be, or what is read in it. The others are looked at anew at each login, or
 * say how the provider is reached; those are not the same on each node, as paths are not.
 */
const isOfTokens: Readonly<Record<keyof IntegrationConfig, boolean>> = {
  protocol: true,
  issuer: true,
  client_id: true,
  additional_audiences: true,
  allow_no_audience: true,
  strict_audiences: true,
  groups_claim_ids: true,
  userinfo_groups: true,
  blocked_groups: true,
  principal_claim: true,
  require_sender_constraint: true,
  required_claims: true,
  required_acr: true,
  algorithms: true,
  allowed_typ: true,
  token_kinds: true,
  max_token_age: true,
  jwks: true,
  jwks_uri: true,
  enabled: false,
  client_secret: false,
  button_text: false,
  shown_token: false,
  default_group: false,
  additional_scopes: false,
  groups_claim_mappings: false,
  principal_regex: false,
  map_principal: false,
  provisioning: false,
  enable_id_token_authentication: false,
  // Whether there is one counts, and has a rule of its own.
  introspection: false,
  decryption_keys_file: false,
  recheck: false,
  recheck_max_stale: false,
  backchannel_logout: false,
  leeway: false,
  jwks_file: false,
  jwks_bearer_token_file: false,
  custom_ca: false,
  proxy_url: false,
  proxy: false,
  request_timeout: false,
  cockroach: false,
}

function fingerprintOf(name: string, integration: IntegrationConfig): string {
  const parts = Object.entries(isOfTokens)
    .filter(([, isOne]) => isOne)
    .map(([key]) => [key, integration[key as keyof IntegrationConfig]])
  const { cockroach } = integration
  const described = [name, parts, cockroach && [cockroach.userinfoGroupKeys]]
  return createHash('sha256')
    .update(JSON.stringify(described))
    .digest('base64url')
    .slice(0, fingerprintLength)
}
