// Records to a syslog server: over TLS (RFC 5425), TCP (RFC 6587, octet counting) or UDP (RFC 5426).
import { createSocket, type Socket as Datagrams } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { NotDelivered, type Transport } from './remote-sink.ts'
import { type SyslogHeader, toDatagram, toSyslog } from './syslog-record.ts'

export interface SyslogServer {
  readonly protocol: 'tls' | 'tcp' | 'udp'
  readonly host: string
  readonly port: number
  /** The name in its certificate, where that is not the host. */
  readonly serverName?: string | undefined
  /** Files with PEM; they are read again for each connection. */
  readonly ca?: string | undefined
  readonly certificate?: string | undefined
  readonly key?: string | undefined
  readonly maxDatagramBytes: number
  /** For connecting, and for a batch to be taken. */
  readonly timeoutMs: number
}

const maxLines = 200
const maxBytes = 262_144
const settleMs = 300
const keepaliveMs = 30_000

/** Throws where a file cannot be read. */
export function syslogTransport(server: SyslogServer, header: SyslogHeader): Transport {
  const limits = { maxLines, maxBytes, lingerMs: 0 }
  // What went out before one of them failed would go out again.
  if (server.protocol === 'udp') return { ...limits, maxLines: 1, ...datagrams(server, header) }
  for (const file of filesOf(server)) readFileSync(file)
  return { ...limits, ...connection(server, header) }
}

type Delivery = Pick<Transport, 'deliver' | 'close'>

function connection(server: SyslogServer, header: SyslogHeader): Delivery {
  let open: Socket | undefined
  return {
    async deliver(lines, signal) {
      try {
        open ??= await connect(server, signal, (closed) => {
          if (open === closed) open = undefined
        })
        const frames = lines.map((line) => toFrame(toSyslog(line, header)))
        if (frames.length > 0) await write(open, Buffer.concat(frames), server.timeoutMs, signal)
      } catch (error) {
        open?.destroy()
        open = undefined
        throw error instanceof NotDelivered ? error : failure(server, error)
      }
    },
    close() {
      open?.end()
      const closing = open
      setTimeout(() => closing?.destroy(), server.timeoutMs).unref()
    },
  }
}

/** Octet counting: nothing within a record can be taken for its end. */
export function toFrame(record: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(record)} ${record}`)
}

async function connect(
  server: SyslogServer,
  signal: AbortSignal,
  onClose: (socket: Socket) => void,
): Promise<Socket> {
  const { host, port, protocol, timeoutMs } = server
  const tls = protocol === 'tls' ? await readFiles(server) : undefined
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const socket =
      tls === undefined
        ? connectPlain({ host, port, keepAlive: true, keepAliveInitialDelay: keepaliveMs })
        : connectTls({ host, port, ...tls, ...nameFor(server), minVersion: 'TLSv1.2' })
    socket.setKeepAlive(true, keepaliveMs)
    const abort = (): void => {
      socket.destroy(new Error('given up'))
    }
    const late = setTimeout(() => {
      socket.destroy(new Error(`no connection within ${timeoutMs} ms`))
    }, timeoutMs)
    signal.addEventListener('abort', abort, { once: true })
    // There is nothing that a server could say; whatever it does is read, so that its end is noticed.
    socket.resume()
    const ready = (): void => {
      clearTimeout(late)
      resolve(socket)
    }
    if (tls === undefined) socket.once('connect', ready)
    else {
      // In TLS 1.3 a server says only afterwards that it does not take our certificate, or wants one. A
      // ticket says that it does take it; some send none, and nothing but their silence tells.
      // What is written while it is being read stays in the buffers of OpenSSL.
      socket.once('session', () => setImmediate(ready))
      socket.once('secureConnect', () => setTimeout(ready, settleMs).unref())
    }
    socket.on('end', () => socket.destroy())
    socket.on('error', reject)
    socket.once('close', () => {
      clearTimeout(late)
      signal.removeEventListener('abort', abort)
      onClose(socket)
      reject(new Error('the connection was closed'))
    })
  })
}

interface TlsFiles {
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
}

async function readFiles({ ca, certificate, key }: SyslogServer): Promise<TlsFiles> {
  return {
    ...(ca !== undefined && { ca: await readFile(ca) }),
    ...(certificate !== undefined && { cert: await readFile(certificate) }),
    ...(key !== undefined && { key: await readFile(key) }),
  }
}

function filesOf({ ca, certificate, key }: SyslogServer): readonly string[] {
  return [ca, certificate, key].filter((file) => file !== undefined)
}

/** RFC 6066 3: an address is no server name. */
function nameFor({ host, serverName }: SyslogServer): { servername?: string } {
  if (serverName !== undefined) return { servername: serverName }
  return isIP(host) === 0 ? { servername: host } : {}
}

/** Resolves when the kernel has it: syslog has no acknowledgement. */
async function write(
  socket: Socket,
  bytes: Buffer,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const settle = (error?: Error | null): void => {
      clearTimeout(late)
      socket.off('close', closed)
      signal.removeEventListener('abort', abort)
      if (error) reject(error)
      else resolve()
    }
    const closed = (): void => {
      settle(new Error('the connection was closed'))
    }
    const abort = (): void => {
      settle(new Error('given up'))
    }
    const late = setTimeout(() => {
      settle(new Error(`nothing was taken within ${timeoutMs} ms`))
    }, timeoutMs)
    socket.once('close', closed)
    signal.addEventListener('abort', abort, { once: true })
    socket.write(bytes, settle)
  })
}

interface Way {
  readonly socket: Datagrams
  readonly address: string
  readonly untilMs: number
}

/** Nothing tells that a name leads elsewhere by now. */
const lookupMs = 60_000

function datagrams(server: SyslogServer, header: SyslogHeader): Delivery {
  const { host, port, maxDatagramBytes } = server
  let way: Way | undefined
  const shut = (): void => {
    way?.socket.close()
    way = undefined
  }
  const open = async (): Promise<Way> => {
    const nowMs = performance.now()
    if (way !== undefined && nowMs < way.untilMs) return way
    shut()
    const { address, family } = await lookup(host)
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4').unref()
    way = { socket, address, untilMs: nowMs + lookupMs }
    socket.on('error', () => {
      if (way?.socket === socket) shut()
    })
    return way
  }
  return {
    async deliver(lines) {
      try {
        const { socket, address } = await open()
        for (const line of lines) {
          const datagram = toDatagram(toSyslog(line, header), maxDatagramBytes)
          await new Promise<void>((resolve, reject) => {
            socket.send(datagram, port, address, (error) => {
              if (error === null) resolve()
              else reject(error)
            })
          })
        }
      } catch (error) {
        shut()
        throw failure(server, error)
      }
    },
    close: shut,
  }
}

function failure({ protocol, host, port }: SyslogServer, cause: unknown): NotDelivered {
  return new NotDelivered(`syslog server ${protocol}://${host}:${port}`, { cause })
}
