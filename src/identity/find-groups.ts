import type { JWTPayload } from 'jose'
import { Refusal } from '../refusal.ts'
import { readClaim, readGroups } from './claims.ts'
import { fetchUserinfo } from './fetch-userinfo.ts'
import { holder } from './shown.ts'
import type { TokenRules } from './token-rules.ts'

/** The groups that a token itself tells. */
export function groupsIn(claims: JWTPayload, rules: TokenRules): readonly string[] {
  return toGroups(valuesIn(claims, rules))
}

/** The groups of a verified token: its own, or where it has no groups claim at all, those of userinfo. */
export async function findGroups(
  token: string,
  claims: JWTPayload,
  rules: TokenRules,
): Promise<readonly string[]> {
  const values = valuesIn(claims, rules)
  const isSilent = values.every((value) => value === undefined)
  if (rules.userinfo === undefined || !isSilent) return toGroups(values)
  return toGroups(valuesIn(await askProvider(token, claims, rules, rules.userinfo), rules))
}

function valuesIn(
  claims: Readonly<Record<string, unknown>>,
  { groupsClaimIds }: TokenRules,
): readonly unknown[] {
  return groupsClaimIds.map((id) => readClaim(claims, id))
}

function toGroups(values: readonly unknown[]): readonly string[] {
  return [...new Set(values.flatMap(readGroups))]
}

async function askProvider(
  token: string,
  claims: JWTPayload,
  { keys }: TokenRules,
  access: NonNullable<TokenRules['userinfo']>,
): Promise<Readonly<Record<string, unknown>>> {
  const { userinfoEndpoint: endpoint } = await keys.current()
  if (endpoint === undefined) {
    throw new Refusal('userinfo-unavailable', {
      logDetail: `the discovery document of ${keys.issuer} has no userinfo_endpoint`,
    })
  }
  try {
    return await fetchUserinfo(endpoint, token, claims.sub, access)
  } catch (cause) {
    throw new Refusal('userinfo-unavailable', { logDetail: holder(claims), cause })
  }
}
