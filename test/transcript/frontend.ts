import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { codes, packet } from '../unit/wire/bytes.ts'
import { ByteStream, type TypedMessage } from './byte-stream.ts'
import { until } from './until.ts'

/** A client that says exactly what it is told to. */
export class Frontend implements AsyncDisposable {
  socket: Socket
  readonly #plain: Socket
  #stream: ByteStream

  private constructor(socket: Socket) {
    this.socket = socket
    this.#plain = socket
    this.#stream = new ByteStream(socket)
  }

  static async connect(
    port: number,
    allowHalfOpen = false,
    localAddress = '127.0.0.1',
  ): Promise<Frontend> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen, localAddress })
    const frontend = new Frontend(socket)
    await once(socket, 'connect')
    return frontend
  }

  send(...bytes: readonly (Buffer | string)[]): this {
    this.socket.write(Buffer.concat(bytes.map((one) => Buffer.from(one))))
    return this
  }

  /** Ends the connection with a reset, under TLS too. */
  reset(): void {
    this.#plain.resetAndDestroy()
  }

  async take(count: number): Promise<string> {
    return (await this.#stream.take(count)).toString('latin1')
  }

  async takeMessage(): Promise<TypedMessage> {
    return this.#stream.takeMessage()
  }

  /** Reads to the end of a login, and gives what its BackendKeyData holds. */
  async takeCancelKey(): Promise<Buffer> {
    let key = Buffer.alloc(0)
    for (let type = ''; type !== 'Z';) {
      const next = await this.takeMessage()
      type = next.type
      if (type === 'K') key = Buffer.from(next.body)
    }
    return key
  }

  async rest(): Promise<Buffer> {
    return this.#stream.rest()
  }

  get unread(): Buffer {
    return this.#stream.unread
  }

  /** Asks for TLS and takes it. */
  async secure(ca: string): Promise<this> {
    this.send(packet(codes.ssl))
    if ((await this.take(1)) !== 'S') throw new Error('no TLS')
    return this.handshake(ca)
  }

  /** What is joined to the handshake comes in one segment with its first bytes. */
  async handshake(ca: string, joined?: Buffer): Promise<this> {
    this.#stream.release()
    this.socket = connectTls({
      socket: joined === undefined ? this.socket : behind(joined, this.socket),
      ca,
      servername: 'localhost',
      ALPNProtocols: ['postgresql'],
    })
    this.#stream = new ByteStream(this.socket)
    await once(this.socket, 'secureConnect')
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
    await until('the client to close', () => this.socket.closed)
  }
}

/** A socket whose first write has these bytes in front. */
function behind(first: Buffer, socket: Socket): Duplex {
  let joined = first
  const duplex = new Duplex({
    read: () => socket.resume(),
    write: (chunk: Buffer, _, done) => {
      socket.write(Buffer.concat([joined, chunk]), done)
      joined = Buffer.alloc(0)
    },
    final: (done) => socket.end(done),
    destroy: (error, done) => {
      socket.destroy()
      done(error)
    },
  })
  socket.on('data', (chunk: Buffer) => duplex.push(chunk))
  socket.on('end', () => duplex.push(null))
  return duplex
}

export interface ErrorFields {
  readonly sqlstate: string | undefined
  readonly message: string | undefined
  readonly detail: string | undefined
  readonly hint: string | undefined
}

/** The fields of the one ErrorResponse that these bytes must be. */
export function readError(bytes: Buffer): ErrorFields {
  if (bytes.toString('latin1', 0, 1) !== 'E' || bytes.readUInt32BE(1) !== bytes.length - 1) {
    throw new Error(`not exactly one error: ${JSON.stringify(bytes.toString('latin1'))}`)
  }
  const fields = bytes.toString('utf8', 5).split('\0')
  const field = (code: string): string | undefined =>
    fields.find((text) => text.startsWith(code))?.slice(1)
  return { sqlstate: field('C'), message: field('M'), detail: field('D'), hint: field('H') }
}
