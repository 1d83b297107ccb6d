import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { checkBeforeKeys } from './check-unverified.ts'
import type { IssuerKeys } from './discovery.ts'
import { IntrospectedTokens } from './introspected-tokens.ts'
import { openToken } from './open-token.ts'
import type { CheckObserver } from './token-check.ts'
import type { TokenRules } from './token-rules.ts'
import { type Principal, verifyToken } from './verify-token.ts'

interface Remembered {
  readonly principal: Principal
  /** The key set that it was verified with: another one may lack the key. */
  readonly keys: IssuerKeys
}

/** Applications open their connections with one token: what it costs is paid once in this time. */
const rememberedMs = 60_000

/**
 * Verifies tokens of one integration and remembers the good ones by their SHA-256, until they expire or grow
 * too old, the issuer's keys are fetched anew or a minute has passed. Whatever is refused is never remembered.
 */
export class VerifiedTokens {
  readonly rules: TokenRules
  /** Undefined where the provider is not asked about access tokens. */
  readonly introspected: IntrospectedTokens | undefined
  readonly #remembered: LRUCache<string, Remembered>

  /** `maxTokenBytes` limits the length of all remembered tokens and their groups. */
  constructor(rules: TokenRules, maxTokenBytes: number) {
    this.rules = rules
    this.introspected =
      rules.introspection && new IntrospectedTokens(rules, rules.introspection, maxTokenBytes)
    this.#remembered = new LRUCache({ maxSize: maxTokenBytes, ttl: rememberedMs })
  }

  /** `checking` is told of nothing where the token is a remembered one. */
  async verify(token: string, now: Date, checking?: CheckObserver): Promise<Principal> {
    const digest = createHash('sha256').update(token).digest('base64')
    if (this.rules.dialect === 'cockroachdb') await this.#refuseEarly(token)
    const keys = await this.rules.keys.current()
    const known = this.#remembered.get(digest)
    const isFresh = known !== undefined && now.getTime() < known.principal.goodUntil.getTime()
    if (isFresh && known.keys === keys) return known.principal
    // An expired token is verified again, for the refusal that says since when.
    const signed = await openToken(token, this.rules.decryptionKeys, checking)
    const principal = await verifyToken(signed, this.rules, now, checking)
    this.#remembered.set(digest, { principal, keys }, { size: sizeOf(token, principal) })
    return principal
  }

  /** What CockroachDB refuses before it asks for keys is refused so where there are none, too. */
  async #refuseEarly(token: string): Promise<void> {
    checkBeforeKeys(await openToken(token, this.rules.decryptionKeys), this.rules)
  }
}

/** Userinfo may have told more groups than the token is long. */
function sizeOf(token: string, { groups }: Principal): number {
  return groups.reduce((size, group) => size + group.length, token.length)
}
