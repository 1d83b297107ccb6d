// CockroachDB's settings for people with a browser, as an integration of its own.
import type { IntegrationConfig, Settings } from './expand-settings.ts'
import { integration as integrationSchema } from './schema/integration.ts'

export const nameForPeople = 'cockroachdb_oidc'

/** What is to be there before anybody can sign in. */
const needed = [
  'server.oidc_authentication.provider_url',
  'server.oidc_authentication.client_id',
  'server.oidc_authentication.claim_json_key',
] as const satisfies readonly (keyof Settings)[]

/** In the order of the settings. */
export function missingForPeople(settings: Partial<Settings>): readonly string[] {
  return needed.filter((key) => settings[key] === undefined)
}

/** The integration is there as soon as it is known whose it is. */
export function namesForPeople(settings: Partial<Settings>): readonly string[] {
  return settings['server.oidc_authentication.provider_url'] === undefined ? [] : [nameForPeople]
}

export function isAutomaticForPeople(settings: Settings): boolean {
  return (
    settings['server.oidc_authentication.autologin.enabled'] ||
    settings['server.oidc_authentication.autologin']
  )
}

export function expandOidcSettings(settings: Settings): ReadonlyMap<string, IntegrationConfig> {
  const issuer = settings['server.oidc_authentication.provider_url']
  if (issuer === undefined) return new Map()
  const readsGroups = settings['server.oidc_authentication.authorization.enabled']
  const text = settings['server.oidc_authentication.button_text']
  const integration: IntegrationConfig = {
    // Every key that the settings do not speak of is as in an integration that leaves it out.
    ...integrationSchema.parse({ issuer }),
    enabled:
      settings['server.oidc_authentication.enabled'] && missingForPeople(settings).length === 0,
    client_id: settings['server.oidc_authentication.client_id'],
    client_secret: settings['server.oidc_authentication.client_secret'],
    additional_scopes: [...settings['server.oidc_authentication.scopes']],
    button_text: text === '' ? undefined : text,
    shown_token: shownToken(settings),
    principal_claim: settings['server.oidc_authentication.claim_json_key'] ?? 'sub',
    principal_regex: settings['server.oidc_authentication.principal_regex'],
    request_timeout: settings['server.oidc_authentication.client.timeout'],
    groups_claim_ids: readsGroups ? [...settings['server.oidc_authentication.group_claim']] : [],
    userinfo_groups: readsGroups,
    cockroach: {
      customCa: settings['server.oidc_authentication.provider.custom_ca'],
      userinfoGroupKeys: settings['server.oidc_authentication.userinfo_group_key'],
      requiresGroups: readsGroups,
    },
  }
  return new Map([[nameForPeople, integration]])
}

function shownToken(settings: Settings): IntegrationConfig['shown_token'] {
  if (!settings['server.oidc_authentication.generate_cluster_sso_token.enabled']) return undefined
  return {
    use_token: settings['server.oidc_authentication.generate_cluster_sso_token.use_token'],
    host: settings['server.oidc_authentication.generate_cluster_sso_token.sql_host'],
    port: settings['server.oidc_authentication.generate_cluster_sso_token.sql_port'],
  }
}
