// SCRAM-SHA-256 as the server's side (RFC 5802, RFC 7677), as pure steps over values. The first message of
// the client and the form of its last are those of scram-relay.ts: the rules are the same.
import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { prepare } from './prepare.ts'
import { scramKeys, type ServerFirst } from './scram.ts'
import type { RelayedFirst } from './scram-relay.ts'

const derive = promisify(pbkdf2)
const keyBytes = 32
const saltBytes = 16
/** PostgreSQL's default. */
const usualIterations = 4_096

/** What a server knows of a password: enough to check a proof of it, and not to make one. */
export interface ScramVerifier {
  readonly salt: Buffer
  readonly iterations: number
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

/** What is configured of a user: what can be checked, or the password itself. */
export type ScramSecret =
  | { readonly kind: 'verifier'; readonly verifier: ScramVerifier }
  | { readonly kind: 'password'; readonly password: string }

/** As pg_authid has it; undefined for what is none. */
export function parseVerifier(text: string): ScramVerifier | undefined {
  const parts =
    /^SCRAM-SHA-256\$([1-9]\d{0,8}):([A-Za-z0-9+/]+={0,2})\$([A-Za-z0-9+/]{43}=):([A-Za-z0-9+/]{43}=)$/.exec(
      text,
    )
  const [, iterations, salt, storedKey, serverKey] = parts ?? []
  if (salt === undefined || storedKey === undefined || serverKey === undefined) return undefined
  return {
    salt: Buffer.from(salt, 'base64'),
    iterations: Number(iterations),
    storedKey: Buffer.from(storedKey, 'base64'),
    serverKey: Buffer.from(serverKey, 'base64'),
  }
}

/** That of a password which is kept as it is. The salt is the same wherever the key is. */
export async function deriveVerifier(
  password: string,
  name: string,
  key: Buffer,
): Promise<ScramVerifier> {
  const salt = madeUp(key, 'salt', name).subarray(0, saltBytes)
  const salted = await derive(prepare(password), salt, usualIterations, keyBytes, 'sha256')
  const { clientKey, serverKey } = scramKeys(salted)
  return { salt, iterations: usualIterations, storedKey: sha256(clientKey), serverKey }
}

/**
 * For a name that nobody has: no proof fits, and the challenge is the same each time, as it is for somebody
 * who is there (RFC 5802, 5.1; PostgreSQL does the same).
 */
export function verifierOfNobody(name: string, key: Buffer): ScramVerifier {
  return {
    salt: madeUp(key, 'salt', name).subarray(0, saltBytes),
    iterations: usualIterations,
    storedKey: madeUp(key, 'stored key', name),
    serverKey: madeUp(key, 'server key', name),
  }
}

function madeUp(key: Buffer, what: string, name: string): Buffer {
  return createHmac('sha256', key)
    .update(JSON.stringify(['console', what, name]))
    .digest()
}

/** `nonce` is fresh printable randomness without a comma. */
export function serverFirst(
  first: Pick<RelayedFirst, 'nonce'>,
  { salt, iterations }: ScramVerifier,
  nonce: string,
): ServerFirst {
  const both = first.nonce + nonce
  const message = `r=${both},s=${salt.toString('base64')},i=${iterations}`
  return { message, nonce: both, salt, iterations }
}

/**
 * What the server proves itself by, where the client has; undefined where it has not. `final` is the message
 * as it was read for this challenge.
 */
export function serverFinal(
  first: Pick<RelayedFirst, 'message'>,
  challenge: ServerFirst,
  final: string,
  { storedKey, serverKey }: ScramVerifier,
): string | undefined {
  const end = final.lastIndexOf(',p=')
  const proof = Buffer.from(final.slice(end + 3), 'base64')
  // Behind the header `n,,` or `y,,`: there is no authorization identity in it.
  const bare = first.message.slice(first.message.indexOf(',,') + 2)
  const authMessage = `${bare},${challenge.message},${final.slice(0, end)}`
  const signature = hmac(storedKey, authMessage)
  const clientKey = Buffer.from(signature.map((byte, index) => byte ^ (proof[index] ?? 0)))
  if (end === -1 || proof.length !== keyBytes) return undefined
  if (!timingSafeEqual(sha256(clientKey), storedKey)) return undefined
  return `v=${hmac(serverKey, authMessage).toString('base64')}`
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest()
}
