// A syslog server that takes nothing on trust: what is not RFC 5424 in octet counting is an error.
import { createServer as createPlain, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { createServer as createTls, type TlsOptions } from 'node:tls'

export interface SyslogMessage {
  readonly priority: number
  readonly timestamp: string
  readonly hostName: string
  readonly appName: string
  readonly processId: string
  readonly messageId: string
  readonly elements: Readonly<Record<string, string>>
  readonly message: string
}

const header =
  /^<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([\x21-\x7e]{1,255}) ([\x21-\x7e]{1,48}) ([\x21-\x7e]{1,128}) ([\x21-\x7e]{1,32}) /
const element = /^\[([^\s="\]]{1,32})((?: [^\s="\]]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*)\] /

export function parseSyslog(record: string): SyslogMessage {
  const head = header.exec(record)
  if (head === null) throw new Error(`no header of RFC 5424: ${record.slice(0, 120)}`)
  const rest = record.slice(head[0].length)
  const data = element.exec(rest)
  if (data === null && !rest.startsWith('- ')) throw new Error(`no structured data: ${rest}`)
  const parameters = [...(data?.[2] ?? '').matchAll(/ ([^=]+)="((?:[^"\\\]]|\\.)*)"/g)]
  const [, priority, timestamp, hostName, appName, processId, messageId] = head
  if (Number(priority) > 191) throw new Error(`no priority: ${priority!}`)
  return {
    ...{ priority: Number(priority), timestamp: timestamp!, hostName: hostName! },
    ...{ appName: appName!, processId: processId!, messageId: messageId! },
    elements: Object.fromEntries(
      parameters.map(([, name, value]) => [name!, value!.replaceAll(/\\(.)/g, '$1')]),
    ),
    message: rest.slice(data?.[0].length ?? 2),
  }
}

export class SyslogServer {
  readonly messages: SyslogMessage[] = []
  readonly errors: Error[] = []
  /** Takes connections, and reads nothing of them. */
  isStalled = false
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(tls: TlsOptions | undefined) {
    const accept = (socket: Socket): void => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      socket.on('error', () => {})
      if (this.isStalled) socket.pause()
      else this.#read(socket)
    }
    this.#server = tls === undefined ? createPlain(accept) : createTls(tls, accept)
  }

  static async start(tls?: TlsOptions, port = 0): Promise<SyslogServer> {
    const server = new SyslogServer(tls)
    server.#server.listen(port, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  get port(): number {
    return (this.#server.address() as { readonly port: number }).port
  }

  /** Cuts the connections that are open. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut()
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
  }

  #read(socket: Socket): void {
    let bytes = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      try {
        bytes = this.#takeFrames(bytes)
      } catch (error) {
        this.errors.push(error as Error)
        socket.destroy()
      }
    })
  }

  #takeFrames(given: Buffer): Buffer<ArrayBuffer> {
    let bytes = Buffer.from(given)
    for (;;) {
      const space = bytes.indexOf(0x20)
      if (space === -1) return bytes
      const count = bytes.subarray(0, space).toString('latin1')
      if (!/^[1-9]\d{0,6}$/.test(count)) throw new Error(`no octet count: ${count}`)
      const end = space + 1 + Number(count)
      if (bytes.length < end) return bytes
      this.messages.push(parseSyslog(bytes.subarray(space + 1, end).toString()))
      bytes = bytes.subarray(end)
    }
  }
}
