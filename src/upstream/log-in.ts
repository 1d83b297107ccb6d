import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { Refusal } from '../refusal.ts'
import type { ScramKeyCache } from '../sasl/scram-key-cache.ts'
import { ScramError } from '../sasl/scram.ts'
import { type Frame, FrameError, readFrame } from '../wire/frame.ts'
import { ConnectionLost, PacketReader } from '../wire/packet-reader.ts'
import { type ErrorReport, MalformedMessage, parseBackendMessage } from '../wire/read-backend.ts'
import { maxStartupPacketBytes, writeStartupMessage } from '../wire/startup.ts'
import {
  answerAuthentication,
  type Exchange,
  type LoginCredential,
} from './answer-authentication.ts'
import { ignoreError } from '../wire/established.ts'
import { closeSession } from './close-session.ts'
import { dial } from './dial.ts'
import { type Endpoint, where } from './endpoint.ts'
import { proveRole, type RoleRequirement } from './prove-role.ts'
import type { AttemptResult, HostAttempt } from './search-hosts.ts'
import { serverEndPoint } from './server-end-point.ts'
import { askState, isWanted, type ServerState, stateFrom } from './server-state.ts'
import type { TokenScope } from './signed-tokens.ts'
import type { UpstreamHost, UpstreamTarget } from './target.ts'
import { withinMs } from './within.ts'

/** No message of a login is longer; libpq stops at 30,000 bytes for errors. */
const maxLoginBodyBytes = 65_536
/** More ParameterStatus and notices than this come from no PostgreSQL. */
const maxLoginMessages = 1_000

export interface LoginRequest {
  readonly role: string
  readonly credential: LoginCredential
  /** Startup parameters of the client that go upstream; not user and database. */
  readonly parameters: ReadonlyMap<string, string>
  /** What is set behind them, for the connection that it is sent on. Throws a Refusal where it cannot be. */
  readonly ownParameters?: (socket: Socket) => ReadonlyMap<string, string>
  /** What the server has to say of the role, or the login is refused; undefined: it is not asked. */
  readonly requirement: RoleRequirement | undefined
}

/** An authenticated session at a PostgreSQL server, ready for its first query. */
export interface UpstreamSession {
  readonly socket: Socket
  /** Where it lives, and where a cancel request for it has to go. */
  readonly endpoint: Endpoint
  readonly processId: number
  readonly secretKey: Buffer
  /** ParameterStatus and notices as they came, for the client. */
  readonly greeting: Buffer
  /** ReadyForQuery. */
  readonly ready: Buffer
  /** Whatever came behind it: the first bytes of the session. */
  readonly early: Buffer
  readonly isSuperuser: boolean
  /**
   * Takes it from whoever's session it was, whose client has left it between two messages and outside a
   * transaction, instead of its being closed. Absent where it ends with its client.
   */
  readonly giveBack?: () => void
}

export interface LoginAttempt extends HostAttempt {
  readonly request: LoginRequest
  readonly keys: ScramKeyCache
}

/** PostgreSQL says so before it asks for a proof: it is starting, stopping or recovering. */
const cannotConnectNow = '57P03'
const tooManyConnections = '53300'

/** Connects to one address and logs in as a role; where that fails the connection is closed. */
export async function logIn(attempt: LoginAttempt): Promise<AttemptResult<UpstreamSession>> {
  const { endpoint, target, request, deadline, dialLimitMs } = attempt
  const { credential } = request
  let socket: Socket | undefined
  const progress = { hasStarted: false, hasAnswered: false }
  let isPresentable = false
  try {
    const presented = await Promise.race([presentTo(attempt), deadline.passed])
    isPresentable = true
    const connected = dial(
      endpoint,
      target,
      (opened) => {
        socket = opened
        opened.on('error', ignoreError)
      },
      credential.kind === 'certificate' ? credential.secureContext : undefined,
    )
    const late = new Refusal('upstream-timeout', { logDetail: where(endpoint) })
    await Promise.race([withinMs(connected, dialLimitMs, late), deadline.passed])
    progress.hasStarted = true
    const work = authenticate(await connected, attempt, presented, progress)
    return await Promise.race([work, deadline.passed])
  } catch (error) {
    socket?.destroy()
    const isNotNow = error instanceof ServerRefused && error.sqlstate === cannotConnectNow
    return {
      kind: 'failed',
      error: toRefusal(error, endpoint, credential),
      // What cannot be made for this server is no fault of it.
      isHarmless: (isPresentable && !progress.hasStarted) || (isNotNow && !progress.hasAnswered),
    }
  }
}

async function authenticate(
  socket: Socket,
  { endpoint, target, request, keys, deadline }: LoginAttempt,
  credential: Exchange['credential'],
  progress: { hasAnswered: boolean },
): Promise<AttemptResult<UpstreamSession>> {
  const reader = new PacketReader(socket)
  const next = async (): Promise<Frame> => nextFrame(reader, endpoint, request.credential)
  const send = (message: Buffer): void => {
    socket.write(message)
  }
  const parameters = [
    ['user', request.role],
    ['database', target.database],
    ...parametersFor(request, target),
    ...(request.ownParameters?.(socket) ?? []),
  ] as const
  const startup = writeStartupMessage(parameters, target.protocol === '3.2' ? 2 : 0)
  if (request.ownParameters !== undefined && startup.length > maxStartupPacketBytes) {
    throw new Refusal('identity-unusable', {
      logDetail: `the startup message has ${startup.length} bytes`,
    })
  }
  send(startup)
  await answerAuthentication({
    protocol: target.protocol,
    role: request.role,
    credential,
    isEncrypted: target.tls !== 'disable',
    channelBinding: target.channelBinding,
    endPoint: endPointOf(socket),
    keys,
    clientsTurn: async (wait) => deadline.suspend(wait),
    next: async () => nextMessage(next),
    send: (message) => {
      progress.hasAnswered = true
      send(message)
    },
  })
  const { ready, told, ...session } = await readGreeting(next)
  const greeting = [session.greeting]
  let state: ServerState | undefined
  if (target.wantedSession !== 'any') {
    state = stateFrom(told)
    if (state === undefined) {
      const asked = await askState(next, send)
      state = asked.state
      greeting.push(asked.statuses)
    }
    if (!isWanted(target.wantedSession, state)) {
      closeSession({ socket })
      return { kind: 'unwanted', state }
    }
  }
  if (request.requirement !== undefined) {
    const { role, requirement } = request
    greeting.push(await proveRole({ role, requirement, next, send }))
  }
  const early = reader.release()
  const whole = { ...session, endpoint, greeting: Buffer.concat(greeting), ready, early }
  return { kind: 'session', session: { socket, ...whole }, state }
}

/** CockroachDB wants to be told what the password is; before what the client wrote, which may end in an escape. */
function parametersFor(
  { parameters }: LoginRequest,
  { credentials }: UpstreamTarget,
): ReadonlyMap<string, string> {
  if (credentials.method !== 'token' || !credentials.isAnnounced) return parameters
  const options = ['--crdb:jwt_auth_enabled=true', parameters.get('options') ?? []].flat().join(' ')
  return new Map([...parameters, ['options', options]])
}

/** Signed before we connect: a server that waits for us would not wait for others. */
async function presentTo({
  target,
  endpoint,
  request: { role, credential },
}: LoginAttempt): Promise<Exchange['credential']> {
  if (credential.kind !== 'signed') return credential
  const token = await credential.tokens.tokenFor(scopeOf(target, endpoint, role))
  return { kind: 'token', token, form: 'cleartext' }
}

/** AWS compares the name that its certificate has. */
export function scopeOf(
  { serverName }: UpstreamTarget,
  { host, port }: UpstreamHost,
  role: string,
): TokenScope {
  return { host: serverName ?? host, port, role }
}

function endPointOf(socket: Socket): Buffer | undefined {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
  return certificate === undefined ? undefined : serverEndPoint(certificate)
}

/** Here and not where all errors end up: there a lost connection may as well be the client's. */
async function nextFrame(
  reader: PacketReader,
  endpoint: Endpoint,
  credential: LoginCredential,
): Promise<Frame> {
  try {
    return await reader.read((bytes) => readFrame(bytes, maxLoginBodyBytes))
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error
    const isCertificate = credential.kind === 'certificate'
    // In TLS 1.3 the server looks at the certificate when the handshake is over for us.
    if (isCertificate && isAlert(error.cause)) {
      throw new Refusal('upstream-authentication', {
        logDetail: `${where(endpoint)} refuses the certificate`,
        cause: error.cause,
      })
    }
    const perhaps = isCertificate ? ': its log says whether it refused the certificate' : ''
    throw new Refusal('upstream-unreachable', {
      logDetail: `${where(endpoint)} closed the connection during the login${perhaps}`,
      cause: error,
    })
  }
}

function isAlert(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^ERR_SSL_.*_ALERT_/.test(String(error.code))
}

async function nextMessage(
  next: () => Promise<Frame>,
): Promise<ReturnType<typeof parseBackendMessage>> {
  const frame = await next()
  const message = parseBackendMessage(frame)
  if (message.kind === 'error') throw new ServerRefused(frame, message.error)
  return message
}

interface Greeting extends Omit<UpstreamSession, 'socket' | 'endpoint' | 'early'> {
  /** What ParameterStatus said last of what tells servers apart. */
  readonly told: ReadonlyMap<string, string>
}

/** Reads from AuthenticationOk to ReadyForQuery. */
async function readGreeting(next: () => Promise<Frame>): Promise<Greeting> {
  const greeting: Buffer[] = []
  const told = new Map<string, string>()
  let key: { processId: number; secretKey: Buffer } | undefined
  let isSuperuser = false
  for (let count = 0; count < maxLoginMessages; count++) {
    const frame = await next()
    const message = parseBackendMessage(frame)
    switch (message.kind) {
      case 'parameter-status':
        if (message.name === 'is_superuser') isSuperuser = message.value === 'on'
        told.set(message.name, message.value)
        greeting.push(frame.raw)
        break
      case 'notice':
        greeting.push(frame.raw)
        break
      case 'backend-key-data':
        key = message
        break
      case 'ready-for-query': {
        if (key === undefined)
          throw new Refusal('upstream-protocol', { logDetail: 'no cancel key' })
        const ready = Buffer.from(frame.raw)
        return { ...key, greeting: Buffer.concat(greeting), ready, isSuperuser, told }
      }
      case 'error':
        throw new ServerRefused(frame, message.error)
      default:
        throw new Refusal('upstream-protocol', {
          logDetail: `unexpected message of type ${JSON.stringify(frame.type)} after authentication`,
        })
    }
  }
  throw new Refusal('upstream-protocol', { logDetail: 'no ReadyForQuery' })
}

/** The server does not accept the password that is configured for the role. */
export class RolePasswordRefused extends Refusal {
  constructor(logDetail: string) {
    super('upstream-authentication', { logDetail })
  }
}

/** The server has no place for another connection. */
export class ServerFull extends Refusal {
  constructor(logDetail: string, errorResponse: Buffer) {
    super('upstream-refused', { logDetail, errorResponse })
  }
}

/** An ErrorResponse of the server during the login. */
class ServerRefused extends Error {
  readonly frame: Buffer
  readonly sqlstate: string

  constructor(frame: Frame, { sqlstate, message }: ErrorReport) {
    super(message)
    this.frame = Buffer.from(frame.raw)
    this.sqlstate = sqlstate
  }
}

/**
 * What PostgreSQL says goes to the client, but for class 28: that is about the credential and the
 * addresses of Portcullis, and would read as if the client's own were wrong.
 */
function serverRefused(error: ServerRefused, credential: LoginCredential): Refusal {
  const logDetail = `${error.sqlstate} ${error.message}`
  if (error.sqlstate === tooManyConnections) return new ServerFull(logDetail, error.frame)
  if (!error.sqlstate.startsWith('28')) {
    return new Refusal('upstream-refused', { logDetail, errorResponse: error.frame })
  }
  const isClients = credential.kind === 'password' && credential.isClients
  if (error.sqlstate !== '28P01' || !(isClients || credential.kind === 'relay')) {
    const isRoles = credential.kind === 'password' && !isClients && error.sqlstate === '28P01'
    if (isRoles) return new RolePasswordRefused(logDetail)
    return new Refusal('upstream-authentication', { logDetail })
  }
  const hint = credential.kind === 'relay' ? credential.relay.hint : undefined
  return new Refusal('wrong-password', { logDetail, hint })
}

function toRefusal(error: unknown, endpoint: Endpoint, credential: LoginCredential): unknown {
  if (error instanceof ServerRefused) return serverRefused(error, credential)
  if (error instanceof Refusal) return error
  if (error instanceof FrameError || error instanceof MalformedMessage) {
    return new Refusal('upstream-protocol', { logDetail: `${where(endpoint)}: ${error.message}` })
  }
  if (error instanceof ScramError) {
    return new Refusal('upstream-authentication', { logDetail: `SCRAM: ${error.message}` })
  }
  return error
}
