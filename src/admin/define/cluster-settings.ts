// CockroachDB's settings as it lists them.
import { clusterSettings } from '../grammar/properties.ts'
import { at, flagAt, isList, isMap, isReference, toText } from './tree.ts'
import type { Written, WrittenMap } from '../catalog-home.ts'
import { mask } from '../grammar/secret.ts'

/** As in `crdb_internal.cluster_settings`: a boolean, a string, a duration. */
export type SettingType = 'b' | 's' | 'd'

export interface ClusterSetting {
  readonly type: SettingType
  readonly default: string
  readonly description: string
}

const jwt = 'server.jwt_authentication'
const oidc = 'server.oidc_authentication'

/** Under their own names; those of the grammar that are missing here are older names. */
export const listedSettings: Readonly<Record<string, ClusterSetting>> = {
  'security.provisioning.jwt.enabled': {
    type: 'b',
    default: 'false',
    description: 'reserved: whether roles are made at their first login with a token',
  },
  'server.identity_map.configuration': {
    type: 's',
    default: '',
    description: 'which users of an issuer are which roles: lines of issuer, user and role',
  },
  [`${jwt}.audience`]: {
    type: 's',
    default: '',
    description: 'the audience that tokens must be for, or a JSON array of them',
  },
  [`${jwt}.authorization.enabled`]: {
    type: 'b',
    default: 'false',
    description: 'whether groups are read',
  },
  [`${jwt}.claim`]: {
    type: 's',
    default: '',
    description: 'the claim that names the user; sub if empty',
  },
  [`${jwt}.client.timeout`]: {
    type: 'd',
    default: '15s',
    description: 'how long a request to an issuer may take',
  },
  [`${jwt}.enabled`]: {
    type: 'b',
    default: 'false',
    description: 'whether tokens log in',
  },
  [`${jwt}.group_claim`]: {
    type: 's',
    default: 'groups',
    description: 'the claim that lists groups',
  },
  [`${jwt}.issuers.configuration`]: {
    type: 's',
    default: '',
    description:
      'the issuer of tokens, a JSON array of them, or a JSON map to where their keys are',
  },
  [`${jwt}.issuers.custom_ca`]: {
    type: 's',
    default: '',
    description: 'the certificate authorities to trust for issuers, as PEM text',
  },
  [`${jwt}.jwks`]: {
    type: 's',
    default: '{"keys":[]}',
    description: 'the public keys of all issuers: a JWK or a JWKS',
  },
  [`${jwt}.jwks_auto_fetch.enabled`]: {
    type: 'b',
    default: 'false',
    description: 'whether the keys of an issuer are fetched',
  },
  [`${jwt}.userinfo_group_key`]: {
    type: 's',
    default: 'groups',
    description: 'where userinfo lists groups',
  },
  [`${oidc}.autologin.enabled`]: {
    type: 'b',
    default: 'false',
    description: 'whether whoever opens a page is sent on to the provider',
  },
  [`${oidc}.authorization.enabled`]: {
    type: 'b',
    default: 'false',
    description: 'whether groups are read',
  },
  [`${oidc}.button_text`]: {
    type: 's',
    default: 'Log in with your OIDC provider',
    description: 'what is on the button',
  },
  [`${oidc}.claim_json_key`]: {
    type: 's',
    default: '',
    description: 'the claim of the ID token that names the user',
  },
  [`${oidc}.client.timeout`]: {
    type: 'd',
    default: '15s',
    description: 'how long a request to the provider may take',
  },
  [`${oidc}.client_id`]: {
    type: 's',
    default: '',
    description: 'the client at the provider',
  },
  [`${oidc}.client_secret`]: {
    type: 's',
    default: '',
    description: 'its secret',
  },
  [`${oidc}.enabled`]: {
    type: 'b',
    default: 'false',
    description: 'whether people sign in on the pages',
  },
  [`${oidc}.generate_cluster_sso_token.enabled`]: {
    type: 'b',
    default: 'false',
    description: 'whether people may have a token shown to use as a password',
  },
  [`${oidc}.generate_cluster_sso_token.sql_host`]: {
    type: 's',
    default: 'localhost',
    description: 'the host that is shown beside it',
  },
  [`${oidc}.generate_cluster_sso_token.sql_port`]: {
    type: 's',
    default: '26257',
    description: 'the port that is shown beside it',
  },
  [`${oidc}.generate_cluster_sso_token.use_token`]: {
    type: 's',
    default: 'id_token',
    description: 'which token that is',
  },
  [`${oidc}.group_claim`]: {
    type: 's',
    default: 'groups',
    description: 'the claim that lists groups',
  },
  [`${oidc}.principal_regex`]: {
    type: 's',
    default: '(.+)',
    description: 'what takes the user out of the claim',
  },
  [`${oidc}.provider.custom_ca`]: {
    type: 's',
    default: '',
    description: 'the certificate authorities to trust for the provider, as PEM text',
  },
  [`${oidc}.provider_url`]: {
    type: 's',
    default: '',
    description: 'the issuer',
  },
  [`${oidc}.redirect_url`]: {
    type: 's',
    default: '',
    description: 'where people come back to, or a JSON map of that by region',
  },
  [`${oidc}.scopes`]: {
    type: 's',
    default: 'openid',
    description: 'what is asked for',
  },
  [`${oidc}.userinfo_group_key`]: {
    type: 's',
    default: 'groups',
    description: 'where userinfo lists groups',
  },
}

const renamed: readonly (readonly string[])[] = [
  [`${jwt}.issuers.configuration`, `${jwt}.issuers`],
  [`${oidc}.autologin.enabled`, `${oidc}.autologin`],
]

/** All names that the setting goes by, the one that it is listed under first. */
export function keysOf(name: string): readonly string[] {
  return renamed.find((names) => names.includes(name)) ?? [name]
}

export function settingOf(name: string): ClusterSetting {
  const [listed = name] = keysOf(name)
  const isFlag = clusterSettings[name]?.kinds.includes('boolean') === true
  return (
    listedSettings[listed] ?? {
      type: isFlag ? 'b' : 's',
      default: isFlag ? 'false' : '',
      description: '',
    }
  )
}

/** What the file has; undefined where it has nothing. */
export function writtenSetting(tree: WrittenMap, name: string): Written | undefined {
  const settings = at(tree, 'settings')
  return keysOf(name)
    .map((key) => at(settings, key))
    .find((value) => value !== undefined)
}

/** As CockroachDB shows it. */
export function shownSetting(tree: WrittenMap, name: string): string {
  const written = writtenSetting(tree, name)
  const setting = settingOf(name)
  if (written === undefined || written === null) return setting.default
  if (clusterSettings[name]?.isSecret === true) return mask
  if (isList(written) || isMap(written)) return JSON.stringify(written)
  return setting.type === 'b' ? shownFlag(written) : (toText(written) ?? '')
}

function shownFlag(written: Written): string {
  const text = toText(written) ?? ''
  if (isReference(text)) return text
  return ['true', 'on'].includes(text.toLowerCase()) ? 'true' : 'false'
}

/** null where it comes from somewhere else. */
export function flagSetting(tree: WrittenMap, name: string): boolean | null {
  const shown = shownSetting(tree, name)
  return flagAt(shown) ?? null
}
