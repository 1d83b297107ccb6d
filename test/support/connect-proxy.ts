import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import type { Duplex } from 'node:stream'

/** Takes over a CONNECT; what it does not answer hangs. */
export type ConnectAnswer = (request: IncomingMessage, socket: Duplex) => void

/** A proxy that knows CONNECT alone, and keeps what it is shown. */
export class ConnectProxy {
  readonly port: number
  /** Authority and credentials of each request. */
  readonly requests: { readonly authority: string; readonly authorization: string | undefined }[] =
    []
  /** What went by inside the tunnels, from both sides. */
  readonly carried: Buffer[] = []
  /** In place of a tunnel. */
  answer: ConnectAnswer | undefined
  readonly #server: Server
  readonly #sockets = new Set<Duplex>()

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (socket: Duplex) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
    })
    server.on('connect', (request, socket) => {
      socket.on('error', () => {})
      const { 'proxy-authorization': authorization } = request.headers
      this.requests.push({ authority: request.url ?? '', authorization })
      if (this.answer === undefined) this.#tunnel(request.url ?? '', socket)
      else this.answer(request, socket)
    })
  }

  static async start(tls?: { certificate: string; key: string }): Promise<ConnectProxy> {
    const server =
      tls === undefined
        ? createServer()
        : createSecureServer({ cert: tls.certificate, key: tls.key })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new ConnectProxy(server)
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Everything that went by, as text to search in. */
  get seen(): string {
    return Buffer.concat(this.carried).toString('latin1')
  }

  #tunnel(authority: string, socket: Duplex): void {
    const { hostname, port } = new URL(`http://${authority}`)
    const onward = connect(Number(port), hostname)
    this.#sockets.add(onward)
    onward.on('error', () => socket.destroy())
    onward.once('connect', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      socket.on('data', (bytes: Buffer) => this.carried.push(bytes))
      onward.on('data', (bytes: Buffer) => this.carried.push(bytes))
      socket.pipe(onward).pipe(socket)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    return Promise.resolve()
  }
}

/** Refuses a tunnel in the usual manner. */
export function refuseTunnel(status: number, headers = ''): ConnectAnswer {
  return (_, socket) => {
    socket.end(`HTTP/1.1 ${status} No\r\n${headers}content-length: 0\r\n\r\n`)
  }
}
