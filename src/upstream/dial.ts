import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext } from 'node:tls'
import { Refusal } from '../refusal.ts'
import { established } from '../wire/established.ts'
import { ConnectionLost, PacketReader } from '../wire/packet-reader.ts'
import { writeSslRequest } from '../wire/startup.ts'
import type { UpstreamTarget } from './target.ts'

const keepAliveIdleMs = 60_000

/**
 * Connects to an upstream and secures the connection as its target demands. The caller owns the socket,
 * and destroys it to end the attempt; `onSocket` gives it that chance from the first moment. Another
 * context than that of the target has a client certificate besides.
 */
export async function dial(
  target: UpstreamTarget,
  onSocket: (socket: Socket) => void,
  secureContext: SecureContext = target.secureContext,
): Promise<Socket> {
  const socket = connect({
    host: target.host,
    port: target.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveIdleMs,
    allowHalfOpen: true,
  })
  onSocket(socket)
  await established(socket, 'connect', failure('upstream-unreachable', target))
  if (target.tls === 'disable') return socket
  await requestTls(socket, target)
  const verifies = target.tls === 'verify-full' || target.tls === 'verify-ca'
  const name = target.serverName ?? target.host
  const secured = connectTls({
    socket,
    host: name,
    ...(isIP(name) === 0 ? { servername: name } : {}),
    secureContext,
    rejectUnauthorized: verifies,
    ALPNProtocols: ['postgresql'],
    ...(target.tls === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
  })
  onSocket(secured)
  await established(secured, 'secureConnect', failure('upstream-tls', target))
  return secured
}

function failure(
  reason: 'upstream-unreachable' | 'upstream-tls',
  target: UpstreamTarget,
): (cause?: Error) => Refusal {
  return (cause) => new Refusal(reason, { logDetail: where(target), cause })
}

async function requestTls(socket: Socket, target: UpstreamTarget): Promise<void> {
  const reader = new PacketReader(socket)
  socket.write(writeSslRequest())
  try {
    const answer = await reader.read((bytes) =>
      bytes.length === 0 ? undefined : { value: bytes.readUInt8(0), length: 1 },
    )
    if (answer !== 'S'.charCodeAt(0)) {
      throw new Refusal('upstream-tls', { logDetail: `${where(target)} does not offer TLS` })
    }
    // CVE-2021-23222: what came in the clear behind the answer is not from the server we verify.
    if (reader.unreadBytes > 0) {
      throw new Refusal('upstream-tls', { logDetail: `${where(target)} sent bytes before TLS` })
    }
  } catch (error) {
    if (error instanceof ConnectionLost) {
      throw new Refusal('upstream-unreachable', { logDetail: where(target), cause: error })
    }
    throw error
  } finally {
    reader.release()
  }
}

export function where(target: UpstreamTarget): string {
  return `${target.host} port ${target.port}`
}
