import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** Passes connections on to a port, and keeps what is said in both directions. */
export class Recorder implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets: Socket[] = []
  /** Where connections are passed on to. */
  target = 0
  #chunks: Buffer[] = []

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(host = '127.0.0.1'): Promise<Recorder> {
    const server = createServer()
    const recorder = new Recorder(server)
    server.on('connection', (socket) => {
      recorder.#pass(socket, connect({ port: recorder.target, host }))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return recorder
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Everything since it was last asked. */
  take(): Buffer {
    const bytes = Buffer.concat(this.#chunks)
    this.#chunks = []
    return bytes
  }

  #pass(near: Socket, far: Socket): void {
    this.#sockets.push(near, far)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (chunk: Buffer) => {
        this.#chunks.push(chunk)
        to.write(chunk)
      })
      from.on('end', () => to.end())
      from.on('error', () => to.destroy())
      from.on('close', () => {
        to.destroySoon()
      })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
