// The keys that session tokens are signed with. Nobody stores or sends them: whoever has the secret derives the
// same ones for the same time, so that nodes agree on them without a word, and replace them together.
import { createECDH, createHash, createPrivateKey, createPublicKey, hkdfSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { JWK } from 'jose'

export interface SessionKey {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** As it is published. */
  readonly jwk: JWK
}

export interface SessionKeysOptions {
  /** The first signs, all of them verify. */
  readonly secrets: readonly string[]
  readonly keyLifetimeMs: number
  /** A key verifies for so long after it has signed for the last time. */
  readonly tokenLifetimeMs: number
}

/** By so much the clocks of nodes may differ. */
export const clockSkewMs = 60_000

export class SessionKeys {
  readonly #options: SessionKeysOptions
  /** By secret and epoch. */
  readonly #derived = new Map<string, SessionKey>()

  constructor(options: SessionKeysOptions) {
    this.#options = options
  }

  /** The one to sign with. */
  signing(now: Date): SessionKey {
    const [secret] = this.#options.secrets
    if (secret === undefined) throw new Error('there is no secret to make keys of')
    return this.#keyFor(secret, this.#epochAt(now.getTime()))
  }

  /** The one of this name, if tokens of its time can be good. */
  find(kid: string, now: Date): SessionKey | undefined {
    return this.#keysFrom(now, now.getTime() + clockSkewMs).find((key) => key.kid === kid)
  }

  /** Those that verify, and the next: whoever keeps them need not ask again the moment that they change. */
  published(now: Date): readonly SessionKey[] {
    return this.#keysFrom(now, now.getTime() + this.#options.keyLifetimeMs)
  }

  #keysFrom(now: Date, lastMs: number): readonly SessionKey[] {
    const { secrets, keyLifetimeMs, tokenLifetimeMs } = this.#options
    const first = this.#epochAt(now.getTime() - tokenLifetimeMs - clockSkewMs)
    const last = this.#epochAt(lastMs)
    const keys: SessionKey[] = []
    for (let epoch = last; epoch >= first; epoch -= keyLifetimeMs) {
      for (const secret of secrets) keys.push(this.#keyFor(secret, epoch))
    }
    this.#forgetBefore(first)
    return keys
  }

  /** When the key began that is in use at a time: other lifetimes have other keys, also for numbers that both have. */
  #epochAt(ms: number): number {
    return ms - (ms % this.#options.keyLifetimeMs)
  }

  #keyFor(secret: string, epoch: number): SessionKey {
    const name = `${epoch} ${secret}`
    const known = this.#derived.get(name) ?? deriveKey(secret, epoch)
    this.#derived.set(name, known)
    return known
  }

  #forgetBefore(first: number): void {
    for (const name of this.#derived.keys()) if (parseInt(name) < first) this.#derived.delete(name)
  }
}

/** The order of the group of P-256 (FIPS 186-5, SP 800-186 3.2.1.3). */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
/** 128 bits more than the order, so that the remainder favours no key (FIPS 186-5, A.2.1). */
const derivedBytes = 48
const coordinateBytes = 32
const kidBytes = 6

function deriveKey(secret: string, epoch: number): SessionKey {
  const info = `portcullis session tokens ${epoch}`
  const derived = Buffer.from(hkdfSync('sha256', secret, '', info, derivedBytes))
  const scalar = (BigInt(`0x${derived.toString('hex')}`) % (order - 1n)) + 1n
  const d = Buffer.from(scalar.toString(16).padStart(2 * coordinateBytes, '0'), 'hex')
  const curve = createECDH('prime256v1')
  curve.setPrivateKey(d)
  const point = curve.getPublicKey()
  const x = point.subarray(1, 1 + coordinateBytes).toString('base64url')
  const y = point.subarray(1 + coordinateBytes).toString('base64url')
  const bare = { crv: 'P-256', kty: 'EC', x, y }
  // The thumbprint of RFC 7638, cut.
  const thumbprint = createHash('sha256').update(JSON.stringify(bare)).digest()
  const kid = thumbprint.subarray(0, kidBytes).toString('base64url')
  return {
    kid,
    privateKey: createPrivateKey({
      format: 'jwk',
      key: { ...bare, d: d.toString('base64url') },
    }),
    publicKey: createPublicKey({ format: 'jwk', key: bare }),
    jwk: { ...bare, kid, use: 'sig', alg: 'ES256' },
  }
}
