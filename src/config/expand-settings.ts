// CockroachDB's settings as integrations of the database `system`, one for each issuer.
import type { z } from 'zod'
import type { WrittenIssuers } from './cockroach-values.ts'
import { integration as integrationSchema } from './schema/integration.ts'
import type { settingsSection } from './schema/settings.ts'

export type Settings = z.output<typeof settingsSection>

/** What an integration made of CockroachDB's settings has besides the keys of any other. */
export interface CockroachKeys {
  /** Certificate authorities as PEM text, where others name a file. */
  readonly customCa: string | undefined
  readonly userinfoGroupKeys: readonly string[]
  /** Whether an identity without any group is refused. */
  readonly requiresGroups: boolean
}

export type IntegrationConfig = z.output<typeof integrationSchema> & {
  readonly cockroach: CockroachKeys | undefined
}

/** Under which names the integrations of the settings are known, in the order of the issuers. */
export function namesOf(settings: Partial<Settings>): readonly string[] {
  const count = issuersOf(settings).length
  // One for nobody, where they are on already and have no issuer yet.
  const isForNobody = count === 0 && settings['server.jwt_authentication.enabled'] === true
  return Array.from({ length: isForNobody ? 1 : count }, (_, index) =>
    index === 0 ? 'cockroachdb' : `cockroachdb_${index + 1}`,
  )
}

export function issuersOf(settings: Partial<Settings>): WrittenIssuers['issuers'] {
  const written =
    settings['server.jwt_authentication.issuers.configuration'] ??
    settings['server.jwt_authentication.issuers']
  return written?.issuers ?? []
}

export function expandSettings(settings: Settings): ReadonlyMap<string, IntegrationConfig> {
  const issuers = issuersOf(settings)
  return new Map(
    namesOf(settings).map((name, index) => {
      const issuer = issuers[index]
      const integration =
        issuer === undefined
          ? toNobodys(settings)
          : toIntegration(settings, issuer.issuer, issuer.jwksUri)
      return [name, integration]
    }),
  )
}

/**
 * Refuses every token for its issuer, as CockroachDB does where none is accepted. A token that says to be
 * of this one, which cannot exist (RFC 6761 6.4), has no key and no audience.
 */
function toNobodys(settings: Settings): IntegrationConfig {
  return {
    ...toIntegration(settings, 'https://issuer.invalid', undefined),
    additional_audiences: [],
    jwks: '{"keys":[]}',
    userinfo_groups: false,
  }
}

function toIntegration(
  settings: Settings,
  issuer: string,
  jwksUri: string | undefined,
): IntegrationConfig {
  const areKeysFetched = settings['server.jwt_authentication.jwks_auto_fetch.enabled']
  const readsGroups = settings['server.jwt_authentication.authorization.enabled']
  const fetched = jwksUri === undefined ? {} : { jwks_uri: jwksUri }
  return {
    // Every key that the settings do not speak of is as in an integration that leaves it out.
    ...integrationSchema.parse({ issuer: 'https://issuer.invalid' }),
    enabled: settings['server.jwt_authentication.enabled'],
    // With keys of its own it may be any text.
    issuer,
    additional_audiences: [...(settings['server.jwt_authentication.audience']?.values ?? [])],
    ...(areKeysFetched ? fetched : { jwks: settings['server.jwt_authentication.jwks'].json }),
    principal_claim: settings['server.jwt_authentication.claim'],
    map_principal: true,
    leeway: 0,
    request_timeout: settings['server.jwt_authentication.client.timeout'],
    groups_claim_ids: readsGroups ? [...settings['server.jwt_authentication.group_claim']] : [],
    userinfo_groups: readsGroups,
    cockroach: {
      customCa: settings['server.jwt_authentication.issuers.custom_ca'],
      userinfoGroupKeys: settings['server.jwt_authentication.userinfo_group_key'],
      requiresGroups: readsGroups,
    },
  }
}
