// CockroachDB's cluster settings, under their own names and in its own forms.
import { z } from 'zod'
import {
  readCertificates,
  readClaimName,
  readGroupKeys,
  readIssuers,
  readJwks,
  readList,
} from '../cockroach-values.ts'
import { duration, httpsUrl } from '../fields.ts'
import { expecting, expectingText, unknownKeys } from '../messages.ts'
import { oidcShape } from './oidc-settings.ts'
import { read, settingFlag, words } from './setting-forms.ts'

const list = z.union([z.string(), z.array(z.string())], {
  error: expectingText('must be a string, a JSON array of strings or a list of strings'),
})
const jsonOrList = z.union([z.string(), z.array(z.string()), z.record(z.string(), z.unknown())], {
  error: expectingText('must be a string, JSON or a list of strings'),
})
const jwks = z.union([z.string(), z.record(z.string(), z.unknown())], {
  error: expecting('must be a JWK or a JWKS, as JSON or as a mapping'),
})
function isKeyAddress(text: string): boolean {
  return httpsUrl().safeParse(text).success
}

const issuers = read(jsonOrList, 'issuers', (written) => readIssuers(written, isKeyAddress))

const groupKey = read(words, 'claim', readGroupKeys)

const shape = {
  'server.jwt_authentication.enabled': settingFlag().describe(
    'Whether tokens of the issuers below log in. The settings become integrations `cockroachdb`, `cockroachdb_2` and so on, one for each issuer, of the database `system`.',
  ),
  'server.jwt_authentication.audience': read(list, 'string or list', readList)
    .optional()
    .describe(
      'Accepted audiences: one as it is, or a JSON array. A token must be for one of them; without any, none is accepted.',
    ),
  'server.jwt_authentication.issuers.configuration': issuers
    .optional()
    .describe(
      'Accepted issuers: one as it is, a JSON array, or `{"issuer_jwks_map": {"<issuer>": "<address of its keys>"}}`. `iss` must be exactly one of them, slash at the end included; without any, no token is accepted.',
    ),
  'server.jwt_authentication.issuers': issuers
    .optional()
    .describe('The old name of `server.jwt_authentication.issuers.configuration`.'),
  'server.jwt_authentication.jwks': read(jwks, 'JWK or JWKS', readJwks)
    .prefault('{"keys":[]}')
    .describe(
      'The public keys of all issuers, as JSON: one key or a set. Without any, and where they are not fetched, no token is accepted.',
    ),
  'server.jwt_authentication.jwks_auto_fetch.enabled': settingFlag().describe(
    'Whether the keys of an issuer are fetched: from the address in `issuer_jwks_map`, else by its discovery document. `jwks` is ignored then.',
  ),
  'server.jwt_authentication.issuers.custom_ca': read(words, 'PEM text', readCertificates)
    .prefault('')
    .describe(
      'PEM text of the certificate authorities to trust for the issuers, instead of the built-in ones.',
    ),
  'server.jwt_authentication.claim': read(words, 'claim', readClaimName).prefault('').meta({
    description:
      'The claim that names the user: a literal name, or a JSON Pointer. Of a list, each entry is a user that it may be.',
    'x-default': '`sub`',
  }),
  'server.jwt_authentication.client.timeout': duration('100ms', '60s')
    .prefault('15s')
    .describe('For each request to an issuer.'),
  'server.jwt_authentication.authorization.enabled': settingFlag().describe(
    'Whether groups are read. A group of the token whose name is that of one of our `groups`, but for case, is that group; others are skipped, and a token without any is refused.',
  ),
  'server.jwt_authentication.group_claim': groupKey
    .prefault('groups')
    .describe('The claim that lists the groups, by its literal name.'),
  'server.jwt_authentication.userinfo_group_key': groupKey
    .prefault('groups')
    .describe(
      'Where userinfo lists the groups. It is asked where a token has no such claim, and known where the discovery document was read.',
    ),
  'server.identity_map.configuration': words
    .prefault('')
    .describe(
      'Lines of issuer, user of the token (or a regular expression behind a slash) and role, in the reading of CockroachDB: three words and no quotes. An issuer may have lines here or in `identity_map`.',
    )
    .meta({ 'x-type': 'text' }),
  'security.provisioning.jwt.enabled': settingFlag().describe(
    'Reserved: no role is created in this version.',
  ),
  ...oidcShape,
}

const unverified = 'server.oidc_authentication.tls_insecure_skip_verify.enabled'

export const settingsSection = z.strictObject(shape, {
  error: (issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys.map(describeUnknown).join('\n') : undefined,
})

function describeUnknown(key: string): string {
  return key === unverified
    ? 'is not available: the certificate of the provider is always verified, by `server.oidc_authentication.provider.custom_ca` where that is set'
    : unknownKeys([key], Object.keys(shape))
}

export const settings = settingsSection
  .prefault({})
  .describe(
    "CockroachDB's cluster settings for logins with a token, as it writes them. See [cockroachdb.md](cockroachdb.md).",
  )
