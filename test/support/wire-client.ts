import { connect as connectTcp, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'

/** A message of the server, or what ended the connection. */
export interface Received {
  readonly type: string
  readonly body: Buffer
}

export interface ErrorFields {
  readonly severity: string
  readonly sqlstate: string
  readonly message: string
  readonly detail: string | undefined
  readonly hint: string | undefined
}

const deadlineMs = 15_000
const protocolThree = 3 << 16

/** A client that says exactly what a test tells it to, byte by byte. */
export class WireClient {
  #socket: Socket
  #unread = Buffer.alloc(0)
  #isClosed = false
  #wake: () => void = () => {}

  constructor(socket: Socket) {
    this.#socket = socket
    this.#watch(socket)
  }

  static async connect(
    port: number,
    host = '127.0.0.1',
    localAddress?: string,
  ): Promise<WireClient> {
    const from = localAddress === undefined ? {} : { localAddress }
    const socket = connectTcp({ port, host, allowHalfOpen: true, ...from })
    await event(socket, 'connect')
    return new WireClient(socket)
  }

  /** Connects, asks for TLS and verifies the server. */
  static async connectSecurely(port: number, ca: string): Promise<WireClient> {
    const client = await WireClient.connect(port)
    await client.startTls(ca)
    return client
  }

  /** Asks for TLS and leaves the handshake to the caller. */
  static async requestTls(port: number): Promise<WireClient> {
    const client = await WireClient.connect(port)
    client.send(sslRequest)
    await client.readBytes(1)
    client.socket.removeAllListeners('data')
    return client
  }

  /** TLS from the first byte. */
  static async connectDirectly(
    port: number,
    ca: string,
    protocols: readonly string[] | undefined,
  ): Promise<WireClient> {
    const socket = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true })
    await event(socket, 'connect')
    return WireClient.secure(socket, ca, protocols)
  }

  static async secure(
    socket: Duplex,
    ca: string,
    protocols: readonly string[] | undefined,
  ): Promise<WireClient> {
    const secured = connectTls({
      socket,
      ca,
      servername: 'localhost',
      ...(protocols && { ALPNProtocols: [...protocols] }),
    })
    await event(secured, 'secureConnect')
    return new WireClient(secured)
  }

  get socket(): Socket {
    return this.#socket
  }

  /** `options` are for clients with a certificate, or with an opinion about the handshake. */
  async startTls(
    ca: string,
    options: ConnectionOptions = {},
    connect: (options: ConnectionOptions) => TLSSocket = connectTls,
  ): Promise<void> {
    this.send(sslRequest)
    const answer = await this.readBytes(1)
    if (answer.toString() !== 'S') throw new Error(`the server answered ${answer.toString()}`)
    this.#socket.removeAllListeners('data')
    const secured = connect({ socket: this.#socket, ca, servername: 'localhost', ...options })
    await event(secured, 'secureConnect')
    this.#socket = secured
    this.#watch(secured)
  }

  send(bytes: Buffer | string): void {
    this.#socket.write(bytes)
  }

  startup(parameters: Readonly<Record<string, string>>, version = protocolThree): void {
    this.send(startupPacket(parameters, version))
  }

  password(password: string): void {
    this.send(message('p', Buffer.from(`${password}\0`)))
  }

  query(sql: string): void {
    this.send(message('Q', Buffer.from(`${sql}\0`)))
  }

  /** Startup and password; returns the first message that is neither about versions nor a request. */
  async logIn(parameters: Readonly<Record<string, string>>, password: string): Promise<Received> {
    this.startup(parameters)
    const asked = await this.read()
    if (asked.type !== 'R') return asked
    this.password(password)
    return this.read()
  }

  async read(): Promise<Received> {
    const head = await this.readBytes(5)
    const body = await this.readBytes(head.readUInt32BE(1) - 4)
    return { type: head.toString('latin1', 0, 1), body }
  }

  async readUntil(type: string): Promise<Received> {
    for (;;) {
      const received = await this.read()
      if (received.type === type) return received
      if (received.type === 'E') throw new Error(errorFields(received).message)
    }
  }

  async readError(): Promise<ErrorFields> {
    return errorFields(await this.read())
  }

  /** Skips what comes of a statement before it fails. */
  async readUntilError(): Promise<ErrorFields> {
    for (;;) {
      const received = await this.read()
      if (received.type === 'E') return errorFields(received)
    }
  }

  async readBytes(count: number): Promise<Buffer> {
    await this.#until(`${count} bytes`, () => this.#unread.length >= count)
    const bytes = this.#unread.subarray(0, count)
    this.#unread = this.#unread.subarray(count)
    return bytes
  }

  /** Waits for the end of the connection and returns the bytes that came before it. */
  async closed(): Promise<Buffer> {
    await this.#until('the end of the connection', () => this.#isClosed)
    return this.#unread
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #watch(socket: Socket): void {
    const ended = (): void => {
      this.#isClosed = true
      this.#wake()
    }
    socket.on('data', (chunk: Buffer) => {
      this.#unread = Buffer.concat([this.#unread, chunk])
      this.#wake()
    })
    socket.on('error', ended)
    socket.on('end', ended)
    socket.on('close', ended)
  }

  async #until(what: string, condition: () => boolean): Promise<void> {
    const end = performance.now() + deadlineMs
    while (!condition()) {
      if (this.#isClosed) throw new Error(`closed while waiting for ${what}`)
      const left = end - performance.now()
      if (left <= 0) throw new Error(`not within ${deadlineMs} ms: ${what}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}

export function errorFields({ type, body }: Received): ErrorFields {
  if (type !== 'E') throw new Error(`expected an error, got ${type}`)
  const fields = new Map(
    body
      .toString('utf8')
      .split('\0')
      .filter((field) => field !== '')
      .map((field) => [field[0], field.slice(1)]),
  )
  return {
    severity: fields.get('S') ?? '',
    sqlstate: fields.get('C') ?? '',
    message: fields.get('M') ?? '',
    detail: fields.get('D'),
    hint: fields.get('H'),
  }
}

export function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(type, 0, 'latin1')
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

export function startupPacket(
  parameters: Readonly<Record<string, string>>,
  version = protocolThree,
): Buffer {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`)
  return untyped(version, Buffer.from(`${pairs.join('')}\0`))
}

/** An untyped packet: length, code, body. */
export function untyped(code: number, body: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(body.length + 8, 0)
  head.writeUInt32BE(code, 4)
  return Buffer.concat([head, body])
}

export const sslRequest = untyped(80877103)
export const gssEncRequest = untyped(80877104)

export function cancelRequest(processId: number, secretKey: Buffer): Buffer {
  const pid = Buffer.alloc(4)
  pid.writeInt32BE(processId)
  return untyped(80877102, Buffer.concat([pid, secretKey]))
}

async function event(socket: Socket, name: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.once(name, resolve)
    socket.once('error', reject)
    socket.setTimeout(deadlineMs, () => socket.destroy(new Error(`no ${name}`)))
  })
  socket.setTimeout(0)
}
