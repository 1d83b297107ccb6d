// What a server answers to whoever comes to it directly. Nobody stays: whatever is let in leaves at once.
import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import { Refusal } from '../refusal.ts'
import { ignoreError } from '../wire/established.ts'
import { FrameError, readFrame } from '../wire/frame.ts'
import { ConnectionLost, PacketReader } from '../wire/packet-reader.ts'
import { MalformedMessage, parseBackendMessage } from '../wire/read-backend.ts'
import { writeStartupMessage } from '../wire/startup.ts'
import { terminate } from '../wire/write-frontend.ts'
import { dialHost } from './dial-host.ts'
import type { UpstreamTarget } from './target.ts'

export interface Knock {
  readonly role: string
  /** Whether TLS is not even asked for. */
  readonly isCleartext: boolean
  /** Another than that of the target: with a client certificate, or for other versions of TLS. */
  readonly secureContext?: SecureContext
}

export type KnockAnswer =
  /** Nothing was asked for but what TLS has shown. Whether there is such a role is looked at after that. */
  | { readonly kind: 'admitted' }
  | { readonly kind: 'asks'; readonly method: AskedMethod }
  | { readonly kind: 'refused'; readonly sqlstate: string; readonly message: string }
  /** TLS, or the connection after it, was ended; PostgreSQL ends it so for certificates that it does not take. */
  | { readonly kind: 'closed'; readonly cause: unknown }
  | { readonly kind: 'no-tls' }
  /** It is not known what it would answer. */
  | { readonly kind: 'unknown'; readonly cause: unknown }

export type AskedMethod = 'cleartext' | 'md5' | 'scram-sha-256' | 'oauthbearer' | 'other'

const maxBodyBytes = 65_536
const maxMessages = 16

/** Knocks once at the first host of the target, within the connect timeout of the target. Throws nothing that a server could cause. */
export async function knock(target: UpstreamTarget, request: Knock): Promise<KnockAnswer> {
  let socket: Socket | undefined
  let isLate = false as boolean
  const timer = setTimeout(() => {
    isLate = true
    socket?.destroy(new Error(`no answer within ${target.connectTimeoutMs} ms`))
  }, target.connectTimeoutMs)
  try {
    const [host] = target.hosts
    if (host === undefined) throw new Error('an upstream without hosts')
    const connected = await dialHost(
      host,
      request.isCleartext ? { ...target, tls: 'disable' } : target,
      (opened) => {
        socket = opened
        opened.on('error', ignoreError)
        if (isLate) opened.destroy()
      },
      request.secureContext,
    )
    return await ask(connected, target, request)
  } catch (cause) {
    return isLate ? { kind: 'unknown', cause } : answerOf(cause)
  } finally {
    clearTimeout(timer)
    socket?.destroy()
  }
}

async function ask(socket: Socket, target: UpstreamTarget, { role }: Knock): Promise<KnockAnswer> {
  const reader = new PacketReader(socket)
  const parameters = [
    ['user', role],
    ['database', target.database],
    ['application_name', 'portcullis doctor'],
  ] as const
  socket.write(writeStartupMessage(parameters, 0))
  for (let count = 0; count < maxMessages; count++) {
    const message = parseBackendMessage(
      await reader.read((bytes) => readFrame(bytes, maxBodyBytes)),
    )
    if (message.kind === 'error') return { kind: 'refused', ...message.error }
    if (message.kind !== 'authentication') continue
    const { request } = message
    if (request.method === 'ok') {
      socket.write(terminate)
      return { kind: 'admitted' }
    }
    if (request.method !== 'sasl') return { kind: 'asks', method: methodOf(request.method) }
    const isScram = request.mechanisms.some((one) => one.startsWith('SCRAM-SHA-256'))
    if (isScram) return { kind: 'asks', method: 'scram-sha-256' }
    const isBearer = request.mechanisms.includes('OAUTHBEARER')
    return { kind: 'asks', method: isBearer ? 'oauthbearer' : 'other' }
  }
  return { kind: 'unknown', cause: new Error('no answer to the startup message') }
}

function methodOf(method: string): AskedMethod {
  return method === 'cleartext' || method === 'md5' ? method : 'other'
}

function answerOf(error: unknown): KnockAnswer {
  if (error instanceof ConnectionLost) return { kind: 'closed', cause: error.cause ?? error }
  if (error instanceof FrameError || error instanceof MalformedMessage) {
    return { kind: 'unknown', cause: error }
  }
  if (!(error instanceof Refusal)) throw error
  if (error.reason !== 'upstream-tls') return { kind: 'unknown', cause: error.cause ?? error }
  if (error.cause === undefined) return { kind: 'no-tls' }
  // An alert is the server's word. Whatever else went wrong with TLS may be of our own making.
  const isServers = isAlert(error.cause)
  return { kind: isServers ? 'closed' : 'unknown', cause: error.cause }
}

function isAlert(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (/^ERR_SSL_.*_ALERT_/.test(String(error.code)) || error.code === 'ECONNRESET')
  )
}
