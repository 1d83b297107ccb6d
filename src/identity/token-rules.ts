import type { RE2JS } from 're2js'
import type { IntrospectionAccess } from './ask-introspection.ts'
import type { DecryptionKey } from './decryption-keys.ts'
import type { UserinfoAccess } from './fetch-userinfo.ts'
import type { Dialect } from './dialect.ts'
import type { KeyCache } from './key-cache.ts'

export const tokenKinds = ['id_token', 'at+jwt', 'access_token'] as const
/** `at+jwt` is an access token of RFC 9068, `access_token` one in a format of the provider's own. */
export type TokenKind = (typeof tokenKinds)[number]

/** What an integration demands of a token. */
export interface TokenRules {
  readonly integration: string
  readonly keys: KeyCache
  readonly clientId: string | undefined
  readonly additionalAudiences: readonly string[]
  /** Whether a token of our own client need not say whom it is for; one that says so is for us or for nobody here. */
  readonly allowsNoAudience?: boolean | undefined
  /** Whether an audience that is not ours is a reason to refuse, beside one that is. */
  readonly strictAudiences: boolean
  readonly algorithms: readonly string[]
  readonly allowedTypes: AllowedTypes
  readonly kinds: ReadonlySet<TokenKind>
  readonly leewayMs: number
  /** Counted from `iat`, which a token must have then. */
  readonly maxTokenAgeMs: number | undefined
  readonly requiredClaims: readonly RequiredClaim[]
  /** Accepted `acr`, authentication context classes; any or none if there are none. */
  readonly requiredAcr: readonly string[]
  /** Whether a token must be bound to the client certificate of its connection. */
  readonly requireSenderConstraint: boolean
  /** Claim names, or JSON Pointers when they begin with a slash. */
  readonly principalClaim: string
  /** Claims that sessions at the database are told of. */
  readonly sessionClaims?: readonly string[] | undefined
  readonly groupsClaimIds: readonly string[]
  /** How the provider is asked for groups that a token does not tell; undefined where it is not. */
  readonly userinfo: UserinfoAccess | undefined
  /** How the provider is asked about access tokens; undefined where it is not. */
  readonly introspection: IntrospectionAccess | undefined
  /** Our private keys for encrypted tokens; undefined where those are not taken. */
  readonly decryptionKeys: readonly DecryptionKey[] | undefined
  /** As `groupsClaimIds`, in the answer of userinfo. */
  readonly userinfoGroupsIds: readonly string[]
  /** Which checks come first, and how groups are read. */
  readonly dialect: Dialect
}

/** A claim without which a token is of no use to an integration. */
export interface RequiredClaim {
  /** A literal name, or a JSON Pointer when it begins with a slash. */
  readonly name: string
  /** The value itself, or an expression that matches the whole of it. */
  readonly expected: string | number | boolean | RE2JS
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
