// Pools that come, change and go while sessions are open, and what they leave of the databases.
import { createConnection } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../demo/ports.ts'
import { Stack } from '../support/stack.ts'
import { errorFields, WireClient } from '../support/wire-client.ts'

interface LogLine {
  readonly msg: string
  readonly pid: number
  readonly listeners?: readonly string[]
}

describe.each([
  ['one process', 1],
  ['two workers', 2],
])('with %s', (_, workers) => {
  let stack: Stack

  beforeAll(async () => {
    stack = await Stack.start({
      configure: (config) => {
        config.workers = workers
        config.connectivity_pools = {}
        config['default_pool'] = { listen_port: 0, require_sso: true }
        const { sandbox } = config.databases
        config['default_upstream'] = sandbox!['upstream']
        config.databases = {
          system: config.databases['system']!,
          sandbox: {},
          secret: { integrations: ['people'] },
        }
      },
    })
  })

  afterAll(async () => {
    await stack[Symbol.asyncDispose]()
  })

  /** Everything of the configuration but its pools stays. */
  async function reload(pools: Readonly<Record<string, object>>): Promise<readonly LogLine[]> {
    const from = stack.gateway.log().length
    await stack.gateway.reload({ ...stack.config, connectivity_pools: pools })
    return stack.gateway
      .log()
      .slice(from)
      .split('\n')
      .filter((line) => line.endsWith('}'))
      .map((line) => JSON.parse(line) as LogLine)
  }

  function pool(port: number, host = '127.0.0.1', more: object = {}): object {
    const participant = { node: 'gw0', listen_address: host, listen_port: port }
    return { require_sso: true, ...more, participants: [participant] }
  }

  async function logInAt(port: number): Promise<WireClient> {
    const client = await WireClient.connectSecurely(port, stack.authority.certificate)
    const first = await client.logIn(
      { user: 'app_readonly', database: 'sandbox' },
      await stack.token(),
    )
    if (first.type === 'E') throw new Error(errorFields(first).message)
    await client.readUntil('Z')
    return client
  }

  async function isUsable(client: WireClient): Promise<boolean> {
    client.query('select 1')
    return (await client.readUntil('Z')).type === 'Z'
  }

  test('the default pool serves until another is there, comes back, and its sessions stay', async () => {
    const { port } = stack.gateway
    const before = await logInAt(port)
    const other = await freePort()
    const gone = await reload({ main: pool(other) })
    expect(gone.map(({ msg }) => msg)).toContain(
      'the default pool "gw0_default" is gone, and pool "main" there in its place: sessions that came by it stay',
    )
    expect(await isOpen(port)).toBe(false)
    expect(await isUsable(before)).toBe(true)
    const byMain = await logInAt(other)
    const back = await reload({ main: pool(other, '127.0.0.1', { enabled: false }) })
    expect(back.map(({ msg }) => msg)).toContain(
      'the node has its default pool "gw0_default" again: no other that is enabled has a participant on it',
    )
    expect(await isOpen(other)).toBe(false)
    expect(await isUsable(byMain)).toBe(true)
    const after = await logInAt(openedBy(back))
    for (const client of [before, byMain, after]) client.destroy()
  })

  test('a listener that is added with any port is one port for all workers', async () => {
    const told = await reload({ first: pool(await freePort()), any: pool(0, '127.0.0.2') })
    const listener = told
      .flatMap(({ listeners = [] }) => listeners)
      .find((one) => one.includes('.2:'))
    const port = Number(listener?.split(':')[1])
    const used = new Set<number>()
    for (let i = 0; i < 60 && used.size < workers; i++) {
      const from = stack.gateway.log().length
      const client = await WireClient.connect(port, '127.0.0.2')
      await client.startTls(stack.authority.certificate)
      await client.logIn({ user: 'app_readonly', database: 'sandbox' }, await stack.token())
      await client.readUntil('Z')
      await expect.poll(() => stack.gateway.log().slice(from)).toContain('session admitted')
      const lines = stack.gateway.log().slice(from).split('\n')
      const line = lines.find((one) => one.includes('session admitted'))
      used.add((JSON.parse(line ?? '{}') as LogLine).pid)
      client.destroy()
    }
    expect(used.size).toBe(workers)
    // With the next configuration it is the same port still.
    const again = await reload({ any: pool(0, '127.0.0.2', { priority: 1 }) })
    expect(again.flatMap(({ listeners = [] }) => listeners)).not.toContain(listener)
    const stays = await WireClient.connect(port, '127.0.0.2')
    stays.destroy()
  })

  test('a listener may go from one address to all, and back, on the same port', async () => {
    const port = await freePort()
    await reload({ main: pool(port) })
    const before = await logInAt(port)
    const wide = await reload({ main: pool(port, '0.0.0.0') })
    expect(wide.map(({ msg }) => msg)).toContain('configuration reloaded')
    expect(await isOpen(port, '127.0.0.3')).toBe(true)
    const narrow = await reload({ main: pool(port) })
    expect(narrow.map(({ msg }) => msg)).toContain('configuration reloaded')
    expect(await isOpen(port, '127.0.0.3')).toBe(false)
    const after = await logInAt(port)
    expect(await isUsable(before)).toBe(true)
    for (const client of [before, after]) client.destroy()
  })

  test.each([
    ['an address that is not ours', '192.0.2.1'],
    ['a port that somebody else has', '127.0.0.1'],
  ])('%s refuses the configuration whole, and no listener of it is left', async (_what, host) => {
    const [port, good] = [await freePort(), await freePort()]
    await reload({ main: pool(port) })
    const taken = stack.postgres.port
    const told = await reload({ good: pool(good), bad: pool(taken, host) })
    expect(told.map(({ msg }) => msg)).toContain(
      'configuration not reloaded, the old one stays in use',
    )
    expect(await isOpen(good)).toBe(false)
    const client = await logInAt(port)
    client.destroy()
  })

  test('a database that a pool does not allow is as one that does not exist', async () => {
    const port = await freePort()
    await reload({
      main: pool(port, '127.0.0.1', { require_sso: false, allowed_databases: ['sandbox'] }),
    })
    const answerTo = async (database: string, password: string): Promise<object> => {
      const client = await WireClient.connectSecurely(port, stack.authority.certificate)
      const first = await client.logIn({ user: 'app_readonly', database }, password)
      client.destroy()
      const { message, ...rest } = errorFields(first)
      return { ...rest, message: message.replace(database, 'it') }
    }
    const from = stack.gateway.log().length
    for (const password of [await stack.token(), stack.passwords['app_readonly']!]) {
      const refused = await answerTo('secret', password)
      expect(refused).toMatchObject({ sqlstate: '3D000', message: 'database "it" does not exist' })
      const unknown = await answerTo('not_there', password)
      expect({ ...refused, hint: '' }).toEqual({ ...unknown, hint: '' })
    }
    const log = stack.gateway.log().slice(from)
    expect(log.match(/secret, which pool main does not allow/g)).toHaveLength(2)
    const client = await logInAt(port)
    client.destroy()
  })
})

/** The port of the listener that was opened. */
function openedBy(lines: readonly LogLine[]): number {
  const line = lines.find(({ msg }) => msg === 'listeners opened')
  return Number(line?.listeners?.[0]?.split(':').at(-1))
}

async function isOpen(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => {
      resolve(false)
    })
  })
}
