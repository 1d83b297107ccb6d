import { checkDeclaredAccessToken } from '../identity/check-kind.ts'
import { LateRefusal } from '../identity/late-refusal.ts'
import { describeSessionToken } from '../identity/describe-session-token.ts'
import { bracketed, listed } from '../identity/shown.ts'
import {
  hasSegmentsMissing,
  isUsualCut,
  looksLikeToken,
  readClaimed,
} from '../identity/token-shape.ts'
import { isSessionToken } from '../identity/session-token-shape.ts'
import { proveSender } from '../identity/sender-constraint.ts'
import type { TokenIdentity } from '../identity/token-identity.ts'
import type { Principal } from '../identity/verify-token.ts'
import type { Integration } from '../policy/catalog.ts'
import { folded } from '../policy/cockroach-users.ts'
import { decide } from '../policy/decide.ts'
import type { Step } from '../policy/decision.ts'
import { type Resolution, resolveIntegration } from '../policy/resolve-integration.ts'
import { printable, type Reason, Refusal } from '../refusal.ts'
import { type TokenAdmission, type Attempt, fail, reportAll, denied } from './attempt.ts'
import type { SessionFacts } from './observer.ts'
import { refuseDenied } from './refuse-denied.ts'

/** What verifies the tokens of one integration. */
export interface TokenVerifier {
  verify(token: string, now: Date): Promise<Principal>
  /** Has the provider verify access tokens; undefined where that is not asked. */
  readonly introspected?: Pick<TokenVerifier, 'verify'> | undefined
}

/** By integration, and what verifies session tokens. */
export type TokenVerifiers = Pick<ReadonlyMap<string, TokenVerifier>, 'get'> & {
  /** Undefined where there are none. */
  readonly sessionTokens?: Pick<TokenVerifier, 'verify'> | undefined
}

export function withSessionTokens(
  providers: TokenVerifiers,
  { sessionTokens }: Pick<TokenVerifiers, 'sessionTokens'>,
): TokenVerifiers {
  return { get: (integration) => providers.get(integration), sessionTokens }
}

export async function admitToken(
  attempt: Attempt,
  token: string,
  tokens: TokenVerifiers,
  now: Date,
): Promise<TokenAdmission> {
  if (!isSessionToken(token)) {
    return admitBy(attempt, chooseIntegration(attempt, token), token, tokens, now)
  }
  // Others say their integration before they are verified, one of ours behind that.
  const principal = await verifySessionToken(attempt, token, tokens, now)
  return admitPrincipal(attempt, integrationNamedIn(attempt, principal), token, principal)
}

/** The same where the integration is known. */
export async function admitBy(
  attempt: Attempt,
  integration: Integration,
  token: string,
  tokens: TokenVerifiers,
  now: Date,
): Promise<TokenAdmission> {
  const principal = await orEarlierDenial(attempt, integration, async () =>
    verifyBy(attempt, integration, token, tokens, now),
  )
  return admitPrincipal(attempt, integration, token, principal)
}

function admitPrincipal(
  attempt: Attempt,
  integration: Integration,
  token: string,
  principal: Principal,
): TokenAdmission {
  const chosen = chooseRole(attempt, principal, integration)
  refuseDenied(attempt, chosen.role)
  return { kind: 'token', intent: attempt.intent, subject: { token, principal }, ...chosen }
}

/** Whose token it is where the integration is known, before anything is decided about that. */
export async function verifyBy(
  attempt: Attempt,
  integration: Integration,
  token: string,
  tokens: TokenVerifiers,
  now: Date,
): Promise<Principal> {
  if (isSessionToken(token)) {
    const principal = await verifySessionToken(attempt, token, tokens, now)
    checkIntegration(attempt, principal, integration)
    return principal
  }
  const verifier = tokens.get(integration.name)
  if (verifier === undefined) throw new Error(`no token rules for ${integration.name}`)
  return verifyWhole(attempt, token, async () =>
    verifierFor(attempt, verifier, token).verify(token, now),
  )
}

/** Verifies one of ours by our own keys, and by no provider's. */
export async function verifySessionToken(
  attempt: Attempt,
  token: string,
  { sessionTokens }: TokenVerifiers,
  now: Date,
): Promise<Principal> {
  attempt.facts.credential = 'session-token'
  if (sessionTokens === undefined) {
    fail(attempt, 'session token', 'none are accepted', 'session-tokens-disabled')
  }
  const step = (passed: boolean): Step => ({
    check: 'session token',
    compared: describeSessionToken(token, now),
    passed,
  })
  return verifyWhole(attempt, token, async () => {
    try {
      const principal = await sessionTokens.verify(token, now)
      attempt.report?.(step(true))
      return principal
    } catch (error) {
      attempt.report?.(step(false))
      throw error
    }
  })
}

async function verifyWhole(
  attempt: Attempt,
  token: string,
  verify: () => Promise<Principal>,
): Promise<Principal> {
  if (hasSegmentsMissing(token)) {
    attempt.report?.({ check: 'format', compared: 'fewer than three segments', passed: false })
    throw cutShort(token)
  }
  try {
    return await verify()
  } catch (error) {
    throw isBroken(error) && isUsualCut(token) ? cutShort(token) : error
  }
}

/** What it was made by is what it goes by. */
function checkIntegration(
  attempt: Attempt,
  { integration: its }: Principal,
  { name }: Integration,
): void {
  if (its === name) return
  fail(attempt, 'session token', `of integration ${its}, here is ${name}`, 'token-issuer')
}

function isBroken(error: unknown): boolean {
  return (
    error instanceof Refusal &&
    (error.reason === 'token-malformed' || error.reason === 'token-signature')
  )
}

/** What people paste into a terminal arrives without its end: they cannot see that. */
function cutShort(token: string): Refusal {
  const bytes = Buffer.byteLength(token)
  const where = isUsualCut(token) ? ', where terminals and old clients cut what is pasted' : ''
  return new Refusal('token-malformed', {
    logDetail: `cut short after ${bytes} bytes`,
    hint: `The token was cut short after ${bytes} bytes${where}. Pass it in the environment variable PGPASSWORD, in a passfile or by a file instead of at a prompt.`,
  })
}

/** An access token that is declared as one is the provider's to verify where it is asked, a JWT or not. */
function verifierFor(
  attempt: Attempt,
  verifier: TokenVerifier,
  token: string,
): Pick<TokenVerifier, 'verify'> {
  const { intent, facts } = attempt
  // RFC 7628 takes any bearer token: one that says nothing of itself can only be asked about.
  const isOpaqueBearer = facts.authMethod === 'oauthbearer' && !looksLikeToken(token)
  if (intent.tokenUser !== 'access_token' && !isOpaqueBearer) return verifier
  if (verifier.introspected !== undefined) return verifier.introspected
  if (!looksLikeToken(token)) {
    const compared = 'the token is no JWT, and the provider is not asked about it'
    fail(attempt, 'introspection', compared, 'access-token-unsupported')
  }
  return verifier
}

/** What CockroachDB decides before it looks at the audience. */
const earlier: ReadonlySet<Reason> = new Set([
  'principal-unmapped',
  'role-not-allowed',
  'role-reserved',
])

/** A late refusal stays one, whatever is decided about the identity in it: only the reason may be an earlier. */
export async function orEarlierDenial<T>(
  attempt: Attempt,
  integration: Integration,
  verify: () => T | Promise<T>,
): Promise<T> {
  try {
    return await verify()
  } catch (refusal) {
    if (refusal instanceof LateRefusal) {
      try {
        chooseRole(attempt, refusal.identity, integration)
      } catch (denial) {
        if (!(denial instanceof Refusal)) throw denial
        const areGroupsKnown = refusal.reason !== 'userinfo-unavailable'
        const isOpen = denial.reason === 'role-not-allowed' && !areGroupsKnown && isOfGroup(attempt)
        if (earlier.has(denial.reason) && !isOpen) throw denial
      }
    }
    throw refusal
  }
}

/** Whether the user asked for is the role of a group, which userinfo might have told. */
function isOfGroup({ intent, catalog }: Attempt): boolean {
  return [...catalog.groups.values()].some(({ role }) => folded(role) === folded(intent.user))
}

export function chooseIntegration(attempt: Attempt, token: string): Integration {
  const { intent, catalog } = attempt
  const resolution = resolveIntegration(catalog, { ...intent, claimed: readClaimed(token) })
  return takeIntegration(attempt, resolution, intent.identityProvider)
}

/** The one that a session token was made by, as if the client had named it: it must be one of the scope. */
export function integrationNamedIn(attempt: Attempt, principal: Principal): Integration {
  const { intent, catalog } = attempt
  const identityProvider = intent.identityProvider ?? principal.integration
  const request = { ...intent, identityProvider, claimed: undefined }
  const resolution = resolveIntegration(catalog, request)
  const integration = takeIntegration(attempt, resolution, identityProvider)
  checkIntegration(attempt, principal, integration)
  return integration
}

function takeIntegration(
  attempt: Attempt,
  resolution: Resolution,
  named: string | undefined,
): Integration {
  const { intent, facts } = attempt
  reportAll(attempt, resolution.steps)
  facts.dialect = resolution.integration?.dialect ?? intent.dialect ?? 'portcullis'
  if (resolution.outcome === 'denied') {
    throw denied(resolution.reason, resolution.steps, {
      values: { integration: named ?? '' },
    })
  }
  const { integration } = resolution
  facts.integration = integration.name
  if (intent.tokenUser === 'id_token' && !integration.allowsIdTokenUser) {
    const compared = `${intent.tokenUser} with integration ${integration.name}`
    fail(attempt, 'user', compared, 'id-token-disabled')
  }
  if (intent.user === '' && integration.dialect !== 'cockroachdb') {
    fail(attempt, 'user', `none with integration ${integration.name}`, 'no-user')
  }
  return integration
}

/** The role that an identity gets; only that of a Principal lets anybody in. */
export function chooseRole(
  attempt: Attempt,
  identity: TokenIdentity,
  integration: Integration,
): Pick<TokenAdmission, 'role' | 'allowsSuperuser' | 'condition' | 'provision'> {
  const { intent, facts, catalog } = attempt
  const known = checkIdentity(attempt, identity)
  const decision = decide(
    { user: intent.role, database: intent.database },
    identity,
    integration,
    catalog,
  )
  facts.identity = { ...known, groups: decision.groups }
  reportAll(attempt, decision.steps)
  if (decision.outcome === 'denied') {
    throw denied(decision.reason, decision.steps, {
      values: { names: bracketed(identity.names), issuer: identity.issuer },
      clientDetail: ownWords(identity),
      ...(decision.openRoles.length > 0 && { hint: connectAs(decision.openRoles) }),
    })
  }
  checkUpstream(attempt, identity)
  const { role, allowsSuperuser, condition, provision } = decision
  return { role, allowsSuperuser, condition, ...(provision && { provision }) }
}

/** What holds wherever an identity wants to go; from here on it is known who it is. */
export function checkIdentity(attempt: Attempt, identity: TokenIdentity): IdentityFacts {
  checkDeclared(attempt, identity)
  const known = identityFacts(identity)
  attempt.facts.identity = { ...known, groups: [] }
  checkSender(attempt, identity)
  checkBounds(attempt, identity)
  return known
}

type IdentityFacts = Omit<NonNullable<SessionFacts['identity']>, 'groups'>

function checkDeclared({ intent, report }: Attempt, { kind }: TokenIdentity): void {
  if (intent.tokenUser !== 'access_token') return
  report?.({
    check: 'user',
    compared: `the token is of kind ${kind}, the user is access_token`,
    passed: kind !== 'id_token',
  })
  checkDeclaredAccessToken(kind)
}

/** For each login, since a token is remembered whatever connection it came by. */
function checkSender({ facts, report }: Attempt, identity: TokenIdentity): void {
  const { certificateThumbprint: bound } = identity
  if (bound === undefined) return
  const presented = facts.tls?.certificate?.thumbprint
  const step = (passed: boolean): Step => ({
    check: 'client certificate',
    compared: `thumbprint ${presented ?? '(no certificate)'}, the token is bound to ${bound}`,
    passed,
  })
  try {
    proveSender(bound, presented)
  } catch (error) {
    report?.(step(false))
    throw error
  }
  report?.(step(true))
}

/** Where a session token is good, if it is not everywhere. */
function checkBounds({ intent, facts, report }: Attempt, { sessionToken }: TokenIdentity): void {
  if (sessionToken === undefined) return
  const asked = { user: intent.user, database: intent.database, pool: facts.pool }
  for (const bound of ['user', 'database', 'pool'] as const) {
    const only = sessionToken.bounds[bound]
    if (only === undefined) continue
    const passed = only === asked[bound]
    const compared = `${bound} ${printable(asked[bound] ?? '')}, good for ${printable(only)}`
    report?.({ check: 'session token bounds', compared, passed })
    if (passed) continue
    throw new Refusal('session-token-bounds', {
      values: { bound, asked: asked[bound] ?? '' },
      clientDetail: `The session token is good for ${bound} "${printable(only)}" alone.`,
      logDetail: compared,
    })
  }
}

/** Behind the decision: whoever may not go there does not learn of it. */
function checkUpstream(attempt: Attempt, { sessionToken }: TokenIdentity): void {
  const { intent, catalog } = attempt
  if (sessionToken === undefined) return
  if (catalog.databases.get(intent.database)?.wantsProviderToken !== true) return
  const compared = `${intent.database} wants the token of a provider`
  fail(attempt, 'upstream token', compared, 'session-token-upstream')
}

function identityFacts(identity: TokenIdentity): IdentityFacts {
  const { issuer, subject, names, expiresAt, issuedAt, sid, tokenIdHash, actors } = identity
  const principal = listed(names)
  const { tokenIdHash: madeOfTokenIdHash } = identity.sessionToken ?? {}
  return {
    ...{ issuer, subject, principal, names, expiresAt, issuedAt, sid, tokenIdHash, actors },
    ...(madeOfTokenIdHash !== undefined && { madeOfTokenIdHash }),
  }
}

/** Whoever is verified may know what its own token says. */
export function ownWords(identity: TokenIdentity): string {
  const groups = identity.groups
    .slice(0, 20)
    .map((group) => printable(group))
    .join(', ')
  const named = `The token names the principal "${printable(listed(identity.names))}"`
  return groups === '' ? `${named} and no groups.` : `${named} and the groups ${groups}.`
}

/** A verified identity may know what it may be. */
function connectAs(roles: readonly string[]): string {
  const shown = roles.slice(0, 5).map((role) => `"${printable(role)}"`)
  const more =
    roles.length > shown.length ? `, or as one of ${roles.length - shown.length} more` : ''
  return `Connect as ${shown.join(' or ')}${more}.`
}
