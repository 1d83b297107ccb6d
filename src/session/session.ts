import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { Refusal } from '../refusal.ts'
import { cancelUpstream } from '../upstream/cancel.ts'
import type { LoginRequest, UpstreamSession } from '../upstream/log-in.ts'
import { closeSession } from '../upstream/parked-session.ts'
import type { LoginCredential } from '../upstream/answer-authentication.ts'
import type { RoleRequirement } from '../upstream/prove-role.ts'
import type { UpstreamTarget } from '../upstream/target.ts'
import { PacketReader } from '../wire/packet-reader.ts'
import { ignoreError } from '../wire/established.ts'
import type { CancelRequest } from '../wire/startup.ts'
import { terminate } from '../wire/write-frontend.ts'
import { authenticationOk, backendKeyData } from '../wire/write-backend.ts'
import { type Admission, type TokenAdmission } from './attempt.ts'
import { authenticate } from './authenticate.ts'
import { BoundsWatch } from './bounds-watch.ts'
import { type Conversation, timed } from './conversation.ts'
import { negotiate } from './negotiate.ts'
import { logInByCurrentPassword } from './current-password.ts'
import type { SessionFacts } from './observer.ts'
import { relayTo } from './password-relay.ts'
import { refuse } from './refuse.ts'
import { type Entry, type LiveSession, secretKeyBytesFor } from './registry.ts'
import { reserveSession } from './reserve-session.ts'
import type { Revocations } from './revocations.ts'
import type { ListenerAddress, Rules, SessionServices } from './services.ts'
import { boundsOf, endsAtMs, type SessionBounds } from './session-bounds.ts'
import { checkNewerRules, grantOf, watchRight } from './standing-right.ts'
import { Splice, type Traffic } from './splice.ts'
import { identityOf, tellSession } from './tell-session.ts'
import { guessOf, tryCredential } from './try-credential.ts'
import { unixPeer } from './unix-socket.ts'

/** The life of one connection, from accept until it is spliced or refused. Never throws. */
export async function runSession(
  socket: Socket,
  listener: ListenerAddress,
  services: SessionServices,
  traffic: Traffic,
): Promise<void> {
  socket.on('error', ignoreError)
  const peer = peerOf(socket, listener)
  if (peer === undefined) {
    socket.destroy()
    return
  }
  const rules = services.rules()
  const entry = services.registry.enter(rules.limits)
  const startedAt = performance.now()
  const conversation = converse(socket, peer, listener, entry, services.revocations)
  const { observer } = services
  observer.opened(conversation.facts)
  let isIn = false
  try {
    const packet = await timed(observer, 'startup', async () =>
      negotiate(conversation, listener, rules, services),
    )
    if (packet.kind === 'cancel') {
      await cancel(conversation, packet, services)
      return
    }
    const admission = await authenticate(conversation, packet, listener, rules, services)
    const guess = guessOf(conversation.facts, admission, rules.limits, services.credentialKey)
    await tryCredential(services, guess, async () =>
      admit(conversation, admission, rules, services, traffic),
    )
    isIn = true
    observer.stage('total', performance.now() - startedAt - conversation.credentialMs)
  } catch (error) {
    refuse(conversation, error, observer)
  } finally {
    conversation.watch.leave()
    entry.leave()
    if (isIn) entry.place.release()
    else leaveWhenClosed(conversation)
  }
}

/** Whoever is refused has a moment to read why, and keeps the place until it is over. */
function leaveWhenClosed({ socket, entry: { place } }: Conversation): void {
  if (socket.closed) {
    place.leave()
    return
  }
  socket.once('close', () => {
    place.leave()
  })
}

/** A guess at a cancel key costs a place for so long, and so whoever guesses all of its places soon. */
const wrongKeyMs = 1_000

/** Undefined where the client is gone already. */
function peerOf(
  { remoteAddress: address, remotePort: port = 0 }: Socket,
  { isUnixSocket }: ListenerAddress,
): SessionFacts['peer'] | undefined {
  if (isUnixSocket) return unixPeer
  return address === undefined ? undefined : { address, port }
}

function converse(
  socket: Socket,
  peer: SessionFacts['peer'],
  listener: ListenerAddress,
  entry: Entry,
  revocations: Revocations,
): Conversation {
  const facts = {
    id: randomUUID(),
    openedAt: new Date(),
    peer,
    listener: { address: listener.address, port: listener.port },
  }
  return {
    socket,
    entry,
    watch: revocations.enter(facts),
    listener: listener.key,
    reader: new PacketReader(socket),
    credentialMs: 0,
    isWelcomed: false,
    facts,
  }
}

/** PostgreSQL answers a cancel request with nothing but the end of the connection. */
async function cancel(
  { socket, reader, facts, entry }: Conversation,
  request: CancelRequest,
  services: SessionServices,
): Promise<void> {
  reader.release()
  const outcome = await services.cancel(request)
  if (outcome !== 'forwarded') entry.place.keepFor(wrongKeyMs)
  services.observer.cancelled(facts, outcome)
  socket.destroySoon()
}

/** Opens the upstream session and joins the two. */
async function admit(
  conversation: Conversation,
  admission: Admission,
  rules: Rules,
  services: SessionServices,
  traffic: Traffic,
): Promise<void> {
  const { facts } = conversation
  const { database, parameters } = admission.intent
  const target = rules.upstreams.get(database)
  if (target === undefined) throw new Refusal('unknown-database')
  const release = await reserveSession(services, facts, admission, rules.limits)
  try {
    const told = toldTo(target, admission, facts, rules, services)
    await makeReady(conversation, admission, rules, services)
    const credential = await credentialFor(conversation, admission, target, rules, services)
    const request = {
      role: admission.role,
      credential,
      parameters,
      requirement: requirementFor(admission),
      ...told,
    }
    const releaseRelay =
      admission.kind === 'relay' ? services.registry.reserveRelay(rules.limits) : undefined
    const upstream = await timed(services.observer, 'upstream', async () =>
      logInByCurrentPassword(target, request, database, services),
    ).finally(releaseRelay)
    try {
      if (upstream.isSuperuser && admission.kind === 'token' && !admission.allowsSuperuser) {
        throw new Refusal('role-reserved', { logDetail: 'the server says that it is a superuser' })
      }
      facts.role = admission.role
      facts.upstreamProcessId = upstream.processId
      conversation.watch.check()
      await services.recordAdmission?.(facts)
      // Once more: nothing is waited for from here until it is among the sessions that are open.
      conversation.watch.check()
      checkNewerRules(conversation, admission, rules, services.rules())
    } catch (error) {
      upstream.socket.end(terminate)
      upstream.socket.destroySoon()
      throw error
    }
    const bounds = boundsFor(facts, rules)
    join(conversation, admission, target, upstream, bounds, release, services, traffic)
  } catch (error) {
    release()
    throw error
  }
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
  facts.provisioned = await timed(observer, 'provision', async () => provisioner.provision(wish))
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

/** Those of the pool that the client came in by. */
function boundsFor({ pool: name, identity }: SessionFacts, { catalog }: Rules) {
  const pool = catalog.pools.find((one) => one.name === name)
  if (pool === undefined) throw new Error('a session without a pool')
  return boundsOf(pool.sessionLimits, identity?.expiresAt)
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
  const exchange = exchanges.get(intent.database)
  if (exchange === undefined) return subject.token
  const exchanged = await timed(observer, 'exchange', async () => exchange.exchange(subject, now))
  facts.exchanged = { actors: exchanged.actors, tokenIdHash: exchanged.tokenIdHash }
  return exchanged.token
}

/** Tells the client that it is in, in one write, and lets the bytes flow. */
function join(
  conversation: Conversation,
  admission: Admission,
  target: UpstreamTarget,
  upstream: UpstreamSession,
  bounds: SessionBounds | undefined,
  release: () => void,
  services: SessionServices,
  traffic: Traffic,
): void {
  const { socket, reader, facts, isWelcomed } = conversation
  const { registry, observer } = services
  const { processId } = upstream
  const admittedAt = performance.now()
  const { giveBack } = upstream
  let wasCancelled = false
  let isGivenBack = false
  const live: LiveSession = {
    facts,
    grant: grantOf(conversation, admission),
    endsAtMs: bounds && endsAtMs(bounds, services.now().getTime()),
    cancel: async () => {
      // Whoever has it by now would have a statement cancelled that is not this client's.
      if (isGivenBack) return
      wasCancelled = true
      await cancelUpstream(upstream.endpoint, target, processId, upstream.secretKey)
    },
    drain: () => {
      splice.endWhenIdle('drain')
    },
    endNow: (reason = 'drain') => {
      splice.endNow(reason)
    },
  }
  const splice = new Splice({
    frontend: socket,
    upstream: upstream.socket,
    traffic,
    keepsTime: bounds?.idleMs !== undefined || bounds?.idleInTransactionMs !== undefined,
    // Where it cannot be delivered the server is gone, and the statement with it.
    cancel: () => void live.cancel().catch(() => {}),
    release:
      giveBack &&
      (() => {
        isGivenBack = true
        // A request that is on its way may arrive at any time.
        if (wasCancelled) closeSession(upstream)
        else giveBack()
      }),
    onEnd: (reason) => {
      watch?.stop()
      release()
      stopRechecks()
      registry.remove(processId, secretKey)
      observer.ended(facts, {
        reason,
        bytesFromFrontend: splice.bytesFromFrontend,
        bytesFromUpstream: splice.bytesFromUpstream,
        durationMs: performance.now() - admittedAt,
      })
    },
  })
  const watch = bounds && new BoundsWatch(bounds, splice, services.now)
  // The upstream's own process id, because clients compare it with that of notifications; the secret
  // is ours, so that a cancel request has to come through here.
  const keyBytes = secretKeyBytesFor(admission.intent.minorVersion)
  const secretKey = registry.add(processId, live, keyBytes)
  const stopRechecks = watchRight(live, admission, services)
  observer.admitted(facts)
  socket.write(
    Buffer.concat([
      ...(isWelcomed ? [] : [authenticationOk]),
      upstream.greeting,
      backendKeyData(processId, secretKey),
      upstream.ready,
    ]),
  )
  splice.start(reader.release(), upstream.early)
  registry.joinDrain(live)
  watch?.start()
}
