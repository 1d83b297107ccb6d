import { once } from 'node:events'
import { createServer } from 'node:net'

// Below the ranges of Linux and macOS for outgoing connections: a server that stops and starts again
// on its port must not find it taken by somebody's connection.
const lowestPort = 20_000
const highestPort = 31_999
const attempts = 100

/** A port of 127.0.0.1 that nobody listens on at this moment. Be ready to try again. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = lowestPort + Math.floor(Math.random() * (highestPort - lowestPort + 1))
    if (await isFree(port)) return port
  }
  throw new Error(`no free port found between ${lowestPort} and ${highestPort}`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
