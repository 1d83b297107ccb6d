import { randomUUID } from 'node:crypto'
import { createLocalJWKSet, errors as joseErrors, type JWK, jwtVerify } from 'jose'
import type Provider from 'oidc-provider'
import { errors } from 'oidc-provider'
import { databaseAudience, toClaims, type ProviderSetup } from './provider-configuration.ts'

export const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
/** What a token may be exchanged for, besides the audience of the other tokens. */
export const warehouseAudience = 'https://warehouse.example.com'

const parameters = [
  ...['subject_token', 'subject_token_type', 'requested_token_type'],
  ...['audience', 'resource', 'scope', 'actor_token', 'actor_token_type'],
] as const
type Parameters = Partial<Record<(typeof parameters)[number], string>>

const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'
const targets: readonly unknown[] = [databaseAudience, warehouseAudience]

type Sign = (claims: Record<string, unknown>, header: Record<string, unknown>) => Promise<string>

/**
 * Adds token exchange (RFC 8693), which oidc-provider does not have: a token that this provider signed, for
 * an access token for one of the targets, with the client that asks as the actor.
 */
export function addTokenExchange(provider: Provider, setup: ProviderSetup, sign: Sign): void {
  const findKey = createLocalJWKSet({ keys: setup.keys.map(toPublic) })

  provider.registerGrantType<Parameters>(
    exchangeGrant,
    async (ctx) => {
      const { client, params } = ctx.oidc
      const { subject_token: token, audience = params.resource } = params
      if (token === undefined || params.subject_token_type === undefined) {
        throw new errors.InvalidRequest('subject_token and subject_token_type are required')
      }
      if (!targets.includes(audience)) throw new errors.InvalidTarget('unknown audience')
      const { payload } = await jwtVerify(token, findKey, { issuer: provider.issuer }).catch(
        (error: unknown) => {
          if (error instanceof joseErrors.JOSEError) throw new errors.InvalidGrant('subject_token')
          throw error
        },
      )
      const user = setup.users[payload.sub ?? '']
      const now = Math.floor(Date.now() / 1_000)
      const claims = {
        ...(user && toClaims(user)),
        iss: provider.issuer,
        sub: payload.sub,
        aud: audience,
        client_id: client.clientId,
        jti: randomUUID(),
        iat: now,
        exp: now + setup.accessTokenSeconds,
        act: { sub: client.clientId, ...('act' in payload && { act: payload['act'] }) },
      }
      ctx.body = {
        access_token: await sign(claims, { typ: 'at+jwt' }),
        issued_token_type: accessTokenType,
        token_type: 'Bearer',
        expires_in: setup.accessTokenSeconds,
      }
    },
    parameters,
  )
}

function toPublic({ kty, kid, alg, use, n, e, crv, x, y }: JWK): JWK {
  const members = Object.entries({ kid, alg, use, n, e, crv, x, y })
  const known = members.filter(([, value]) => value !== undefined)
  return { kty, ...(Object.fromEntries(known) as Partial<JWK>) } as JWK
}
