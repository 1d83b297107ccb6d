// Encrypted tokens (RFC 7516): what comes out is a signed token, to which all the ordinary rules apply.
import { compactDecrypt, errors } from 'jose'
import { Refusal } from '../refusal.ts'
import type { DecryptionKey } from './decryption-keys.ts'
import { shown } from './shown.ts'
import type { CheckObserver } from './token-check.ts'
import { isEncrypted, readHeader, readUnverified } from './token-shape.ts'

/** Never RSA1_5 (Bleichenbacher), `dir`, PBES2 or key wrapping alone, whose keys are shared secrets. */
const keyManagement = [
  ...(['RSA-OAEP', 'RSA-OAEP-256', 'RSA-OAEP-384', 'RSA-OAEP-512'] as const),
  ...(['ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A192KW', 'ECDH-ES+A256KW'] as const),
]

const contentEncryption = [
  ...(['A128GCM', 'A192GCM', 'A256GCM'] as const),
  ...(['A128CBC-HS256', 'A192CBC-HS384', 'A256CBC-HS512'] as const),
]

/**
 * The signed token inside an encrypted one; any other token as it is. It is opened once: what is encrypted
 * again inside is not a signed token.
 */
export async function openToken(
  token: string,
  keys: readonly DecryptionKey[] | undefined,
  checking: CheckObserver = () => {},
): Promise<string> {
  if (!isEncrypted(token)) return token
  checking('decryption')
  const header = readHeader(token)
  // RFC 7516 9: what is encrypted says with what.
  if (header?.['enc'] === undefined) throw new Refusal('token-malformed')
  if (keys === undefined) throw new Refusal('token-encrypted')
  checkAlgorithms(header)
  const content = await decrypt(token, keyFor(header, keys))
  const { claims } = readUnverified(content) ?? {}
  if (claims === undefined) {
    throw new Refusal('token-malformed', { logDetail: 'the content is not a signed token' })
  }
  checkReplicated(header, claims)
  return content
}

type Members = Readonly<Record<string, unknown>>

function checkAlgorithms({ alg, enc, zip }: Members): void {
  if (!keyManagement.some((one) => one === alg) || !contentEncryption.some((one) => one === enc)) {
    throw new Refusal('token-algorithm', {
      logDetail: `encrypted with alg ${shown(alg)}, enc ${shown(enc)}`,
    })
  }
  // RFC 8725 3.6: a compressed secret tells of itself by its length, and a short text may be a long one.
  if (zip !== undefined) {
    throw new Refusal('token-algorithm', { logDetail: `compressed, zip ${shown(zip)}` })
  }
}

function keyFor({ alg, kid }: Members, keys: readonly DecryptionKey[]): DecryptionKey {
  const type = String(alg).startsWith('RSA') ? 'rsa' : 'ec'
  const fitting = keys.filter(
    (one) =>
      (one.key.asymmetricKeyType === 'rsa' ? 'rsa' : 'ec') === type &&
      (one.alg === undefined || one.alg === alg) &&
      (one.kid === undefined || kid === undefined || one.kid === kid),
  )
  const [key, ...others] = fitting
  if (key !== undefined && others.length === 0) return key
  throw new Refusal('token-decryption', {
    logDetail: `${fitting.length} keys fit alg ${shown(alg)}, kid ${shown(kid)}`,
  })
}

async function decrypt(token: string, { key }: DecryptionKey): Promise<string> {
  try {
    const { plaintext } = await compactDecrypt(token, key, {
      keyManagementAlgorithms: keyManagement,
      contentEncryptionAlgorithms: contentEncryption,
      maxDecompressedLength: 0,
    })
    return Buffer.from(plaintext).toString('utf8')
  } catch (error) {
    const { name, message } = error as Error
    throw new Refusal('token-decryption', {
      // Of other errors the name alone: they come from where the key is.
      logDetail: error instanceof errors.JOSEError ? message : name,
    })
  }
}

/** RFC 7519 5.3: claims in the header are there to be routed by, and must be those of the content. */
function checkReplicated(header: Members, claims: Members): void {
  for (const name of ['iss', 'sub', 'aud'] as const) {
    if (header[name] === undefined) continue
    if (JSON.stringify(header[name]) === JSON.stringify(claims[name])) continue
    throw new Refusal('token-malformed', {
      logDetail: `${name} of the encrypted header is not that of the content`,
    })
  }
}
