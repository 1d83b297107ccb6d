import { readClaim } from './claims.ts'

/**
 * The claims that sessions are told of, by the names that the configuration has for them; those that the
 * token does not have are left out. Undefined where no claim is to be told.
 */
export function sessionClaimsIn(
  claims: Readonly<Record<string, unknown>>,
  names: readonly string[] | undefined,
): ReadonlyMap<string, unknown> | undefined {
  if (names === undefined || names.length === 0) return undefined
  return new Map(
    names
      .map((name) => [name, readClaim(claims, name)] as const)
      .filter(([, value]) => value !== undefined),
  )
}
