import { TLSSocket } from 'node:tls'
import { contains, parseAddress } from '../policy/network.ts'
import { Refusal } from '../refusal.ts'
import { established, ignoreError } from '../wire/established.ts'
import { readProxyHeader } from '../wire/proxy-header.ts'
import {
  type CancelRequest,
  readStartupPacket,
  type StartupMessage,
  type StartupPacket,
  type Taken,
} from '../wire/startup.ts'
import { encryptionRefused, sslAccepted } from '../wire/write-backend.ts'
import { readClientCertificate } from './client-certificate.ts'
import { type Conversation, secure, timed, waitForClient } from './conversation.ts'
import { Patience } from './patience.ts'
import type { Entry } from './registry.ts'
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
  const patience = new Patience(rules.timeouts.startupMs)
  await readPeer(conversation, listener, rules, patience, services)
  let [mayAskForTls, mayAskForGss] = [true, true]
  for (;;) {
    const packet = await waitForClient(
      conversation,
      patience,
      'startup-timeout',
      conversation.reader.read(
        conversation.facts.tls === undefined ? readFirst : readStartupPacket,
      ),
    )
    switch (packet.kind) {
      case 'startup':
      case 'cancel':
        refuseBeyondLimits(conversation, packet)
        return packet
      case 'client-hello':
        if (!mayAskForTls || !mayAskForGss) throw new Refusal('malformed-startup')
        if (listener.isUnixSocket) {
          throw new Refusal('tls-failed', { logDetail: 'there is no TLS on a Unix socket' })
        }
        await timed(services.observer, conversation.facts, 'tls', async () =>
          startDirectTls(conversation, rules),
        )
        break
      case 'ssl-request':
        if (!mayAskForTls) throw notAgain('1234.5679')
        mayAskForTls = false
        // As PostgreSQL: there is TLS already, or none on a Unix socket.
        if (conversation.facts.tls !== undefined || listener.isUnixSocket) {
          conversation.socket.write(encryptionRefused)
          break
        }
        mayAskForGss = false
        refuseEarlyData(conversation)
        conversation.socket.write(sslAccepted)
        await timed(services.observer, conversation.facts, 'tls', async () =>
          startTls(conversation, rules),
        )
        break
      case 'gssenc-request':
        if (!mayAskForGss) throw notAgain('1234.5680')
        mayAskForGss = false
        refuseEarlyData(conversation)
        conversation.socket.write(encryptionRefused)
        break
    }
  }
}

/** A TLS handshake begins with this byte, and no startup packet does: its length would be 370 million. */
const handshakeRecord = 0x16

function readFirst(bytes: Buffer): Taken<StartupPacket | { kind: 'client-hello' }> | undefined {
  if (bytes[0] === handshakeRecord) return { value: { kind: 'client-hello' }, length: 0 }
  return readStartupPacket(bytes)
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
  patience: Patience,
  services: SessionServices,
): Promise<void> {
  const { facts, reader, entry } = conversation
  if (proxyProtocol === 'off' || !isTrustedProxy(facts.peer.address, rules)) {
    takePlace(conversation, rules, services)
    if (proxyProtocol === 'required') throw new Refusal('proxy-required')
    return
  }
  refuseWithoutWord(entry)
  const header = await entry.whileNameless(rules.limits, async () =>
    waitForClient(conversation, patience, 'startup-timeout', reader.read(readProxyHeader)),
  )
  if (header.kind === 'proxied') facts.peer = header.source
  takePlace(conversation, rules, services)
}

function isTrustedProxy(peer: string, { trustedProxies }: Rules): boolean {
  const address = parseAddress(peer)
  return address !== undefined && trustedProxies.some((network) => contains(network, address))
}

function takePlace(
  { entry, facts }: Conversation,
  { limits }: Rules,
  { loginRate }: SessionServices,
): void {
  const { address } = facts.peer
  const rate = loginRate.take(address, limits)
  if (rate === 'within') entry.place.takeFor(address, limits)
  else if (rate === 'told') entry.place.refuse('too-many-logins')
  else entry.place.turnAway('too-many-logins')
  refuseWithoutWord(entry)
}

/** Whoever is told nothing is not waited for. */
function refuseWithoutWord({ place }: Entry): void {
  if (place.refusal !== undefined && place.isSilenced) throw new Refusal(place.refusal)
}

/** Behind the startup packet, where a client reads why. */
function refuseBeyondLimits(
  { entry: { place } }: Conversation,
  packet: StartupMessage | CancelRequest,
): void {
  if (place.refusal === undefined) return
  // A cancel request is answered with nothing but the end of the connection.
  if (packet.kind === 'cancel') place.silence()
  throw new Refusal(place.refusal)
}

/**
 * TLS from the first byte (PostgreSQL documentation, 54.2.10). Without ALPN the client may be one of another
 * protocol, whose bytes somebody else sent on to us (ALPACA): it gets no answer, as at PostgreSQL.
 */
async function startDirectTls(conversation: Conversation, rules: Rules): Promise<void> {
  conversation.socket.unshift(conversation.reader.release())
  const { alpnProtocol } = await startTls(conversation, rules)
  if (alpnProtocol === alpn) return
  throw new Refusal('tls-failed', {
    logDetail: 'direct TLS without the application protocol "postgresql" (ALPN)',
  })
}

const alpn = 'postgresql'

async function startTls(conversation: Conversation, rules: Rules): Promise<TLSSocket> {
  const { socket, reader } = conversation
  reader.release()
  const secured = new TLSSocket(socket, {
    isServer: true,
    secureContext: rules.certificates.usual,
    SNICallback: (name, done) => {
      done(null, rules.certificates.named.get(name.toLowerCase()) ?? rules.certificates.usual)
    },
    requestCert: rules.clientCertificates !== 'none',
    // Whether one that is presented is good enough is looked at behind the handshake; none is.
    rejectUnauthorized: false,
    ALPNProtocols: [alpn],
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
  return secured
}
