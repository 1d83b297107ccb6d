import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Pool } from '../policy/catalog.ts'
import { allowsDatabase } from '../policy/within-pool.ts'
import { Refusal } from '../refusal.ts'
import { closeSession } from '../upstream/close-session.ts'
import type { UpstreamTarget } from '../upstream/target.ts'
import { PacketReader } from '../wire/packet-reader.ts'
import { ignoreError } from '../wire/established.ts'
import type { CancelRequest } from '../wire/startup.ts'
import type { Admission } from './attempt.ts'
import { authenticate } from './authenticate.ts'
import { type Conversation, timed } from './conversation.ts'
import { boundsFor, poolOf } from './bounds-for.ts'
import { enterConsole } from './enter-console.ts'
import { join } from './join.ts'
import { LoginSteps } from './login-steps.ts'
import { negotiate } from './negotiate.ts'
import type { SessionFacts } from './observer.ts'
import { openUpstream } from './open-upstream.ts'
import { refuse } from './refuse.ts'
import type { Entry } from './registry.ts'
import type { Pass } from './gates.ts'
import { passGate } from './pass-gate.ts'
import { reserveSession } from './reserve-session.ts'
import type { Revocations } from './revocations.ts'
import type { ListenerAddress, Rules, SessionServices } from './services.ts'
import type { Traffic } from './splice.ts'
import { checkNewerRules } from './standing-right.ts'
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
  const { catalogVersion } = rules
  const conversation = converse(socket, peer, listener, entry, services.revocations, catalogVersion)
  const { observer } = services
  observer.opened(conversation.facts)
  let isIn = false
  try {
    const packet = await timed(observer, conversation.facts, 'startup', async () =>
      negotiate(conversation, listener, rules, services),
    )
    if (packet.kind === 'cancel') {
      await cancel(conversation, packet, services)
      return
    }
    const admission = await authenticate(conversation, packet, listener, rules, services)
    if (admission.kind === 'console') {
      await enterConsole({ conversation, admission, rules, services, traffic })
    } else await goUpstream(conversation, admission, rules, services, traffic)
    isIn = true
    conversation.facts.steps?.forget()
    const { credentialMs, pausedMs } = conversation
    const totalMs = performance.now() - startedAt - credentialMs - pausedMs
    observer.stage('total', totalMs, conversation.facts, 'ok')
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
  catalogVersion: number,
): Conversation {
  const facts = {
    id: randomUUID(),
    openedAt: new Date(),
    peer,
    listener: { address: listener.address, port: listener.port },
    catalogVersion,
    steps: new LoginSteps(),
  }
  return {
    socket,
    entry,
    watch: revocations.enter(facts),
    listener: listener.key,
    reader: new PacketReader(socket),
    credentialMs: 0,
    pausedMs: 0,
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

/** Waits for the database where it is paused, and opens a session there. */
async function goUpstream(
  conversation: Conversation,
  admission: Admission,
  rules: Rules,
  services: SessionServices,
  traffic: Traffic,
): Promise<void> {
  // Nothing is told of databases that there are not.
  upstreamFor(poolOf(conversation.facts, rules), admission.intent.database, rules)
  const { pass, rules: current } = await passGate(conversation, admission, rules, services)
  try {
    const { facts } = conversation
    const guess = guessOf(facts, admission, current.limits, services.credentialKey)
    await tryCredential(services, guess, async () =>
      admit(conversation, admission, pass, current, services, traffic),
    )
  } catch (error) {
    pass.leave()
    throw error
  }
}

/** Opens the upstream session and joins the two. */
async function admit(
  conversation: Conversation,
  admission: Admission,
  pass: Pass,
  rules: Rules,
  services: SessionServices,
  traffic: Traffic,
): Promise<void> {
  const { facts, watch } = conversation
  const pool = poolOf(facts, rules)
  const target = upstreamFor(pool, admission.intent.database, rules)
  const bounds = boundsFor(facts, rules)
  const release = await reserveSession(services, facts, admission, rules.limits)
  try {
    const askedAt = performance.now()
    const upstream = await openUpstream(conversation, admission, target, rules, services)
    const waitedMs = performance.now() - askedAt
    try {
      watch.check()
      await services.recordAdmission?.(facts)
      pass.check()
      // Once more: nothing is waited for from here until it is among the sessions that are open.
      watch.check()
      checkNewerRules(conversation, admission, rules, services.rules())
    } catch (error) {
      closeSession(upstream)
      throw error
    }
    const joined = { conversation, admission, pass, target, upstream, bounds, waitedMs }
    join({ ...joined, release, services, traffic })
  } catch (error) {
    release()
    throw error
  }
}

/** For passwords it is here that a database turns out not to exist, or not to be there for the pool. */
function upstreamFor(pool: Pool, database: string, { upstreams }: Rules): UpstreamTarget {
  const target = upstreams.get(database)
  if (!allowsDatabase(pool, database)) {
    const logDetail = `database: ${database}, which pool ${pool.name} does not allow`
    throw new Refusal('unknown-database', { logDetail })
  }
  if (target === undefined) throw new Refusal('unknown-database')
  return target
}
