// From an address of a gateway to its AuthenticationOk. What a gateway says is the client's to read: nothing is
// put in other words, and nothing is left out.
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { Refusal } from '../refusal.ts'
import { dial } from '../upstream/dial.ts'
import { type Endpoint, where } from '../upstream/endpoint.ts'
import { passByOauthBearer } from '../upstream/pass-token.ts'
import type { AttemptResult, HostAttempt } from '../upstream/search-hosts.ts'
import { withinMs } from '../upstream/within.ts'
import { ignoreError } from '../wire/established.ts'
import { type Frame, FrameError, readFrame } from '../wire/frame.ts'
import { ConnectionLost, PacketReader } from '../wire/packet-reader.ts'
import {
  type BackendMessage,
  type ErrorReport,
  MalformedMessage,
  parseBackendMessage,
} from '../wire/read-backend.ts'
import { authenticationOk } from '../wire/write-backend.ts'
import { passwordMessage } from '../wire/write-frontend.ts'

export interface GatewayRequest {
  /** The startup message. */
  readonly startup: Buffer
  readonly token: string
  /** Aborted when the client is gone, or is not to be served any more. */
  readonly signal: AbortSignal
}

/** A gateway that has let the client in. */
export interface GatewaySession {
  readonly socket: Socket
  readonly endpoint: Endpoint
  readonly reader: PacketReader
  /** What it has said to that end, for the client. */
  readonly welcome: Buffer
}

const maxMessages = 16
const maxBodyBytes = 65_536
/** A gateway may have to wait for a database that is paused; how long is for its own settings to say. */
const patienceMs = 10 * 60_000

/** It is going, coming back or full of others' errands: another gateway, or this one in a moment, may do. */
const passing = new Set(['57P01', '57P03'])

/** Tries one address of one gateway. Throws the reason of the signal when it is aborted. */
export async function enterGateway(
  { endpoint, target, deadline, dialLimitMs }: HostAttempt,
  request: GatewayRequest,
): Promise<AttemptResult<GatewaySession>> {
  const { signal } = request
  signal.throwIfAborted()
  let socket: Socket | undefined
  const giveUp = (): void => {
    socket?.destroy()
  }
  signal.addEventListener('abort', giveUp)
  try {
    const connected = dial(endpoint, target, (opened) => {
      socket = opened
      opened.on('error', ignoreError)
      if (signal.aborted) opened.destroy()
    })
    const late = new Refusal('upstream-timeout', { logDetail: where(endpoint) })
    const inTime = withinMs(connected, dialLimitMs, late)
    const secured = await Promise.race([inTime, deadline.passed])
    const wait: Wait = async (work) =>
      deadline.suspend(async () => withinMs(work(), patienceMs, late))
    const entering = logIn(secured, endpoint, request, wait)
    const session = await Promise.race([entering, deadline.passed])
    signal.throwIfAborted()
    return { kind: 'session', session, state: undefined }
  } catch (error) {
    socket?.destroy()
    signal.throwIfAborted()
    return failed(error, endpoint)
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

/** Waits for the gateway once it has the token: then it is not late, whatever it has to wait for. */
type Wait = <T>(work: () => Promise<T>) => Promise<T>

async function logIn(
  socket: Socket,
  endpoint: Endpoint,
  { startup, token }: GatewayRequest,
  wait: Wait,
): Promise<GatewaySession> {
  const reader = new PacketReader(socket)
  const before: Buffer[] = []
  const progress = { hasProved: false }
  const read = async (): Promise<Frame> => reader.read((bytes) => readFrame(bytes, maxBodyBytes))
  const next = async (): Promise<{ frame: Frame; message: BackendMessage }> => {
    const frame = progress.hasProved ? await wait(read) : await read()
    const message = parseBackendMessage(frame)
    if (message.kind === 'error') {
      throw new GatewayRefused(Buffer.concat([...before, frame.raw]), endpoint, message.error)
    }
    return { frame, message }
  }
  const prove = (bytes: Buffer): void => {
    refuseUnverified(socket)
    progress.hasProved = true
    socket.write(bytes)
  }
  const entered = (last: Buffer): GatewaySession => ({
    socket,
    endpoint,
    reader,
    welcome: Buffer.concat([...before, last]),
  })
  socket.write(startup)
  for (let count = 0; count < maxMessages; count++) {
    const { frame, message } = await next()
    if (message.kind === 'notice' || message.kind === 'negotiate-protocol-version') {
      before.push(Buffer.from(frame.raw))
      continue
    }
    if (message.kind !== 'authentication') throw protocolError(`a message of type ${frame.type}`)
    const { request } = message
    if (request.method === 'ok') return entered(frame.raw)
    if (progress.hasProved) throw protocolError('another question behind the one for the token')
    if (request.method === 'cleartext') {
      prove(passwordMessage(token))
    } else if (request.method === 'sasl') {
      const exchange = { isEncrypted: true, next: async () => (await next()).message, send: prove }
      await passByOauthBearer({ kind: 'token', token, form: 'auto' }, request.mechanisms, exchange)
      return entered(authenticationOk)
    } else {
      throw new Refusal('upstream-authentication', {
        logDetail: `it asks for ${request.method}, and a token can only be given as a cleartext password or by OAUTHBEARER`,
      })
    }
  }
  throw protocolError('a login without end')
}

/** Dialling has seen to it; what a mistake there would give away is good for whoever gets it. */
function refuseUnverified(socket: Socket): void {
  if (socket instanceof TLSSocket && socket.authorized) return
  throw new Error('a token on a connection that was not verified')
}

/** What the gateway has said, whole, is what the client reads. */
class GatewayRefused extends Refusal {
  readonly isPassing: boolean

  constructor(said: Buffer, endpoint: Endpoint, { sqlstate, message }: ErrorReport) {
    const logDetail = `${where(endpoint)}: ${sqlstate} ${message}`
    super('upstream-refused', { logDetail, errorResponse: said })
    this.isPassing = passing.has(sqlstate)
  }
}

function protocolError(logDetail: string): Refusal {
  return new Refusal('upstream-protocol', { logDetail })
}

/** A token can be shown again: what does not come to an answer may be tried elsewhere, or once more. */
function failed(error: unknown, endpoint: Endpoint): AttemptResult<never> {
  if (error instanceof GatewayRefused) return { kind: 'failed', error, isHarmless: error.isPassing }
  if (error instanceof ConnectionLost || (error instanceof Refusal && isBroken(error))) {
    const cause = error instanceof Refusal ? error.cause : error
    return {
      kind: 'failed',
      error: new Refusal('upstream-unreachable', { logDetail: where(endpoint), cause }),
      isHarmless: true,
    }
  }
  if (error instanceof FrameError || error instanceof MalformedMessage) {
    return { kind: 'failed', error: protocolError(error.message), isHarmless: false }
  }
  const isAbout = (...reasons: readonly string[]): boolean =>
    error instanceof Refusal && reasons.includes(error.reason)
  return {
    kind: 'failed',
    error,
    isHarmless: isAbout('upstream-unreachable', 'upstream-timeout', 'upstream-tls'),
  }
}

/** Somebody went away in the middle of a handshake, which says nothing of certificates. */
function isBroken({ reason, cause }: Refusal): boolean {
  return (
    reason === 'upstream-tls' &&
    cause instanceof Error &&
    'code' in cause &&
    cause.code === 'ECONNRESET'
  )
}
