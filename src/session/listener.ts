import { chmodSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import type { ListenerAddress, SessionServices } from './services.ts'
import { runSession } from './session.ts'
import type { Traffic } from './splice.ts'
import { stopListening } from './stop-listening.ts'
import { listenOnSocket } from './unix-socket.ts'

/** The kernel keeps this many connections that are not accepted yet. */
const backlog = 4_096
/** Of a listener that has not begun. */
const maxWaiting = 1_000

export interface Listener {
  readonly address: ListenerAddress
  /** Until then connections wait: nobody has to do with a listener that may not come to be. */
  begin(): void
  /** For the connections that it accepts from now on. */
  update(terms: ListenerTerms): void
  /** Accepts whoever has connected already and nobody any more; the sessions that there are go on. */
  close(): Promise<void>
}

/** What a listener demands of a connection. */
interface ListenerTerms extends Pick<ListenerAddress, 'allowsCleartext' | 'proxyProtocol'> {
  /** The permissions of the Unix socket; undefined: it is none. */
  readonly socketMode: number | undefined
}

export interface ListenOptions extends ListenerTerms {
  /** An IP address, or the path of a Unix socket. */
  readonly address: string
  /** 0 lets the system choose. */
  readonly port: number
  readonly key: string
  /** Several processes listen on the port, and the kernel spreads connections over them. */
  readonly sharesPort: boolean
}

export async function listen(
  options: ListenOptions,
  services: SessionServices,
  traffic: Traffic,
): Promise<Listener> {
  const { key, allowsCleartext, proxyProtocol } = options
  let address: ListenerAddress = {
    address: options.address,
    port: options.port,
    key,
    isUnixSocket: options.socketMode !== undefined,
    allowsCleartext,
    proxyProtocol,
  }
  const server = createServer({
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: services.rules().timeouts.keepAliveIdleMs,
  })
  const run = (socket: Socket): void => {
    void runSession(socket, address, services, traffic)
  }
  let waiting: Socket[] | undefined = []
  server.on('connection', (socket) => {
    if (waiting === undefined) run(socket)
    else if (waiting.length < maxWaiting) waiting.push(socket.on('error', () => {}))
    else socket.destroy()
  })
  await bound(server, options)
  const actual = server.address()
  if (typeof actual === 'object' && actual !== null) address = { ...address, port: actual.port }
  return {
    get address() {
      return address
    },
    update: (terms) => {
      if (terms.socketMode !== undefined) chmodSync(options.address, terms.socketMode)
      address = {
        ...address,
        allowsCleartext: terms.allowsCleartext,
        proxyProtocol: terms.proxyProtocol,
      }
    },
    begin: () => {
      for (const socket of waiting ?? []) run(socket)
      waiting = undefined
    },
    close: async () => {
      if (waiting === undefined) {
        await stopListening(server)
        return
      }
      server.close()
      for (const socket of waiting) socket.destroy()
    },
  }
}

async function bound(server: Server, options: ListenOptions): Promise<void> {
  const { address: path, socketMode: mode } = options
  if (mode === undefined) await boundToPort(server, options)
  else await listenOnSocket(server, { path, mode, backlog })
  // A failed accept, for want of file descriptors, is over when sessions end.
  server.on('error', () => {})
}

async function boundToPort(server: Server, options: ListenOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(
      {
        host: options.address,
        port: options.port,
        backlog,
        ...(options.sharesPort ? { reusePort: true } : {}),
      },
      () => {
        server.off('error', reject)
        resolve()
      },
    )
  })
}
