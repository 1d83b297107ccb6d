import { createHash, randomBytes } from 'node:crypto'
import type { SecureContext } from 'node:tls'
import { Refusal } from '../refusal.ts'
import {
  type ChannelBinding,
  checkServerFinal,
  clientFinal,
  clientFirst,
  readServerFirst,
  scramMechanism,
  type ServerFirst,
  ScramError,
} from '../sasl/scram.ts'
import { boundScramMechanism, isServerProof, type RelayedFirst } from '../sasl/scram-relay.ts'
import type { ScramKeyCache } from '../sasl/scram-key-cache.ts'
import type { AuthenticationRequest, BackendMessage } from '../wire/read-backend.ts'
import { passwordMessage, saslInitialResponse, saslResponse } from '../wire/write-frontend.ts'
import { checkNegotiation } from './check-negotiation.ts'
import { passByOauthBearer, tokenAsPassword, type TokenCredential } from './pass-token.ts'
import type { SignedTokens } from './signed-tokens.ts'
import type { ChannelBindingUse, PasswordMethod, UpstreamProtocol } from './target.ts'

/** What Portcullis proves to the upstream. */
export type LoginCredential =
  | { readonly kind: 'none' }
  /** TLS has proved the role before anything is asked. */
  | { readonly kind: 'certificate'; readonly secureContext: SecureContext }
  | TokenCredential
  /** What is a token as soon as it is known which server is asked. */
  | { readonly kind: 'signed'; readonly tokens: SignedTokens }
  | {
      readonly kind: 'password'
      readonly password: string
      readonly allow: ReadonlySet<PasswordMethod>
      /** Whether the client gave it: then PostgreSQL's verdict on it is for the client. */
      readonly isClients: boolean
    }
  /** The client proves by itself that it knows its password, and we pass on what is said. */
  | { readonly kind: 'relay'; readonly relay: ScramRelay }

/** The client's side of an exchange that is passed on. */
export interface ScramRelay {
  readonly first: RelayedFirst
  /** Passes the server's challenge on, and waits no longer than the limit for the client's answer. */
  readonly prove: (challenge: ServerFirst, limitMs: number) => Promise<string>
  /** Passes on the server's proof that it knows the password's verifier. */
  readonly conclude: (proof: string) => void
  /** What else a client that is refused may try. */
  readonly hint: string | undefined
}

export interface Exchange {
  /** What the startup message asked for. */
  readonly protocol: UpstreamProtocol
  readonly role: string
  readonly credential: Exclude<LoginCredential, { readonly kind: 'signed' }>
  readonly isEncrypted: boolean
  readonly channelBinding: ChannelBindingUse
  /** What the channel can be bound by; undefined where it cannot. */
  readonly endPoint: Buffer | undefined
  readonly keys: ScramKeyCache
  /** Waits for what the client has to do, however long that may take. */
  readonly clientsTurn: <T>(wait: (limitMs: number) => Promise<T>) => Promise<T>
  readonly next: () => Promise<BackendMessage>
  readonly send: (message: Buffer) => void
}

/** A negotiation and a few notices may come before the outcome; no more. */
const maxMessages = 16

/** Answers what the server asks until AuthenticationOk. */
export async function answerAuthentication(exchange: Exchange): Promise<void> {
  // A server that lets us in unasked has not looked at the password, which alone speaks for the client.
  let isProved = !isTheClients(exchange.credential)
  let isBound = false
  for (let count = 0; count < maxMessages; count++) {
    const message = await exchange.next()
    if (message.kind === 'notice') continue
    // Of what is not its first message the client has taken the version for granted already.
    if (message.kind === 'negotiate-protocol-version' && count === 0) {
      checkNegotiation(message, exchange.protocol)
      continue
    }
    if (message.kind !== 'authentication') {
      throw protocolError(`message of kind ${message.kind} during authentication`)
    }
    const { request } = message
    switch (request.method) {
      case 'ok':
        // A server in between could do without any proof.
        if (exchange.channelBinding === 'require' && !isBound) throw notBound('lets us in without')
        if (isProved) return
        throw new Refusal('upstream-authentication', {
          logDetail: 'the server lets everybody in, and did not ask for the password of the client',
        })
      case 'cleartext':
        exchange.send(passwordMessage(passwordFor(exchange, 'cleartext')))
        isProved = true
        break
      case 'md5':
        exchange.send(passwordMessage(md5Response(exchange, request.salt)))
        isProved = true
        break
      case 'sasl':
        // The client has begun one exchange, and knows nothing of another.
        if (isProved && exchange.credential.kind === 'relay') throw protocolError('sasl once more')
        if (exchange.credential.kind === 'token') {
          if (exchange.channelBinding === 'require') throw notBound('asks for OAUTHBEARER, without')
          await passByOauthBearer(exchange.credential, request.mechanisms, exchange)
          return
        }
        isBound = await answerSasl(exchange, request.mechanisms)
        isProved = true
        break
      case 'sasl-continue':
      case 'sasl-final':
        throw protocolError(`${request.method} out of turn`)
      case 'unsupported':
        throw new Refusal('upstream-authentication', {
          logDetail: `the server asks for authentication method ${request.code}`,
        })
    }
  }
  throw protocolError('authentication without end')
}

/** Whether it is a password of the client, which the server has to look at. */
function isTheClients(credential: Exchange['credential']): boolean {
  return credential.kind === 'relay' || (credential.kind === 'password' && credential.isClients)
}

function notBound(what: string): Refusal {
  return new Refusal('upstream-authentication', {
    logDetail: `the server ${what} channel binding, which upstream.channel_binding requires`,
  })
}

function passwordFor(
  { credential, isEncrypted, channelBinding }: Exchange,
  method: PasswordMethod,
): string {
  if (channelBinding === 'require' && method !== 'scram-sha-256') {
    throw notBound(`asks for ${method}, without`)
  }
  if (credential.kind === 'none') {
    throw new Refusal('upstream-authentication', {
      logDetail: `the server asks for ${method}, and no password is configured for the role`,
    })
  }
  if (credential.kind === 'certificate') {
    throw new Refusal('upstream-authentication', {
      logDetail: `the server asks for ${method}, and not for the certificate: see \`portcullis ca pg-config\``,
    })
  }
  if (credential.kind === 'token') return tokenAsPassword(credential, isEncrypted, method)
  if (credential.kind === 'relay') {
    throw new Refusal('upstream-authentication', {
      logDetail: `the server asks for ${method}, and only SCRAM-SHA-256 is relayed`,
    })
  }
  if (!credential.allow.has(method)) {
    throw new Refusal('upstream-authentication', {
      logDetail: `the server asks for ${method}, which upstream.auth.allow does not list`,
    })
  }
  if (method === 'cleartext' && !isEncrypted) {
    throw new Refusal('upstream-authentication', {
      logDetail: 'the server asks for a cleartext password on a connection without TLS',
    })
  }
  return credential.password
}

function md5Response(exchange: Exchange, salt: Buffer): string {
  const inner = md5(Buffer.from(passwordFor(exchange, 'md5') + exchange.role, 'utf8'))
  return `md5${md5(Buffer.concat([Buffer.from(inner, 'latin1'), salt]))}`
}

function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex')
}

/** Whether the proof was bound to the channel. */
async function answerSasl(exchange: Exchange, mechanisms: readonly string[]): Promise<boolean> {
  const { credential } = exchange
  if (credential.kind !== 'relay') return answerScram(exchange, mechanisms)
  await relayScram(exchange, credential.relay, mechanisms)
  return false
}

async function relayScram(
  exchange: Exchange,
  relay: ScramRelay,
  mechanisms: readonly string[],
): Promise<void> {
  // What the client could bind its proof to is its own channel.
  if (exchange.channelBinding === 'require')
    throw notBound('has a proof of the client relayed to it, without')
  const { first } = relay
  requireScram(mechanisms)
  // RFC 5802 6: the server would take it for somebody between them who hid the mechanism, and rightly so.
  if (first.flag === 'y' && mechanisms.includes(boundScramMechanism)) {
    throw new Refusal('channel-binding')
  }
  exchange.send(saslInitialResponse(scramMechanism, first.message))
  const challenge = readServerFirst(await nextSasl(exchange, 'sasl-continue'), first)
  const answer = await exchange.clientsTurn(async (limitMs) => relay.prove(challenge, limitMs))
  exchange.send(saslResponse(answer))
  const proof = await nextSasl(exchange, 'sasl-final')
  if (!isServerProof(proof)) throw new ScramError('malformed server-final-message')
  relay.conclude(proof)
}

function requireScram(mechanisms: readonly string[]): void {
  if (mechanisms.includes(scramMechanism)) return
  throw protocolError(`the server offers no ${scramMechanism}`)
}

/** How the channel is spoken of to a server that offers these mechanisms. */
function bindingFor(exchange: Exchange, mechanisms: readonly string[]): ChannelBinding {
  const { endPoint, channelBinding } = exchange
  const isOffered = mechanisms.includes(boundScramMechanism)
  if (channelBinding === 'require' && !isOffered) throw notBound('offers no')
  if (channelBinding === 'require' && endPoint === undefined) {
    throw notBound('has a certificate that gives no')
  }
  if (channelBinding === 'disable' || endPoint === undefined) return 'none'
  return isOffered ? { endPoint } : 'not-offered'
}

/** Whether the proof was bound to the channel. */
async function answerScram(exchange: Exchange, mechanisms: readonly string[]): Promise<boolean> {
  const password = passwordFor(exchange, 'scram-sha-256')
  const binding = bindingFor(exchange, mechanisms)
  const isBound = typeof binding === 'object'
  const mechanism = isBound ? boundScramMechanism : scramMechanism
  if (!isBound) requireScram(mechanisms)
  const first = clientFirst(randomBytes(18).toString('base64'), binding)
  exchange.send(saslInitialResponse(mechanism, first.message))
  const server = readServerFirst(await nextSasl(exchange, 'sasl-continue'), first)
  const keys = await exchange.keys.keysFor(password, server.salt, server.iterations)
  const final = clientFinal(first, server, keys)
  exchange.send(saslResponse(final.message))
  checkServerFinal(await nextSasl(exchange, 'sasl-final'), final)
  return isBound
}

async function nextSasl(
  exchange: Exchange,
  method: 'sasl-continue' | 'sasl-final',
): Promise<string> {
  const message = await exchange.next()
  const request: AuthenticationRequest | undefined =
    message.kind === 'authentication' ? message.request : undefined
  if (request?.method !== method) throw protocolError(`expected ${method}`)
  return request.data
}

function protocolError(logDetail: string): Refusal {
  return new Refusal('upstream-protocol', { logDetail })
}
