// SCRAM-SHA-256 and SCRAM-SHA-256-PLUS as a client (RFC 5802, RFC 7677), as pure steps over values.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

export const scramMechanism = 'SCRAM-SHA-256'

/** A server that breaks the exchange, or does not know the password's verifier. */
export class ScramError extends Error {
  override readonly name = 'ScramError'
}

/** What the password is turned into: it can be kept per salt and iteration count. */
export interface ScramKeys {
  readonly clientKey: Buffer
  readonly serverKey: Buffer
}

/** PostgreSQL's default is 4,096; the limit keeps a server from costing us minutes of CPU. */
const maxIterations = 1_000_000
const minSaltBytes = 1
const maxSaltBytes = 1_024

/**
 * What is said of the channel (RFC 5802, 6): bound by `tls-server-end-point` data; could be bound, and the
 * server offered no way to, so that a server which did knows of somebody between; or cannot be.
 */
export type ChannelBinding = { readonly endPoint: Buffer } | 'not-offered' | 'none'

export interface ClientFirst {
  readonly nonce: string
  readonly bare: string
  readonly message: string
  /** What the last message repeats of the channel. */
  readonly channel: string
}

/** `nonce` is fresh printable randomness without a comma. PostgreSQL takes the user from startup. */
export function clientFirst(nonce: string, binding: ChannelBinding): ClientFirst {
  const bare = `n=,r=${nonce}`
  const [header, data] = channelOf(binding)
  const channel = Buffer.concat([Buffer.from(header), data]).toString('base64')
  return { nonce, bare, message: header + bare, channel }
}

function channelOf(binding: ChannelBinding): readonly [string, Buffer] {
  if (binding === 'none') return ['n,,', Buffer.alloc(0)]
  if (binding === 'not-offered') return ['y,,', Buffer.alloc(0)]
  return ['p=tls-server-end-point,,', binding.endPoint]
}

export interface ServerFirst {
  readonly message: string
  readonly nonce: string
  readonly salt: Buffer
  readonly iterations: number
}

export function readServerFirst(message: string, first: Pick<ClientFirst, 'nonce'>): ServerFirst {
  const fields =
    /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+={0,2}),i=([1-9]\d{0,9})(?:,.*)?$/.exec(message)
  const [, nonce, salt, iterations] = fields ?? []
  if (nonce === undefined || salt === undefined || iterations === undefined) {
    throw new ScramError('malformed server-first-message')
  }
  // RFC 5802 5.1: the server's nonce begins with ours and adds to it, or this is a replay.
  if (!nonce.startsWith(first.nonce) || nonce.length === first.nonce.length) {
    throw new ScramError('the server changed the nonce')
  }
  const saltBytes = Buffer.from(salt, 'base64')
  if (saltBytes.length < minSaltBytes || saltBytes.length > maxSaltBytes) {
    throw new ScramError(`salt of ${saltBytes.length} bytes`)
  }
  const count = Number(iterations)
  if (count > maxIterations) throw new ScramError(`iteration count ${count} is over the limit`)
  return { message, nonce, salt: saltBytes, iterations: count }
}

/** Keys from the salted password, which is PBKDF2-HMAC-SHA-256 of the prepared password. */
export function scramKeys(saltedPassword: Buffer): ScramKeys {
  return {
    clientKey: hmac(saltedPassword, 'Client Key'),
    serverKey: hmac(saltedPassword, 'Server Key'),
  }
}

export interface ClientFinal {
  readonly message: string
  readonly serverSignature: Buffer
}

export function clientFinal(first: ClientFirst, server: ServerFirst, keys: ScramKeys): ClientFinal {
  const withoutProof = `c=${first.channel},r=${server.nonce}`
  const authMessage = `${first.bare},${server.message},${withoutProof}`
  const storedKey = createHash('sha256').update(keys.clientKey).digest()
  const clientSignature = hmac(storedKey, authMessage)
  const proof = Buffer.from(keys.clientKey.map((byte, i) => byte ^ (clientSignature[i] ?? 0)))
  return {
    message: `${withoutProof},p=${proof.toString('base64')}`,
    serverSignature: hmac(keys.serverKey, authMessage),
  }
}

/** Throws unless the server proved that it knows the verifier: without this it could be anybody. */
export function checkServerFinal(message: string, final: ClientFinal): void {
  const [, signature] = /^v=([A-Za-z0-9+/]+={0,2})(?:,.*)?$/.exec(message) ?? []
  if (signature === undefined) throw new ScramError('malformed server-final-message')
  const bytes = Buffer.from(signature, 'base64')
  if (
    bytes.length !== final.serverSignature.length ||
    !timingSafeEqual(bytes, final.serverSignature)
  ) {
    throw new ScramError('the server signature is wrong')
  }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest()
}
