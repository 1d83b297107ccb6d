// Which of several servers a login comes to, and what is said to the others.
import { createSecureContext } from 'node:tls'
import { expect, describe, test } from 'vitest'
import { Refusal } from '../../src/refusal.ts'
import { ScramKeyCache } from '../../src/sasl/scram-key-cache.ts'
import type { LoginCredential } from '../../src/upstream/answer-authentication.ts'
import type { UpstreamSession } from '../../src/upstream/log-in.ts'
import { type HostObserver, UpstreamNetwork } from '../../src/upstream/network.ts'
import { openSession } from '../../src/upstream/open-session.ts'
import type { UpstreamTarget } from '../../src/upstream/target.ts'
import { cstrings, int16, int32, message } from '../unit/wire/bytes.ts'
import { authentication, keyData, ready, type Script, Upstream } from './upstream.ts'
import { until } from './until.ts'

const fatal = (sqlstate: string): Buffer =>
  message('E', cstrings('SFATAL', `C${sqlstate}`, 'Mnot now', ''))

const status = (name: string, value: boolean): Buffer =>
  message('S', cstrings(name, value ? 'on' : 'off'))

/** A server that lets everybody in. */
const server =
  (isStandby = false, isReadOnly = false): Script =>
  async (connection) => {
    await connection.takeStartup()
    connection.send(
      authentication.ok,
      status('in_hot_standby', isStandby),
      status('default_transaction_read_only', isReadOnly),
      keyData,
      ready,
    )
  }

/** An older one, which answers what it is asked. */
const olderServer =
  (isStandby: boolean): Script =>
  async (connection) => {
    await connection.takeStartup()
    connection.send(authentication.ok, keyData, ready)
    const { type, body } = await connection.takeMessage()
    if (type !== 'Q' || !body.includes('pg_is_in_recovery')) throw new Error('another question')
    const column = Buffer.concat([
      cstrings('x'),
      ...[int32(0), int16(0), int32(16), int16(1), int32(-1), int16(0)],
    ])
    const value = Buffer.concat([int32(1), Buffer.from(isStandby ? 't' : 'f')])
    connection.send(
      message('T', Buffer.concat([int16(2), column, column])),
      message('D', Buffer.concat([int16(2), value, value])),
      message('C', 'SELECT 1\0'),
      ready,
    )
  }

const saying =
  (answer: Buffer): Script =>
  async (connection) => {
    await connection.takeStartup()
    connection.send(answer)
    connection.close()
  }

const silent: Script = async (connection) => {
  await connection.takeStartup()
}

const none: LoginCredential = { kind: 'none' }
const secureContext = createSecureContext()

interface Played extends AsyncDisposable {
  readonly target: UpstreamTarget
  readonly servers: readonly Upstream[]
  readonly network: UpstreamNetwork
  readonly told: readonly string[]
  readonly clock: { nowMs: number }
  /** Which server it came to, or the reason of the refusal. */
  logIn(changes?: Partial<UpstreamTarget>, credential?: LoginCredential): Promise<number | string>
}

async function play(...scripts: readonly Script[]): Promise<Played> {
  const servers = await Promise.all(scripts.map(async (script) => Upstream.start(script)))
  const told: string[] = []
  const nameOf = (host: string): string =>
    String(servers.findIndex(({ port }) => host.endsWith(` ${port}`)))
  const observer: HostObserver = {
    upstreamTried() {},
    upstreamLost: (host, { reason }) => told.push(`${nameOf(host)} lost: ${reason}`),
    upstreamBack: (host) => told.push(`${nameOf(host)} back`),
  }
  const clock = { nowMs: 0 }
  const network = new UpstreamNetwork({ observer, nowMs: () => clock.nowMs, random: () => 0 })
  const target: UpstreamTarget = {
    hosts: servers.map(({ port }) => ({ host: '127.0.0.1', port })),
    isBalanced: false,
    wantedSession: 'any',
    connectRetries: 0,
    database: 'sandbox',
    tls: 'disable',
    secureContext,
    serverName: undefined,
    channelBinding: 'prefer',
    protocol: '3.0',
    connectTimeoutMs: 10_000,
    warm: undefined,
    credentials: { method: 'trust' },
  }
  return {
    target,
    servers,
    network,
    told,
    clock,
    logIn: async (changes = {}, credential = none) => {
      const request = {
        role: 'app',
        credential,
        parameters: new Map<string, string>(),
        requirement: undefined,
      }
      const access = { keys: new ScramKeyCache(10), network }
      try {
        const session = await openSession({ ...target, ...changes }, request, access)
        return closed(session, servers)
      } catch (error) {
        if (error instanceof Refusal) return error.reason
        throw error
      }
    },
    async [Symbol.asyncDispose]() {
      for (const one of servers) await one[Symbol.asyncDispose]()
    },
  }
}

function closed({ socket, endpoint }: UpstreamSession, servers: readonly Upstream[]): number {
  socket.destroy()
  return servers.findIndex(({ port }) => port === endpoint.port)
}

const connections = ({ servers }: Played): readonly number[] =>
  servers.map((one) => one.connections.length)

/** A port where nobody listens, for as long as nobody takes it. */
async function closedPort(): Promise<number> {
  await using gone = await Upstream.start(silent)
  return gone.port
}

describe('of several servers', () => {
  test('it is the first', async () => {
    await using played = await play(server(), server())
    expect(await played.logIn()).toBe(0)
    expect(connections(played)).toEqual([1, 0])
  })

  test('it is the next where one does not listen, and for some seconds at once', async () => {
    await using played = await play(server(), server())
    const hosts = [{ host: '127.0.0.1', port: await closedPort() }, played.target.hosts[1]!]
    expect(await played.logIn({ hosts })).toBe(1)
    expect(played.told).toEqual(['-1 lost: upstream-unreachable'])
    expect(await played.logIn({ hosts })).toBe(1)
    expect(played.told).toHaveLength(1)
  })

  test('it is the next where one is starting, and the first again when its rest is over', async () => {
    let isUp = false
    await using played = await play(
      async (connection) => (isUp ? server() : saying(fatal('57P03')))(connection),
      server(),
    )
    expect(await played.logIn()).toBe(1)
    isUp = true
    expect(await played.logIn()).toBe(1)
    expect(connections(played)).toEqual([1, 2])
    played.clock.nowMs = 2_000
    expect(await played.logIn()).toBe(0)
    expect(played.told).toEqual(['0 lost: upstream-refused', '0 back'])
  })

  test('it is the next where one says nothing to the request for TLS', async () => {
    await using played = await play(async () => {}, server())
    const tls = { tls: 'require', connectTimeoutMs: 200 } as const
    // The second is a server without TLS, which it is found to be.
    expect(await played.logIn(tls)).toBe('upstream-tls')
    expect(connections(played)).toEqual([1, 1])
  })

  test.each([
    ['refuses the credential', saying(fatal('28P01')), 'upstream-authentication'],
    ['has no place', saying(fatal('53300')), 'upstream-refused'],
    ['asks for a password', saying(authentication.cleartext), 'upstream-authentication'],
    ['goes away when it was told who logs in', saying(Buffer.alloc(0)), 'upstream-unreachable'],
    ['says nothing when it was told who logs in', silent, 'upstream-timeout'],
  ])('no other is asked where one %s', async (_, script, reason) => {
    await using played = await play(script, server())
    expect(await played.logIn({ connectRetries: 5, connectTimeoutMs: 300 })).toBe(reason)
    expect(connections(played)).toEqual([1, 0])
  })

  test('one that went away in the middle is tried last by the next login', async () => {
    await using played = await play(saying(Buffer.alloc(0)), server())
    expect(await played.logIn()).toBe('upstream-unreachable')
    expect(await played.logIn()).toBe(1)
  })

  test('it is any of them where they share the sessions', async () => {
    const counts = [0, 0]
    await using played = await play(server(), server())
    const network = new UpstreamNetwork()
    const request = { role: 'a', credential: none, parameters: new Map(), requirement: undefined }
    const access = { keys: new ScramKeyCache(10), network }
    const target = { ...played.target, isBalanced: true }
    for (let count = 0; count < 60; count++) {
      counts[closed(await openSession(target, request, access), played.servers)]!++
    }
    expect(Math.min(...counts)).toBeGreaterThan(5)
  })
})

describe('where none can be reached', () => {
  test('all are tried again, as often as configured', async () => {
    await using played = await play(saying(fatal('57P03')), saying(fatal('57P03')))
    expect(await played.logIn({ connectRetries: 2 })).toBe('upstream-refused')
    expect(connections(played)).toEqual([3, 3])
  })

  test('a login goes through that meets a server at the end of its start', async () => {
    let count = 0
    await using played = await play(async (connection) =>
      (count++ < 2 ? saying(fatal('57P03')) : server())(connection),
    )
    expect(await played.logIn({ connectRetries: 3 })).toBe(0)
    expect(played.told).toEqual(['0 lost: upstream-refused', '0 back'])
  })

  test('no try begins that would not end in time', async () => {
    await using played = await play(saying(fatal('57P03')))
    expect(await played.logIn({ connectRetries: 100, connectTimeoutMs: 40 })).toBe(
      'upstream-refused',
    )
    expect(connections(played)).toEqual([1])
  })

  test('the log has every host, and the client what a server says itself', async () => {
    await using played = await play(saying(fatal('57P03')))
    const port = await closedPort()
    const hosts = [...played.target.hosts, { host: '127.0.0.1', port }]
    const request = { role: 'a', credential: none, parameters: new Map(), requirement: undefined }
    const access = { keys: new ScramKeyCache(10), network: played.network }
    const error: unknown = await openSession({ ...played.target, hosts }, request, access).catch(
      (thrown: unknown) => thrown,
    )
    expect(error).toMatchObject({
      reason: 'upstream-refused',
      errorResponse: fatal('57P03'),
      logDetail: `57P03 not now; 127.0.0.1 port ${port}`,
    })
  })
})

describe('of a primary and a standby', () => {
  test.each([
    ['any', 0],
    ['read-write', 1],
    ['primary', 1],
    ['read-only', 0],
    ['standby', 0],
    ['prefer-standby', 0],
  ] as const)('%s is the right one', async (wantedSession, expected) => {
    await using played = await play(server(true), server(false))
    expect(await played.logIn({ wantedSession })).toBe(expected)
  })

  test.each([
    ['read-write', 1],
    ['read-only', 0],
    ['primary', 1],
    ['standby', 0],
    ['prefer-standby', 0],
  ] as const)('an older one is asked whether it is %s', async (wantedSession, expected) => {
    await using played = await play(olderServer(true), olderServer(false))
    expect(await played.logIn({ wantedSession })).toBe(expected)
    expect(played.servers.flatMap(({ failures }) => failures)).toEqual([])
  })

  test('a primary with read-only transactions is not for writing', async () => {
    await using played = await play(server(false, true), server())
    expect(await played.logIn({ wantedSession: 'read-write' })).toBe(1)
  })

  test('the one that was found is the first to be tried afterwards, and the other is let go of', async () => {
    await using played = await play(server(true), server(false))
    expect(await played.logIn({ wantedSession: 'primary' })).toBe(1)
    expect(await played.logIn({ wantedSession: 'primary' })).toBe(1)
    expect(connections(played)).toEqual([1, 2])
    await until('the standby to be left', () => played.servers[0]!.isDeserted)
  })

  test('the primary will do where the standby is away, and is held once', async () => {
    await using played = await play(server(false), server(false))
    expect(await played.logIn({ wantedSession: 'prefer-standby' })).toBe(0)
    expect(connections(played)).toEqual([1, 1])
    await until('the second to be left', () => played.servers[1]!.isDeserted)
    const hosts = [played.target.hosts[0]!, { host: '127.0.0.1', port: await closedPort() }]
    expect(await played.logIn({ wantedSession: 'prefer-standby', hosts })).toBe(0)
  })

  test('nothing is left open where the better one refuses', async () => {
    await using played = await play(server(false), saying(fatal('28000')))
    expect(await played.logIn({ wantedSession: 'prefer-standby' })).toBe('upstream-authentication')
    await until('the first to be left', () => played.servers[0]!.isDeserted)
  })

  test('a login is refused where there is none of the kind, and is not tried again', async () => {
    await using played = await play(server(true), server(true))
    expect(await played.logIn({ wantedSession: 'primary', connectRetries: 5 })).toBe(
      'upstream-unwanted',
    )
    expect(connections(played)).toEqual([1, 1])
  })

  test('a login that meets a promotion is tried again while a host is away', async () => {
    let logins = 0
    await using played = await play(async (connection) => server(logins++ === 0)(connection))
    const away = { host: '127.0.0.1', port: await closedPort() }
    const hosts = [away, ...played.target.hosts]
    expect(await played.logIn({ hosts, wantedSession: 'primary', connectRetries: 3 })).toBe(0)
  })
})

describe('a proof that is relayed', () => {
  const proving =
    (isStandby: boolean): Script =>
    async (connection) => {
      await connection.takeStartup()
      connection.send(authentication.sasl)
      await connection.takeMessage()
      const salt = Buffer.alloc(16).toString('base64')
      connection.send(authentication.saslContinue(`r=clientserver,s=${salt},i=4096`))
      await connection.takeMessage()
      connection.send(authentication.saslFinal(`v=${Buffer.alloc(32).toString('base64')}`))
      connection.send(authentication.ok, status('in_hot_standby', isStandby))
      connection.send(status('default_transaction_read_only', false), keyData, ready)
    }

  function relay(): { credential: LoginCredential; proved: () => number } {
    let count = 0
    const prove = async (): Promise<string> => {
      count++
      return Promise.resolve('c=biws,r=clientserver,p=proof')
    }
    const first = { message: 'n,,n=,r=client', nonce: 'client', flag: 'n' } as const
    const relayed = { first, prove, conclude: () => {}, hint: undefined }
    return { credential: { kind: 'relay', relay: relayed }, proved: () => count }
  }

  test('is shown to one server, and to none after it', async () => {
    await using played = await play(proving(true), proving(false))
    const { credential, proved } = relay()
    const wanted = { wantedSession: 'primary', connectRetries: 3 } as const
    expect(await played.logIn(wanted, credential)).toBe('upstream-unwanted')
    expect([proved(), connections(played)]).toEqual([1, [1, 0]])
  })

  test('is shown to the next where one is starting', async () => {
    await using played = await play(saying(fatal('57P03')), proving(true))
    const { credential, proved } = relay()
    expect(await played.logIn({}, credential)).toBe(1)
    expect(proved()).toBe(1)
  })

  test('is not asked for again where a server was met that will not do, and another is away', async () => {
    await using played = await play(saying(fatal('57P03')), proving(true))
    const { credential, proved } = relay()
    const wanted = { wantedSession: 'primary', connectRetries: 3 } as const
    expect(await played.logIn(wanted, credential)).toBe('upstream-refused')
    expect(proved()).toBe(1)
  })

  test('is enough for a server that will do, though another would be preferred', async () => {
    await using played = await play(proving(false), proving(true))
    const { credential, proved } = relay()
    expect(await played.logIn({ wantedSession: 'prefer-standby' }, credential)).toBe(0)
    expect([proved(), connections(played)]).toEqual([1, [1, 0]])
  })
})

describe('a name', () => {
  test('is dialled at each of its addresses in turn, and by one that moved is followed', async () => {
    await using played = await play(server())
    const addresses = [
      ['127.0.0.2', '127.0.0.3'],
      ['127.0.0.2', '127.0.0.1'],
    ]
    const asked: string[] = []
    const clock = { nowMs: 0 }
    const network = new UpstreamNetwork({
      nowMs: () => clock.nowMs,
      lookup: async (name) => {
        asked.push(name)
        return Promise.resolve(addresses[Math.min(asked.length - 1, 1)]!)
      },
    })
    const hosts = [{ host: 'db.example.com', port: played.servers[0]!.port }]
    const request = { role: 'a', credential: none, parameters: new Map(), requirement: undefined }
    const access = { keys: new ScramKeyCache(10), network }
    const target = { ...played.target, hosts }
    const refused: unknown = await openSession(target, request, access).catch(
      (error: unknown) => error,
    )
    expect(refused).toMatchObject({ reason: 'upstream-unreachable' })
    // Nothing was reached: the next login asks where the host is now, and dials what failed last.
    const session = await openSession(target, request, access)
    expect(session.endpoint).toEqual({ ...hosts[0], address: '127.0.0.1' })
    session.socket.destroy()
    expect(asked).toHaveLength(2)
    const again = await openSession(target, request, access)
    again.socket.destroy()
    expect(asked).toHaveLength(2)
  })
})
