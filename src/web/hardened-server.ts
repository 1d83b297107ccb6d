// How we listen for HTTP: every wait has a deadline, and every size a limit.
import { createServer as createPlainServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import { getRequestListener } from '@hono/node-server'
import { listenOnSocket } from '../session/unix-socket.ts'

export interface HttpServer {
  readonly address: string
  readonly port: number
  /** Takes no more requests, lets running ones finish until the deadline, and ends every connection. */
  close(): Promise<void>
}

export interface TlsHttpServer extends HttpServer {
  /** For new connections; throws where the two do not fit each other, and keeps the old pair. */
  replaceKeyPair(pair: SecureContextOptions): void
}

export interface ServeOptions {
  readonly listenAddress: string
  readonly listenPort: number
  readonly onError: (error: unknown) => void
  readonly closeTimeoutMs?: number | undefined
  readonly keepAliveTimeoutMs?: number
}

type BindOptions = Pick<ServeOptions, 'onError' | 'closeTimeoutMs' | 'keepAliveTimeoutMs'> &
  (
    | (Pick<ServeOptions, 'listenAddress' | 'listenPort'> & { readonly bind?: undefined })
    | { readonly bind: (server: Server) => Promise<Pick<AddressInfo, 'address' | 'port'>> }
  )

interface App {
  readonly fetch: Parameters<typeof getRequestListener>[0]
}

const maxConnections = 256
const maxHeaderBytes = 16_384
const headersTimeoutMs = 5000
const requestTimeoutMs = 10_000
const handshakeTimeoutMs = 5000
const usualKeepAliveTimeoutMs = 65_000
const timeoutCheckIntervalMs = 1000

export async function serve(app: App, options: ServeOptions): Promise<HttpServer> {
  return start((limits, listener) => createPlainServer(limits, listener), app, options)
}

/** On a Unix socket that its owner alone may open. */
export async function serveSocket(
  app: App,
  path: string,
  options: Pick<ServeOptions, 'onError'>,
): Promise<HttpServer> {
  return start((limits, listener) => createPlainServer(limits, listener), app, {
    ...options,
    bind: async (server) => {
      await listenOnSocket(server, { path, mode: 0o600, backlog: maxConnections })
      return { address: path, port: 0 }
    },
  })
}

export async function serveTls(
  app: App,
  pair: SecureContextOptions,
  options: ServeOptions,
): Promise<TlsHttpServer> {
  let server: TlsServer | undefined
  const started = await start(
    (limits, listener) => {
      const tls = { ...pair, handshakeTimeout: handshakeTimeoutMs }
      server = createTlsServer({ ...limits, ...tls }, listener)
      return server
    },
    app,
    options,
  )
  return {
    ...started,
    replaceKeyPair: (next) => {
      server?.setSecureContext(next)
    },
  }
}

interface Limits {
  readonly maxHeaderSize: number
  readonly headersTimeout: number
  readonly requestTimeout: number
  readonly keepAliveTimeout: number
  readonly connectionsCheckingInterval: number
}

async function start(
  create: (limits: Limits, listener: RequestListener) => Server | TlsServer,
  app: App,
  options: BindOptions,
): Promise<HttpServer> {
  const { onError, closeTimeoutMs = 2000 } = options
  const listener = getRequestListener(app.fetch, {
    // fetch and its classes stay Node's own for everybody else in the process.
    overrideGlobalObjects: false,
    // Of requests that name none: HTTP/1.0, in which load balancers ask whether we are ready.
    hostname: 'localhost',
    errorHandler: (error) => {
      onError(error)
      return new Response('internal error\n', { status: 500 })
    },
  })
  let closed: Promise<void> | undefined
  const server = create(
    {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: options.keepAliveTimeoutMs ?? usualKeepAliveTimeoutMs,
      connectionsCheckingInterval: timeoutCheckIntervalMs,
    },
    (request, response) => {
      response.once('close', () => {
        if (closed !== undefined) server.closeIdleConnections()
      })
      listener(request, response).catch(onError)
    },
  )
  server.maxConnections = maxConnections

  const { address, port } = await bind(server, options)
  server.on('error', onError)
  return {
    address,
    port,
    async close() {
      closed ??= close(server, closeTimeoutMs)
      await closed
    },
  }
}

async function bind(
  server: Server,
  options: BindOptions,
): Promise<Pick<AddressInfo, 'address' | 'port'>> {
  if (options.bind !== undefined) return options.bind(server)
  return listen(server, options.listenAddress, options.listenPort)
}

async function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('listening on no port')
  return address
}

async function close(server: Server, timeoutMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const deadline = setTimeout(() => {
      server.closeAllConnections()
    }, timeoutMs)
    server.close(() => {
      clearTimeout(deadline)
      resolve()
    })
    server.closeIdleConnections()
  })
}
