// A token that nobody signed, with the claims that somebody might have: to see what would be decided on them.
import { type Claimed, authorizedParty } from './identity/token-shape.ts'
import { ownAudiences, type TokenRules, typeName } from './identity/token-rules.ts'

export type HypotheticalClaims = Readonly<Record<string, unknown>>

/** What the claims say of themselves, for whoever looks for their integration. */
export function claimedBy(claims: HypotheticalClaims): Claimed {
  return { issuer: claims['iss'], authorizedParty: authorizedParty(claims) }
}

export interface HypotheticalToken {
  readonly token: string
  /** What was taken for granted, as it stands in the token. */
  readonly assumed: Readonly<Record<string, unknown>>
}

const validSeconds = 300
const noSignature = Buffer.from('not signed').toString('base64url')

/**
 * Issuer and audience are those of the integration where the claims have none. The times are always now:
 * claims that somebody had once are as good as those that somebody may have.
 */
export function hypotheticalToken(
  claims: HypotheticalClaims,
  rules: TokenRules,
  now: Date,
): HypotheticalToken {
  const seconds = Math.floor(now.getTime() / 1_000)
  const [audience] = ownAudiences(rules)
  const assumed = {
    ...(claims['iss'] === undefined && { iss: rules.keys.issuer }),
    ...(claims['aud'] === undefined && audience !== undefined && { aud: audience }),
    iat: seconds,
    exp: seconds + validSeconds,
  }
  const header = { alg: rules.algorithms[0], ...typeOf(rules) }
  const parts = [header, { ...claims, nbf: undefined, ...assumed }].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  return { token: [...parts, noSignature].join('.'), assumed }
}

/** A type that the integration takes: the usual one, if it is among them. */
function typeOf({ allowedTypes: { names, untyped } }: TokenRules): { readonly typ?: string } {
  const usual = typeName('JWT')
  const typ = names.has(usual) ? 'JWT' : untyped ? undefined : [...names][0]
  return typ === undefined ? {} : { typ }
}
