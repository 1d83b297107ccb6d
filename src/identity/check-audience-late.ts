import type { JWTPayload } from 'jose'
import { wrongAudience } from './check-claims.ts'
import { groupsIn } from './find-groups.ts'
import { LateRefusal } from './late-refusal.ts'
import type { CheckObserver } from './token-check.ts'
import type { TokenIdentity } from './token-identity.ts'
import { ownAudiences, type TokenRules } from './token-rules.ts'

/** CockroachDB looks at the audience last: the refusal carries whom the token names, for earlier reasons. */
export function checkAudienceLate(
  claims: JWTPayload,
  rules: TokenRules,
  identity: Omit<TokenIdentity, 'groups'>,
  checking: CheckObserver,
): void {
  checking('audience')
  const own: readonly unknown[] = ownAudiences(rules)
  if ([claims.aud].flat().some((audience) => own.includes(audience))) return
  throw new LateRefusal(wrongAudience(claims), { ...identity, groups: groupsIn(claims, rules) })
}
