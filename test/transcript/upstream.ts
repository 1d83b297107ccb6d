import { createHash } from 'node:crypto'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { TLSSocket, type SecureContext } from 'node:tls'
import { int32, message } from '../unit/wire/bytes.ts'
import { ByteStream, type TypedMessage } from './byte-stream.ts'
import { until } from './until.ts'

/** Plays one connection of a server. It may end early: the connection stays until the gate closes it. */
export type Script = (connection: UpstreamConnection) => Promise<void>

/** The server's end of one connection, as a script plays it. */
export class UpstreamConnection {
  #socket: Socket
  #stream: ByteStream

  constructor(socket: Socket) {
    this.#socket = socket
    this.#stream = new ByteStream(socket)
  }

  get isClosed(): boolean {
    return this.#socket.closed
  }

  get unread(): Buffer {
    return this.#stream.unread
  }

  send(...bytes: readonly (Buffer | string)[]): void {
    this.#socket.write(Buffer.concat(bytes.map((one) => Buffer.from(one))))
  }

  close(): void {
    this.#socket.end()
  }

  reset(): void {
    this.#socket.resetAndDestroy()
  }

  /** Takes the SSLRequest, says yes and does the handshake. */
  async secure(secureContext: SecureContext): Promise<void> {
    await this.takePacket()
    this.send('S')
    this.#stream.release()
    const secured = new TLSSocket(this.#socket, {
      isServer: true,
      secureContext,
      ALPNProtocols: ['postgresql'],
    })
    this.#socket = secured
    this.#stream = new ByteStream(secured)
  }

  /** The hash of the certificate that the gate was shown, which is signed by ECDSA with SHA-256. */
  endPoint(): Buffer {
    const certificate =
      this.#socket instanceof TLSSocket ? this.#socket.getX509Certificate() : undefined
    if (certificate === undefined) throw new Error('no TLS')
    return createHash('sha256').update(certificate.raw).digest()
  }

  async take(count: number): Promise<Buffer> {
    return this.#stream.take(count)
  }

  async takePacket(): Promise<{ readonly code: number; readonly body: Buffer }> {
    return this.#stream.takePacket()
  }

  /** The parameters of the startup message, as the client wrote them one after the other. */
  async takeStartup(): Promise<readonly string[]> {
    const { body } = await this.takePacket()
    return body.toString('utf8').split('\0').slice(0, -2)
  }

  async takeMessage(): Promise<TypedMessage> {
    return this.#stream.takeMessage()
  }

  async rest(): Promise<Buffer> {
    return this.#stream.rest()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

/** A server whose every connection follows the script. */
export class Upstream implements AsyncDisposable {
  readonly #server: Server
  readonly connections: UpstreamConnection[] = []
  readonly failures: unknown[] = []

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(script: Script): Promise<Upstream> {
    const server = createServer({ allowHalfOpen: false, noDelay: true })
    const upstream = new Upstream(server)
    server.on('connection', (socket) => {
      const connection = new UpstreamConnection(socket)
      upstream.connections.push(connection)
      script(connection).catch((error: unknown) => upstream.failures.push(error))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return upstream
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Whether the gate left nothing open. */
  get isDeserted(): boolean {
    return this.connections.every((connection) => connection.isClosed)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.connections) connection.destroy()
    this.#server.close()
    await until('the upstream to close', () => this.isDeserted)
  }
}

export const authentication = {
  ok: message('R', int32(0)),
  cleartext: message('R', int32(3)),
  md5: message('R', Buffer.concat([int32(5), Buffer.from('salt')])),
  sasl: message('R', Buffer.concat([int32(10), Buffer.from('SCRAM-SHA-256\0\0')])),
  saslContinue: (text: string): Buffer =>
    message('R', Buffer.concat([int32(11), Buffer.from(text)])),
  saslFinal: (text: string): Buffer => message('R', Buffer.concat([int32(12), Buffer.from(text)])),
} as const

export const upstreamKey = {
  processId: 4711,
  secretKey: Buffer.from('upstream key of 32 bytes, 0x20!!'),
}
export const greeting = Buffer.concat([
  message('S', 'server_version\x0018.1\0'),
  message('S', 'is_superuser\0off\0'),
])
export const keyData = message(
  'K',
  Buffer.concat([int32(upstreamKey.processId), upstreamKey.secretKey]),
)
export const ready = message('Z', 'I')

/** The rest of a login that went well. */
export const welcome = Buffer.concat([authentication.ok, greeting, keyData, ready])

/** Lets everybody in without a question. */
export const trust: Script = async (connection) => {
  await connection.takeStartup()
  connection.send(welcome)
}
