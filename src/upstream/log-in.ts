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
import { Deadline } from './deadline.ts'
import { dial, where } from './dial.ts'
import { proveRole, type RoleRequirement } from './prove-role.ts'
import { serverEndPoint } from './server-end-point.ts'
import type { TokenScope } from './signed-tokens.ts'
import type { UpstreamTarget } from './target.ts'

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
  readonly processId: number
  readonly secretKey: Buffer
  /** ParameterStatus and notices as they came, for the client. */
  readonly greeting: Buffer
  /** ReadyForQuery. */
  readonly ready: Buffer
  /** Whatever came behind it: the first bytes of the session. */
  readonly early: Buffer
  readonly isSuperuser: boolean
}

/**
 * Connects and logs in as a role within the target's deadline, or throws a Refusal; on any failure the
 * connection is closed.
 */
export async function logIn(
  target: UpstreamTarget,
  request: LoginRequest,
  keys: ScramKeyCache,
): Promise<UpstreamSession> {
  let socket: Socket | undefined
  const deadline = new Deadline(target)
  const work = async (): Promise<UpstreamSession> => {
    const credential = await presentTo(target, request)
    const connected = await dial(
      target,
      (opened) => {
        socket = opened
        opened.on('error', ignoreError)
      },
      credential.kind === 'certificate' ? credential.secureContext : undefined,
    )
    return authenticate(connected, target, request, credential, keys, deadline)
  }
  try {
    return await Promise.race([work(), deadline.passed])
  } catch (error) {
    socket?.destroy()
    throw toRefusal(error, target, request.credential)
  } finally {
    deadline.stop()
  }
}

async function authenticate(
  socket: Socket,
  target: UpstreamTarget,
  request: LoginRequest,
  credential: Exchange['credential'],
  keys: ScramKeyCache,
  deadline: Deadline,
): Promise<UpstreamSession> {
  const reader = new PacketReader(socket)
  const next = async (): Promise<Frame> => nextFrame(reader, target, request.credential)
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
  socket.write(startup)
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
    send: (message) => socket.write(message),
  })
  const { ready, ...session } = await readGreeting(next)
  let { greeting } = session
  if (request.requirement !== undefined) {
    const { role, requirement } = request
    const statuses = await proveRole({
      role,
      requirement,
      next,
      send: (message) => socket.write(message),
    })
    greeting = Buffer.concat([greeting, statuses])
  }
  return { socket, ...session, greeting, ready, early: reader.release() }
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
async function presentTo(
  target: UpstreamTarget,
  { role, credential }: LoginRequest,
): Promise<Exchange['credential']> {
  if (credential.kind !== 'signed') return credential
  const token = await credential.tokens.tokenFor(scopeOf(target, role))
  return { kind: 'token', token, form: 'cleartext' }
}

/** AWS compares the name that its certificate has. */
export function scopeOf({ serverName, host, port }: UpstreamTarget, role: string): TokenScope {
  return { host: serverName ?? host, port, role }
}

function endPointOf(socket: Socket): Buffer | undefined {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
  return certificate === undefined ? undefined : serverEndPoint(certificate)
}

/** Here and not where all errors end up: there a lost connection may as well be the client's. */
async function nextFrame(
  reader: PacketReader,
  target: UpstreamTarget,
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
        logDetail: `${where(target)} refuses the certificate`,
        cause: error.cause,
      })
    }
    const perhaps = isCertificate ? ': its log says whether it refused the certificate' : ''
    throw new Refusal('upstream-unreachable', {
      logDetail: `${where(target)} closed the connection during the login${perhaps}`,
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

/** Reads from AuthenticationOk to ReadyForQuery. */
async function readGreeting(
  next: () => Promise<Frame>,
): Promise<Omit<UpstreamSession, 'socket' | 'early'>> {
  const greeting: Buffer[] = []
  let key: { processId: number; secretKey: Buffer } | undefined
  let isSuperuser = false
  for (let count = 0; count < maxLoginMessages; count++) {
    const frame = await next()
    const message = parseBackendMessage(frame)
    switch (message.kind) {
      case 'parameter-status':
        if (message.name === 'is_superuser') isSuperuser = message.value === 'on'
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
        return { ...key, greeting: Buffer.concat(greeting), ready, isSuperuser }
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

function toRefusal(error: unknown, target: UpstreamTarget, credential: LoginCredential): unknown {
  if (error instanceof ServerRefused) return serverRefused(error, credential)
  if (error instanceof Refusal) return error
  if (error instanceof FrameError || error instanceof MalformedMessage) {
    return new Refusal('upstream-protocol', { logDetail: `${where(target)}: ${error.message}` })
  }
  if (error instanceof ScramError) {
    return new Refusal('upstream-authentication', { logDetail: `SCRAM: ${error.message}` })
  }
  return error
}
