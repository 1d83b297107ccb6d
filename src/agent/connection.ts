// One connection to the agent, from accept until it is spliced to a gateway or refused.
import type { Socket } from 'node:net'
import type { Grant } from '../credentials/grant.ts'
import { CredentialProblem } from '../credentials/problem.ts'
import { Refusal } from '../refusal.ts'
import { Splice, type Traffic } from '../session/splice.ts'
import { cancelUpstream } from '../upstream/cancel.ts'
import { where } from '../upstream/endpoint.ts'
import type { UpstreamNetwork } from '../upstream/network.ts'
import { searchHosts } from '../upstream/search-hosts.ts'
import type { UpstreamTarget } from '../upstream/target.ts'
import { withinMs } from '../upstream/within.ts'
import { ignoreError } from '../wire/established.ts'
import { FrameError, readFrame } from '../wire/frame.ts'
import { ConnectionLost, PacketReader } from '../wire/packet-reader.ts'
import { MalformedMessage, parseBackendMessage } from '../wire/read-backend.ts'
import { encryptionRefused } from '../wire/write-backend.ts'
import { enterGateway, type GatewaySession } from './enter-gateway.ts'
import type { CancelKey, Sessions, Visit } from './sessions.ts'
import {
  type AskedStartup,
  readClientPacket,
  type StartupDefaults,
  startupFor,
} from './startup-message.ts'
import { refuseClient } from './tell-client.ts'

export interface Services {
  readonly target: UpstreamTarget
  readonly network: UpstreamNetwork
  readonly sessions: Sessions
  readonly traffic: Traffic
  /** Has a token that is good, or throws a CredentialProblem. */
  readonly grant: () => Promise<Grant>
  /** For whoever has that token. */
  readonly defaults: (grant: Grant) => StartupDefaults
  readonly startupTimeoutMs: number
  readonly maxSessions: number
  /** Told of bugs, which end one session and no other. */
  readonly onBug: (error: unknown) => void
}

/** More of them than the limit are told so; the rest is closed without a word. */
const toldBeyondLimit = 32
/** Behind AuthenticationOk somebody may have to sign in with a browser. */
const greetingTimeoutMs = 15 * 60_000
const maxGreetingMessages = 1_000
const maxGreetingBodyBytes = 65_536

/** `isAllowed` says whether whoever connects may; it is looked at before anything is done for them. */
export async function runConnection(
  socket: Socket,
  isAllowed: () => Promise<boolean>,
  services: Services,
): Promise<void> {
  socket.on('error', ignoreError)
  const { sessions, maxSessions } = services
  if (sessions.size >= maxSessions + toldBeyondLimit) {
    socket.destroy()
    return
  }
  const isTooMany = sessions.size >= maxSessions
  const visit = sessions.enter()
  const reader = new PacketReader(socket)
  try {
    const allowed = isAllowed()
    allowed.catch(() => {})
    const packet = await negotiate(socket, reader, visit, services)
    if (!(await allowed)) throw anotherUser()
    if (packet.kind === 'cancel') {
      await cancel(packet, services)
      reader.release()
      socket.destroySoon()
      leaveWhenClosed(socket, visit, sessions)
      return
    }
    if (isTooMany) throw new Refusal('too-many-sessions')
    await goToGateway(socket, reader, packet, visit, services)
  } catch (error) {
    reader.release()
    leaveWhenClosed(socket, visit, sessions)
    // Of the client: where a gateway is lost, that is a refusal.
    if (error instanceof ConnectionLost) {
      socket.destroy()
      return
    }
    if (isBug(error)) services.onBug(error)
    refuseClient(socket, error)
  }
}

function isBug(error: unknown): boolean {
  return !(error instanceof Refusal || error instanceof CredentialProblem)
}

function leaveWhenClosed(socket: Socket, visit: Visit, sessions: Sessions): void {
  if (socket.closed) sessions.leave(visit)
  else {
    socket.once('close', () => {
      sessions.leave(visit)
    })
  }
}

function anotherUser(): CredentialProblem {
  return new CredentialProblem('refused', 'this agent is of another user of this machine', {
    hint: 'It serves whoever runs it, and nobody else: run one of your own.',
  })
}

/** Reads to the startup message or the cancel request. There is no encryption on the way from here to here. */
async function negotiate(
  socket: Socket,
  reader: PacketReader,
  visit: Visit,
  { startupTimeoutMs }: Services,
): Promise<AskedStartup | Extract<Awaited<ReturnType<typeof readPacket>>, { kind: 'cancel' }>> {
  const timer = setTimeout(() => {
    visit.interrupt(new Refusal('startup-timeout'))
  }, startupTimeoutMs)
  const asked = new Set<string>()
  try {
    for (;;) {
      const packet = await whileWanted(visit.signal, readPacket(reader))
      if (packet.kind === 'startup' || packet.kind === 'cancel') return packet
      // Each kind may be asked for once.
      if (asked.has(packet.kind)) throw new Refusal('malformed-startup')
      asked.add(packet.kind)
      socket.write(encryptionRefused)
    }
  } finally {
    clearTimeout(timer)
  }
}

async function readPacket(reader: PacketReader) {
  return reader.read(readClientPacket)
}

/** PostgreSQL answers a cancel request with nothing but the end of the connection, whatever came of it. */
async function cancel(
  asked: Pick<CancelKey, 'processId' | 'secretKey'>,
  { sessions, target }: Services,
): Promise<void> {
  const key = sessions.find(asked)
  if (key !== undefined) await cancelAt(key, target)
}

/** Where it cannot be delivered the gateway is gone, and the statement with it. */
async function cancelAt(
  { endpoint, processId, secretKey }: CancelKey,
  target: UpstreamTarget,
): Promise<void> {
  await cancelUpstream(endpoint, target, processId, secretKey).catch(() => {})
}

async function goToGateway(
  socket: Socket,
  reader: PacketReader,
  asked: AskedStartup,
  visit: Visit,
  services: Services,
): Promise<void> {
  const { signal } = visit
  // The client says nothing more until it is in, but it may leave.
  reader.lost().catch((error: unknown) => {
    if (error instanceof Error) visit.interrupt(error)
  })
  const grant = await whileWanted(signal, services.grant())
  const startup = startupFor(asked, services.defaults(grant))
  const gateway = await enter({ startup, token: grant.token, signal }, services)
  try {
    socket.write(gateway.welcome)
    const late = new Refusal('upstream-timeout', { logDetail: where(gateway.endpoint) })
    const greeting = withinMs(
      passGreeting(gateway, socket, visit, services),
      greetingTimeoutMs,
      late,
    )
    await whileWanted(signal, greeting)
  } catch (error) {
    gateway.reader.release()
    gateway.socket.destroy()
    signal.throwIfAborted()
    throw inGreeting(error, gateway)
  }
  splice(socket, reader, gateway, visit, services)
}

/** A connection that is lost here is the gateway's: the client's own ends the visit. */
function inGreeting(error: unknown, { endpoint }: GatewaySession): unknown {
  const isFault = error instanceof FrameError || error instanceof MalformedMessage
  if (!isFault && !(error instanceof ConnectionLost)) return error
  const reason = isFault ? 'upstream-protocol' : 'upstream-unreachable'
  return new Refusal(reason, { logDetail: where(endpoint), cause: error })
}

async function enter(
  request: Parameters<typeof enterGateway>[1],
  { target, network }: Services,
): Promise<GatewaySession> {
  const search = searchHosts<GatewaySession>({
    target,
    network,
    attempt: async (attempt) => enterGateway(attempt, request),
    close: ({ socket }) => socket.destroy(),
    isForOneServer: false,
  })
  try {
    return await whileWanted(request.signal, search)
  } catch (error) {
    // It may be found all the same, a moment too late.
    search.then(
      ({ socket }) => socket.destroy(),
      () => {},
    )
    throw error
  }
}

/** Passes on what comes from AuthenticationOk to ReadyForQuery, and keeps the cancel key. */
async function passGreeting(
  { reader, endpoint }: GatewaySession,
  socket: Socket,
  visit: Visit,
  { sessions }: Services,
): Promise<void> {
  let unsent: Buffer[] = []
  for (let count = 0; count < maxGreetingMessages; count++) {
    const frame = await reader.read((bytes) => readFrame(bytes, maxGreetingBodyBytes))
    unsent.push(frame.raw)
    const message = parseBackendMessage(frame)
    if (message.kind === 'backend-key-data') {
      const { processId, secretKey } = message
      sessions.keep(visit, { processId, secretKey, endpoint })
    }
    if (message.kind === 'error') {
      throw new Refusal('upstream-refused', { errorResponse: Buffer.concat(unsent) })
    }
    const isReady = message.kind === 'ready-for-query'
    // Somebody may have to read it before there is more.
    if (isReady || reader.unreadBytes === 0) {
      socket.write(Buffer.concat(unsent))
      unsent = []
    }
    if (isReady) return
  }
  throw new Refusal('upstream-protocol', { logDetail: 'no ReadyForQuery' })
}

function splice(
  socket: Socket,
  reader: PacketReader,
  gateway: GatewaySession,
  visit: Visit,
  { target, sessions, traffic }: Services,
): void {
  const spliced = new Splice({
    frontend: socket,
    upstream: gateway.socket,
    cancel: () => {
      if (visit.key !== undefined) void cancelAt(visit.key, target)
    },
    onEnd: () => {
      sessions.leave(visit)
    },
    traffic,
    keepsTime: false,
  })
  spliced.start(reader.release(), gateway.reader.release())
  visit.spliced(spliced)
}

/** What the promise comes to, unless the visit is over first; the work itself goes on. */
async function whileWanted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = (): void => {
    reject(signal.reason as Error)
  }
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop)
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
