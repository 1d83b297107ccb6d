import type {
  Adapter,
  AdapterFactory,
  ClientMetadata,
  Configuration,
  KoaContextWithOIDC,
} from 'oidc-provider'
import type { JWK } from 'jose'

export interface User {
  readonly email: string
  readonly email_verified: boolean
  readonly name: string
  readonly groups: readonly string[]
}

export type Users = Readonly<Record<string, User>>

export const groupsClaim = 'https://example.com/groups'
export const databaseAudience = 'https://db.example.com'
/** The scope of every resource server, so that an access token can be asked for by scope too. */
export const databaseScope = 'connect'

export const demoUsers = {
  alice: {
    email: 'alice@example.com',
    email_verified: true,
    name: 'Alice Archer',
    groups: ['readwrite-role', 'engineering'],
  },
  bob: {
    email: 'bob@example.com',
    email_verified: true,
    name: 'Bob Builder',
    groups: ['engineering'],
  },
} as const satisfies Users

export const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

export const commandLineClient: ClientMetadata = {
  client_id: 'portcullis-cli',
  client_name: 'Portcullis command line',
  application_type: 'native',
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token', deviceGrant],
  response_types: ['code'],
  // The port of a loopback address is not compared for native clients (RFC 8252 7.3).
  redirect_uris: ['http://127.0.0.1/callback', 'http://localhost/callback'],
}

export function machineClient(secret: string): ClientMetadata {
  return {
    client_id: 'm2m',
    client_name: 'Nightly report',
    client_secret: secret,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
  }
}

/** For the pages, which are at this address and keep the secret. */
export function pagesClient(address: string, secret: string): ClientMetadata {
  return {
    client_id: 'portcullis-web',
    client_name: 'Portcullis',
    client_secret: secret,
    grant_types: ['authorization_code', 'refresh_token', deviceGrant],
    response_types: ['code'],
    redirect_uris: ['/oidc/v1/callback', '/sign-in/callback', '/v1/callback'].map(
      (path) => address + path,
    ),
    post_logout_redirect_uris: [`${address}/login`],
  }
}

export interface ProviderSetup {
  readonly clients: readonly ClientMetadata[]
  readonly users: Users
  /** Of the users, for clients that are registered for the password grant. */
  readonly passwords: Readonly<Record<string, string>>
  readonly keys: readonly JWK[]
  readonly cookieKeys: readonly string[]
  readonly store: AdapterFactory
  readonly idTokenSeconds: number
  readonly accessTokenSeconds: number
  /** What the provider asks others by, such as to tell them of a logout. */
  readonly fetch: NonNullable<Configuration['fetch']>
}

const minute = 60
const day = 24 * 60 * minute

/**
 * Everything that oidc-provider warns about is set here, so that it has nothing to warn about: the
 * store, the keys, the lifetimes and the pages.
 */
export function toConfiguration(setup: ProviderSetup): Configuration {
  const { users, accessTokenSeconds } = setup
  return {
    adapter: (name: string): Adapter => setup.store(name),
    // oidc-provider writes into what it is given.
    clients: structuredClone([...setup.clients]),
    jwks: { keys: structuredClone([...setup.keys]) },
    cookies: { keys: [...setup.cookieKeys] },
    claims: {
      openid: ['sub', groupsClaim],
      email: ['email', 'email_verified'],
      profile: ['name'],
    },
    // As Auth0, Okta and Entra do: the claims are in the ID token and not at the UserInfo endpoint alone.
    conformIdTokenClaims: false,
    clientDefaults: { id_token_signed_response_alg: 'RS256' },
    findAccount: (_, id) => {
      const user = users[id]
      if (user === undefined) return undefined
      return { accountId: id, claims: () => ({ sub: id, ...toClaims(user) }) }
    },
    extraTokenClaims: (_, token) => {
      const user = 'accountId' in token ? users[token.accountId] : undefined
      return user && toClaims(user)
    },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    clientBasedCORS: () => false,
    fetch: setup.fetch,
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          const button = '<button name="logout" value="yes">Sign out</button>'
          show(ctx, 'Sign out?', form.replace('</form>', `${button}</form>`))
        },
        postLogoutSuccessSource: (ctx) => {
          show(ctx, 'Signed out', '<p>You can close this page.</p>')
        },
      },
      backchannelLogout: { enabled: true },
      clientCredentials: { enabled: true },
      introspection: {
        enabled: true,
        allowedPolicy: (_, client) => client.clientAuthMethod !== 'none',
      },
      revocation: {
        enabled: true,
        allowedPolicy: (_, client, token) => token.clientId === client.clientId,
      },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: (ctx, form, _, error) => {
          const problem = error === undefined ? '' : '<p>The code is not correct. Try again.</p>'
          const button = '<button form="op.deviceInputForm">Continue</button>'
          show(ctx, 'Enter the code', `${problem}${form}${button}`)
        },
        userCodeConfirmSource: (ctx, form, client, _, userCode) => {
          const question = `<p>Does ${escapeHtml(client.clientName ?? client.clientId)} show this code?</p>`
          const button = '<button form="op.deviceConfirmForm">Yes, continue</button>'
          show(ctx, escapeHtml(userCode), `${question}${form}${button}`)
        },
        successSource: (ctx) => {
          show(ctx, 'Signed in', '<p>You can close this page.</p>')
        },
      },
      resourceIndicators: {
        enabled: true,
        // A machine client may leave out the audience; people's clients ask for it.
        defaultResource: (_, client, oneOf) =>
          oneOf ?? (client.grantTypeAllowed('client_credentials') ? databaseAudience : undefined),
        useGrantedResource: () => true,
        getResourceServerInfo: (_, resource) => ({
          audience: resource,
          scope: databaseScope,
          accessTokenFormat: 'jwt',
          accessTokenTTL: accessTokenSeconds,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    renderError: (ctx, out) => {
      const lines = Object.entries(out).map(
        ([name, value]) => `<p>${escapeHtml(name)}: ${escapeHtml(String(value))}</p>`,
      )
      show(ctx, 'Something went wrong', lines.join(''))
    },
    ttl: {
      AccessToken: accessTokenSeconds,
      ClientCredentials: accessTokenSeconds,
      IdToken: setup.idTokenSeconds,
      AuthorizationCode: minute,
      DeviceCode: 10 * minute,
      Interaction: 10 * minute,
      Session: day,
      Grant: day,
      RefreshToken: day,
    },
  }
}

/** What the provider says about a user, under the names that stand in its tokens. */
export function toClaims(user: User): Record<string, unknown> {
  const { groups, ...claims } = user
  return { ...claims, [groupsClaim]: groups }
}

function show(ctx: KoaContextWithOIDC, title: string, body: string): void {
  ctx.type = 'html'
  ctx.body = page(title, body)
}

/** Title and body are HTML already. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>
body { font: 1.1rem system-ui, sans-serif; max-width: 26rem; margin: 15vh auto; padding: 0 1rem }
button { font: inherit; padding: .5rem 1rem; margin: .25rem 0; width: 100% }
input { font: inherit; padding: .5rem; width: 100%; box-sizing: border-box }
</style>
<h1>${title}</h1>
${body}
</html>
`
}

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
