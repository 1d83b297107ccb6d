import { timingSafeEqual } from 'node:crypto'
import type Provider from 'oidc-provider'
import { type ClientMetadata, errors } from 'oidc-provider'
import { type ProviderSetup, toClaims } from './provider-configuration.ts'

const grantType = 'password'
const parameters = ['username', 'password', 'scope'] as const
type Parameters = Partial<Record<(typeof parameters)[number], string>>

type Sign = (claims: Record<string, unknown>, header: Record<string, unknown>) => Promise<string>

/** For programs that ask for the passwords of people. */
export function passwordClient(clientId: string, secret: string): ClientMetadata {
  return {
    client_id: clientId,
    client_secret: secret,
    grant_types: [grantType, 'refresh_token'],
    response_types: [],
    redirect_uris: [],
  }
}

/**
 * Adds the password grant (RFC 6749, 4.3), which oidc-provider does not have and RFC 9700 forbids, for clients that
 * are registered for it: with an ID token for the scope openid, and a refresh token for offline_access.
 */
export function addPasswordGrant(provider: Provider, setup: ProviderSetup, sign: Sign): void {
  provider.registerGrantType<Parameters>(
    grantType,
    async (ctx) => {
      const { client, params } = ctx.oidc
      const { username = '', password = '', scope = '' } = params
      const user = Object.hasOwn(setup.users, username) ? setup.users[username] : undefined
      if (user === undefined || !isSame(password, setup.passwords[username])) {
        throw new errors.InvalidGrant('The credentials provided were invalid.')
      }
      const scopes = new Set(scope.split(' '))
      const grant = new provider.Grant({ accountId: username, clientId: client.clientId })
      grant.addOIDCScope(scope)
      const grantId = await grant.save()
      const given = { accountId: username, client, grantId, gty: grantType, scope }
      const accessToken = await new provider.AccessToken(given).save()
      const now = Math.floor(Date.now() / 1_000)
      const claims = {
        ...{ iss: provider.issuer, sub: username, aud: client.clientId, ...toClaims(user) },
        ...{ auth_time: now, iat: now, exp: now + setup.idTokenSeconds },
      }
      ctx.body = {
        access_token: accessToken,
        token_type: 'Bearer',
        expires_in: setup.accessTokenSeconds,
        scope,
        ...(scopes.has('openid') && { id_token: await sign(claims, {}) }),
        ...(scopes.has('offline_access') && {
          refresh_token: await new provider.RefreshToken(given).save(),
        }),
      }
    },
    parameters,
  )
}

function isSame(given: string, expected = ''): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)]
  return expected !== '' && one.length === other.length && timingSafeEqual(one, other)
}
