// CockroachDB's cluster settings for people with a browser, under their own names and in its own forms.
import { z } from 'zod'
import {
  Fault,
  readCertificates,
  readClaimName,
  readGroupKeys,
  readRedirectUrls,
  readScopes,
} from '../cockroach-values.ts'
import { duration, httpsUrl, issuerUrl, secret } from '../fields.ts'
import { expectingText } from '../messages.ts'
import { principalRegex } from './integration.ts'
import { read, settingFlag, words } from './setting-forms.ts'

function readPort(written: string | number): number {
  const port = Number(written)
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port
  throw new Fault('must be a port between 1 and 65535')
}

function readTokenName(written: string): 'id_token' | 'access_token' {
  if (written === 'id_token' || written === 'access_token') return written
  throw new Fault('must be id_token or access_token')
}

/** An empty one is one that is not set. */
function orNone<T>(form: z.ZodType<T>) {
  return z.union([z.literal('').transform(() => undefined), form]).optional()
}

const anyWords = z.union([z.string(), z.number()], { error: expectingText('must be a string') })

export const oidcShape = {
  'server.oidc_authentication.enabled': settingFlag().describe(
    'Whether people sign in on the pages of `web` at the provider below. The settings become the integration `cockroachdb_oidc`, which no database has unless it names it.',
  ),
  'server.oidc_authentication.client_id': orNone(anyWords.transform(String))
    .describe('Our client at the provider.')
    .meta({ 'x-type': 'string' }),
  'server.oidc_authentication.client_secret': orNone(secret())
    .describe('The secret of that client.')
    .meta({ 'x-type': 'secret string' }),
  'server.oidc_authentication.redirect_url': read(
    z.union([words, z.record(z.string(), z.unknown())]),
    'URL or JSON',
    (written) => readRedirectUrls(written, (text) => httpsUrl().safeParse(text).success),
  )
    .optional()
    .meta({
      description:
        'What is registered at the provider: `web.public_url` with `/oidc/v1/callback` behind it. For several regions `{"redirect_urls": {"<region>": "<URL>"}}`, of which that of `region` is meant.',
      'x-default': '`web.public_url` with `/oidc/v1/callback` behind it',
    }),
  'server.oidc_authentication.provider_url': orNone(issuerUrl())
    .describe('The issuer, below which the discovery document is.')
    .meta({ 'x-type': 'URL' }),
  'server.oidc_authentication.scopes': read(words, 'scopes', readScopes)
    .prefault('openid')
    .describe('Scopes to ask for, with spaces between: `openid` is the first.'),
  'server.oidc_authentication.claim_json_key': read(words, 'claim', (text) =>
    text === '' ? undefined : readClaimName(text),
  )
    .optional()
    .describe('The claim of the ID token that names the user. Of a list, each entry is one.'),
  'server.oidc_authentication.principal_regex': principalRegex
    .prefault('(.+)')
    .describe(
      'A regular expression (RE2) with one capture group, which takes the user out of that claim.',
    )
    .meta({ 'x-type': 'regular expression' }),
  'server.oidc_authentication.button_text': words
    .prefault('Log in with your OIDC provider')
    .describe('What is on the button.')
    .meta({ 'x-type': 'text' }),
  'server.oidc_authentication.autologin.enabled': settingFlag().describe(
    'Whether whoever opens a page is sent on to the provider at once, as `web.autologin`.',
  ),
  'server.oidc_authentication.autologin': settingFlag().describe(
    'The old name of `server.oidc_authentication.autologin.enabled`.',
  ),
  'server.oidc_authentication.generate_cluster_sso_token.enabled': settingFlag().describe(
    'Whether people may have a token of the provider shown, to use it as a password, at `/oidc/v1/login?jwt`. Logins with it go by `server.jwt_authentication`.',
  ),
  'server.oidc_authentication.generate_cluster_sso_token.use_token': read(
    words,
    'token',
    readTokenName,
  )
    .prefault('id_token')
    .describe('Which token that is: `id_token` or `access_token`.'),
  'server.oidc_authentication.generate_cluster_sso_token.sql_host': words
    .prefault('localhost')
    .describe('The host that is shown beside it.')
    .meta({ 'x-type': 'host' }),
  'server.oidc_authentication.generate_cluster_sso_token.sql_port': read(anyWords, 'port', readPort)
    .prefault('26257')
    .describe('The port that is shown beside it.'),
  'server.oidc_authentication.client.timeout': duration('100ms', '60s')
    .prefault('15s')
    .describe('For each request to the provider.'),
  'server.oidc_authentication.provider.custom_ca': read(words, 'PEM text', readCertificates)
    .prefault('')
    .describe(
      'PEM text of the certificate authorities to trust for the provider, instead of the built-in ones.',
    ),
  'server.oidc_authentication.authorization.enabled': settingFlag().describe(
    'Whether groups are read, as for `server.jwt_authentication.authorization.enabled`: whoever is in none of ours is refused.',
  ),
  'server.oidc_authentication.group_claim': read(words, 'claim', readGroupKeys)
    .prefault('groups')
    .describe('The claim that lists the groups, by its literal name.'),
  'server.oidc_authentication.userinfo_group_key': read(words, 'claim', readGroupKeys)
    .prefault('groups')
    .describe('Where userinfo lists the groups, which is asked where a token has no such claim.'),
} as const
