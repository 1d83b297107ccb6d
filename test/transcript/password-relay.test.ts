// A password that is relayed: what goes by, byte for byte, and that it never is the password.
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Reason } from '../../src/refusal.ts'
import { cancelRequest } from '../support/wire-client.ts'
import { cstrings, int32, message, startup } from '../unit/wire/bytes.ts'
import { type Frontend, readError } from './frontend.ts'
import { createTrust, database, Gate, type GateOptions, type Trust } from './gate.ts'
import { until } from './until.ts'
import {
  authentication,
  greeting,
  ready,
  type Script,
  Upstream,
  upstreamKey,
  welcome,
} from './upstream.ts'

let trust: Trust

beforeAll(async () => {
  trust = await createTrust()
})

const password = 'correct horse battery staple'
const salt = Buffer.from('salt of 16 bytes')
const first = 'n,,n=,r=clientnonce'
const serverFirst = `r=clientnonceservernonce,s=${salt.toString('base64')},i=4096`
const withoutProof = 'c=biws,r=clientnonceservernonce'
const authMessage = `n=,r=clientnonce,${serverFirst},${withoutProof}`
const salted = pbkdf2Sync(password, salt, 4096, 32, 'sha256')
const clientKey = hmac(salted, 'Client Key')
const signature = hmac(createHash('sha256').update(clientKey).digest(), authMessage)
const proof = Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]!)).toString('base64')
const last = `${withoutProof},p=${proof}`
const serverLast = `v=${hmac(hmac(salted, 'Server Key'), authMessage).toString('base64')}`

const offer = authentication.sasl
const bound = message(
  'R',
  Buffer.concat([int32(10), cstrings('SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256', '')]),
)
const hello = startup(['user', 'bob', 'database', database])
const response = (text: string): Buffer => message('p', text)

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function initial(text: string | undefined, mechanism = 'SCRAM-SHA-256'): Buffer {
  const bytes = Buffer.from(text ?? '')
  const length = int32(text === undefined ? -1 : bytes.length)
  return message('p', Buffer.concat([cstrings(mechanism), length, bytes]))
}

/** The server's part, with the messages that it expects. */
function server(end: Buffer = welcome, asks: Buffer = bound, begins = first): Script {
  return async (connection) => {
    await connection.takeStartup()
    connection.send(asks)
    expect((await connection.takeMessage()).raw).toEqual(initial(begins))
    connection.send(authentication.saslContinue(serverFirst))
    expect((await connection.takeMessage()).raw).toEqual(response(last))
    connection.send(authentication.saslFinal(serverLast), end)
  }
}

async function start(upstream: Upstream, options: Partial<GateOptions> = {}): Promise<Gate> {
  return Gate.start({
    trust,
    allowsCleartext: true,
    requireSso: false,
    authMethods: ['scram-sha-256', 'cleartext'],
    ...options,
    upstream: { port: upstream.port, ...options.upstream },
  })
}

/** Goes as far as the script of the client does, and reads to the end. */
async function play(
  script: Script,
  speak: (frontend: Frontend) => Promise<void>,
  options: Partial<GateOptions> = {},
): Promise<{ gate: Gate; upstream: Upstream; answer: Buffer }> {
  await using upstream = await Upstream.start(script)
  await using gate = await start(upstream, options)
  await using frontend = await gate.connect()
  frontend.send(hello)
  await speak(frontend)
  const answer = await frontend.rest()
  await gate.settled()
  await until('the upstream to be left', () => upstream.isDeserted)
  expect(upstream.failures).toEqual([])
  return { gate, upstream, answer }
}

/** Says all that a client says which knows the password. */
async function prove(frontend: Frontend): Promise<void> {
  expect((await frontend.takeMessage()).raw).toEqual(offer)
  frontend.send(initial(first))
  expect((await frontend.takeMessage()).raw).toEqual(authentication.saslContinue(serverFirst))
  frontend.send(response(last))
}

async function begin(frontend: Frontend): Promise<void> {
  await frontend.takeMessage()
  frontend.send(initial(first))
}

function refusedWith(
  { gate, answer }: { gate: Gate; answer: Buffer },
  reason: Reason,
  sqlstate?: string,
): void {
  expect(gate.witness.outcomes).toMatchObject([{ kind: 'refused', refusal: { reason } }])
  const error = readError(answer)
  if (sqlstate !== undefined) expect(error.sqlstate).toBe(sqlstate)
  expect(answer.toString('latin1')).not.toMatch(/127\.0\.0\.1|real_name|server text/)
}

describe('a password that is relayed', () => {
  test('lets its user in, by the messages of SCRAM and no other', async () => {
    await using upstream = await Upstream.start(server())
    await using gate = await start(upstream)
    await using frontend = await gate.connect()
    frontend.send(hello)
    await prove(frontend)
    expect((await frontend.takeMessage()).raw).toEqual(authentication.saslFinal(serverLast))
    expect((await frontend.takeMessage()).raw).toEqual(authentication.ok)
    expect(await frontend.take(greeting.length)).toBe(greeting.toString('latin1'))
    const key = (await frontend.takeMessage()).body
    expect(key.readInt32BE(0)).toBe(upstreamKey.processId)
    expect(key.subarray(4)).not.toEqual(upstreamKey.secretKey)
    expect((await frontend.takeMessage()).raw).toEqual(ready)
    const { facts } = await gate.outcome()
    expect(facts).toMatchObject({
      credential: 'password',
      authMethod: 'scram-sha-256',
      password: { travelled: 'relayed', isBreakGlass: false },
      role: 'bob',
    })
    expect(upstream.failures).toEqual([])
  })

  test('has its statements cancelled by the key of the gate', async () => {
    await using upstream = await Upstream.start(async (connection) => {
      const { code, body } = await connection.takePacket()
      if (code === 80877102) {
        expect(body.readInt32BE(0)).toBe(upstreamKey.processId)
        expect(body.subarray(4)).toEqual(upstreamKey.secretKey)
        connection.close()
        return
      }
      connection.send(bound)
      await connection.takeMessage()
      connection.send(authentication.saslContinue(serverFirst))
      await connection.takeMessage()
      connection.send(authentication.saslFinal(serverLast), welcome)
    })
    await using gate = await start(upstream)
    await using frontend = await gate.connect()
    frontend.send(hello)
    await prove(frontend)
    let next = await frontend.takeMessage()
    while (next.type !== 'K') next = await frontend.takeMessage()
    await using canceller = await gate.connect()
    canceller.send(cancelRequest(next.body.readInt32BE(0), next.body.subarray(4)))
    expect(await canceller.rest()).toHaveLength(0)
    await until('the cancel request', () =>
      gate.witness.outcomes.some((one) => one.kind === 'cancelled' && one.outcome === 'forwarded'),
    )
    expect(upstream.failures).toEqual([])
  })

  test('may come byte by byte, and with the first statement behind it', async () => {
    await using upstream = await Upstream.start(async (connection) => {
      await server()(connection)
      expect((await connection.takeMessage()).type).toBe('Q')
      connection.close()
    })
    await using gate = await start(upstream)
    await using frontend = await gate.connect()
    const say = async (bytes: Buffer): Promise<void> => {
      for (const byte of bytes) {
        frontend.send(Buffer.of(byte))
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    await say(hello)
    await frontend.takeMessage()
    await say(initial(first))
    await frontend.takeMessage()
    await say(Buffer.concat([response(last), message('Q', 'select 1\0')]))
    await gate.settled()
    expect(gate.witness.outcomes).toMatchObject([{ kind: 'admitted' }, { kind: 'ended' }])
    expect(upstream.failures).toEqual([])
  })

  test('of an excepted user is told apart, on a pool of single sign-on', async () => {
    const options = { requireSso: true, passwordUsers: ['bob'] }
    const script: Script = async (connection) => {
      await server()(connection)
      connection.close()
    }
    const { gate } = await play(script, prove, options)
    expect(gate.witness.outcomes).toMatchObject([{ kind: 'admitted' }, { kind: 'ended' }])
    expect(gate.witness.outcomes[0]?.facts).toMatchObject({
      password: { travelled: 'relayed', isBreakGlass: true },
    })
  })
})

describe('the server', () => {
  test('is not connected to before the client has begun', async () => {
    await using upstream = await Upstream.start(server())
    await using gate = await start(upstream)
    await using frontend = await gate.connect()
    frontend.send(hello)
    expect((await frontend.takeMessage()).raw).toEqual(offer)
    frontend.socket.end()
    await gate.settled()
    expect(upstream.connections).toHaveLength(0)
    expect(gate.witness.outcomes).toMatchObject([{ kind: 'abandoned' }])
  })

  test('is never connected to for a user that has to sign on', async () => {
    const dialogue = await play(server(), async () => {}, {
      requireSso: true,
      authMethods: ['scram-sha-256'],
    })
    refusedWith(dialogue, 'sso-required', '28000')
    expect(dialogue.upstream.connections).toHaveLength(0)
  })

  test('is never connected to without TLS to the client', async () => {
    const dialogue = await play(server(), async () => {}, { allowsCleartext: false })
    refusedWith(dialogue, 'tls-required', '28000')
    expect(dialogue.upstream.connections).toHaveLength(0)
  })

  test('is connected to by no more clients at a time than may be', async () => {
    const dialogue = await play(server(), begin, { limits: { maxRelays: 0 } })
    refusedWith(dialogue, 'too-many-relays', '53300')
    expect(dialogue.upstream.connections).toHaveLength(0)
  })

  test('takes a place only until a login is through', async () => {
    await using upstream = await Upstream.start(server())
    await using gate = await start(upstream, { limits: { maxRelays: 1 } })
    for (let login = 0; login < 3; login++) {
      const frontend = await gate.connect()
      frontend.send(hello)
      await prove(frontend)
      await until('the login', () => gate.witness.outcomes.length > login)
      frontend.reset()
    }
    await gate.settled()
    expect(gate.witness.outcomes.filter(({ kind }) => kind === 'admitted')).toHaveLength(3)
  })

  test('that knows no channel binding may be asked by a client that does', async () => {
    const begins = 'y,,n=,r=clientnonce'
    const { gate } = await play(
      async (connection) => {
        await connection.takeStartup()
        connection.send(offer)
        expect((await connection.takeMessage()).raw).toEqual(initial(begins))
        connection.send(message('E', cstrings('SFATAL', 'C28P01', 'Mserver text', '')))
      },
      async (frontend) => {
        await frontend.takeMessage()
        frontend.send(initial(begins))
      },
    )
    expect(gate.witness.outcomes).toMatchObject([{ refusal: { reason: 'wrong-password' } }])
  })

  test('that binds to its own TLS is not asked by a client that could bind to ours', async () => {
    const dialogue = await play(
      async (connection) => {
        await connection.takeStartup()
        connection.send(bound)
        expect(await connection.rest()).toHaveLength(0)
      },
      async (frontend) => {
        await frontend.takeMessage()
        frontend.send(initial('y,,n=,r=clientnonce'))
      },
    )
    refusedWith(dialogue, 'channel-binding', '28000')
    expect(readError(dialogue.answer).hint).toContain('channel_binding=disable')
  })

  test('is not shown a proof where the proof has to be bound to its certificate', async () => {
    const script: Script = async (connection) => {
      await connection.takeStartup()
      connection.send(bound)
      expect(await connection.rest()).toHaveLength(0)
    }
    const dialogue = await play(script, begin, { upstream: { channelBinding: 'require' } })
    refusedWith(dialogue, 'upstream-authentication')
  })

  /** What it sends behind its startup message, and behind the client's first and last message. */
  test.each<[string, Reason, readonly Buffer[]]>([
    ['lets everybody in', 'upstream-authentication', [welcome]],
    ['asks for the password itself', 'upstream-authentication', [authentication.cleartext]],
    ['asks for its MD5', 'upstream-authentication', [authentication.md5]],
    ['asks for GSS', 'upstream-authentication', [message('R', int32(7))]],
    [
      'knows OAUTHBEARER alone',
      'upstream-protocol',
      [message('R', Buffer.concat([int32(10), cstrings('OAUTHBEARER', '')]))],
    ],
    [
      'can only do it bound',
      'upstream-protocol',
      [message('R', Buffer.concat([int32(10), cstrings('SCRAM-SHA-256-PLUS', '')]))],
    ],
    ['begins in the middle', 'upstream-protocol', [authentication.saslContinue(serverFirst)]],
    ['begins at the end', 'upstream-protocol', [authentication.saslFinal(serverLast)]],
    ['answers in HTTP', 'upstream-protocol', [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')]],
    ['lets the client in at its first message', 'upstream-protocol', [bound, welcome]],
    ['asks for the password in the middle', 'upstream-protocol', [bound, authentication.cleartext]],
    ['asks twice', 'upstream-protocol', [bound, bound]],
    [
      'sends a challenge of another nonce',
      'upstream-authentication',
      [bound, authentication.saslContinue(`r=othernonce,s=${salt.toString('base64')},i=4096`)],
    ],
    [
      'sends a challenge that is none',
      'upstream-authentication',
      [bound, authentication.saslContinue('your password, please')],
    ],
    [
      'wants 10^9 iterations',
      'upstream-authentication',
      [bound, authentication.saslContinue(serverFirst.replace('4096', '1000000000'))],
    ],
    [
      'sends a challenge without end',
      'upstream-protocol',
      [bound, message('R', Buffer.concat([int32(11), Buffer.from('r=')]), 1 << 30)],
    ],
    [
      'lets the client in without proof of its own',
      'upstream-protocol',
      [bound, authentication.saslContinue(serverFirst), welcome],
    ],
    [
      'proves itself by an error',
      'upstream-authentication',
      [bound, authentication.saslContinue(serverFirst), authentication.saslFinal('e=other-error')],
    ],
    [
      'challenges without end',
      'upstream-protocol',
      [bound, authentication.saslContinue(serverFirst), authentication.saslContinue(serverFirst)],
    ],
    [
      'begins again when all is said',
      'upstream-protocol',
      [
        bound,
        authentication.saslContinue(serverFirst),
        Buffer.concat([authentication.saslFinal(serverLast), bound]),
      ],
    ],
    [
      'asks for the password when all is said',
      'upstream-authentication',
      [
        bound,
        authentication.saslContinue(serverFirst),
        Buffer.concat([authentication.saslFinal(serverLast), authentication.cleartext]),
      ],
    ],
    [
      'says that the password is wrong',
      'wrong-password',
      [
        bound,
        authentication.saslContinue(serverFirst),
        message('E', cstrings('SFATAL', 'C28P01', 'Mserver text', '')),
      ],
    ],
    [
      'has no line for the role',
      'upstream-authentication',
      [message('E', cstrings('SFATAL', 'C28000', 'Mserver text 127.0.0.1', ''))],
    ],
  ])('that %s does not let the client in', async (_, reason, says) => {
    const told = Promise.withResolvers<Buffer>()
    const dialogue = await play(
      async (connection) => {
        await connection.takeStartup()
        const heard: Buffer[] = []
        for (const [index, bytes] of says.entries()) {
          if (index > 0) heard.push((await connection.takeMessage()).raw)
          connection.send(bytes)
        }
        heard.push(await connection.rest())
        told.resolve(Buffer.concat(heard))
      },
      async (frontend) => {
        await frontend.takeMessage()
        frontend.send(initial(first))
        if (says.length < 3) return
        await frontend.takeMessage()
        frontend.send(response(last))
        if (says.at(-1)!.includes(serverLast)) await frontend.takeMessage()
      },
    )
    refusedWith(dialogue, reason, reason === 'wrong-password' ? '28P01' : '08001')
    const expected = [initial(first), response(last)].slice(0, says.length - 1)
    expect(await told.promise).toEqual(Buffer.concat(expected))
  })

  test('that says no is repeated in our words, which tell where a token goes', async () => {
    const no = message('E', cstrings('SFATAL', 'C28P01', 'Mserver text', ''))
    const { answer } = await play(async (connection) => {
      await connection.takeStartup()
      connection.send(bound)
      await connection.takeMessage()
      connection.send(no)
    }, begin)
    expect(readError(answer)).toMatchObject({
      sqlstate: '28P01',
      message: 'password authentication failed for user "bob"',
      detail: expect.stringMatching(/^The log of the gateway has more/) as string,
      hint: expect.stringContaining('auth_method=cleartext') as string,
    })
  })

  const silent = { upstream: { connectTimeoutMs: 100 } }
  const steps: readonly (readonly [string, readonly Buffer[]])[] = [
    ['at once', []],
    ['within its offer', [bound.subarray(0, 6)]],
    ['at the first message', [bound]],
    ['at the last message', [bound, authentication.saslContinue(serverFirst)]],
  ]
  const speak =
    (count: number) =>
    async (frontend: Frontend): Promise<void> => {
      await begin(frontend)
      if (count < 2) return
      await frontend.takeMessage()
      frontend.send(response(last))
    }

  test.each(steps)('that goes away %s is unreachable', async (_, says) => {
    const dialogue = await play(async (connection) => {
      await connection.takeStartup()
      for (const bytes of says) {
        connection.send(bytes)
        if (bytes.length > 6) await connection.takeMessage()
      }
      connection.close()
    }, speak(says.length))
    refusedWith(dialogue, 'upstream-unreachable', '08001')
  })

  test.each(steps)('that falls silent %s is given up', async (_, says) => {
    const dialogue = await play(
      async (connection) => {
        await connection.takeStartup()
        for (const bytes of says) connection.send(bytes)
      },
      speak(says.length),
      silent,
    )
    refusedWith(dialogue, 'upstream-timeout', '08001')
  })
})

describe('a client that relays its password', () => {
  test.each<[string, Reason, Buffer]>([
    ['sends the password', 'malformed-sasl-response', response(`${password}\0`)],
    ['sends the password as its first message', 'malformed-scram', initial(password)],
    ['sends no first message', 'malformed-scram', initial(undefined)],
    [
      'binds to our TLS',
      'sasl-mechanism',
      initial('p=tls-server-end-point,,n=,r=x', 'SCRAM-SHA-256-PLUS'),
    ],
    ['binds by another name', 'malformed-scram', initial('p=tls-server-end-point,,n=,r=x')],
    ['knows OAUTHBEARER alone', 'sasl-mechanism', initial('n,,', 'OAUTHBEARER')],
    ['speaks for somebody else', 'authorization-identity', initial('n,a=chief,n=,r=x')],
    ['sends a first message of 2 kB', 'password-too-long', initial(first.padEnd(2_000, 'x'))],
    ['sends a statement', 'malformed-sasl-response', message('Q', 'select 1\0')],
  ])('and %s is refused, and nothing connected to', async (_, reason, says) => {
    const dialogue = await play(server(), async (frontend) => {
      await frontend.takeMessage()
      frontend.send(says)
    })
    refusedWith(dialogue, reason)
    expect(dialogue.upstream.connections).toHaveLength(0)
  })

  test.each<[string, Reason, Buffer]>([
    ['the password', 'malformed-scram', response(`${password}\0`)],
    ['another header', 'malformed-scram', response(last.replace('biws', 'eSws'))],
    ['another nonce', 'malformed-scram', response(last.replace('servernonce', 'mine'))],
    ['no proof', 'malformed-scram', response(withoutProof)],
    ['a last message of 2 kB', 'password-too-long', response(last.padEnd(2_000, 'x'))],
    ['a statement', 'malformed-sasl-response', message('Q', 'select 1\0')],
  ])('and answers with %s is refused, and nothing of it passed on', async (_, reason, says) => {
    const heard = Promise.withResolvers<Buffer>()
    const dialogue = await play(
      async (connection) => {
        await connection.takeStartup()
        connection.send(bound)
        await connection.takeMessage()
        connection.send(authentication.saslContinue(serverFirst))
        heard.resolve(await connection.rest())
      },
      async (frontend) => {
        await begin(frontend)
        await frontend.takeMessage()
        frontend.send(says)
      },
    )
    refusedWith(dialogue, reason)
    expect(await heard.promise).toHaveLength(0)
  })

  test.each<[string, (frontend: Frontend) => void]>([
    [
      'goes',
      (frontend) => {
        frontend.socket.end()
      },
    ],
    [
      'breaks',
      (frontend) => {
        frontend.reset()
      },
    ],
  ])('and then %s leaves nothing behind', async (_, leave) => {
    await using upstream = await Upstream.start(async (connection) => {
      await connection.takeStartup()
      connection.send(bound)
      await connection.takeMessage()
      connection.send(authentication.saslContinue(serverFirst))
    })
    await using gate = await start(upstream, { limits: { maxRelays: 1 } })
    await using frontend = await gate.connect()
    frontend.send(hello)
    await begin(frontend)
    await frontend.takeMessage()
    leave(frontend)
    await gate.settled()
    await until('the upstream to be left', () => upstream.isDeserted)
    expect(gate.witness.outcomes).toMatchObject([{ kind: 'abandoned' }])
    expect(gate.registry.reserveRelay({ maxRelays: 1 })).toBeTypeOf('function')
  })

  test.each<[string, Partial<GateOptions>]>([
    ['the time of a client', { timeouts: { authenticationMs: 100 } }],
    ['the time of a login', { upstream: { connectTimeoutMs: 100 } }],
  ])('and then says nothing is refused when %s is over', async (_, options) => {
    const dialogue = await play(
      async (connection) => {
        await connection.takeStartup()
        connection.send(bound)
        await connection.takeMessage()
        connection.send(authentication.saslContinue(serverFirst))
      },
      async (frontend) => {
        await begin(frontend)
        await frontend.takeMessage()
      },
      options,
    )
    refusedWith(dialogue, 'authentication-timeout', '08006')
  })

  test('is told of a drain while it is waited for', async () => {
    await using upstream = await Upstream.start(async (connection) => {
      await connection.takeStartup()
      connection.send(bound)
      await connection.takeMessage()
      connection.send(authentication.saslContinue(serverFirst))
    })
    await using gate = await start(upstream)
    await using frontend = await gate.connect()
    frontend.send(hello)
    await begin(frontend)
    await frontend.takeMessage()
    const drained = gate.registry.drain(1_000)
    expect(readError(await frontend.rest()).sqlstate).toBe('57P03')
    await drained
    await gate.settled()
    await until('the upstream to be left', () => upstream.isDeserted)
  })

  test('has its password taken in no other way', async () => {
    await using upstream = await Upstream.start(server())
    await using gate = await start(upstream)
    await using frontend = await gate.connect()
    frontend.send(
      startup(['user', 'bob', 'database', database, 'options', '-c auth_method=cleartext']),
    )
    expect((await frontend.takeMessage()).raw).toEqual(authentication.cleartext)
    frontend.send(response(`${password}\0`))
    expect(readError(await frontend.rest())).toMatchObject({
      sqlstate: '28000',
      message: 'passwords are only taken by SCRAM-SHA-256 in pool "sso_pool"',
    })
    await gate.settled()
    expect(upstream.connections).toHaveLength(0)
  })

  test('may still have a token, in the clear', async () => {
    await using upstream = await Upstream.start(async (connection) => {
      await connection.takeStartup()
      connection.send(welcome)
    })
    await using gate = await start(upstream)
    await using frontend = await gate.connect()
    await gate.logIn(frontend, ['options', '-c auth_method=cleartext'])
    expect(await gate.outcome()).toMatchObject({ kind: 'admitted', facts: { credential: 'token' } })
  })
})

describe('a password that is read, at a server that lets everybody in', () => {
  test('lets nobody in, since nobody has looked at it', async () => {
    await using upstream = await Upstream.start(async (connection) => {
      await connection.takeStartup()
      connection.send(welcome)
    })
    await using gate = await start(upstream, { authMethods: ['cleartext'] })
    await using frontend = await gate.connect()
    frontend.send(hello)
    await frontend.takeMessage()
    frontend.send(response('anything\0'))
    const answer = await frontend.rest()
    await gate.settled()
    refusedWith({ gate, answer }, 'upstream-authentication', '08001')
  })
})
