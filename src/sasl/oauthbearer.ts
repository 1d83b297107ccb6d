// OAUTHBEARER as a server (RFC 7628), as pure steps over values. The details are in PostgreSQL 18's words.

export const oauthBearerMechanism = 'OAUTHBEARER'

/** What a client's message asks of the server. */
export type OauthBearerStep =
  | { readonly next: 'verify'; readonly token: string }
  /** RFC 7628 4.3: an empty `auth` asks where tokens are to be had. */
  | { readonly next: 'discover' }
  /** Well-formed, and with a credential that is no bearer token: it is answered like a wrong one. */
  | { readonly next: 'reject'; readonly logDetail: string }
  | {
      readonly next: 'malformed'
      readonly sqlstate: '08P01' | '0A000'
      readonly detail: string
    }

const separator = '\x01'
/** RFC 7628 3.1: what the client sends in answer to the server's error. */
export const dummyResponse = separator

/**
 * Reads a client's first message:
 *
 *     client-resp = (gs2-header kvsep *kvpair kvsep) / kvsep
 *     kvpair      = key "=" value kvsep
 *     gs2-header  = ("n" / "y") "," ["a=" authzid] ","
 */
export function readInitialResponse(bytes: Uint8Array): OauthBearerStep {
  // Every byte is one character, so that positions are those of the message.
  const message = Buffer.from(bytes).toString('latin1')
  if (message === '') return malformed('The message is empty.')
  if (message.includes('\0')) return malformed('Message length does not match input length.')

  const flag = message.charAt(0)
  if (flag === 'p') {
    return malformed(
      'The server does not support channel binding for OAuth, but the client message includes channel binding data.',
    )
  }
  if (flag !== 'n' && flag !== 'y') {
    return malformed(`Unexpected channel-binding flag "${shown(message, 0)}".`)
  }
  if (message.charAt(1) !== ',') {
    return malformed(`Comma expected, but found character "${shown(message, 1)}".`)
  }
  if (message.charAt(2) === 'a') {
    return {
      next: 'malformed',
      sqlstate: '0A000',
      detail: '',
    }
  }
  if (message.charAt(2) !== ',') {
    return malformed(`Unexpected attribute "${shown(message, 2)}" in client-first-message.`)
  }
  if (message.charAt(3) !== separator) {
    return malformed(`Key-value separator expected, but found character "${shown(message, 3)}".`)
  }
  return readPairs(message.slice(4))
}

function readPairs(pairs: string): OauthBearerStep {
  let credentials: string | undefined
  let position = 0
  while (position < pairs.length) {
    const end = pairs.indexOf(separator, position)
    if (end === -1) return malformed('Message contains an unterminated key/value pair.')
    if (end === position) {
      if (credentials === undefined) return malformed('Message does not contain an auth value.')
      return end + 1 === pairs.length
        ? readCredentials(credentials)
        : malformed('Message contains additional data after the final terminator.')
    }
    const pair = pairs.slice(position, end)
    const equals = pair.indexOf('=')
    if (equals === -1) return malformed('Message contains a key without a value.')
    const [key, value] = [pair.slice(0, equals), pair.slice(equals + 1)]
    if (key === '') return malformed('Message contains an empty key name.')
    if (!/^[A-Za-z]+$/.test(key)) return malformed('Message contains an invalid key name.')
    if (!/^[\x20-\x7e\t\r\n]*$/.test(value)) return malformed('Message contains an invalid value.')
    // RFC 7628 3.1: `host`, `port` and keys that are not known are ignored.
    if (key === 'auth') {
      if (credentials !== undefined) return malformed('Message contains multiple auth values.')
      credentials = value
    }
    position = end + 1
  }
  return malformed('Message did not contain a final terminator.')
}

/** `credentials = "Bearer" 1*SP b64token` (RFC 6750, 2.1), the scheme in any case (RFC 7628, 4). */
function readCredentials(credentials: string): OauthBearerStep {
  if (credentials === '') return { next: 'discover' }
  if (!/^bearer /i.test(credentials)) return reject('the scheme is not Bearer')
  const token = credentials.slice('bearer '.length).replace(/^ +/, '')
  if (token === '') return reject('the bearer token is empty')
  // What is wrong with it stays unsaid: it is a part of somebody's credential.
  return /^[\w.~+/-]+=*$/.test(token)
    ? { next: 'verify', token }
    : reject('the bearer token has characters that none has')
}

function reject(logDetail: string): OauthBearerStep {
  return { next: 'reject', logDetail }
}

function malformed(detail: string): OauthBearerStep {
  return {
    next: 'malformed',
    sqlstate: '08P01',
    detail,
  }
}

/** Whether a client's second message is the one that is allowed after an error (RFC 7628, 3.2.3). */
export function readDummyResponse(bytes: Uint8Array): OauthBearerStep | undefined {
  const isDummy = bytes.length === 1 && bytes[0] === separator.charCodeAt(0)
  return isDummy ? undefined : malformed('Client did not send a kvsep response.')
}

/** A character in the words of PostgreSQL's errors: nothing unprintable is repeated. */
function shown(message: string, index: number): string {
  const character = message.charAt(index)
  if (/^[\x21-\x7e]$/.test(character)) return `'${character}'`
  const code = character === '' ? 0 : character.charCodeAt(0)
  return `0x${code.toString(16).padStart(2, '0')}`
}

/** What a client needs to get a token. */
export interface OauthDiscovery {
  readonly issuer: string
  /** Separated by blanks. */
  readonly scope: string
}

/** The server's error (RFC 7628, 3.2.2), which tells the client where tokens are to be had. */
export function errorResponse({ issuer, scope }: OauthDiscovery): string {
  const configuration = issuer.includes('/.well-known/')
    ? issuer
    : `${issuer}/.well-known/openid-configuration`
  return (
    `{ "status": "invalid_token", "openid-configuration": ${JSON.stringify(configuration)}, ` +
    `"scope": ${JSON.stringify(scope)} }`
  )
}
