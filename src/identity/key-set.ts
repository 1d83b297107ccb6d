import type { JSONWebKeySet, JWK } from 'jose'
import { FetchError } from './bounded-fetch.ts'

/** The key set (RFC 7517, 5) in a text. No message has a part of the text: it may be the wrong file. */
export function parseKeySet(text: string): JSONWebKeySet {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    throw new FetchError('the key set is not JSON')
  }
  if (!isKeySet(body)) throw new FetchError('the key set is not one')
  if (body.keys.length === 0) throw new FetchError('the key set is empty')
  return { ...body, keys: body.keys.map(asSigningKey) }
}

/** In a bundle of SPIFFE the keys for tokens have a use of their own (JWT-SVID, 4); those for certificates stay out. */
function asSigningKey(key: JWK): JWK {
  return key.use === 'jwt-svid' ? { ...key, use: 'sig' } : key
}

function isKeySet(body: unknown): body is JSONWebKeySet {
  return (
    typeof body === 'object' &&
    body !== null &&
    'keys' in body &&
    Array.isArray(body.keys) &&
    body.keys.every((key) => typeof key === 'object' && key !== null && !Array.isArray(key))
  )
}
