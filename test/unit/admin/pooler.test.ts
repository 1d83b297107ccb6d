import { describe, expect, test } from 'vitest'
import type { CatalogHome } from '../../../src/admin/catalog-home.ts'
import { type ConsoleServices, execute } from '../../../src/admin/execute.ts'
import type { ConsoleReply, ConsoleUser } from '../../../src/admin/order.ts'
import type { Lifecycle, ReloadOutcome, Shutdown } from '../../../src/admin/pooler/services.ts'
import { NodeGates } from '../../../src/gates.ts'
import { type GateCensus, gateOf } from '../../../src/session/gate-state.ts'

const user: ConsoleUser = {
  name: 'root',
  right: 'admin',
  by: 'socket',
  issuer: undefined,
  subject: undefined,
  address: 'unix',
  session: '1',
  database: 'pgbouncer',
}

/** A node with two databases, whose sessions are what the test says. */
class Node {
  census: GateCensus = { busy: 0, old: 0 }
  unanswered = 0
  asked = 0
  outcome: ReloadOutcome = { problems: [], warnings: [] }
  readonly shutdowns: Shutdown[] = []
  readonly gates = new NodeGates({
    ask: async () => {
      this.asked++
      return Promise.resolve({ answers: [this.census], unanswered: this.unanswered })
    },
    databases: () => ['app', 'sandbox'],
    onChange: () => {},
  })
  readonly lifecycle: Lifecycle = {
    reload: async () => Promise.resolve(this.outcome),
    shutDown: (how) => {
      if (how !== 'now' && this.shutdowns.length > 0) return 'under way'
      this.shutdowns.push(how)
      return 'begun'
    },
  }

  async say(
    text: string,
    more: { ticket?: string; isAbandoned?: true } = {},
  ): Promise<ConsoleReply> {
    const catalog = {} as CatalogHome
    const { gates, lifecycle } = this
    const services = { catalog, gates, lifecycle } as unknown as ConsoleServices
    return execute({ text, index: 0, parameters: [], user, ...more }, services)
  }

  /** Says all of them, of which each has to be done. */
  async done(...texts: readonly string[]): Promise<void> {
    for (const text of texts) expect(await this.say(text)).toMatchObject({ kind: 'answer' })
  }

  async fault(text: string, more?: { ticket?: string; isAbandoned?: true }) {
    const reply = await this.say(text, more)
    if (reply.kind !== 'fault') throw new Error(`no fault but ${reply.kind}`)
    return reply.fault
  }

  async waiting(text: string): Promise<string> {
    const reply = await this.say(text)
    if (reply.kind !== 'waiting') throw new Error(`does not wait: ${reply.kind}`)
    return reply.ticket
  }
}

function done(tag: string): unknown {
  return { kind: 'answer', answer: { tag } }
}

describe.concurrent('PAUSE', () => {
  test('of a database holds it, and is done when nobody is busy', async () => {
    const node = new Node()
    expect(await node.say('PAUSE app')).toEqual(done('PAUSE'))
    expect(node.gates.stateOf('app')).toEqual({ paused: true, disabled: false })
    expect(node.gates.stateOf('sandbox').paused).toBe(false)
    expect(node.gates.mode).toBe('active')
  })

  test('of all holds every database', async () => {
    const node = new Node()
    expect(await node.say('PAUSE')).toEqual(done('PAUSE'))
    expect(node.gates.stateOf('sandbox').paused).toBe(true)
    expect(node.gates.mode).toBe('paused')
  })

  test('waits for sessions that are busy, and is asked again with its ticket', async () => {
    const node = new Node()
    node.census = { busy: 2, old: 0 }
    const ticket = await node.waiting('PAUSE app')
    expect(node.gates.stateOf('app').paused).toBe(true)
    expect(await node.say('PAUSE app', { ticket })).toEqual({ kind: 'waiting', ticket })
    node.census = { busy: 0, old: 0 }
    expect(await node.say('PAUSE app', { ticket })).toEqual(done('PAUSE'))
  })

  test.each(['PAUSE', 'PAUSE app', 'SUSPEND'])(
    '%s that is given up lets everything go on',
    async (text) => {
      const node = new Node()
      node.census = { busy: 1, old: 0 }
      const ticket = await node.waiting(text)
      expect(await node.fault(text, { ticket, isAbandoned: true })).toMatchObject({
        sqlstate: '57014',
      })
      expect(node.gates.stateOf('app').paused).toBe(false)
    },
  )

  test('that is given up does not take back what another one has paused', async () => {
    const node = new Node()
    await node.done('PAUSE app')
    node.census = { busy: 1, old: 0 }
    const ticket = await node.waiting('PAUSE app')
    await node.fault('PAUSE app', { ticket, isAbandoned: true })
    expect(node.gates.stateOf('app').paused).toBe(true)
  })

  test('that is given up too late does not take back a later one', async () => {
    const node = new Node()
    node.census = { busy: 1, old: 0 }
    const ticket = await node.waiting('PAUSE app')
    await node.done('RESUME app')
    await node.waiting('PAUSE app')
    expect(await node.fault('PAUSE app', { ticket })).toMatchObject({ sqlstate: '57014' })
    await node.fault('PAUSE app', { ticket, isAbandoned: true })
    expect(node.gates.stateOf('app').paused).toBe(true)
  })

  test('that waits ends when somebody resumes', async () => {
    const node = new Node()
    node.census = { busy: 1, old: 0 }
    const ticket = await node.waiting('PAUSE')
    await node.done('RESUME')
    expect(await node.fault('PAUSE', { ticket })).toMatchObject({
      sqlstate: '57014',
      message: 'PAUSE was ended by RESUME',
    })
  })

  test.each([
    [['PAUSE'], 'PAUSE'],
    [['PAUSE'], 'SUSPEND'],
    [['SUSPEND'], 'PAUSE'],
    [['KILL'], 'PAUSE'],
  ])('after %s: %s is refused in the words of PgBouncer', async (before, text) => {
    const node = new Node()
    await node.done(...before)
    expect(await node.fault(text)).toMatchObject({
      sqlstate: '08P01',
      message: 'already suspended/paused',
    })
  })
})

describe('RESUME', () => {
  test('lets go what was paused, killed or suspended', async () => {
    const node = new Node()
    for (const text of ['PAUSE', 'KILL', 'SUSPEND']) {
      await node.done(text, 'RESUME')
      expect(node.gates.mode).toBe('active')
    }
    for (const text of ['PAUSE app', 'KILL app']) {
      await node.done(text, 'RESUME app')
      expect(node.gates.stateOf('app').paused).toBe(false)
    }
  })

  test('of all says which databases stay paused by name', async () => {
    const node = new Node()
    await node.done('PAUSE app', 'PAUSE')
    expect(await node.say('RESUME')).toMatchObject({
      answer: { notices: [{ message: 'databases that stay paused: app' }] },
    })
    expect(node.gates.stateOf('app').paused).toBe(true)
    expect(node.gates.stateOf('sandbox').paused).toBe(false)
  })

  test('without a pause is refused in the words of PgBouncer', async () => {
    const node = new Node()
    expect(await node.fault('RESUME')).toMatchObject({
      sqlstate: '08P01',
      message: 'pooler is not paused/suspended',
    })
    expect((await node.fault('RESUME app')).message).toBe('database app is not paused')
    await node.done('PAUSE app')
    expect((await node.fault('RESUME')).hint).toBe('Paused by name: app.')
    await node.done('PAUSE')
    expect((await node.fault('RESUME sandbox')).hint).toContain('RESUME without a name')
  })

  test('of a database that has left the catalog is possible', async () => {
    const names = ['app']
    const gates = new NodeGates({
      ask: async () => Promise.resolve({ answers: [], unanswered: 0 }),
      databases: () => names,
      onChange: () => {},
    })
    await gates.change('app', (_, heldAt) => ({ hold: 'paused', heldAt }))
    names.pop()
    const { lifecycle } = new Node()
    const order = { text: 'RESUME app', index: 0, parameters: [], user }
    const reply = await execute(order, { gates, lifecycle } as unknown as ConsoleServices)
    expect(reply).toEqual(done('RESUME'))
  })
})

test('SUSPEND holds everything, but not where databases are paused by name', async () => {
  const node = new Node()
  await node.done('PAUSE app')
  expect((await node.fault('SUSPEND')).message).toBe('cannot suspend with paused databases')
  await node.done('RESUME app', 'SUSPEND')
  expect(node.gates.mode).toBe('suspended')
  expect(gateOf(node.gates.state, 'app').hold).toBe('suspended')
})

describe('KILL', () => {
  test('ends the sessions of before and holds what comes', async () => {
    const node = new Node()
    await node.done('KILL app')
    const { killedAt, hold } = gateOf(node.gates.state, 'app')
    expect(killedAt).toBe(node.gates.state.version)
    expect(hold).toBe('killed')
    expect(gateOf(node.gates.state, 'sandbox').killedAt).toBe(0)
    await node.done('RESUME app')
    // Or those of after it would be ended by the next change.
    expect(gateOf(node.gates.state, 'app').killedAt).toBe(killedAt)
  })

  test('of all is of each, and leaves suspended what is', async () => {
    const node = new Node()
    await node.done('SUSPEND', 'KILL')
    expect(gateOf(node.gates.state, 'app').killedAt).toBe(2)
    expect(node.gates.mode).toBe('suspended')
  })
})

test('DISABLE and ENABLE may be said twice', async () => {
  const node = new Node()
  await node.done('DISABLE app', 'DISABLE app')
  expect(node.gates.stateOf('app')).toEqual({ paused: false, disabled: true })
  await node.done('ENABLE app', 'ENABLE app')
  expect(node.gates.stateOf('app').disabled).toBe(false)
})

test('WAIT_CLOSE waits for sessions of before RECONNECT', async () => {
  const node = new Node()
  expect(await node.say('WAIT_CLOSE')).toEqual(done('WAIT_CLOSE'))
  await node.done('RECONNECT app')
  expect(gateOf(node.gates.state, 'app').renewedAt).toBe(1)
  node.census = { busy: 0, old: 3 }
  const ticket = await node.waiting('WAIT_CLOSE app')
  expect(await node.fault('WAIT_CLOSE app', { ticket, isAbandoned: true })).toMatchObject({
    sqlstate: '57014',
  })
  node.census = { busy: 5, old: 0 }
  expect(await node.say('WAIT_CLOSE app', { ticket })).toEqual(done('WAIT_CLOSE'))
})

describe('a database', () => {
  const commands = ['PAUSE', 'RESUME', 'KILL', 'ENABLE', 'DISABLE', 'RECONNECT', 'WAIT_CLOSE']

  test.each(commands)(
    '%s: that there is not is refused, with the nearest name',
    async (command) => {
      const node = new Node()
      expect(await node.fault(`${command} sandbx`)).toMatchObject({
        sqlstate: '3D000',
        message: 'no such database: sandbx',
        hint: 'Perhaps you meant sandbox.',
      })
      expect(node.gates.state.version).toBe(0)
    },
  )

  test.each(commands)('%s: of the console itself is refused', async (command) => {
    const node = new Node()
    expect((await node.fault(`${command} pgbouncer`)).message).toMatch(
      /^cannot [a-z ]+ admin db: pgbouncer$/,
    )
  })
})

test.each(['PAUSE app', 'KILL app', 'DISABLE app', 'RECONNECT app', 'SUSPEND', 'PAUSE'])(
  '%s is not done before every process has confirmed, and says how things are',
  async (text) => {
    const node = new Node()
    node.unanswered = 1
    const fault = await node.fault(text)
    expect(fault.sqlstate).toBe('58000')
    expect(fault.message).toBe(`1 worker process did not confirm ${text.split(' ')[0]}`)
    expect(fault.detail).toMatch(/^(Database app is|All databases are) /)
  },
)

describe('RELOAD', () => {
  test('is done, with what the configuration warns of', async () => {
    const node = new Node()
    node.outcome = { problems: [], warnings: ['node has changed'] }
    expect(await node.say('RELOAD')).toMatchObject({
      answer: { tag: 'RELOAD', notices: [{ severity: 'WARNING', message: 'node has changed' }] },
    })
  })

  test('tells every problem, up to a number', async () => {
    const node = new Node()
    node.outcome = { problems: Array.from({ length: 52 }, (_, i) => `line ${i}`), warnings: [] }
    const fault = await node.fault('RELOAD')
    expect(fault).toMatchObject({
      sqlstate: 'F0000',
      message: 'the configuration was not reloaded',
    })
    expect(fault.detail?.split('\n')).toHaveLength(51)
    expect(fault.detail).toMatch(/^line 0\nline 1\n.*and 2 more$/s)
  })
})

test('SHUTDOWN begins once, and one that does not wait hastens it', async () => {
  const node = new Node()
  await node.done('SHUTDOWN WAIT_FOR_CLIENTS')
  expect((await node.fault('SHUTDOWN WAIT_FOR_SERVERS')).message).toBe('already shutting down')
  await node.done('SHUTDOWN')
  expect(node.shutdowns).toEqual(['for clients', 'now'])
})
