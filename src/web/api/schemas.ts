// What is asked of the API and what it answers. Requests are validated by these schemas, and the OpenAPI document
// is made of them.
import { z } from 'zod'
import { errorCodes } from './api-error.ts'
import { longestSealed as longestRefresh } from './refresh-token.ts'

const longestToken = 60_000
const longestSealed = 8_192
const longestName = 63

function name(what: string): z.ZodString {
  return z
    .string()
    .min(1)
    .max(longestName)
    .regex(/^[^\u0000-\u001f\u007f]+$/, 'must have no control characters')
    .describe(what)
}

const database = name(
  'The database that is meant. Its integrations count, or those of `system` where it has none.',
)
const systemByDefault = database.default('system')
const integration = name(
  'The integration to use among those of the database, as `identityprovider` names it to SQL clients. Without it: the one that the token is from, else the primary one.',
).optional()
const token = z.string().min(1).max(longestToken)

const bounds = z
  .strictObject({
    user: name('Good for this user of the startup message alone.').optional(),
    database: name('Good for this database alone.').optional(),
    pool: name('Good in this connectivity pool alone.').optional(),
  })
  .default({})
  .describe('Where alone the session token is to be good.')

const leastLifetime = 60
const mostLifetime = 86_400

const lifetime = z
  .int()
  .min(leastLifetime)
  .max(mostLifetime)
  .optional()
  .describe(
    'For how many seconds the session token is to be good: at most for `web.session_tokens.lifetime`, and never for longer than what it is made from.',
  )

/** What may be said of the session token that comes of a call. */
const wanted = { bounds, lifetime }

export const signInRequest = z.strictObject({
  database: systemByDefault,
  integration,
  sso_callback_path: z
    .literal('/v1/callback')
    .default('/v1/callback')
    .describe(
      'Where the browser comes back to: `/v1/callback` below `web.public_url`, which is registered at the identity provider.',
    ),
  do_redirect: z
    .boolean()
    .default(true)
    .describe(
      'Whether the answer is a redirect. With `false` the address is in the body, and empty where the database has no single sign-on.',
    ),
  ...wanted,
})

const exchange = { database, integration, ...wanted }

export const tokenRequest = z.union([
  z.strictObject({
    ...exchange,
    id_token: token.describe(
      'An ID token, or any other JWT of the provider that is a password here.',
    ),
  }),
  z.strictObject({
    ...exchange,
    access_token: token.describe(
      'An access token: the provider is asked about it where `introspection` is configured.',
    ),
  }),
])

export const deviceRequest = z.strictObject({ database: systemByDefault, integration })

const mostWaitSeconds = 600
const usualWaitSeconds = 30

export const verifyRequest = z.strictObject({
  user_code: z.string().min(1).max(64).describe('As it was given out.'),
  device_code: z
    .string()
    .min(1)
    .max(longestSealed)
    .optional()
    .describe('The newest one that was given out; without it, that of the cookie.'),
  database: database.optional(),
  timeout: z
    .union([
      z.int().min(1).max(mostWaitSeconds),
      z
        .string()
        .regex(/^(?:[1-9]\d?|[1-5]\d\d|600)$/)
        .transform(Number),
    ])
    .default(usualWaitSeconds)
    .describe('For how many seconds to wait for somebody to sign in.'),
  ...wanted,
})

export const refreshRequest = z.strictObject({
  database: database.optional(),
  refresh_token: z
    .string()
    .min(1)
    .max(longestRefresh)
    .optional()
    .describe(
      'The newest one that was given out. With it the session token is not needed; where both are brought, they are to be of one sign-in.',
    ),
  lifetime,
})

export const logoutRequest = z.strictObject({
  refresh_token: z
    .string()
    .min(1)
    .max(longestRefresh)
    .optional()
    .describe('The identity provider is told to take it no longer, where it has a way to.'),
})

export const callbackQuery = z.object({
  state: z.string().describe('As the browser was sent to the identity provider with.'),
  code: z.string().optional().describe('The code of the identity provider.'),
  iss: z.string().optional().describe('The issuer that the answer is from (RFC 9207).'),
  error: z.string().optional().describe('Why there is no code.'),
  error_description: z.string().optional(),
  session_state: z.string().optional(),
})

export const tokenResponse = z.strictObject({
  access_token: z.string().describe('The session token: the password for the database.'),
  token_type: z.literal('Bearer'),
  expires_in: z.int().min(0).describe('Seconds until it is no longer good.'),
  expires_at: z.iso.datetime().describe('The same as a time.'),
  database: z.string().describe('As it was asked for.'),
  username: z
    .string()
    .optional()
    .describe('The user to connect as: the one that was asked for, else the first role.'),
  roles: z
    .array(z.string())
    .describe(
      'The users that are open at the database, the usual one first; for `system` those of all databases.',
    ),
  principal: z.string().describe('Who it is.'),
  integration: z.string(),
  refresh_token: z
    .string()
    .optional()
    .describe(
      'For `token_refresh`: a sealed one, where the identity provider gave one out. It is of no use anywhere else.',
    ),
})

export const redirectResponse = z.strictObject({
  redirect_url: z
    .string()
    .describe('Where the browser is to go; empty where the database has no single sign-on.'),
})

export const deviceResponse = z.strictObject({
  verification_uri: z.url().describe('The page of the identity provider to open.'),
  verification_uri_complete: z.url().optional().describe('The same with the code in it.'),
  user_code: z.string().describe('What somebody compares, or enters there.'),
  device_code: z.string().describe('For `sso_device_grant_verify`. Sealed: any node takes it.'),
  expires_in: z.int().min(0),
  interval: z.number().min(0).describe('Seconds that are to be between two questions.'),
  database: z.string(),
  integration: z.string(),
})

export const logoutResponse = z.strictObject({
  revoked: z
    .boolean()
    .describe('Whether a session token was brought, which is good for nothing now.'),
  refresh_token_revoked: z
    .boolean()
    .describe('Whether a refresh token was brought that the identity provider takes no longer.'),
  sessions_ended: z.int().min(0).describe('Sessions at databases that were ended with it.'),
})

const codes = Object.keys(errorCodes) as (keyof typeof errorCodes)[]

export const errorResponse = z.strictObject({
  error: z.enum(codes),
  error_description: z.string().describe('For people.'),
  sqlstate: z.string().length(5).optional().describe('What a client of PostgreSQL would read.'),
  hint: z.string().optional().describe('What to do.'),
  doc: z.string().optional().describe('Where the documentation has more.'),
  reference: z.string().optional().describe('By which operators find the call in the log.'),
  device_code: z
    .string()
    .optional()
    .describe('With `authorization_pending`: the one to ask with next.'),
  interval: z.number().optional().describe('With `authorization_pending`: seconds until then.'),
})

const flow = z.enum(['deviceGrant', 'authorizationCode'])

export const gatewayDescription = z.strictObject({
  format: z.literal(1).describe('The version of this document. Members may be added to it.'),
  version: z.string().describe('That of Portcullis.'),
  public_url: z.url(),
  endpoints: z.record(z.string(), z.url()).describe('The calls of this API, by their names.'),
  session_tokens: z.boolean().describe('Whether session tokens are given out.'),
  tls: z.strictObject({
    sslmode: z.literal('verify-full').describe('What clients of PostgreSQL are to set.'),
    min_version: z.string(),
  }),
  pools: z.array(
    z.strictObject({
      name: z.string(),
      endpoints: z
        .array(z.strictObject({ host: z.string(), port: z.int() }))
        .describe('Where clients of PostgreSQL connect.'),
      api_url: z.url().describe('Where this API is reached from there.'),
      integrations: z
        .array(z.string())
        .optional()
        .describe('Whose tokens it takes, where those are not all.'),
      sso_integration: z.string().optional().describe('Where people sign in for it.'),
      sso_flows: z.array(flow),
      server_names: z.array(z.string()).optional().describe('To be named in TLS (SNI).'),
      client_certificate: z.boolean().describe('Whether a client certificate is needed, too.'),
    }),
  ),
  integrations: z.array(
    z.strictObject({
      name: z.string(),
      issuer: z.url(),
      public_client: z
        .boolean()
        .describe('Whether a tool can be the client itself, without a secret.'),
      client_id: z.string().optional().describe('Of a public client.'),
      scopes: z
        .array(z.string())
        .optional()
        .describe('Of a public client: with `offline_access` it gets refresh tokens.'),
      usual: z
        .boolean()
        .describe('Whether its tokens are taken at databases without integrations of their own.'),
      primary: z.boolean().describe('Whether people sign in with it at those.'),
    }),
  ),
})

export const jwkSet = z.object({ keys: z.array(z.record(z.string(), z.unknown())) })
export const openapiDocument = z.record(z.string(), z.unknown())
