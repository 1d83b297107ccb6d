// Sessions that wait for a client, at a server that does what it likes with them.
import { describe, expect, test } from 'vitest'
import type { LoginCredential } from '../../src/upstream/answer-authentication.ts'
import type { UpstreamSession } from '../../src/upstream/log-in.ts'
import { withStatuses } from '../../src/upstream/parked-session.ts'
import { cstrings, message } from '../unit/wire/bytes.ts'
import {
  authentication,
  greeting,
  keyData,
  ready,
  Upstream,
  type UpstreamConnection,
} from './upstream.ts'
import { until } from './until.ts'
import { row, startWarm } from './warm-upstream.ts'

interface Facts {
  readonly fingerprint?: string
  readonly isMember?: boolean
  readonly isSuperuser?: boolean
  readonly behind?: Buffer
}

function answer({ fingerprint = 'same', isMember = true, isSuperuser = false, behind }: Facts) {
  const types = [25, 16, 16, 16, 25]
  const values = [fingerprint, isSuperuser ? 't' : 'f', isMember ? 't' : 'f', 'f', 'name']
  return Buffer.concat([
    row(types, values),
    message('S', cstrings('application_name', 'named')),
    ready,
    behind ?? Buffer.alloc(0),
  ])
}

interface Server {
  /** What it says when it is asked the second time: when the session is to become a client's. */
  facts: Facts | 'silent' | 'error' | 'gone'
}

async function serve(connection: UpstreamConnection, server: Server): Promise<void> {
  await connection.takeStartup()
  connection.send(authentication.ok, greeting, keyData, ready)
  if ((await connection.takeMessage()).type !== 'Q') return
  connection.send(answer({}))
  if ((await connection.takeMessage()).type !== 'Q') return
  const { facts } = server
  if (facts === 'gone') connection.reset()
  else if (facts === 'error') {
    connection.send(message('E', cstrings('SERROR', 'C42501', 'Mno', '')), ready)
  } else if (facts !== 'silent') connection.send(answer(facts))
}

const none: LoginCredential = { kind: 'none' }
const allow = new Set(['scram-sha-256'] as const)
const passwordOf = (password: string, isClients = false): LoginCredential => ({
  kind: 'password',
  password,
  allow,
  isClients,
})

async function start(facts: Server['facts'] = {}) {
  const server: Server = { facts }
  const upstream = await Upstream.start(async (connection) => serve(connection, server))
  const { clock, events, warm, target } = startWarm(upstream.port, {
    maxPerRole: 1,
    max: 10,
    maxAgeMs: 60_000,
    reuse: 'never',
  })
  const open = async (
    parameters: Readonly<Record<string, string>> = { application_name: 'app' },
    credential = none,
    memberOf: readonly string[] = [],
  ): Promise<UpstreamSession> => {
    const requirement = memberOf.length === 0 ? undefined : { memberOf, allowsSuperuser: true }
    const request = { role: 'app', credential, requirement }
    const session = await warm.open(target, {
      ...request,
      parameters: new Map(Object.entries(parameters)),
    })
    session.socket.destroy()
    return session
  }
  /** Two logins, behind which one session waits. */
  const warmUp = async (
    parameters?: Readonly<Record<string, string>>,
    credential?: LoginCredential,
  ): Promise<void> => {
    await open(parameters, credential)
    await open(parameters, credential)
    await until('a session to wait', () => warm.size === 1)
    events.length = 0
  }
  return {
    server,
    upstream,
    clock,
    events,
    warm,
    target,
    open,
    warmUp,
    [Symbol.asyncDispose]: async () => {
      warm.close()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

describe('a session that waits', () => {
  test('is given to the next login, with its greeting as that would have had it', async () => {
    await using one = await start()
    await one.warmUp()
    const { greeting: given } = await one.open()
    expect(given).toEqual(
      Buffer.concat([greeting, message('S', cstrings('application_name', 'named'))]),
    )
    expect(one.events).toEqual(['taken 1', 'ready'])
  })

  test.each<[string, Server['facts']]>([
    ['says that something has changed', { fingerprint: 'other' }],
    ['is in an error', 'error'],
    ['is gone', 'gone'],
    ['says nothing', 'silent'],
  ])('is let go of where it %s, and the login is one as without it', async (_, facts) => {
    await using one = await start(facts)
    await one.warmUp()
    const connections = one.upstream.connections.length
    const session = await one.open()
    expect(one.events.slice(0, 2)).toEqual(['dropped 1', 'none'])
    expect(one.upstream.connections.length).toBeGreaterThan(connections)
    expect(session.greeting).toEqual(greeting)
  })

  test('brings what the server says behind its answer', async () => {
    const behind = message('N', cstrings('Mhello', ''))
    await using one = await start({ behind })
    await one.warmUp()
    expect((await one.open()).early).toEqual(behind)
  })

  test('is let go of as soon as the server says a word', async () => {
    await using one = await start()
    await one.warmUp()
    one.upstream.connections.at(-1)?.send(message('N', cstrings('Mgoing down', '')))
    await until('nobody to wait', () => one.warm.size === 0)
    expect(one.events).toEqual(['dropped 1'])
  })

  test('is let go of when it is too old', async () => {
    await using one = await start()
    await one.warmUp()
    one.clock.nowMs = 59_999
    expect(one.warm.size).toBe(1)
    one.clock.nowMs = 60_000
    await until('nobody to wait', () => one.warm.size === 0)
    await until('it to be closed', () => one.upstream.isDeserted)
  })

  test('is not for a login by another password', async () => {
    await using one = await start()
    await one.warmUp({}, passwordOf('before'))
    await one.open({}, passwordOf('after'))
    expect(one.events.slice(0, 2)).toEqual(['dropped 1', 'none'])
  })

  test('is let go of with its configuration, and there is none for what follows by the old one', async () => {
    await using one = await start()
    await one.warmUp()
    one.warm.adopt([{ ...one.target }])
    expect(one.warm.size).toBe(0)
    await one.open()
    expect(one.events).toEqual(['dropped 1'])
  })
})

test.each<[string, Readonly<Record<string, string>>, LoginCredential]>([
  ['replication', { replication: 'database' }, none],
  ['replication in other letters', { Replication: '1' }, none],
  ['more parameters than are worth keeping', { options: 'x'.repeat(5_000) }, none],
  ['a token', {}, { kind: 'token', token: 'x', form: 'cleartext' }],
])('nothing waits for %s', async (_, parameters, credential) => {
  await using one = await start()
  await one.open(parameters, credential)
  await one.open(parameters, credential)
  expect(one.events).toEqual([])
  expect(one.upstream.connections).toHaveLength(2)
})

test('nothing waits for, nor is given to, a session that is told whose it is', async () => {
  await using one = await start()
  await one.warmUp({})
  const request = {
    role: 'app',
    credential: none,
    parameters: new Map<string, string>(),
    requirement: undefined,
    ownParameters: () => new Map([['request.jwt.claims', '{}']]),
  }
  for (let count = 0; count < 2; count++) {
    ;(await one.warm.open(one.target, request)).socket.destroy()
  }
  expect(one.events).toEqual([])
  expect(one.warm.size).toBe(1)
})

test('a server that cannot be asked is not bothered at each login', async () => {
  const upstream = await Upstream.start(async (connection) => {
    await connection.takeStartup()
    connection.send(authentication.ok, greeting, keyData, ready)
    await connection.takeMessage()
    connection.send(message('E', cstrings('SERROR', 'C42501', 'Mno', '')), ready)
  })
  await using one = await start()
  await using others = upstream
  const target = { ...one.target, hosts: [{ host: '127.0.0.1', port: upstream.port }] }
  one.warm.adopt([target])
  const request = {
    role: 'app',
    credential: none,
    requirement: undefined,
    parameters: new Map<string, string>(),
  }
  const open = async (): Promise<void> => {
    ;(await one.warm.open(target, request)).socket.destroy()
  }
  await open()
  await open()
  await until('the failure', () => upstream.connections[2]?.isClosed === true)
  for (let count = 0; count < 8; count++) await open()
  expect(others.connections.length).toBe(11)
  one.clock.nowMs = 1_000
  await open()
  await until('another try', () => upstream.connections.length === 13)
})

test('what was told before is replaced, and what was not is added', () => {
  const status = (name: string, value: string): Buffer => message('S', cstrings(name, value))
  const notice = message('N', cstrings('Mhello', ''))
  expect(
    withStatuses(
      Buffer.concat([status('a', '1'), notice, status('b', '1')]),
      Buffer.concat([status('b', '2'), status('c', '2'), status('b', '3')]),
    ),
  ).toEqual(Buffer.concat([status('a', '1'), notice, status('b', '3'), status('c', '2')]))
})
