// Which sessions are meant: pure, so that a session that is open, a login that is under way and
// `portcullis explain` are compared by the same rule.
import { isSameIssuer } from '../identity/issuer-name.ts'
import { contains, parseAddress, parseNetwork } from '../policy/network.ts'
import type { SessionFacts } from './observer.ts'

/**
 * Criteria that all have to hold. What is not known of a session does not hold, and a selector without a
 * criterion selects nothing: nobody ends every session by leaving something out.
 */
export interface SessionSelector {
  readonly session?: string | undefined
  readonly issuer?: string | undefined
  /** Unique only with its issuer. */
  readonly subject?: string | undefined
  /** One of the names of the identity. */
  readonly principal?: string | undefined
  readonly role?: string | undefined
  /** A group of the catalog that the identity is in. */
  readonly group?: string | undefined
  readonly integration?: string | undefined
  readonly pool?: string | undefined
  readonly database?: string | undefined
  /** SHA-256 of the token's `jti`, in hex. */
  readonly tokenIdHash?: string | undefined
  /** The session at the provider that the token is of. */
  readonly sid?: string | undefined
  /** Those whose token tells no session at the provider. */
  readonly isWithoutSid?: true | undefined
  /** An address, or a range of them in CIDR notation. */
  readonly address?: string | undefined
  /** Tokens that were issued then or before, in milliseconds since 1970; one that does not say when is one. */
  readonly issuedUntilMs?: number | undefined
}

type Criterion = keyof SessionSelector

type Test = (facts: SessionFacts, selector: SessionSelector) => boolean

const tests: Readonly<Record<Criterion, Test>> = {
  session: (facts, { session }) => facts.id === session,
  issuer: ({ identity }, { issuer }) =>
    identity !== undefined && issuer !== undefined && isSameIssuer(identity.issuer, issuer),
  subject: ({ identity }, { subject }) => identity?.subject === subject,
  principal: ({ identity }, { principal }) =>
    identity !== undefined && principal !== undefined && identity.names.includes(principal),
  role: (facts, { role }) => facts.role === role,
  group: ({ identity }, { group }) =>
    identity !== undefined && group !== undefined && identity.groups.includes(group),
  integration: (facts, { integration }) => facts.integration === integration,
  pool: (facts, { pool }) => facts.pool === pool,
  database: ({ requested }, { database }) => requested?.database === database,
  tokenIdHash: ({ identity }, { tokenIdHash }) =>
    identity?.tokenIdHash === tokenIdHash || isMadeOf(identity, tokenIdHash),
  sid: ({ identity }, { sid }) => identity?.sid === sid,
  isWithoutSid: ({ identity }) => identity !== undefined && identity.sid === undefined,
  address: ({ peer }, { address }) => address !== undefined && isWithin(peer.address, address),
  issuedUntilMs: ({ identity }, { issuedUntilMs }) =>
    identity !== undefined &&
    issuedUntilMs !== undefined &&
    (identity.issuedAt?.getTime() ?? issuedUntilMs) <= issuedUntilMs,
}

export const criteria = Object.keys(tests) as readonly Criterion[]

/** The criteria that a selector has, in their order. */
export function criteriaOf(selector: SessionSelector): readonly Criterion[] {
  return criteria.filter((one) => selector[one] !== undefined)
}

/** Whether both mean the same by the same criteria. */
export function isSameSelector(one: SessionSelector, other: SessionSelector): boolean {
  return criteria.every((name) => one[name] === other[name])
}

export function selects(selector: SessionSelector, facts: SessionFacts): boolean {
  const given = criteriaOf(selector)
  return given.length > 0 && given.every((one) => tests[one](facts, selector))
}

/** A session token goes with the token that it was made of. */
function isMadeOf(identity: SessionFacts['identity'], tokenIdHash: string | undefined): boolean {
  const { madeOfTokenIdHash: beginning } = identity ?? {}
  return beginning !== undefined && tokenIdHash?.startsWith(beginning) === true
}

function isWithin(peer: string, block: string): boolean {
  const address = parseAddress(peer)
  return address !== undefined && contains(parseNetwork(block), address)
}
