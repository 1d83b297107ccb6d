// A crowd that says nothing, or guesses: what it costs a gateway process, and that nobody else notices.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answers } from '../../demo/answers.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { cancelRequest, WireClient } from '../support/wire-client.ts'

const wanted = 10_000
/** For what both processes have open besides the crowd. */
const otherFiles = 1_000
const addresses = ['127.0.0.2', '127.0.0.3'] as const
const atOnce = 250
const startupSeconds = 12
const slowestAnswerMs = 2_000
/** docs/security.md states what is measured; this is what a process may be planned with. */
const mostBytesEach = 24_576
/** Of the heap, once they have gone. */
const mostBytesLeftEach = 512

const reporter = fileURLToPath(new URL('../support/report-heap.ts', import.meta.url))

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    // Heaps of other runtimes are another thing.
    runtime: process.execPath,
    runtimeOptions: () => ['--expose-gc', '--import', reporter],
    configure: (config) => {
      config.limits = {
        max_unauthenticated: 2 * wanted,
        max_unauthenticated_per_address: wanted / addresses.length,
        max_sign_ins: 1,
      }
      config.timeouts['startup'] = `${startupSeconds}s`
      config['log'] = { level: 'info' }
      config['audit'] = { sink: 'none' }
      config.connectivity_pools['sso_pool']!['sso_integration'] = 'people'
    },
  })
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

/** As many as the limit of open files allows; the gateway inherits it. */
function crowdSize(): number {
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  return Math.min(wanted, Number(limit ?? Infinity) - otherFiles)
}

class Crowd {
  readonly sockets: Socket[] = []
  closed = 0

  async gather(count: number, port: number): Promise<void> {
    let left = count
    const some = async (): Promise<void> => {
      while (left-- > 0) {
        const localAddress = addresses[left % addresses.length]!
        const socket = connect({ host: '127.0.0.1', port, localAddress })
        this.sockets.push(socket)
        socket.on('error', () => {})
        socket.on('close', () => this.closed++)
        socket.resume()
        await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))
      }
    }
    await Promise.all(Array.from({ length: atOnce }, some))
  }

  disperse(): void {
    for (const socket of this.sockets) socket.destroy()
  }
}

async function residentBytes(): Promise<number> {
  return stack.metric('portcullis_process_resident_memory_bytes')
}

async function heapInUse(): Promise<number> {
  const { gateway } = stack
  await gateway.untilLogged(/"heap in use".*\n/, () => gateway.process.kill('SIGUSR2'))
  const line = gateway
    .log()
    .split('\n')
    .findLast((text) => text.includes('"heap in use"'))
  return (JSON.parse(line!) as { bytes: number }).bytes
}

async function connectionsOpen(): Promise<number> {
  return stack.metric('portcullis_connections_open')
}

/** Asks one session one thing after the other until it is told to stop, and says how slow the slowest was. */
function keepAsking(client: WireClient): { readonly stop: () => Promise<number> } {
  const over = new AbortController()
  const asking = (async () => {
    let slowest = 0
    while (!over.signal.aborted) {
      const startedAt = performance.now()
      client.query('select 1')
      await client.readUntil('Z')
      slowest = Math.max(slowest, performance.now() - startedAt)
    }
    return slowest
  })()
  return {
    stop: async () => {
      over.abort()
      return asking
    },
  }
}

test.runIf(process.platform === 'linux')(
  'ten thousand silent connections cost little memory, disturb nobody and are closed at the deadline',
  { timeout: 90_000 },
  async () => {
    const count = crowdSize()
    if (count < wanted) {
      process.stderr.write(`SKIPPED: ${wanted - count} of ${wanted}, for want of open files\n`)
    }
    const { client } = await stack.logIn()
    const files = await stack.metric('portcullis_process_open_fds')
    const heapBefore = await heapInUse()
    const before = await residentBytes()
    const asking = keepAsking(client)
    const crowd = new Crowd()
    try {
      await crowd.gather(count, stack.gateway.port)
      await until('all of them', async () => (await connectionsOpen()) === count + 1)
      const bytesEach = ((await residentBytes()) - before) / count
      expect(bytesEach).toBeLessThan(mostBytesEach)

      const another = await stack.logIn()
      another.client.destroy()
      expect(crowd.closed).toBe(0)

      await until('all closed', () => crowd.closed === count, (startupSeconds + 10) * 1_000)
      await until('nobody but the session', async () => (await connectionsOpen()) === 1)
      expect(await asking.stop()).toBeLessThan(slowestAnswerMs)
      expect(await stack.metric('portcullis_sessions_open')).toBe(1)

      await until(
        'the files to be closed',
        async () => (await stack.metric('portcullis_process_open_fds')) <= files + 8,
      )
      expect(await stack.metric('portcullis_logins_total', { reason: 'startup-timeout' })).toBe(
        count,
      )
      expect((await heapInUse()) - heapBefore).toBeLessThan(count * mostBytesLeftEach)
    } finally {
      crowd.disperse()
      client.destroy()
    }
  },
)

test('whoever sends byte by byte while somebody should sign in gets no more time, and gives up the place', async () => {
  const grant = answers.json({
    device_code: 'device',
    user_code: 'ABCD-EFGH',
    verification_uri: `${stack.provider.issuer}/device`,
    expires_in: 1,
    interval: 1,
  })
  const restore = stack.provider.intercept('/device/auth', grant)
  const { port } = stack.gateway
  const begin = async (): Promise<WireClient> => {
    const client = await WireClient.connectSecurely(port, stack.authority.certificate)
    client.startup({ user: 'sso', database: 'sandbox' })
    return client
  }
  try {
    const dripping = await begin()
    await dripping.readUntil('N')
    const refused = dripping.readUntilError()
    let isOver = false
    void refused.finally(() => (isOver = true)).catch(() => {})
    await until(
      'the end of patience',
      () => {
        if (!isOver) dripping.send('p')
        return isOver
      },
      5_000,
    )
    expect(await refused).toMatchObject({ message: 'nobody signed in within 1 seconds' })
    dripping.destroy()
    // The only place for one who signs in is free.
    const next = await begin()
    expect((await next.readUntil('N')).type).toBe('N')
    next.destroy()
  } finally {
    restore()
  }
})

describe('a thousand cancel requests with made-up keys', () => {
  const perAddress = 50

  beforeAll(async () => {
    await stack.gateway.reload({
      ...stack.config,
      limits: { ...stack.config.limits, max_unauthenticated_per_address: perAddress },
    })
  })

  test('cancel nothing, are looked up no faster than the address has places, and stop no login', async () => {
    const { client, processId } = await stack.logIn()
    client.query('select pg_sleep(60)')
    await until('the statement', async () => (await stack.activeStatements()) === 1)
    const startedAt = performance.now()
    let left = 1_000
    const guess = async (): Promise<void> => {
      while (left-- > 0) {
        const guesser = await WireClient.connect(stack.gateway.port, '127.0.0.1', '127.0.0.4')
        guesser.send(cancelRequest(processId, randomBytes(4)))
        expect(await guesser.closed()).toHaveLength(0)
        guesser.destroy()
      }
    }
    const guessing = Promise.all(Array.from({ length: 20 }, guess))
    const during = await stack.logIn()
    during.client.destroy()
    await guessing
    const seconds = Math.ceil((performance.now() - startedAt) / 1_000)
    const looked = await stack.metric('portcullis_cancel_requests_total', {
      outcome: 'unknown-key',
    })
    const refused = await stack.metric('portcullis_logins_total', {
      reason: 'too-many-from-address',
    })
    expect(looked).toBeGreaterThan(0)
    expect(looked).toBeLessThanOrEqual(perAddress * (seconds + 1))
    expect(looked + refused).toBe(1_000)
    expect(await stack.activeStatements()).toBe(1)
    client.destroy()
    await until('the statement to be cancelled', async () => (await stack.activeStatements()) === 0)
  })
})
