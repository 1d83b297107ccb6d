import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

// Below the ranges of Linux and macOS for outgoing connections: a server that stops and starts again
// on its port must not find it taken by somebody's connection.
const lowestPort = 20_000
const highestPort = 31_999
const attempts = 100

/** Is held for as long as this process lives, so that nobody else chooses the port before it is used. */
const held: Server[] = []

/** A port of 127.0.0.1 that nobody listens on at this moment. Be ready to try again. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = lowestPort + Math.floor(Math.random() * (highestPort - lowestPort + 1))
    if ((await isFree(port)) && (await hold(port))) return port
  }
  throw new Error(`no free port found from ${lowestPort} on`)
}

/** The first port from here upwards that nobody listens on, on no address. Be ready to try again. */
export async function freePortFrom(preferred: number): Promise<number> {
  const [port = preferred] = await freePortsFrom([preferred])
  return port
}

/** As `freePortFrom` for several, all of which step aside when one has to. */
export async function freePortsFrom(preferred: readonly number[]): Promise<readonly number[]> {
  for (let step = 0; step < attempts; step++) {
    const ports = preferred.map((port) => port + step)
    const answers = await Promise.all(ports.map(isFreeEverywhere))
    if (answers.every(Boolean)) return ports
  }
  return Promise.all(preferred.map(freePort))
}

/** Whether `localhost` is also this address, and a server can listen on it. */
export async function hasIpv6Loopback(): Promise<boolean> {
  return (await listenBriefly(0, '::1')) === 'free'
}

// Some systems let one listen on 127.0.0.1 while somebody else listens on every address.
async function isFreeEverywhere(port: number): Promise<boolean> {
  for (const address of ['127.0.0.1', '0.0.0.0', '::1', '::'])
    if ((await listenBriefly(port, address)) === 'taken') return false
  return true
}

/** False where another process of ours has chosen it. Only Linux has sockets that are a name alone. */
async function hold(port: number): Promise<boolean> {
  if (process.platform !== 'linux') return true
  const server = createServer().unref()
  try {
    server.listen(`\0portcullis port ${port}`)
    await once(server, 'listening')
  } catch {
    return false
  }
  held.push(server)
  return true
}

async function isFree(port: number): Promise<boolean> {
  return (await listenBriefly(port, '127.0.0.1')) === 'free'
}

async function listenBriefly(
  port: number,
  address: string,
): Promise<'free' | 'taken' | 'impossible'> {
  const server = createServer()
  try {
    server.listen({ port, host: address, exclusive: true })
    await once(server, 'listening')
  } catch (error) {
    return isTaken(error) ? 'taken' : 'impossible'
  }
  const closed = once(server, 'close')
  server.close()
  await closed
  return 'free'
}

/** Whether a server could not start because somebody else has its port. */
export function isTaken(error: unknown): boolean {
  return error instanceof Error && error.message.includes('EADDRINUSE')
}
