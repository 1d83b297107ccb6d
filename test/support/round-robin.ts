import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A load balancer of the plainest kind: each connection goes to the next node that takes it. */
export class RoundRobin {
  readonly port: number
  /** Ports of nodes, on loopback. */
  nodes: readonly number[] = []
  /** The nodes that connections went to, in order. */
  readonly served: number[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #turn = 0

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (socket: Socket) => {
      this.#keep(socket)
      this.#pass(socket, this.nodes.length)
    })
  }

  static async start(): Promise<RoundRobin> {
    // Nothing is read before there is somebody to pass it on to.
    const server = createServer({ pauseOnConnect: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new RoundRobin(server)
  }

  #pass(client: Socket, tries: number): void {
    const port = this.nodes[this.#turn++ % this.nodes.length]
    if (port === undefined || tries === 0) {
      client.destroy()
      return
    }
    const node = connect(port, '127.0.0.1')
    this.#keep(node)
    const next = (): void => {
      this.#pass(client, tries - 1)
    }
    node.once('error', next)
    node.once('connect', () => {
      node.off('error', next)
      this.served.push(port)
      client.pipe(node).pipe(client)
      client.resume()
      client.once('close', () => node.destroy())
      node.once('close', () => client.destroy())
    })
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    // Whoever is at the other end is told by the end of the connection.
    socket.on('error', () => {})
    socket.once('close', () => this.#sockets.delete(socket))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}
