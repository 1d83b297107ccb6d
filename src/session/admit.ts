// Whether a login is let in, once everything about it is known: no socket, no clock. What a session does
// with a real client, `portcullis explain` does with a made-up one.
import { checkDeclaredAccessToken } from '../identity/check-kind.ts'
import { LateRefusal } from '../identity/late-refusal.ts'
import { looksLikeSaml } from '../identity/saml-shape.ts'
import { bracketed, listed } from '../identity/shown.ts'
import {
  hasSegmentsMissing,
  isUsualCut,
  looksLikeToken,
  readClaimed,
} from '../identity/token-shape.ts'
import { proveSender } from '../identity/sender-constraint.ts'
import type { SubjectToken } from '../identity/token-exchange.ts'
import type { TokenIdentity } from '../identity/token-identity.ts'
import type { Principal } from '../identity/verify-token.ts'
import type { AuthMethod, Catalog, Integration, Pool, SignInFlow } from '../policy/catalog.ts'
import { folded } from '../policy/cockroach-users.ts'
import { decide } from '../policy/decide.ts'
import type { Step } from '../policy/decision.ts'
import type { Condition } from '../policy/open-rules.ts'
import { matchPool } from '../policy/match-pool.ts'
import { resolveIntegration } from '../policy/resolve-integration.ts'
import { printable, type Reason, Refusal, type RefusalOptions } from '../refusal.ts'
import type { RelayedFirst } from '../sasl/scram-relay.ts'
import type { ClientIntent } from './client-intent.ts'
import type { Mutable } from './conversation.ts'
import type { SessionFacts } from './observer.ts'
import type { ListenerAddress } from './services.ts'

/**
 * Who the client is allowed to be. Nothing goes upstream without one of these; with that of a relay it is
 * the upstream that finds out whether it is who it says.
 */
export type Admission =
  | {
      readonly kind: 'token'
      readonly intent: ClientIntent
      readonly role: string
      readonly allowsSuperuser: boolean
      /** Holds only if the server says so of the role. */
      readonly condition: Condition | undefined
      readonly subject: SubjectToken
    }
  | {
      readonly kind: 'password'
      readonly intent: ClientIntent
      readonly role: string
      readonly password: string
    }
  | RelayAdmission

/** By a password that the client keeps to itself: what it says goes to the server and back. */
export interface RelayAdmission {
  readonly kind: 'relay'
  readonly intent: ClientIntent
  readonly role: string
  readonly first: RelayedFirst
  /** What else a client that is refused may try. */
  readonly hint: string | undefined
}

export type TokenAdmission = Extract<Admission, { readonly kind: 'token' }>

/** One attempt to log in; what is found out about it is written into its facts. */
export interface Attempt {
  readonly intent: ClientIntent
  readonly facts: Mutable<SessionFacts>
  readonly catalog: Catalog
  /** Receives each step, also the one that fails. */
  readonly report?: (step: Step) => void
}

/** What verifies the tokens of one integration. */
export interface TokenVerifier {
  verify(token: string, now: Date): Promise<Principal>
  /** Has the provider verify access tokens; undefined where that is not asked. */
  readonly introspected?: Pick<TokenVerifier, 'verify'> | undefined
}

/** The pool, and whether the client may be asked for a credential at all. */
export function enterPool(attempt: Attempt, listener: ListenerAddress): Pool {
  const { intent, facts, catalog } = attempt
  const { user, database, applicationName } = intent
  facts.requested = { user, database, applicationName }
  if (intent.dialect !== undefined) facts.dialect = intent.dialect
  const { address } = facts.peer
  const pool = matchPool(catalog, listener.key, address, facts.tls?.serverName)
  const compared = `${address} at ${shownListener(listener)} -> ${pool?.name ?? 'none'}`
  attempt.report?.({ check: 'pool', compared, passed: pool !== undefined })
  if (pool === undefined) throw new Refusal('no-pool')
  facts.pool = pool.name
  if (intent.asksForReplication && !pool.allowsReplication) {
    fail(attempt, 'replication', `pool ${pool.name} does not allow it`, 'replication-not-allowed')
  }
  if (facts.tls === undefined && !listener.allowsCleartext) throw new Refusal('tls-required')
  if (pool.requiresClientCertificate && facts.tls?.certificate?.subject === undefined) {
    fail(attempt, 'client certificate', `pool ${pool.name} requires one`, 'client-certificate')
  }
  return pool
}

/**
 * How the client is asked: as it wishes, where the pool allows it, or by the first method of the pool that
 * can do for it. Only a user that may have a password is asked for the proof of one.
 */
export function chooseAuthMethod(attempt: Attempt, pool: Pool): AuthMethod {
  const { authMethod: wanted, declaresToken } = attempt.intent
  const possible = pool.authMethods.filter((one) => one !== relayMethod || !declaresToken)
  const usual =
    possible.find((one) => one !== relayMethod || takesPasswordOf(pool, attempt.intent.user)) ??
    possible[0]
  const chosen = wanted === undefined ? usual : possible.find((one) => one === wanted)
  if (chosen !== undefined) {
    attempt.facts.authMethod = chosen
    return chosen
  }
  // A token has to be asked for, and nothing that the pool has left asks for one.
  const missing = wanted ?? 'cleartext'
  const compared = `${printable(missing)} among ${pool.authMethods.join(', ')}`
  attempt.report?.({ check: 'authentication method', compared, passed: false })
  throw new Refusal('auth-method-unavailable', { values: { method: missing } })
}

const relayMethod: AuthMethod = 'scram-sha-256'

function takesPasswordOf({ requireSso, passwordUsers }: Pool, user: string): boolean {
  return !requireSso || passwordUsers.has(user)
}

/** A client that wants a browser signed in: at which provider, and by which flows it may be, best first. */
export interface SignInEntry {
  readonly integration: Integration
  readonly flows: readonly SignInFlow[]
}

/** The integration at whose provider somebody signs in: one that the operator named for it. */
export function enterSignIn(attempt: Attempt, pool: Pool, hasPages: boolean): SignInEntry {
  const flows = flowsFor(attempt, pool, hasPages)
  attempt.facts.authMethod = 'sign-in'
  const name = pool.ssoIntegration
  const compared = `pool ${pool.name} -> ${name ?? 'none'}`
  attempt.report?.({ check: 'sign-in', compared, passed: name !== undefined })
  if (name === undefined) throw new Refusal('sign-in-unavailable')
  const integration = integrationForSignIn(attempt, pool)
  attempt.facts.integration = integration.name
  return { integration, flows }
}

/** The one that the client names, else those of the pool; sign-in on our pages where there are some. */
function flowsFor(
  { intent: { signInFlow: named }, report }: Attempt,
  { ssoFlows }: Pool,
  hasPages: boolean,
): readonly SignInFlow[] {
  const possible = ssoFlows.filter((flow) => flow !== 'authorizationCode' || hasPages)
  const wanted =
    named === undefined
      ? possible
      : possible.filter((flow) => flow.toLowerCase() === named.toLowerCase())
  if (wanted.length > 0) return wanted
  const offered = possible.length === 0 ? 'none' : possible.join(', ')
  const compared = `${printable(named ?? 'any')} among ${offered}`
  report?.({ check: 'sign-in flow', compared, passed: false })
  const hint =
    possible.length === 0
      ? 'Get a token in another way and pass it as the password.'
      : `Use ssoOAuthFlow=${possible.join(' or ')}, or leave it out.`
  throw new Refusal('sign-in-flow', { values: { flow: named ?? ssoFlows.join(', ') }, hint })
}

/** The integration that a client is sent to for a token: the pool's, or that of its database. */
export function integrationForSignIn({ intent, catalog }: Attempt, pool: Pool): Integration {
  if (pool.ssoIntegration !== undefined) {
    const own = catalog.integrations.get(pool.ssoIntegration)
    if (own?.isEnabled === true) return own
    throw new Refusal('integration-disabled')
  }
  const resolution = resolveIntegration(catalog, { ...intent, claimed: undefined })
  if (resolution.outcome === 'resolved') return resolution.integration
  throw denied(resolution.reason, resolution.steps, {
    values: { integration: intent.identityProvider ?? '' },
  })
}

/** A password, and what it is meant as. */
export interface Credential {
  readonly kind: 'token' | 'password'
  readonly text: string
}

/** What kind of credential a password is; a token is taken out of what it was copied with. */
export function readCredential(attempt: Attempt, password: string): Credential {
  if (password === '') fail(attempt, 'credential', 'empty', 'empty-password')
  const bare = withoutWrapping(password)
  if (looksLikeSaml(bare)) {
    attempt.facts.credential = 'token'
    fail(attempt, 'credential', 'a SAML assertion, by its beginning', 'saml-unsupported')
  }
  const declared = declaredKind(attempt.intent)
  const kind = declared !== undefined || looksLikeToken(bare) ? 'token' : 'password'
  attempt.facts.credential = kind
  const compared = declared ?? `a ${kind}, by its beginning`
  attempt.report?.({ check: 'credential', compared, passed: true })
  if (kind === 'password' || bare === password) return { kind, text: password }
  attempt.facts.isUnwrapped = true
  return { kind, text: bare }
}

/** What the client says of its credential, where that makes it a token whatever it looks like. */
function declaredKind({ tokenUser, dialect }: ClientIntent): string | undefined {
  if (tokenUser === 'access_token') return 'an access token, by the user'
  return dialect === 'cockroachdb' ? 'a token, by the options' : undefined
}

/** A token with blanks or quotes around it, or `Bearer` in front: no password is like that, and no token. */
function withoutWrapping(password: string): string {
  const wrapping = /^[\s"']*(?:Bearer[\s"']+)?/i.exec(password)?.[0] ?? ''
  let end = password.length
  // Not by an expression: one that is bound to the end alone begins anew at each blank.
  while (end > wrapping.length && /[\s"']/.test(password.charAt(end - 1))) end--
  return password.slice(wrapping.length, end)
}

export function admitPassword(attempt: Attempt, pool: Pool, password: string): Admission {
  const role = enterByPassword(attempt, pool)
  if (pool.authMethods.includes(relayMethod)) {
    const compared = `pool ${pool.name} takes them by ${relayMethod} alone`
    fail(attempt, 'password', compared, 'password-not-relayed')
  }
  letPass(attempt, pool, 'read')
  return { kind: 'password', intent: attempt.intent, role, password }
}

/** Whether the client is asked to prove its password to the server, before anything is said to either. */
export function admitRelay(attempt: Attempt, pool: Pool): Omit<RelayAdmission, 'first'> {
  const role = enterByPassword(attempt, pool)
  letPass(attempt, pool, 'relayed')
  const hint = pool.authMethods.includes('cleartext')
    ? "A token is not taken like this: for one, add options='-c auth_method=cleartext' to the connection string."
    : undefined
  return { kind: 'relay', intent: attempt.intent, role, hint }
}

/** The role of a client that comes with a password, where the pool lets it. */
function enterByPassword(attempt: Attempt, pool: Pool): string {
  const { intent } = attempt
  if (!takesPasswordOf(pool, intent.user)) {
    fail(attempt, 'password', `pool ${pool.name} requires single sign-on`, 'sso-required')
  }
  // The client said that it would send a token: whatever this is, it is not for PostgreSQL.
  if (intent.declaresToken || intent.role === undefined) {
    fail(attempt, 'password', 'the client declared a token', 'token-malformed')
  }
  return intent.role
}

function letPass(attempt: Attempt, pool: Pool, travelled: 'read' | 'relayed'): void {
  attempt.facts.password = { travelled, isBreakGlass: pool.requireSso }
  const relayed = travelled === 'relayed' ? `, by ${relayMethod}` : ''
  const compared = `pool ${pool.name} lets it pass${relayed}`
  attempt.report?.({ check: 'password', compared, passed: true })
}

export async function admitToken(
  attempt: Attempt,
  token: string,
  tokens: ReadonlyMap<string, TokenVerifier>,
  now: Date,
): Promise<TokenAdmission> {
  return admitBy(attempt, chooseIntegration(attempt, token), token, tokens, now)
}

/** The same where the integration is known. */
export async function admitBy(
  attempt: Attempt,
  integration: Integration,
  token: string,
  tokens: ReadonlyMap<string, TokenVerifier>,
  now: Date,
): Promise<TokenAdmission> {
  const verifier = tokens.get(integration.name)
  if (verifier === undefined) throw new Error(`no token rules for ${integration.name}`)
  const principal = await orEarlierDenial(attempt, integration, async () => {
    if (hasSegmentsMissing(token)) {
      attempt.report?.({ check: 'format', compared: 'fewer than three segments', passed: false })
      throw cutShort(token)
    }
    try {
      return await verifierFor(attempt, verifier, token).verify(token, now)
    } catch (error) {
      throw isBroken(error) && isUsualCut(token) ? cutShort(token) : error
    }
  })
  const chosen = chooseRole(attempt, principal, integration)
  return { kind: 'token', intent: attempt.intent, subject: { token, principal }, ...chosen }
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

function chooseIntegration(attempt: Attempt, token: string): Integration {
  const { intent, facts, catalog } = attempt
  const resolution = resolveIntegration(catalog, { ...intent, claimed: readClaimed(token) })
  reportAll(attempt, resolution.steps)
  facts.dialect = resolution.integration?.dialect ?? intent.dialect ?? 'portcullis'
  if (resolution.outcome === 'denied') {
    throw denied(resolution.reason, resolution.steps, {
      values: { integration: intent.identityProvider ?? '' },
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
): Pick<TokenAdmission, 'role' | 'allowsSuperuser' | 'condition'> {
  const { intent, facts, catalog } = attempt
  checkDeclared(attempt, identity)
  const known = identityFacts(identity)
  facts.identity = { ...known, groups: [] }
  checkSender(attempt, identity)
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
  const { role, allowsSuperuser, condition } = decision
  return { role, allowsSuperuser, condition }
}

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

function identityFacts({ issuer, subject, names, expiresAt, tokenIdHash, actors }: TokenIdentity): {
  issuer: string
  subject: string
  principal: string
  expiresAt: Date
  tokenIdHash: string | undefined
  actors: readonly string[]
} {
  return { issuer, subject, principal: listed(names), expiresAt, tokenIdHash, actors }
}

function fail(attempt: Attempt, check: string, compared: string, reason: Reason): never {
  attempt.report?.({ check, compared, passed: false })
  throw new Refusal(reason)
}

function reportAll({ report }: Attempt, steps: readonly Step[]): void {
  if (report !== undefined) steps.forEach(report)
}

/** The client learns the reason; what was compared on the way is for the log. */
function denied(
  reason: Reason,
  steps: readonly Step[],
  more: Pick<RefusalOptions, 'values' | 'clientDetail' | 'hint'> = {},
): Refusal {
  const failed = steps.findLast((step) => !step.passed)
  return new Refusal(reason, {
    ...more,
    ...(failed && { logDetail: `${failed.check}: ${failed.compared}` }),
  })
}

/** Whoever is verified may know what its own token says. */
function ownWords(identity: TokenIdentity): string {
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

/** As an operator writes it; an IPv6 address has brackets, and a Unix socket is its path. */
export function shownListener({ address, port }: { address: string; port: number }): string {
  if (address.startsWith('/')) return address
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
