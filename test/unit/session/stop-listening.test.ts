import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { stopListening } from '../../../src/session/stop-listening.ts'

interface Arrivals {
  readonly server: Server
  readonly clients: readonly Socket[]
  /** Who was spoken to, and who was reset. */
  readonly outcomes: () => Promise<readonly string[]>
}

/** Connections that the kernel has made, and that nobody has accepted yet. */
async function arrive(count: number): Promise<Arrivals> {
  const server = createServer((socket) => socket.on('error', () => {}).end('hello'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const clients = Array.from({ length: count }, () => connect(port, '127.0.0.1'))
  const outcomes = clients.map(
    async (client) =>
      new Promise<string>((resolve) => {
        client.once('data', (bytes) => {
          resolve(bytes.toString())
        })
        client.once('error', () => {
          resolve('reset')
        })
        client.once('close', () => {
          resolve('closed')
        })
      }),
  )
  // The system call is made in the next tick, and on loopback it is answered within it.
  await new Promise<void>((resolve) => {
    process.nextTick(resolve)
  })
  return { server, clients, outcomes: async () => Promise.all(outcomes) }
}

test('a listener that is just closed resets whoever it has not accepted yet', async () => {
  const { server, outcomes } = await arrive(20)
  server.close()
  expect(await outcomes()).toContain('reset')
})

test('whoever has connected before a listener stops is accepted first', async () => {
  const { server, outcomes } = await arrive(200)
  await stopListening(server)
  expect(server.listening).toBe(false)
  expect(new Set(await outcomes())).toEqual(new Set(['hello']))
})

test('a listener on which nobody waits stops within a few turns', async () => {
  const { server } = await arrive(0)
  let isStopped = false
  void stopListening(server).then(() => (isStopped = true))
  for (let turn = 0; turn < 5; turn++) await nextTurn()
  expect(isStopped).toBe(true)
})

test('a listener stops though there is always somebody else', async () => {
  const { server } = await arrive(0)
  const { port } = server.address() as AddressInfo
  let isStopped = false
  server.on('connection', () => {
    // As many again as are accepted.
    if (!isStopped) connect(port, '127.0.0.1').on('error', () => {})
  })
  connect(port, '127.0.0.1').on('error', () => {})
  const startedAt = performance.now()
  await stopListening(server, 200)
  isStopped = true
  expect(performance.now() - startedAt).toBeLessThan(2_000)
  expect(server.listening).toBe(false)
})
