import type { KeyCache } from './key-cache.ts'

/** What an integration demands of a token. */
export interface TokenRules {
  readonly integration: string
  readonly keys: KeyCache
  readonly clientId: string | undefined
  readonly additionalAudiences: readonly string[]
  /** Whether an audience that is not ours is a reason to refuse, beside one that is. */
  readonly strictAudiences: boolean
  readonly algorithms: readonly string[]
  readonly allowedTypes: AllowedTypes
  readonly leewayMs: number
  /** Counted from `iat`, which a token must have then. */
  readonly maxTokenAgeMs: number | undefined
  /** Claim names, or JSON Pointers when they begin with a slash. */
  readonly principalClaim: string
  readonly groupsClaimIds: readonly string[]
}

/** Which `typ` a token may have. */
export interface AllowedTypes {
  /** As `typeName` makes them. */
  readonly names: ReadonlySet<string>
  readonly untyped: boolean
}

/** `none` stands for a token without a type: no media type is called so. */
export function allowedTypes(types: readonly string[]): AllowedTypes {
  const names = new Set(types.map(typeName))
  return { untyped: names.delete('none'), names }
}

/** RFC 7515 4.1.9: media types differ neither by case nor by an `application/` that may be left out. */
export function typeName(typ: string): string {
  return typ.toLowerCase().replace(/^application\/(?=[^/]*$)/, '')
}

/** The audiences that are ours. */
export function ownAudiences(rules: TokenRules): string[] {
  return rules.clientId === undefined
    ? [...rules.additionalAudiences]
    : [rules.clientId, ...rules.additionalAudiences]
}
