import type { JWTPayload } from 'jose'
import { Refusal } from '../refusal.ts'
import { readClaim, readCockroachGroups, readGroups } from './claims.ts'
import { fetchUserinfo } from './fetch-userinfo.ts'
import { holder } from './shown.ts'
import type { TokenRules } from './token-rules.ts'

/** The groups that a token itself tells. */
export function groupsIn(claims: JWTPayload, rules: TokenRules): readonly string[] {
  return readAll(claims, rules.groupsClaimIds, rules) ?? []
}

/** The groups of a verified token: its own, or where it has no groups claim at all, those of userinfo. */
export async function findGroups(
  token: string,
  claims: JWTPayload,
  rules: TokenRules,
): Promise<readonly string[]> {
  const own = readAll(claims, rules.groupsClaimIds, rules)
  if (own !== undefined || rules.userinfo === undefined) return own ?? []
  const userinfo = await askProvider(token, claims, rules, rules.userinfo)
  return readAll(userinfo, rules.userinfoGroupsIds, rules) ?? []
}

/** Undefined where there is no groups claim; CockroachDB takes one of another type for none. */
function readAll(
  claims: Readonly<Record<string, unknown>>,
  ids: readonly string[],
  { dialect }: TokenRules,
): readonly string[] | undefined {
  const read = dialect === 'cockroachdb' ? readCockroachGroups : readGroups
  const lists = ids
    .map((id) => readClaim(claims, id))
    .filter((value) => value !== undefined)
    .map(read)
    .filter((list) => list !== undefined)
  return lists.length === 0 ? undefined : [...new Set(lists.flat())]
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
      values: { endpoint: 'none' },
      logDetail: `the discovery document of ${keys.issuer} has no userinfo_endpoint`,
    })
  }
  try {
    return await fetchUserinfo(endpoint, token, claims.sub, access)
  } catch (cause) {
    throw new Refusal('userinfo-unavailable', { logDetail: holder(claims), cause })
  }
}
