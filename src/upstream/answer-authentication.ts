import { createHash, randomBytes } from 'node:crypto'
import { Refusal } from '../refusal.ts'
import {
  checkServerFinal,
  clientFinal,
  clientFirst,
  readServerFirst,
  scramMechanism,
} from '../sasl/scram.ts'
import type { ScramKeyCache } from '../sasl/scram-key-cache.ts'
import type { AuthenticationRequest, BackendMessage } from '../wire/read-backend.ts'
import { passwordMessage, saslInitialResponse, saslResponse } from '../wire/write-frontend.ts'
import type { PasswordMethod } from './target.ts'

/** What Portcullis proves to the upstream. */
export type LoginCredential =
  | { readonly kind: 'none' }
  /** Good for whoever has it, so that it is only ever shown to a server that is the right one. */
  | { readonly kind: 'token'; readonly token: string }
  | {
      readonly kind: 'password'
      readonly password: string
      readonly allow: ReadonlySet<PasswordMethod>
      /** Whether the client gave it: then PostgreSQL's verdict on it is for the client. */
      readonly isClients: boolean
    }

interface Exchange {
  readonly role: string
  readonly credential: LoginCredential
  readonly isEncrypted: boolean
  readonly keys: ScramKeyCache
  readonly next: () => Promise<BackendMessage>
  readonly send: (message: Buffer) => void
}

/** A negotiation and a few notices may come before the outcome; no more. */
const maxMessages = 16

/** Answers what the server asks until AuthenticationOk. */
export async function answerAuthentication(exchange: Exchange): Promise<void> {
  for (let count = 0; count < maxMessages; count++) {
    const message = await exchange.next()
    if (message.kind === 'notice') continue
    if (message.kind !== 'authentication') {
      throw protocolError(`message of kind ${message.kind} during authentication`)
    }
    const { request } = message
    switch (request.method) {
      case 'ok':
        return
      case 'cleartext':
        exchange.send(passwordMessage(passwordFor(exchange, 'cleartext')))
        break
      case 'md5':
        exchange.send(passwordMessage(md5Response(exchange, request.salt)))
        break
      case 'sasl':
        await answerScram(exchange, request.mechanisms)
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

function passwordFor({ credential, isEncrypted }: Exchange, method: PasswordMethod): string {
  if (credential.kind === 'none') {
    throw new Refusal('upstream-authentication', {
      logDetail: `the server asks for ${method}, and no password is configured for the role`,
    })
  }
  if (credential.kind === 'token') return tokenFor(credential.token, isEncrypted, method)
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

/** A hash of a token proves nothing to a server that keeps no password. */
function tokenFor(token: string, isEncrypted: boolean, method: PasswordMethod): string {
  if (method !== 'cleartext') {
    throw new Refusal('upstream-authentication', {
      logDetail: `the server asks for ${method}, and a token can only be passed on as a cleartext password`,
    })
  }
  if (isEncrypted) return token
  throw new Refusal('upstream-authentication', {
    logDetail: 'the server asks for a token on a connection without TLS',
  })
}

function md5Response(exchange: Exchange, salt: Buffer): string {
  const inner = md5(Buffer.from(passwordFor(exchange, 'md5') + exchange.role, 'utf8'))
  return `md5${md5(Buffer.concat([Buffer.from(inner, 'latin1'), salt]))}`
}

function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex')
}

async function answerScram(exchange: Exchange, mechanisms: readonly string[]): Promise<void> {
  const password = passwordFor(exchange, 'scram-sha-256')
  if (!mechanisms.includes(scramMechanism)) {
    throw protocolError(`the server offers no ${scramMechanism}`)
  }
  const first = clientFirst(randomBytes(18).toString('base64'))
  exchange.send(saslInitialResponse(scramMechanism, first.message))
  const server = readServerFirst(await nextSasl(exchange, 'sasl-continue'), first)
  const keys = await exchange.keys.keysFor(password, server.salt, server.iterations)
  const final = clientFinal(first, server, keys)
  exchange.send(saslResponse(final.message))
  checkServerFinal(await nextSasl(exchange, 'sasl-final'), final)
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
