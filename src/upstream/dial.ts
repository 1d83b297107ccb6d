import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext } from 'node:tls'
import { Refusal } from '../refusal.ts'
import { established } from '../wire/established.ts'
import { ConnectionLost, PacketReader } from '../wire/packet-reader.ts'
import { writeSslRequest } from '../wire/startup.ts'
import { type Endpoint, isSocketHost, where } from './endpoint.ts'
import type { UpstreamTarget } from './target.ts'

const keepAliveIdleMs = 60_000

/**
 * Connects to an upstream and secures the connection as its target demands. The caller owns the socket,
 * and destroys it to end the attempt; `onSocket` gives it that chance from the first moment. Another
 * context than that of the target has a client certificate besides.
 */
export async function dial(
  endpoint: Endpoint,
  target: UpstreamTarget,
  onSocket: (socket: Socket) => void,
  secureContext: SecureContext = target.secureContext,
): Promise<Socket> {
  const socket = open(endpoint)
  onSocket(socket)
  await established(socket, 'connect', failure('upstream-unreachable', endpoint))
  if (target.tls === 'disable') return socket
  await requestTls(socket, endpoint)
  const verifies = target.tls === 'verify-full' || target.tls === 'verify-ca'
  const name = target.serverName ?? endpoint.host
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
  await established(secured, 'secureConnect', failure('upstream-tls', endpoint))
  return secured
}

/** One address and no other: which one is tried next is decided elsewhere, and a name is not looked up here. */
function open({ host, address, port }: Endpoint): Socket {
  if (isSocketHost(host)) return connect({ path: address, allowHalfOpen: true })
  return connect({
    host: address,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveIdleMs,
    allowHalfOpen: true,
  })
}

function failure(
  reason: 'upstream-unreachable' | 'upstream-tls',
  endpoint: Endpoint,
): (cause?: Error) => Refusal {
  return (cause) => new Refusal(reason, { logDetail: where(endpoint), cause })
}

async function requestTls(socket: Socket, endpoint: Endpoint): Promise<void> {
  const reader = new PacketReader(socket)
  socket.write(writeSslRequest())
  try {
    const answer = await reader.read((bytes) =>
      bytes.length === 0 ? undefined : { value: bytes.readUInt8(0), length: 1 },
    )
    if (answer !== 'S'.charCodeAt(0)) {
      throw new Refusal('upstream-tls', { logDetail: `${where(endpoint)} does not offer TLS` })
    }
    // CVE-2021-23222: what came in the clear behind the answer is not from the server we verify.
    if (reader.unreadBytes > 0) {
      throw new Refusal('upstream-tls', { logDetail: `${where(endpoint)} sent bytes before TLS` })
    }
  } catch (error) {
    if (error instanceof ConnectionLost) {
      throw new Refusal('upstream-unreachable', { logDetail: where(endpoint), cause: error })
    }
    throw error
  } finally {
    reader.release()
  }
}
