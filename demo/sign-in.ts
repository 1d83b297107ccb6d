import { createHash, randomBytes } from 'node:crypto'
import { Browser, leadsTo, send } from './browser.ts'
import { databaseAudience } from './provider-configuration.ts'

export interface ProviderAddress {
  readonly issuer: string
  /** Whom its certificate is trusted from (PEM); unseen where it is left out. */
  readonly authority?: string
}

export interface TokenClient {
  readonly id: string
  /** A public client has none. */
  readonly secret: string | undefined
}

export interface TokenSet {
  readonly access_token: string
  readonly token_type: string
  readonly expires_in: number
  readonly scope?: string
  readonly id_token?: string
  readonly refresh_token?: string
}

export interface SignInOptions {
  readonly clientId?: string
  readonly scope?: string
  /** The audience of the access token; `undefined` for an opaque one. */
  readonly audience?: string | undefined
  readonly redirectUri?: string
}

export interface SignedIn {
  readonly idToken: string
  readonly accessToken: string
  readonly refreshToken: string
}

const defaultScope = 'openid email profile offline_access'
const defaultRedirectUri = 'http://127.0.0.1/callback'

/** The authorization code flow with PKCE at the demo's provider, which lets in whom the hint names. */
export async function signIn(
  provider: ProviderAddress,
  client: TokenClient,
  user: string,
  options: Omit<SignInOptions, 'clientId'> = {},
): Promise<SignedIn> {
  const { scope = defaultScope, redirectUri = defaultRedirectUri } = options
  const audience = 'audience' in options ? options.audience : databaseAudience
  const verifier = randomBytes(32).toString('base64url')
  const state = randomBytes(16).toString('base64url')
  const resource = audience === undefined ? undefined : { resource: audience }
  const query = new URLSearchParams({
    client_id: client.id,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope,
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    login_hint: user,
    // Without it there is no refresh token (OpenID Connect Core 11).
    prompt: 'consent',
    ...resource,
  })
  const browser = new Browser(provider.issuer, provider.authority)
  const last = await browser.open(`/auth?${query.toString()}`)
  const answer = leadsTo(last)?.searchParams
  const code = answer?.get('code')
  if (typeof code !== 'string' || answer?.get('state') !== state)
    throw new Error(`${user} was not signed in: ${answer?.toString() ?? last.body}`)

  const tokens = await requestTokens(provider, client, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    ...resource,
  })
  return {
    idToken: tokens.id_token ?? '',
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token ?? '',
  }
}

/** One request to the token endpoint, authenticated with the client's secret if it has one. */
export async function requestTokens(
  { issuer, authority }: ProviderAddress,
  { id, secret }: TokenClient,
  parameters: Readonly<Record<string, string>>,
): Promise<TokenSet> {
  const url = new URL('/token', issuer)
  const answer =
    secret === undefined
      ? await send(url, {}, { ...parameters, client_id: id }, authority)
      : await send(url, { authorization: basic(id, secret) }, parameters, authority)
  if (answer.status !== 200) throw new Error(`no token (${answer.status}): ${answer.body}`)
  return JSON.parse(answer.body) as TokenSet
}

function basic(id: string, secret: string): string {
  const credentials = `${encodeURIComponent(id)}:${encodeURIComponent(secret)}`
  return `Basic ${Buffer.from(credentials).toString('base64')}`
}
