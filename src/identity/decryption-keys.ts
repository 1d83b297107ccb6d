import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { isRecord } from './token-shape.ts'

/** A private key of ours, to which providers encrypt tokens. */
export interface DecryptionKey {
  readonly kid: string | undefined
  /** The only algorithm that it is for, where its set says so. */
  readonly alg: string | undefined
  readonly key: KeyObject
}

const mostKeys = 10

/** The private keys in a key set (RFC 7517) or in PEM. No message has a part of the text. */
export function parseDecryptionKeys(text: string): readonly DecryptionKey[] {
  const keys = text.trimStart().startsWith('{') ? parseKeySet(text) : [parsePem(text)]
  if (keys.length === 0) throw new Error('it has no key for encryption')
  if (keys.length > mostKeys) throw new Error(`it has more than ${mostKeys} keys`)
  return keys
}

function parsePem(text: string): DecryptionKey {
  if (text.split('-----BEGIN ').length !== 2) throw new Error('it is no key set and no key in PEM')
  return { kid: undefined, alg: undefined, key: checked(toKey(text), 'the key') }
}

function parseKeySet(text: string): readonly DecryptionKey[] {
  const set = parse(text)
  const members: readonly unknown[] = isRecord(set) && Array.isArray(set['keys']) ? set['keys'] : []
  return members.flatMap((jwk, index) => {
    const name = `key ${index + 1} of the set`
    if (!isRecord(jwk)) throw new Error(`${name} is none`)
    // A set may be that of all our keys.
    if (jwk['use'] !== undefined && jwk['use'] !== 'enc') return []
    if (!('d' in jwk)) throw new Error(`${name} has no private part`)
    const { kid, alg } = jwk
    return {
      kid: typeof kid === 'string' ? kid : undefined,
      alg: typeof alg === 'string' ? alg : undefined,
      key: checked(toKey({ key: jwk, format: 'jwk' }), name),
    }
  })
}

/** The messages of JSON.parse and of OpenSSL may repeat what they cannot read. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function toKey(from: string | { key: JsonWebKey; format: 'jwk' }): KeyObject | undefined {
  try {
    return createPrivateKey(from)
  } catch {
    return undefined
  }
}

const curves: ReadonlySet<unknown> = new Set(['prime256v1', 'secp384r1', 'secp521r1'])

/** RFC 7518 4.3 and 4.6: RSA of 2,048 bits or more, or a curve of NIST, or X25519 (RFC 8037). */
function checked(key: KeyObject | undefined, name: string): KeyObject {
  if (key === undefined) throw new Error(`${name} cannot be read: a private key without passphrase`)
  const { asymmetricKeyType: type } = key
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {}
  if (type === 'rsa' && modulusLength < 2_048) {
    throw new Error(`${name} has ${modulusLength} bits: RSA needs at least 2048`)
  }
  if (type === 'rsa' || type === 'x25519' || curves.has(namedCurve)) return key
  throw new Error(`${name} is not of RSA, P-256, P-384, P-521 or X25519`)
}
