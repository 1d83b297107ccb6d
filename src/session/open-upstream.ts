// From an admission to a session at PostgreSQL that is its role.
import { Refusal } from '../refusal.ts'
import type { LoginCredential } from '../upstream/answer-authentication.ts'
import type { LoginRequest, UpstreamSession } from '../upstream/log-in.ts'
import { closeSession } from '../upstream/close-session.ts'
import type { RoleRequirement } from '../upstream/prove-role.ts'
import type { UpstreamTarget } from '../upstream/target.ts'
import type { Admission, TokenAdmission } from './attempt.ts'
import { type Conversation, timed } from './conversation.ts'
import { logInByCurrentPassword } from './current-password.ts'
import type { SessionFacts } from './observer.ts'
import { relayTo } from './password-relay.ts'
import type { Rules, SessionServices } from './services.ts'
import { identityOf, tellSession } from './tell-session.ts'

/** Logs in as the role of the admission. What is returned is the caller's to close. */
export async function openUpstream(
  conversation: Conversation,
  admission: Admission,
  target: UpstreamTarget,
  rules: Rules,
  services: SessionServices,
): Promise<UpstreamSession> {
  const { facts } = conversation
  const { database, parameters } = admission.intent
  const told = toldTo(target, admission, facts, rules, services)
  await makeReady(conversation, admission, rules, services)
  const request = {
    role: admission.role,
    credential: await credentialFor(conversation, admission, target, rules, services),
    parameters,
    requirement: requirementFor(admission),
    ...told,
  }
  const releaseRelay =
    admission.kind === 'relay' ? services.registry.reserveRelay(rules.limits) : undefined
  const upstream = await timed(services.observer, facts, 'upstream', async () =>
    logInByCurrentPassword(target, request, database, services),
  ).finally(releaseRelay)
  if (upstream.isSuperuser && admission.kind === 'token' && !admission.allowsSuperuser) {
    closeSession(upstream)
    throw new Refusal('role-reserved', { logDetail: 'the server says that it is a superuser' })
  }
  facts.role = admission.role
  facts.upstreamProcessId = upstream.processId
  return upstream
}

/** Before anybody logs in as it, a role of the identity's own is made what it should be. */
async function makeReady(
  { facts }: Conversation,
  admission: Admission,
  { provisioners }: Rules,
  { observer }: SessionServices,
): Promise<void> {
  if (admission.kind !== 'token' || admission.provision === undefined) return
  const provisioner = provisioners.get(admission.intent.database)
  if (provisioner === undefined) throw new Refusal('provisioning-unavailable')
  const { issuer, subject } = admission.subject.principal
  const wish = { ...admission.provision, role: admission.role, issuer, subject }
  facts.provisioned = await timed(observer, facts, 'provision', async () =>
    provisioner.provision(wish),
  )
}

/**
 * What the server is asked about the role. `is_superuser` of the greeting is that of the role that the
 * session acts as, and a startup parameter can make that another one than the role that it is.
 */
function requirementFor(admission: Admission): RoleRequirement | undefined {
  if (admission.kind !== 'token') return undefined
  const { condition, allowsSuperuser, intent } = admission
  const mayActAsAnother = [...intent.parameters.keys()].some((name) =>
    ['options', 'role', 'session_authorization'].includes(name.toLowerCase()),
  )
  if (condition === undefined && (allowsSuperuser || !mayActAsAnother)) return undefined
  return { memberOf: condition?.memberOf ?? [], allowsSuperuser }
}

/** What the session at the database is told of its identity. */
function toldTo(
  { database }: UpstreamTarget,
  admission: Admission,
  facts: SessionFacts,
  { sessionSettings }: Rules,
  { now }: SessionServices,
): Pick<LoginRequest, 'ownParameters'> {
  const settings = sessionSettings.get(admission.intent.database)
  if (settings === undefined) return {}
  const { role, intent } = admission
  const session = { id: facts.id, role, database, identity: identityOf(admission, facts) }
  const tell = tellSession(settings, session, intent.parameters, now)
  return {
    ownParameters: ({ localAddress, localPort }) =>
      tell({ address: localAddress, port: localPort }),
  }
}

async function credentialFor(
  conversation: Conversation,
  admission: Admission,
  { credentials }: UpstreamTarget,
  rules: Rules,
  services: SessionServices,
): Promise<LoginCredential> {
  if (admission.kind === 'relay') {
    return { kind: 'relay', relay: relayTo(conversation, admission, rules) }
  }
  if (admission.kind === 'password') {
    const allow =
      credentials.method === 'password' ? credentials.allow : new Set(['scram-sha-256'] as const)
    return { kind: 'password', password: admission.password, allow, isClients: true }
  }
  switch (credentials.method) {
    case 'trust':
      return { kind: 'none' }
    case 'certificate': {
      const { certificates } = credentials
      const secureContext = await certificates.contextFor(admission.role, services.now())
      return { kind: 'certificate', secureContext }
    }
    case 'rds-iam':
      return { kind: 'signed', tokens: credentials.tokens }
    case 'token': {
      const token = await tokenFor(conversation, admission, rules, services)
      return { kind: 'token', token, form: credentials.form }
    }
    case 'password': {
      const password = credentials.passwords.get(admission.role)
      return password === undefined
        ? { kind: 'none' }
        : { kind: 'password', password, allow: credentials.allow, isClients: false }
    }
  }
}

/** The token of the client, or the one that it is exchanged for. */
async function tokenFor(
  { facts }: Conversation,
  { intent, subject }: TokenAdmission,
  { exchanges }: Rules,
  { observer, now }: SessionServices,
): Promise<string> {
  if (subject.principal.sessionToken !== undefined) throw new Refusal('session-token-upstream')
  const exchange = exchanges.get(intent.database)
  if (exchange === undefined) return subject.token
  const exchanged = await timed(observer, facts, 'exchange', async () =>
    exchange.exchange(subject, now),
  )
  facts.exchanged = { actors: exchanged.actors, tokenIdHash: exchanged.tokenIdHash }
  return exchanged.token
}
