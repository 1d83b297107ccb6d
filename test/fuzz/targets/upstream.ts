import { once } from 'node:events'
import { connect } from 'node:net'
import { createTrust, database, Gate, type Trust, role } from '../../transcript/gate.ts'
import { authentication, greeting, keyData, ready, Upstream } from '../../transcript/upstream.ts'
import { int32, message, startup } from '../../unit/wire/bytes.ts'
import { cuts, type Target, Violation } from '../target.ts'
import { untilClosed } from './until-closed.ts'

const sessionsPerGate = 500
/** Shorter than its life. */
const tokenMs = 60_000

/**
 * A server that answers the login of somebody with a good token by the input, and then closes. The
 * first byte says how Portcullis logs in: 0 as a trusted peer, 1 with a password.
 */
export async function upstreamTarget(): Promise<Target> {
  const trust = await createTrust()
  let token: { readonly bytes: Buffer; readonly mintedAt: number } = {
    bytes: Buffer.alloc(0),
    mintedAt: -Infinity,
  }
  const freshToken = async (): Promise<Buffer> => {
    if (performance.now() - token.mintedAt > tokenMs) {
      const bytes = message('p', `${await trust.token()}\0`)
      token = { bytes, mintedAt: performance.now() }
    }
    return token.bytes
  }
  let pieces: readonly Buffer[] = []
  const server = await Upstream.start(async (connection) => {
    await connection.takeStartup()
    for (const piece of pieces) {
      connection.send(piece)
      await new Promise((resolve) => setImmediate(resolve))
    }
    connection.close()
  })
  const gates = new Map<number, { gate: Gate; sessions: number }>()
  const gateFor = async (method: number): Promise<Gate> => {
    const known = gates.get(method)
    if (known !== undefined && known.sessions++ < sessionsPerGate) return known.gate
    await known?.gate[Symbol.asyncDispose]()
    const gate = await startGate(trust, server.port, method)
    gates.set(method, { gate, sessions: 0 })
    return gate
  }

  return {
    name: 'upstream',
    maxBytes: 800,
    seeds: seeds(),
    run: async (input) => {
      const method = (input[0] ?? 0) & 1
      const gate = await gateFor(method)
      const { outcomes } = gate.witness
      outcomes.length = 0
      server.connections.length = 0
      server.failures.length = 0
      ;[pieces = []] = cuts(input.subarray(1))
      const answer = await logIn(gate.port, await freshToken())
      const deadline = performance.now() + 5_000
      const isOver = (): boolean =>
        outcomes.some(({ kind }) => kind !== 'admitted') && server.isDeserted
      while (!isOver()) {
        if (performance.now() > deadline) throw new Violation('the session never ended')
        await new Promise((resolve) => setImmediate(resolve))
      }
      if (server.connections.length !== 1) throw new Violation('nothing came to the server')
      const kinds = outcomes.map((outcome) => {
        if (outcome.kind !== 'refused') return outcome.kind
        if (outcome.refusal.reason === 'internal-error') throw outcome.refusal.cause
        return outcome.refusal.reason
      })
      const types = messageTypes(answer)
      if (kinds.includes('admitted') !== /^RR[SN]*KZ/.test(types)) {
        throw new Violation(`${kinds.join(' ')}, and the client got ${types}`)
      }
      return `${method} ${kinds.join(' ')} ${types.slice(0, 6)}`
    },
    [Symbol.asyncDispose]: async () => {
      for (const { gate } of gates.values()) await gate[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

async function startGate(trust: Trust, port: number, method: number): Promise<Gate> {
  return Gate.start({
    trust,
    allowsCleartext: true,
    upstream: {
      port,
      credentials:
        method === 0
          ? { method: 'trust' }
          : {
              method: 'password',
              passwords: new Map([[role, 'secret']]),
              allow: new Set(['scram-sha-256', 'md5', 'cleartext']),
            },
    },
  })
}

async function logIn(port: number, token: Buffer): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const received: Buffer[] = []
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => received.push(chunk))
  await once(socket, 'connect')
  socket.write(Buffer.concat([startup(['user', role, 'database', database]), token]))
  await untilClosed(socket)
  return Buffer.concat(received)
}

/** The types of the messages that a client would read, up to bytes that are none. */
function messageTypes(answer: Buffer): string {
  let types = ''
  for (let at = 0; at + 5 <= answer.length;) {
    types += answer.toString('latin1', at, at + 1)
    at += 1 + Math.max(answer.readUInt32BE(at + 1), 4)
  }
  return types
}

function seeds(): readonly Buffer[] {
  const welcome = Buffer.concat([authentication.ok, greeting, keyData, ready])
  const both = [0, 1].map((method) => Buffer.of(method))
  const answers = [
    welcome,
    Buffer.concat([authentication.cleartext, welcome]),
    Buffer.concat([authentication.md5, welcome]),
    Buffer.concat([authentication.sasl, authentication.saslContinue('r=abc,s=c2FsdA==,i=4096')]),
    message('E', 'SFATAL\0VFATAL\0C28P01\0Mno\0\0'),
    Buffer.concat([welcome, message('C', 'SELECT 1\0'), message('Z', 'I')]),
    Buffer.concat([authentication.ok, message('S', 'is_superuser\0on\0'), keyData, ready]),
    Buffer.concat([authentication.ok, message('K', int32(1)), ready]),
  ]
  return both.flatMap((method) => answers.map((answer) => Buffer.concat([method, answer])))
}
