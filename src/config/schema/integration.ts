import { RE2JS, RE2JSSyntaxException } from 're2js'
import { z } from 'zod'
import { isProxyUrl } from '../../environment-proxy.ts'
import {
  anyText,
  claim,
  dictionary,
  duration,
  flag,
  host,
  httpsUrl,
  identifier,
  integer,
  issuerUrl,
  path,
  secret,
  section,
  text,
} from '../fields.ts'
import { expecting, expectingText } from '../messages.ts'
import { grant } from './grant.ts'
import { introspection } from './introspection.ts'
import { keySet } from './key-set.ts'
import { provisioning } from './provisioning.ts'

const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const

/** A match takes time in proportion to it. Counted repetitions multiply. */
const mostInstructions = 500

function regularExpression(faultOf: (pattern: RE2JS) => string | undefined): z.ZodString {
  return z
    .string({ error: expectingText('must be a regular expression') })
    .superRefine((pattern, context) => {
      const message = faultOfPattern(pattern, faultOf)
      if (message !== undefined) context.addIssue({ code: 'custom', message })
    })
    .meta({ 'x-type': 'regular expression' })
}

function faultOfPattern(
  pattern: string,
  faultOf: (pattern: RE2JS) => string | undefined,
): string | undefined {
  try {
    const compiled = RE2JS.compile(pattern)
    const size = compiled.programSize()
    if (size > mostInstructions) {
      return `must be a simpler regular expression: it compiles to ${size} instructions, and at most ${mostInstructions} are allowed; repetitions like {1,100} multiply`
    }
    return faultOf(compiled)
  } catch (cause) {
    // The exception's message repeats the pattern, its description does not.
    const why = cause instanceof RE2JSSyntaxException ? `: ${cause.getDescription()}` : ''
    return `must be a regular expression in RE2 syntax${why}`
  }
}

export const principalRegex = regularExpression((pattern) => {
  const count = pattern.groupCount()
  if (count === 1) return undefined
  return `must have exactly one capture group, and has ${count}; (?:...) groups without capturing`
})

const claimPattern = section({
  pattern: regularExpression(() => undefined).describe(
    'A regular expression (RE2) that must match the whole value. Values of many thousand characters in all are not tried, and match nothing.',
  ),
})

const expectedValue = z
  .union([z.string(), z.number(), z.boolean(), claimPattern], {
    error: expecting('must be a string, a number, true, false, or { pattern: ... }'),
  })
  .meta({ 'x-type': 'value or pattern' })

const shownToken = section({
  use_token: z
    .enum(['id_token', 'access_token'])
    .prefault('id_token')
    .describe('Which token that is.'),
  host: host().prefault('localhost').describe('The host that is shown beside it.'),
  port: integer(1, 65_535).prefault(5432).describe('The port that is shown beside it.'),
})

export const integration = section({
  enabled: flag()
    .prefault(true)
    .describe(
      'With `false`, whoever would log in by this integration is refused, and its provider is not asked for anything.',
    ),
  protocol: z.enum(['oidc']).default('oidc').describe('The protocol of the identity provider.'),
  issuer: issuerUrl().describe(
    'The issuer: an https URL under which the discovery document is found. One slash at the end makes no difference, unless there is one of the `jwks` keys: `iss` must be exactly this then.',
  ),
  client_id: anyText()
    .optional()
    .describe(
      'Our client at the provider. It is an accepted audience, and the authorized party of a token must be it.',
    ),
  client_secret: secret()
    .optional()
    .describe(
      'The secret of that client. Interactive sign-in, `introspection` and token exchange use it. Where a provider does not take it for the sign-in, as of a native application, the sign-in goes without.',
    ),
  button_text: anyText().optional().meta({
    description: 'What is on the button by which people sign in on the pages of `web`.',
    'x-default': '`Sign in with` and the name of the integration',
  }),
  shown_token: shownToken
    .optional()
    .describe(
      'Whether people may have a token of the provider shown on the pages, to use it as a password: at `/oidc/v1/login?jwt`.',
    ),
  default_group: identifier('group').optional().describe('A group that every identity is in.'),
  additional_scopes: z
    .array(text('scope', 'must be a scope without spaces', (scope) => !/\s/.test(scope)))
    .prefault([])
    .describe('Scopes to ask for besides `openid` in interactive sign-in.'),
  additional_audiences: z
    .array(anyText())
    .prefault([])
    .describe('Accepted audiences besides `client_id`. Required if there is no `client_id`.'),
  allow_no_audience: flag()
    .prefault(false)
    .describe(
      'Whether a token without `aud` is accepted if its authorized party is `client_id`, as access tokens of Amazon Cognito are. One with `aud` must be for us all the same.',
    ),
  strict_audiences: flag()
    .prefault(false)
    .describe('Whether a token is refused if it is for any other audience as well.'),
  groups_claim_ids: z
    .array(claim())
    .prefault([])
    .describe(
      'Claims that list groups: literal names, or JSON Pointers if they begin with a slash. What is found there is a list, a text with commas, or an object, of which each name counts that has an object with something in it.',
    ),
  userinfo_groups: flag()
    .prefault(false)
    .describe(
      'Whether the provider is asked at its userinfo endpoint for those claims, if a token has none of them. The provider must take the token there: most take access tokens only.',
    ),
  groups_claim_mappings: dictionary(anyText(), identifier('group'))
    .prefault({})
    .describe('From the values of those claims to our groups.'),
  blocked_groups: z
    .array(anyText())
    .prefault([])
    .describe(
      'Values of those claims that refuse the login, whatever else the identity has. A token without the claims, and without `userinfo_groups`, is in none of them.',
    ),
  principal_claim: claim()
    .prefault('sub')
    .describe(
      'The claim that names the principal: a literal name, or a JSON Pointer. Of a list, each string or number is a name of it.',
    ),
  principal_regex: principalRegex.optional().meta({
    description:
      'A regular expression (RE2) with one capture group, which takes the principal out of the claim. Anchor it with ^ and $.',
    'x-type': 'regular expression',
  }),
  map_principal: flag()
    .prefault(false)
    .describe('Whether the principal itself is the name of a role that it may use.'),
  provisioning: provisioning
    .prefault({})
    .describe('Roles of their own for those who log in. Off unless it is enabled.'),
  enable_id_token_authentication: flag()
    .prefault(false)
    .describe('Whether the user `id_token` may be used with this integration.'),
  require_sender_constraint: flag()
    .prefault(false)
    .describe(
      'Whether a token must be bound to the client certificate of its connection (RFC 8705: `cnf` with `x5t#S256`). One that is bound is always checked. With `true` clients are asked for a certificate, which needs no authority unless there is `tls.client_ca`.',
    ),
  required_claims: dictionary(claim(), expectedValue)
    .prefault({})
    .describe(
      'Claims that a token must have: each with its value (a string, a number, `true` or `false`), or with `{ pattern: ... }`, a regular expression (RE2) that must match the whole value. Of a list, one entry must be right.',
    ),
  required_acr: z
    .array(anyText())
    .prefault([])
    .describe(
      'Accepted values of `acr`, the way in which somebody signed in. Any, if there are none.',
    ),
  algorithms: z
    .array(z.enum(algorithms))
    .min(1)
    .prefault([...algorithms])
    .describe('Accepted signature algorithms.'),
  allowed_typ: z
    .array(
      text('media type', 'must be a media type such as "at+jwt", or "none"', (typ) =>
        /^[\w.+/-]+$/.test(typ),
      ),
    )
    .min(1)
    .prefault(['JWT', 'at+jwt', 'none'])
    .describe(
      'Accepted values of `typ` in the header of a token, whatever their case and with or without `application/`; `none` is a token without one.',
    ),
  token_kinds: z
    .array(z.enum(['id_token', 'at+jwt', 'access_token']))
    .min(1)
    .prefault(['id_token', 'at+jwt', 'access_token'])
    .describe(
      "Accepted kinds of tokens: `id_token`; `at+jwt`, an access token of RFC 9068; `access_token`, one in a format of the provider's own, or one that the provider is asked about. A token is exactly one kind, or refused: `allowed_typ` is about what its header says, this about what it is.",
    ),
  introspection: introspection
    .optional()
    .describe(
      'Whether and how the provider is asked about access tokens (RFC 7662), which need not be JWTs then. It is asked only where the user is `access_token`.',
    ),
  decryption_keys_file: path()
    .optional()
    .describe(
      'A file with our private keys for encrypted tokens: a JSON key set, or one key in PEM. It is read at start and at reload.',
    ),
  recheck: duration('1s', '24h')
    .optional()
    .describe(
      'How often the right of a session is looked at again while it is open: by the configuration of then and, for a session by an access token and where `introspection` is configured, at the provider. For that its token is kept in memory.',
    )
    .meta({ 'x-default': 'never' }),
  recheck_max_stale: duration('0', '24h')
    .prefault('1h')
    .describe(
      'How long a session goes on while the provider cannot be asked about it. 0 ends it at the first failure.',
    ),
  backchannel_logout: flag()
    .prefault(false)
    .describe(
      'Whether the provider may say who has signed out (OpenID Connect Back-Channel Logout): their sessions are ended, and tokens of before are refused. Register `/oidc/v1/backchannel-logout` behind `web.public_url` as the back-channel logout URI.',
    ),
  leeway: duration('0', '5m')
    .prefault('30s')
    .describe('How far clocks may differ when `exp`, `nbf` and `iat` are checked.'),
  max_token_age: duration('1s', '8760h')
    .optional()
    .describe(
      'How long ago, besides `leeway`, a token may have been issued, by its `iat`; one without is refused then.',
    ),
  jwks: keySet
    .optional()
    .describe(
      'The keys of the issuer, as a mapping or as JSON. With this, `jwks_file` or `jwks_uri`, of which there may be one, no discovery document is read.',
    ),
  jwks_file: path()
    .optional()
    .describe(
      'A JSON file with the keys of the issuer. It is read again after 5 minutes, and for a key that is not known.',
    ),
  jwks_uri: httpsUrl().optional().describe('Where the keys of the issuer are fetched.'),
  jwks_bearer_token_file: path()
    .optional()
    .describe(
      'A file with a bearer token to send when the discovery document and the keys are fetched, as the API server of Kubernetes wants it. It is read again each time.',
    ),
  custom_ca: path()
    .optional()
    .describe(
      'PEM file with the certificate authorities to trust for the provider, instead of the built-in ones.',
    ),
  proxy_url: text(
    'secret URL',
    'must be an http or https URL such as http://proxy.example.com:3128, or "none"',
    (value) => value === 'none' || isProxyUrl(value),
  )
    .optional()
    .meta({
      description:
        'The proxy for every request to the provider, asked by CONNECT: an http or https URL, with a user and a password in it if the proxy wants them. `none` is no proxy, whatever the environment says. An https proxy is trusted by the built-in certificate authorities.',
      'x-default': 'the variable `HTTPS_PROXY`, but for loopback hosts and those of `NO_PROXY`',
    }),
  request_timeout: duration('100ms', '60s')
    .prefault('5s')
    .describe('For each request to the provider.'),
})

export const group = section({
  role: identifier('role').optional().meta({
    description: 'The PostgreSQL role of the group.',
    'x-default': 'the name of the group',
  }),
  rank: integer(-1_000_000, 1_000_000)
    .prefault(0)
    .describe(
      'An identity in several groups gets the role of the highest rank, unless it asks for another. Between equals the default group is last.',
    ),
  allow_superuser: flag()
    .prefault(false)
    .describe('Whether the role may be a superuser or one that is reserved.'),
  grants: z
    .array(grant)
    .optional()
    .describe(
      'What the role may do in which database, for `portcullis grants`: statements as `SELECT ON DATABASE sandbox`, or entries. Without it the privileges of the role are not looked at.',
    ),
})

type Groups = Readonly<Record<string, z.output<typeof group>>>

export const groups = dictionary(identifier('group'), group)
  .transform(withRoles)
  .prefault({})
  .describe('Groups of identities, each with the PostgreSQL role that they may use.')

function withRoles(entries: Groups) {
  const filled = Object.entries(entries).map(
    ([name, entry]) => [name, { ...entry, role: entry.role ?? name }] as const,
  )
  return Object.assign(
    Object.create(null) as Record<string, (typeof filled)[number][1]>,
    Object.fromEntries(filled),
  )
}
