import { generateKeyPair, SignJWT } from 'jose'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { createTrust, database, Gate, type Outcome, role } from '../../transcript/gate.ts'
import { trust as letIn, Upstream } from '../../transcript/upstream.ts'
import { codes, message, packet, startup } from '../../unit/wire/bytes.ts'
import { cuts, type Target, Violation } from '../target.ts'
import { untilClosed } from './until-closed.ts'

/** A gate keeps its sockets to look at them later, so a new one takes its place now and then. */
const sessionsPerGate = 500
const endsBy = {
  early: new Set(['early-data', 'tls-failed', 'malformed-startup', 'unsupported-protocol']),
}

/**
 * Whole sessions over sockets, from accept on. The first byte says how: 1 behind a balancer, 2 inside
 * TLS, 4 with a reset at the end. No input holds a token that the issuer signed: nothing may go upstream.
 */
export async function sessionTarget(): Promise<Target> {
  const trust = await createTrust()
  const upstream = await Upstream.start(letIn)
  const gates = new Map<boolean, { gate: Gate; sessions: number }>()
  const gateFor = async (isProxied: boolean): Promise<Gate> => {
    const known = gates.get(isProxied)
    if (known !== undefined && known.sessions++ < sessionsPerGate) return known.gate
    await known?.gate[Symbol.asyncDispose]()
    const gate = await Gate.start({
      trust,
      allowsCleartext: true,
      trustedProxies: isProxied ? ['127.0.0.0/8'] : [],
      upstream: { port: upstream.port },
      // A cancel request with a wrong key keeps its place for a second, and there are many in one.
      limits: { maxPasswordBytes: 2_000, maxUnauthenticated: 100_000 },
    })
    gates.set(isProxied, { gate, sessions: 0 })
    return gate
  }

  const runOnce = async (flags: number, pieces: readonly Buffer[]): Promise<string> => {
    const gate = await gateFor((flags & 1) !== 0)
    const outcomes = gate.witness.outcomes
    outcomes.length = 0
    gate.witness.opens.length = 0
    const socket = connect({ port: gate.port, host: '127.0.0.1', noDelay: true })
    const answer = await converse(socket, flags, pieces, trust.ca)
    await untilClosed(socket)
    await untilTold(gate)
    if (upstream.connections.length > 0) throw new Violation('something connected upstream')
    checkAnswer(answer)
    return describe(outcomes)
  }

  return {
    name: 'session',
    maxBytes: 1_200,
    seeds: await seeds(),
    run: async (input) => {
      const [flags = 0] = input
      const bytes = input.subarray(1)
      const whole = await runOnce(flags, [bytes])
      const [pieces = []] = cuts(bytes)
      const cut = await runOnce(flags, pieces)
      if (cut !== whole && !mayDiffer(flags, whole, cut)) {
        throw new Violation(`whole it is ${whole}, and cut it is ${cut}`)
      }
      return `${flags & 7} ${whole}`
    },
    [Symbol.asyncDispose]: async () => {
      for (const { gate } of gates.values()) await gate[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

/**
 * Bytes behind a request for encryption are early data in the same piece, and broken TLS in the next; a
 * reset can come before anything was read.
 */
function mayDiffer(flags: number, one: string, other: string): boolean {
  if ((flags & 4) !== 0) return true
  return [one, other].every((text) => text === 'abandoned' || endsBy.early.has(text))
}

async function converse(
  socket: Socket,
  flags: number,
  pieces: readonly Buffer[],
  ca: string,
): Promise<Buffer> {
  socket.on('error', () => {})
  await once(socket, 'connect', soon())
  let stream = socket
  if ((flags & 3) === 2) {
    socket.write(packet(codes.ssl))
    await once(socket, 'data', soon())
    stream = connectTls({
      socket,
      ca,
      servername: 'localhost',
      ALPNProtocols: ['postgresql'],
    }).on('error', () => {})
    await once(stream, 'secureConnect', soon())
  }
  const received: Buffer[] = []
  stream.on('data', (chunk: Buffer) => received.push(chunk))
  for (const piece of pieces) {
    if (piece.length === 0) continue
    stream.write(piece)
    await new Promise((resolve) => setImmediate(resolve))
  }
  if ((flags & 4) !== 0) socket.resetAndDestroy()
  else stream.end()
  await untilClosed(stream)
  return Buffer.concat(received)
}

function soon(): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(8_000) }
}

async function untilTold(gate: Gate): Promise<void> {
  const deadline = performance.now() + 5_000
  while (gate.witness.opens.length > gate.witness.outcomes.length) {
    if (performance.now() > deadline) throw new Violation('the session never ended')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** At most one answer to each request for encryption, then whole messages: TLS shows as nothing. */
function checkAnswer(answer: Buffer): void {
  let at = 0
  while (answer[at] === 0x4e || answer[at] === 0x53) at++
  // TLS: an alert, or the beginning of a handshake that the client does not go on with.
  if (answer[at] === 0x15 || answer[at] === 0x16) return
  // Protocol 2 has errors without a length.
  if (
    /^EFATAL: {2}unsupported frontend protocol [012]\.[^\0]*\n\0$/.test(
      answer.toString('latin1', at),
    )
  )
    return
  while (at < answer.length) {
    const type = answer.toString('latin1', at, at + 1)
    if (!'REv'.includes(type) || at + 5 > answer.length) throw new Violation('no message')
    at += 1 + answer.readUInt32BE(at + 1)
  }
  if (at !== answer.length) throw new Violation('the last message is cut short')
}

function describe(outcomes: readonly Outcome[]): string {
  if (outcomes.length > 1) throw new Violation(`${outcomes.length} outcomes of one session`)
  const [outcome] = outcomes
  if (outcome === undefined) return 'nothing'
  if (outcome.kind === 'admitted') throw new Violation('somebody was let in')
  if (outcome.kind !== 'refused') return outcome.kind
  const { refusal } = outcome
  if (refusal.reason === 'internal-error') throw refusal.cause
  return refusal.reason
}

async function seeds(): Promise<readonly Buffer[]> {
  const { privateKey } = await generateKeyPair('ES256')
  const sign = async (claims: Readonly<Record<string, unknown>>): Promise<string> =>
    new SignJWT({ sub: 'alice', aud: 'database', azp: 'database', ...claims })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer('https://auth.example.com')
      .setIssuedAt()
      .setExpirationTime('10y')
      .sign(privateKey)
  const hello = startup(['user', role, 'database', database])
  const forged = message('p', `${await sign({})}\0`)
  const unsigned = message(
    'p',
    `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"alice","iss":"https://auth.example.com"}').toString('base64url')}.\0`,
  )
  const withFlags = (flags: number, ...parts: readonly Buffer[]): Buffer =>
    Buffer.concat([Buffer.of(flags), ...parts])
  const line = Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n')
  const inside = Buffer.from('PROXY TCP4 127.0.0.1 127.0.0.1 56324 443\r\n')
  return [
    withFlags(0, hello, forged),
    withFlags(0, hello, unsigned),
    withFlags(2, hello, forged),
    withFlags(0, hello, message('p', 'secret\0')),
    withFlags(0, startup(['user', 'id_token', 'database', database], 2), forged),
    withFlags(0, startup(['user', role, 'database', database, '_pq_.x', '1']), forged),
    withFlags(0, packet(codes.ssl), hello),
    withFlags(0, packet(codes.gss), hello, forged),
    withFlags(0, packet(codes.cancel, Buffer.alloc(8, 7))),
    withFlags(1, inside, hello, forged),
    withFlags(1, line, hello, forged),
    withFlags(4, hello, forged),
  ]
}
