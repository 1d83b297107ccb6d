// What keeps people out, and databases closed, of two replicas with one store: asked of either, true of both, also of
// one that is started later and of one that was without the store meanwhile.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { Console, consoleGroups } from '../../support/console.ts'
import { Fleet } from '../../support/fleet.ts'
import { until } from '../../support/until.ts'
import { errorFields, WireClient } from '../../support/wire-client.ts'

const password = 'a password of this test'
const pool = '127.0.0.2'

let fleet: Fleet
const consoles: Console[] = []

beforeAll(async () => {
  fleet = await Fleet.start({
    configure: (config) => {
      config['console'] = consoleGroups
      config.connectivity_pools = {
        ...config.connectivity_pools,
        open: {
          auth_methods: ['cleartext'],
          participants: [{ node: 'gw0', listen_address: pool, listen_port: 0 }],
        },
      }
    },
  })
  await fleet.stack.postgres.sql(`create role ann login password '${password}'`)
})

afterEach(async () => {
  await Promise.all(consoles.splice(0).map(async (one) => one.close()))
})

afterAll(async () => {
  await fleet[Symbol.asyncDispose]()
})

async function consoleOf(index: number): Promise<Console> {
  const opened = await Console.connect(fleet.stack, fleet.replica(index).gateway)
  consoles.push(opened)
  return opened
}

const aDay = (): string => new Date(Date.now() + 86_400_000).toISOString()

/** `in`, or why not. */
async function logIn(index: number, sub: string): Promise<string> {
  try {
    const { client } = await fleet.logIn(index, 'app_readonly', await fleet.stack.token({ sub }))
    client.destroy()
    return 'in'
  } catch (error) {
    return error instanceof Error ? error.message : 'failed'
  }
}

const denied = 'access is denied'

test('REVOKE on one replica keeps the person out of the other at once', async () => {
  const one = await consoleOf(0)
  const open = await fleet.logIn(1, 'app_readonly', await fleet.stack.token({ sub: 'eve' }))
  expect(await one.done(`REVOKE SUBJECT 'eve' UNTIL '${aDay()}'`)).toBe('REVOKE')
  await one.done(`REVOKE SUBJECT 'mallory' UNTIL '${aDay()}'`)
  expect([await logIn(0, 'eve'), await logIn(1, 'eve')]).toEqual([denied, denied])
  await open.client.closed()
})

test('RESTORE on another replica than the one that was told to revoke lets the person in everywhere', async () => {
  await (await consoleOf(1)).done("RESTORE SUBJECT 'mallory'")
  expect([await logIn(0, 'mallory'), await logIn(1, 'mallory')]).toEqual(['in', 'in'])
})

test('what was revoked without the store holds here, and for the others when it is back', async () => {
  const one = await consoleOf(0)
  await fleet.stopStore()
  await one.say(`REVOKE SUBJECT 'trudy' UNTIL '${aDay()}'`)
  expect(await logIn(0, 'trudy')).toBe(denied)
  await fleet.startStore()
  await until('it holds for the other', async () => (await logIn(1, 'trudy')) === denied)
})

test('guesses at one replica delay at the other, and what is right lifts that for both', async () => {
  await many(2)
  await until('the other delays, too', async () => isDelayed(1))
  expect(await guess(1, password)).toMatch(throttled)
  await until('a right one is let in', async () => (await guess(1, password)) === 'in')
  await until('by the one, too', async () => (await guess(0, password)) === 'in')
})

const throttled = /^53300 too many failed/

let guesses = 0

/** Different ones at once, each of which counts, unless it comes behind the first answer. */
async function many(count: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: count }, async () => clientOf(0)))
  await Promise.all(clients.map(async (client) => tryPassword(client, `a guess ${guesses++}`)))
}

async function isDelayed(index: number): Promise<boolean> {
  return (await fleet.metric(index, 'portcullis_throttled')) === 1
}

async function guess(index: number, text: string): Promise<string> {
  return tryPassword(await clientOf(index), text)
}

async function clientOf(index: number): Promise<WireClient> {
  const { gateway } = fleet.replica(index)
  const client = await WireClient.connect(gateway.portOf(1), pool, '127.0.1.1')
  await client.startTls(fleet.stack.authority.certificate)
  return client
}

async function tryPassword(client: WireClient, text: string): Promise<string> {
  const first = await client.logIn({ user: 'ann', database: 'sandbox' }, text)
  client.destroy()
  if (first.type !== 'E') return 'in'
  const { sqlstate, message } = errorFields(first)
  return `${sqlstate} ${message}`
}

test('one that is started later keeps out who was revoked, and holds what is paused, until RESUME at either', async () => {
  const one = await consoleOf(0)
  // On a busy machine not all of those that come at once are tried.
  const longer = /retry in [1-9]\d+ s/
  await until(
    'the other delays for long',
    async () => {
      await many(8)
      return longer.test(await guess(1, `a guess ${guesses++}`))
    },
    40_000,
  )
  expect(await one.done('PAUSE')).toBe('PAUSE')
  await fleet.restart(1)
  const waiting = logIn(1, 'alice')
  await until('it waits', async () => (await fleet.metric(1, 'portcullis_logins_paused')) === 1)
  await (await consoleOf(1)).done('RESUME')
  expect(await waiting).toBe('in')
  expect([await logIn(1, 'eve'), await logIn(1, 'mallory')]).toEqual([denied, 'in'])
  // A restart is no pardon.
  expect(await guess(1, password)).toMatch(throttled)
}, 60_000)

test('all of it is there when all replicas were started again', async () => {
  await (await consoleOf(0)).done('PAUSE sandbox')
  await Promise.all([0, 1].map(async (index) => fleet.restart(index)))
  await fleet.acquainted()
  const [one, other] = [await consoleOf(0), await consoleOf(1)]
  for (const each of [one, other]) {
    const shown = await each.rows('SHOW DATABASES')
    expect(shown.find(({ name }) => name === 'sandbox')).toMatchObject({ paused: 1 })
  }
  await other.done('RESUME sandbox')
  expect([await logIn(0, 'trudy'), await logIn(1, 'trudy')]).toEqual([denied, denied])
})
