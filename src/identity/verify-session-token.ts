import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { makePrincipal, type Principal } from './make-principal.ts'
import type { ReadSessionToken, SessionTokens } from './session-token.ts'

/** Applications open their connections with one token: it is verified once in this time. */
const rememberedMs = 60_000
/** They are all short. */
const maxRemembered = 10_000

/** Verifies session tokens of one configuration, and remembers the good ones by their SHA-256. */
export class VerifiedSessionTokens {
  readonly #tokens: Pick<SessionTokens, 'read'>
  readonly #remembered = new LRUCache<string, Principal>({ max: maxRemembered, ttl: rememberedMs })

  constructor(tokens: Pick<SessionTokens, 'read'>) {
    this.#tokens = tokens
  }

  /** Throws a Refusal. */
  async verify(token: string, now: Date): Promise<Principal> {
    const digest = createHash('sha256').update(token).digest('base64')
    const known = this.#remembered.get(digest)
    if (known !== undefined && now < known.goodUntil) return known
    const principal = toPrincipal(await this.#tokens.read(token, now))
    this.#remembered.set(digest, principal)
    return principal
  }
}

/**
 * It is who its token was made of, whose session at the provider and whose time of issue count when somebody is
 * kept out. Its end and its name are its own, so that one session token can be revoked.
 */
function toPrincipal({ id, identity, bounds, expiresAt }: ReadSessionToken): Principal {
  const { integration, kind, issuer, subject, names, groups, issuedAt, sid } = identity
  const { certificateThumbprint, actors = [], sessionClaims } = identity
  return makePrincipal({
    ...{ integration, kind, issuer, subject, names, groups, sid, certificateThumbprint, actors },
    expiresAt: new Date(expiresAt),
    issuedAt: issuedAt === undefined ? undefined : new Date(issuedAt),
    goodUntil: new Date(expiresAt),
    tokenIdHash: createHash('sha256').update(id).digest('hex'),
    sessionClaims: sessionClaims && new Map(Object.entries(sessionClaims)),
    sessionToken: { bounds, tokenIdHash: identity.tokenIdHash },
  })
}
