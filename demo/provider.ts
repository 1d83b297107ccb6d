import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, request as httpsRequest, type Server } from 'node:https'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { SignJWT, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import Provider, { type ClientMetadata } from 'oidc-provider'
import type { Answer } from './answers.ts'
import { Browser } from './browser.ts'
import type { CertificateAndKey } from './certificates.ts'
import { freePort, isTaken } from './ports.ts'
import {
  commandLineClient,
  databaseAudience,
  demoUsers,
  escapeHtml,
  machineClient,
  page,
  toClaims,
  toConfiguration,
  type ProviderSetup,
  type Users,
} from './provider-configuration.ts'
import { createStore } from './provider-store.ts'
import { addPasswordGrant } from './password-grant.ts'
import { addTokenExchange } from './token-exchange.ts'
import {
  requestTokens,
  signIn,
  type SignedIn,
  type SignInOptions,
  type TokenClient,
  type TokenSet,
} from './sign-in.ts'

export interface ProviderOptions {
  readonly tls: CertificateAndKey
  /** 127.0.0.1 by default. */
  readonly host?: string
  /** The name of the issuer, `localhost` by default, whatever the host is. */
  readonly name?: string
  readonly port?: number
  /** Added to `m2m` and `portcullis-cli`, for example a web client with its callback. */
  readonly clients?: readonly ClientMetadata[]
  /** Added to alice and bob. */
  readonly users?: Users
  readonly idTokenSeconds?: number
  readonly accessTokenSeconds?: number
  /** Whom the certificates of clients are trusted from (PEM) that it tells of logouts. */
  readonly authority?: string
}

export type SigningAlgorithm = 'RS256' | 'ES256'

export interface SignOptions {
  /** Merged over `alg` and `kid`; an `undefined` leaves a parameter out. */
  readonly header?: Readonly<Record<string, unknown>>
  /** The provider's current key of that algorithm, or a private key that is not the provider's. */
  readonly key?: SigningAlgorithm | JWK
}

const signingAlgorithms = ['RS256', 'ES256'] as const
const discoveryPath = '/.well-known/openid-configuration'
const jwksPath = '/jwks'
const portAttempts = 10
const largestFormBytes = 10_000

/** A real OpenID provider of one's own on loopback, ready when the promise resolves. */
export async function startProvider(options: ProviderOptions): Promise<IdentityProvider> {
  const machineSecret = randomBytes(24).toString('base64url')
  const users: Users = { ...demoUsers, ...options.users }
  const setup: ProviderSetup = {
    clients: [commandLineClient, machineClient(machineSecret), ...(options.clients ?? [])],
    users,
    passwords: Object.fromEntries(
      Object.keys(users).map((name) => [name, randomBytes(24).toString('base64url')]),
    ),
    keys: await generateKeys(),
    cookieKeys: [randomBytes(24).toString('base64url')],
    store: createStore(),
    idTokenSeconds: options.idTokenSeconds ?? 3600,
    accessTokenSeconds: options.accessTokenSeconds ?? 600,
    fetch: postTrusting(options.authority),
  }
  const { tls, host = '127.0.0.1', name = 'localhost' } = options
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort())
    const provider = new IdentityProvider({ tls, host, name, port, setup })
    try {
      await provider.startAgain()
      return provider
    } catch (error) {
      if (options.port !== undefined || !isTaken(error) || attempt === portAttempts) throw error
    }
  }
}

interface Installation {
  readonly tls: CertificateAndKey
  readonly host: string
  readonly name: string
  readonly port: number
  readonly setup: ProviderSetup
}

export class IdentityProvider {
  readonly issuer: string
  readonly host: string
  readonly port: number
  readonly users: Users
  readonly #tls: CertificateAndKey
  readonly #sockets = new Set<Socket>()
  readonly #requests = new Map<string, number>()
  readonly #interceptions: { readonly path: string; readonly answer: Answer }[] = []
  #setup: ProviderSetup
  #provider: Provider
  #server: Server | undefined

  /** Use `startProvider`. */
  constructor({ tls, host, name, port, setup }: Installation) {
    this.issuer = new URL(`https://${name}:${port}`).origin
    this.host = host
    this.port = port
    this.users = setup.users
    this.#tls = tls
    this.#setup = setup
    this.#provider = this.#createProvider()
  }

  get discoveryRequests(): number {
    return this.requestsFor(discoveryPath)
  }

  get jwksRequests(): number {
    return this.requestsFor(jwksPath)
  }

  /** Since the beginning, including those that were answered differently. */
  requestsFor(path: string): number {
    return this.#requests.get(path) ?? 0
  }

  clientSecret(clientId: string): string {
    const secret = this.#setup.clients.find(({ client_id }) => client_id === clientId)
    if (typeof secret?.client_secret !== 'string') throw new Error(`${clientId} has no secret`)
    return secret.client_secret
  }

  /** For the password grant alone: at the pages nobody is asked for one. */
  passwordOf(user: string): string {
    const password = this.#setup.passwords[user]
    if (password === undefined) throw new Error(`there is no user ${user}`)
    return password
  }

  /** The real client_credentials grant; the result is a JWT (RFC 9068). */
  async clientCredentialsToken(
    clientId = 'm2m',
    { audience = databaseAudience, scope }: { audience?: string; scope?: string } = {},
  ): Promise<string> {
    const tokens = await this.requestTokens(clientId, {
      grant_type: 'client_credentials',
      resource: audience,
      ...(scope !== undefined && { scope }),
    })
    return tokens.access_token
  }

  /** The real authorization code flow with PKCE, in which the user consents to everything. */
  async signIn(user: string, options: SignInOptions = {}): Promise<SignedIn> {
    const client = this.#client(options.clientId ?? commandLineClient.client_id)
    return signIn({ issuer: this.issuer }, client, user, options)
  }

  /** Has the provider tell a client by the back channel that a user has signed out, of a session or of all. */
  async tellLogout(clientId: string, user: string, sid?: string): Promise<void> {
    const client = await this.#provider.Client.find(clientId)
    if (client === undefined) throw new Error(`there is no client ${clientId}`)
    // Its types leave out what it does itself at the end of a session.
    const { backchannelLogout } = client as unknown as BackChannelClient
    await backchannelLogout.call(client, user, sid)
  }

  /** What the user does in a browser while a device shows `userCode`. */
  async approveDevice(userCode: string, user: string): Promise<void> {
    const browser = new Browser(this.issuer)
    const form = hiddenInputs((await browser.open('/device')).body)
    const question = await browser.open('/device', { ...form, user_code: userCode })
    const chooser = await browser.open('/device', hiddenInputs(question.body))
    const last = await browser.open(chooser.url, { user })
    if (!last.body.includes('Signed in')) throw new Error(`device not approved: ${last.body}`)
  }

  /** One request to the token endpoint, authenticated with the client's secret if it has one. */
  async requestTokens(
    clientId: string,
    parameters: Readonly<Record<string, string>>,
  ): Promise<TokenSet> {
    return requestTokens({ issuer: this.issuer }, this.#client(clientId), parameters)
  }

  /** An ID token with the claims and the key of a real one, without going through the protocol. */
  async mintIdToken(
    user: string,
    overrides: Readonly<Record<string, unknown>> = {},
    options: SignOptions = {},
  ): Promise<string> {
    const known = this.users[user]
    if (known === undefined) throw new Error(`there is no user ${user}`)
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      sub: user,
      ...toClaims(known),
      aud: commandLineClient.client_id,
      exp: now + this.#setup.idTokenSeconds,
      iat: now,
      iss: this.issuer,
      ...overrides,
    }
    return this.sign(claims, options)
  }

  /** Signs exactly these claims, whatever they are; nothing is added. */
  async sign(
    claims: Readonly<Record<string, unknown>>,
    { header = {}, key = 'RS256' }: SignOptions = {},
  ): Promise<string> {
    const jwk = typeof key === 'string' ? this.#currentKey(key) : key
    const alg = jwk.alg ?? 'RS256'
    const present = withoutUndefined({ alg, kid: jwk.kid, ...header })
    return new SignJWT(withoutUndefined(claims))
      .setProtectedHeader({ ...present, alg: String(present['alg']) })
      .sign(await importJWK(jwk, alg))
  }

  /** New keys sign from now on. The old ones stay in the key set unless they are withdrawn. */
  async rotateKeys({ withdraw = false }: { withdraw?: boolean } = {}): Promise<void> {
    const fresh = await generateKeys()
    const keys = withdraw ? fresh : [...fresh, ...this.#setup.keys]
    this.#setup = { ...this.#setup, keys }
    // oidc-provider cannot take other keys. Sessions and grants are in the store, which stays.
    this.#provider = this.#createProvider()
  }

  /** Adds a client, or replaces the one of its name. */
  registerClient(client: ClientMetadata): void {
    const others = this.#setup.clients.filter(({ client_id }) => client_id !== client.client_id)
    this.#setup = { ...this.#setup, clients: [...others, client] }
    // oidc-provider reads its clients once. Sessions and grants are in the store, which stays.
    this.#provider = this.#createProvider()
  }

  /** Answers `path` differently until the returned function is called; the latest one wins. */
  intercept(path: string, answer: Answer): () => void {
    const interception = { path, answer }
    this.#interceptions.unshift(interception)
    return () => {
      const index = this.#interceptions.indexOf(interception)
      if (index !== -1) this.#interceptions.splice(index, 1)
    }
  }

  /** From now on connections are refused; open ones are cut. Sessions and keys are kept. */
  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const closed = once(server, 'close')
    server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async startAgain(): Promise<void> {
    if (this.#server !== undefined) return
    const server = createServer({ cert: this.#tls.certificate, key: this.#tls.key })
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    server.on('request', (request, response) => {
      this.#answer(request, response)
    })
    // A client that trusts somebody else ends the handshake, which is its own affair.
    server.on('tlsClientError', () => {})
    server.listen(this.port, this.host)
    await once(server, 'listening')
    this.#server = server
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #createProvider(): Provider {
    const provider = new Provider(this.issuer, toConfiguration(this.#setup))
    const sign = async (
      claims: Record<string, unknown>,
      header: Record<string, unknown>,
    ): Promise<string> => this.sign(claims, { header })
    addTokenExchange(provider, this.#setup, sign)
    addPasswordGrant(provider, this.#setup, sign)
    return provider
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname } = new URL(request.url ?? '/', this.issuer)
    this.#requests.set(pathname, this.requestsFor(pathname) + 1)
    const genuine = (): void => {
      this.#answerGenuinely(pathname, request, response).catch((error: unknown) => {
        if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' })
        response.end(error instanceof Error ? error.message : 'failed')
      })
    }
    const interception = this.#interceptions.find(({ path }) => path === pathname)
    if (interception === undefined) genuine()
    else interception.answer(request, response, genuine)
  }

  async #answerGenuinely(
    pathname: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    if (pathname.startsWith('/interaction/')) await this.#interact(request, response)
    else await this.#provider.callback()(request, response)
  }

  /** Signs in whom `login_hint` or the form names, else asks. Whoever is signed in consents. */
  async #interact(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const provider = this.#provider
    const { prompt, params, session, grantId } = await provider.interactionDetails(
      request,
      response,
    )
    const finish = async (result: Parameters<Provider['interactionFinished']>[2]): Promise<void> =>
      provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true })

    if (prompt.name === 'login') {
      const form = request.method === 'POST' ? await readForm(request) : undefined
      if (form?.has('refuse') === true) {
        await finish({ error: 'access_denied', error_description: 'refused by the user' })
        return
      }
      const chosen = form === undefined ? params['login_hint'] : form.get('user')
      if (typeof chosen === 'string' && Object.hasOwn(this.users, chosen))
        await finish({ login: { accountId: chosen } })
      else response.setHeader('content-type', 'text/html').end(chooser(this.users))
      return
    }

    const clientId = String(params['client_id'])
    const accountId = session?.accountId
    if (accountId === undefined) throw new Error('consent without a session')
    const grant =
      (grantId === undefined ? undefined : await provider.Grant.find(grantId)) ??
      new provider.Grant({ accountId, clientId })
    const { missingOIDCScope, missingOIDCClaims, missingResourceScopes } = prompt.details as {
      missingOIDCScope?: string[]
      missingOIDCClaims?: string[]
      missingResourceScopes?: Record<string, string[]>
    }
    if (missingOIDCScope !== undefined) grant.addOIDCScope(missingOIDCScope.join(' '))
    if (missingOIDCClaims !== undefined) grant.addOIDCClaims(missingOIDCClaims)
    for (const [resource, scopes] of Object.entries(missingResourceScopes ?? {}))
      grant.addResourceScope(resource, scopes.join(' '))
    await finish({ consent: { grantId: await grant.save() } })
  }

  #client(id: string): TokenClient {
    const known = this.#setup.clients.find(({ client_id }) => client_id === id)
    return { id, secret: known?.client_secret }
  }

  #currentKey(algorithm: SigningAlgorithm): JWK {
    const key = this.#setup.keys.find(({ alg }) => alg === algorithm)
    if (key === undefined) throw new Error(`no key for ${algorithm}`)
    return key
  }
}

/** A private key for one of the algorithms, for tokens that somebody else has signed. */
export async function generateSigningKey(algorithm: SigningAlgorithm = 'RS256'): Promise<JWK> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true })
  const kid = randomBytes(8).toString('base64url')
  return { ...(await exportJWK(privateKey)), kid, alg: algorithm, use: 'sig' }
}

async function generateKeys(): Promise<JWK[]> {
  return Promise.all(signingAlgorithms.map(async (algorithm) => generateSigningKey(algorithm)))
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  if (Number(request.headers['content-length']) > largestFormBytes) return new URLSearchParams()
  return new URLSearchParams(await text(request))
}

function chooser(users: Users): string {
  const buttons = Object.entries(users).map(
    ([id, { name, email }]) =>
      `<button name="user" value="${escapeHtml(id)}">${escapeHtml(`${name} (${email})`)}</button>`,
  )
  buttons.push('<button name="refuse" value="yes">Cancel</button>')
  return page('Who are you?', `<form method="post">${buttons.join('\n')}</form>`)
}

function hiddenInputs(html: string): Record<string, string> {
  const inputs = html.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g)
  return Object.fromEntries([...inputs].map(([, name = '', value = '']) => [name, value]))
}

function withoutUndefined(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}

interface BackChannelClient {
  readonly backchannelLogout: (subject: string, sid: string | undefined) => Promise<void>
}

/** The fetch of oidc-provider for its back channel, with an authority of our own. */
function postTrusting(authority: string | undefined): ProviderSetup['fetch'] {
  return async (input, { method, headers, body } = {}) => {
    const url = input instanceof Request ? input.url : input
    const sent = Object.fromEntries(new Headers(headers))
    const content = body === undefined || body === null ? '' : await new Response(body).text()
    return new Promise((resolve, reject) => {
      const options = {
        method: method ?? 'GET',
        headers: sent,
        ...(authority !== undefined && { ca: authority }),
      }
      const request = httpsRequest(url, { ...options, timeout: 5_000 }, (answer) => {
        text(answer).then((read) => {
          const status = answer.statusCode ?? 500
          resolve(new Response([204, 304].includes(status) ? null : read, { status }))
        }, reject)
      })
      request.once('timeout', () => request.destroy(new Error('no answer in time')))
      request.once('error', reject)
      request.end(content)
    })
  }
}
