// A token as the upstream wants to be given it: as a cleartext password, or by OAUTHBEARER.
import { printable, Refusal } from '../refusal.ts'
import {
  bearerInitialResponse,
  type OauthBearerFailure,
  readBearerFailure,
} from '../sasl/oauthbearer-client.ts'
import { dummyResponse, oauthBearerMechanism } from '../sasl/oauthbearer.ts'
import type { BackendMessage } from '../wire/read-backend.ts'
import { saslInitialResponse, saslResponse } from '../wire/write-frontend.ts'

/** `auto` takes what the server asks for. */
export type TokenForm = 'auto' | 'cleartext' | 'oauthbearer'

export interface TokenCredential {
  /** Good for whoever has it, so that it is only ever shown to a server that is the right one. */
  readonly kind: 'token'
  readonly token: string
  readonly form: TokenForm
}

interface TokenExchange {
  readonly isEncrypted: boolean
  readonly next: () => Promise<BackendMessage>
  readonly send: (message: Buffer) => void
}

/** What is sent as the password. A hash of a token proves nothing to a server that keeps no password. */
export function tokenAsPassword(
  { token, form }: TokenCredential,
  isEncrypted: boolean,
  method: string,
): string {
  if (method !== 'cleartext') {
    throw impossible(
      `the server asks for ${method}, and a token can only be passed on as a cleartext password or by OAUTHBEARER`,
    )
  }
  if (form === 'oauthbearer') {
    throw impossible(
      'the server asks for a cleartext password, and upstream.auth.as is "oauthbearer"',
    )
  }
  if (isEncrypted) return token
  throw impossible('the server asks for a token on a connection without TLS')
}

/** Says the whole exchange by OAUTHBEARER, to the AuthenticationOk of the server. */
export async function passByOauthBearer(
  { token, form }: TokenCredential,
  mechanisms: readonly string[],
  exchange: TokenExchange,
): Promise<void> {
  if (!mechanisms.includes(oauthBearerMechanism)) {
    throw impossible(
      `the server offers ${printable(mechanisms.join(', '))}, and a token can only be passed on as a cleartext password or by OAUTHBEARER`,
    )
  }
  if (form === 'cleartext') {
    throw impossible('the server asks for OAUTHBEARER, and upstream.auth.as is "cleartext"')
  }
  if (!exchange.isEncrypted) {
    throw impossible('the server asks for a token on a connection without TLS')
  }
  const first = bearerInitialResponse(token)
  if (first === undefined) {
    throw impossible('the token has characters that OAUTHBEARER does not carry')
  }
  exchange.send(saslInitialResponse(oauthBearerMechanism, first))
  const answer = await requestOf(exchange)
  if (answer.method === 'ok') return
  if (answer.method !== 'sasl-continue') throw protocolError(`${answer.method} to OAUTHBEARER`)
  const failure = readBearerFailure(answer.data)
  if (failure === undefined) throw protocolError('no error of OAUTHBEARER (RFC 7628, 3.2.2)')
  // The server says the rest only when it has had this (RFC 7628, 3.2.3).
  exchange.send(saslResponse(dummyResponse))
  await exchange.next().then(
    () => {
      throw protocolError('no error behind that of OAUTHBEARER')
    },
    (cause: unknown) => {
      if (cause instanceof Refusal) throw cause
      throw impossible(`OAUTHBEARER: ${describe(failure)}${said(cause)}`)
    },
  )
}

async function requestOf({ next }: TokenExchange) {
  const message = await next()
  if (message.kind !== 'authentication') {
    throw protocolError(`message of kind ${message.kind} during OAUTHBEARER`)
  }
  return message.request
}

function describe({ status, scope, configuration }: OauthBearerFailure): string {
  return printable(
    [
      `the server says ${status}`,
      ...(scope === undefined ? [] : [`wants the scope "${scope}"`]),
      ...(configuration === undefined ? [] : [`takes tokens of ${configuration}`]),
    ].join(', '),
  )
}

function said(cause: unknown): string {
  return cause instanceof Error ? `: ${printable(cause.message)}` : ''
}

function impossible(logDetail: string): Refusal {
  return new Refusal('upstream-authentication', { logDetail })
}

function protocolError(logDetail: string): Refusal {
  return new Refusal('upstream-protocol', { logDetail })
}
