import { TLSSocket } from 'node:tls'
import { contains, parseAddress } from '../policy/network.ts'
import { Refusal } from '../refusal.ts'
import { established, ignoreError } from '../wire/established.ts'
import { readProxyHeader } from '../wire/proxy-header.ts'
import { type CancelRequest, readStartupPacket, type StartupMessage } from '../wire/startup.ts'
import { encryptionRefused, sslAccepted } from '../wire/write-backend.ts'
import { readClientCertificate } from './client-certificate.ts'
import { type Conversation, secure, timed, waitForClient } from './conversation.ts'
import type { ListenerAddress, Rules, SessionServices } from './services.ts'

/**
 * Reads from the first byte to the startup message or cancel request, through PROXY header, requests
 * for encryption and the TLS handshake. Each kind of encryption may be asked for once.
 */
export async function negotiate(
  conversation: Conversation,
  listener: ListenerAddress,
  rules: Rules,
  services: SessionServices,
): Promise<StartupMessage | CancelRequest> {
  await readPeer(conversation, listener, rules)
  let askedForGss = false
  for (;;) {
    const packet = await waitForClient(
      conversation,
      rules.timeouts.startupMs,
      'startup-timeout',
      conversation.reader.read(readStartupPacket),
    )
    switch (packet.kind) {
      case 'startup':
      case 'cancel':
        return packet
      case 'ssl-request':
        if (conversation.facts.tls !== undefined) throw notAgain('1234.5679')
        refuseEarlyData(conversation)
        await timed(services.observer, 'tls', async () => startTls(conversation, rules))
        break
      case 'gssenc-request':
        if (askedForGss) throw notAgain('1234.5680')
        askedForGss = true
        refuseEarlyData(conversation)
        conversation.socket.write(encryptionRefused)
        break
    }
  }
}

/** PostgreSQL reads a second request for the same encryption as a protocol version that it has not. */
function notAgain(version: string): Refusal {
  return new Refusal('unsupported-protocol', { values: { version } })
}

/** CVE-2021-23214: bytes in the clear must never be taken for bytes of the encrypted connection. */
function refuseEarlyData(conversation: Conversation): void {
  if (conversation.reader.unreadBytes > 0) throw new Refusal('early-data')
}

async function readPeer(
  conversation: Conversation,
  { proxyProtocol }: ListenerAddress,
  rules: Rules,
): Promise<void> {
  if (proxyProtocol === 'off') return
  const { facts, reader } = conversation
  const address = parseAddress(facts.peer.address)
  const isProxy =
    address !== undefined && rules.trustedProxies.some((network) => contains(network, address))
  if (!isProxy) {
    if (proxyProtocol === 'required') throw new Refusal('proxy-required')
    return
  }
  const header = await waitForClient(
    conversation,
    rules.timeouts.startupMs,
    'startup-timeout',
    reader.read(readProxyHeader),
  )
  if (header.kind === 'proxied') facts.peer = header.source
}

async function startTls(conversation: Conversation, rules: Rules): Promise<void> {
  const { socket, reader } = conversation
  reader.release()
  socket.write(sslAccepted)
  const secured = new TLSSocket(socket, {
    isServer: true,
    secureContext: rules.secureContext,
    requestCert: rules.clientCertificates !== 'none',
    // Whether one that is presented is good enough is looked at behind the handshake; none is.
    rejectUnauthorized: false,
    ALPNProtocols: ['postgresql'],
  })
  conversation.socket = secured
  secured.on('error', ignoreError)
  const handshake = established(
    secured,
    'secure',
    (cause) => new Refusal('tls-failed', { ...(cause && { cause, logDetail: cause.message }) }),
  )
  // When the deadline comes first, the handshake fails after nobody waits for it.
  handshake.catch(() => {})
  await waitForClient(conversation, rules.timeouts.tlsHandshakeMs, 'tls-failed', handshake)
  secure(conversation, secured, readClientCertificate(secured, rules.clientCertificates))
}
