import { listed } from '../identity/shown.ts'
import { authorizedParty, looksLikeToken, readUnverified } from '../identity/token-shape.ts'
import type { Principal } from '../identity/verify-token.ts'
import type { Pool } from '../policy/catalog.ts'
import { decide } from '../policy/decide.ts'
import type { Step } from '../policy/decision.ts'
import { matchPool } from '../policy/match-pool.ts'
import { resolveIntegration } from '../policy/resolve-integration.ts'
import { printable, type Reason, Refusal } from '../refusal.ts'
import { readPasswordMessage } from '../wire/password.ts'
import type { StartupMessage } from '../wire/startup.ts'
import { authenticationCleartextPassword, negotiateProtocolVersion } from '../wire/write-backend.ts'
import { type ClientIntent, readIntent } from './client-intent.ts'
import { type Conversation, timed, waitForClient } from './conversation.ts'
import type { ListenerAddress, Rules, SessionServices } from './services.ts'

/** Who the client is allowed to be. Nothing goes upstream without one of these. */
export type Admission =
  | {
      readonly kind: 'token'
      readonly intent: ClientIntent
      readonly role: string
      readonly allowsSuperuser: boolean
    }
  | {
      readonly kind: 'password'
      readonly intent: ClientIntent
      readonly role: string
      readonly password: string
    }

/** From the startup message to a role: pool, TLS, credential, integration, token, decision. */
export async function authenticate(
  conversation: Conversation,
  startup: StartupMessage,
  listener: ListenerAddress,
  rules: Rules,
  services: SessionServices,
): Promise<Admission> {
  const { facts } = conversation
  const intent = readIntent(startup)
  const { user, database, applicationName } = intent
  facts.requested = { user, database, applicationName }

  const pool = matchPool(rules.catalog, listener.key, facts.peer.address)
  if (pool === undefined) throw new Refusal('no-pool')
  facts.pool = pool.name
  if (facts.tls === undefined && !listener.allowsCleartext) throw new Refusal('tls-required')
  if (intent.tokenUser === 'access_token') throw new Refusal('access-token-unsupported')

  const askedAt = performance.now()
  const password = await timed(services.observer, 'credential', async () =>
    askForPassword(conversation, startup, rules),
  )
  conversation.credentialMs = performance.now() - askedAt
  if (password === '') throw new Refusal('empty-password')
  if (!looksLikeToken(withoutWrapping(password))) {
    return admitPassword(conversation, intent, pool, password)
  }
  facts.credential = 'token'
  return timed(services.observer, 'verify', async () =>
    admitToken(conversation, intent, password, rules, services),
  )
}

async function askForPassword(
  conversation: Conversation,
  startup: StartupMessage,
  rules: Rules,
): Promise<string> {
  const { socket, reader } = conversation
  const needsNegotiation = startup.minorVersion > 0 || startup.protocolOptions.length > 0
  socket.write(
    needsNegotiation
      ? Buffer.concat([
          negotiateProtocolVersion(startup.protocolOptions),
          authenticationCleartextPassword,
        ])
      : authenticationCleartextPassword,
  )
  return waitForClient(
    conversation,
    rules.timeouts.authenticationMs,
    'authentication-timeout',
    reader.read((bytes) => readPasswordMessage(bytes, rules.limits.maxPasswordBytes)),
  )
}

/** A token with blanks around it or `Bearer` in front is none, but never a password for PostgreSQL either. */
function withoutWrapping(password: string): string {
  return password.trim().replace(/^Bearer\s+/i, '')
}

function admitPassword(
  conversation: Conversation,
  intent: ClientIntent,
  pool: Pool,
  password: string,
): Admission {
  conversation.facts.credential = 'password'
  if (pool.requireSso && !pool.passwordUsers.has(intent.user)) throw new Refusal('sso-required')
  // The client said that it would send a token: whatever this is, it is not for PostgreSQL.
  if (intent.declaresToken || intent.role === undefined) throw new Refusal('token-malformed')
  return { kind: 'password', intent, role: intent.role, password }
}

async function admitToken(
  { facts }: Conversation,
  intent: ClientIntent,
  token: string,
  rules: Rules,
  services: SessionServices,
): Promise<Admission> {
  const claims = readUnverified(token)?.claims
  const resolution = resolveIntegration(rules.catalog, {
    ...intent,
    claimed:
      claims === undefined
        ? undefined
        : { issuer: claims['iss'], authorizedParty: authorizedParty(claims) },
  })
  if (resolution.outcome === 'denied') {
    throw denied(resolution.reason, resolution.steps, {
      values: { integration: intent.identityProvider ?? '' },
    })
  }
  const { integration } = resolution
  facts.integration = integration.name
  if (intent.tokenUser !== undefined && !integration.allowsIdTokenUser) {
    throw new Refusal('id-token-disabled')
  }
  const tokens = rules.tokens.get(integration.name)
  if (tokens === undefined) throw new Error(`no token rules for ${integration.name}`)

  const principal = await tokens.verify(token, services.now())
  const identity = identityOf(principal)
  facts.identity = { ...identity, groups: [] }
  const decision = decide(
    { user: intent.role, database: intent.database },
    principal,
    integration,
    rules.catalog,
  )
  facts.identity = { ...identity, groups: decision.groups }
  if (decision.outcome === 'denied') {
    throw denied(decision.reason, decision.steps, { clientDetail: ownWords(principal) })
  }
  const { role, allowsSuperuser } = decision
  return { kind: 'token', intent, role, allowsSuperuser }
}

function identityOf({ issuer, subject, names, expiresAt, tokenIdHash }: Principal): {
  issuer: string
  subject: string
  principal: string
  expiresAt: Date
  tokenIdHash: string | undefined
} {
  return { issuer, subject, principal: listed(names), expiresAt, tokenIdHash }
}

/** The client learns the reason; what was compared on the way is for the log. */
function denied(
  reason: Reason,
  steps: readonly Step[],
  more: { readonly values?: Readonly<Record<string, string>>; readonly clientDetail?: string } = {},
): Refusal {
  const failed = steps.findLast((step) => !step.passed)
  return new Refusal(reason, {
    ...more,
    ...(failed && { logDetail: `${failed.check}: ${failed.compared}` }),
  })
}

/** Whoever is verified may know what its own token says. */
function ownWords(principal: Principal): string {
  const groups = principal.groups.slice(0, 20).map(printable).join(', ')
  const named = `The token names the principal "${printable(listed(principal.names))}"`
  return groups === '' ? `${named} and no groups.` : `${named} and the groups ${groups}.`
}
