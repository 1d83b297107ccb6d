import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A client's machine: what connects to this port comes to the other one from that address. */
export interface Elsewhere extends AsyncDisposable {
  readonly port: number
}

export async function comeFrom(localAddress: string, port: () => number): Promise<Elsewhere> {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    // Whoever is at the other end is told by the end of the connection.
    return socket.on('error', () => {}).once('close', () => sockets.delete(socket))
  }
  const server = createServer((here) => {
    const there = keep(connect({ port: port(), host: '127.0.0.1', localAddress }))
    keep(here).pipe(there).pipe(here)
    here.once('close', () => there.destroy())
    there.once('close', () => here.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
