import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { mintAuthority } from '../../src/upstream/mint-certificate.ts'
import { RoleCertificates } from '../../src/upstream/role-certificates.ts'
import type { PasswordMethod, UpstreamCredentials } from '../../src/upstream/target.ts'
import type { Reason } from '../../src/refusal.ts'
import { cstrings, int32, message, startup } from '../unit/wire/bytes.ts'
import { readError } from './frontend.ts'
import { createTrust, database, Gate, type GateOptions, role, type Trust } from './gate.ts'
import { scramServer } from './scram-server.ts'
import { until } from './until.ts'
import {
  authentication,
  greeting,
  keyData,
  ready,
  type Script,
  trust as letIn,
  Upstream,
  welcome,
} from './upstream.ts'

let trust: Trust

beforeAll(async () => {
  trust = await createTrust()
})

const away = { sqlstate: '08001', message: 'could not connect to the database' }
const secret = 'upstream secret'

function passwords(...allow: readonly PasswordMethod[]): UpstreamCredentials {
  return { method: 'password', passwords: new Map([[role, secret]]), allow: new Set(allow) }
}

const everything = passwords('scram-sha-256', 'md5', 'cleartext')

const byCertificate = await certificateCredentials()

async function certificateCredentials(): Promise<UpstreamCredentials> {
  const period = { notBefore: new Date(0), notAfter: new Date(Date.UTC(2100, 0)) }
  const { certificate, key } = await mintAuthority('ca', period)
  const authority = { certificate: new X509Certificate(certificate), key: createPrivateKey(key) }
  const options = { authority, validityMs: 60_000, maxRoles: 1, context: {} }
  const certificates = new RoleCertificates(options)
  // What makes them is loaded and known by then, so that no deadline of a test is spent on it.
  await certificates.contextFor(role, new Date())
  return { method: 'certificate', certificates }
}

interface Dialogue {
  readonly upstream: Upstream
  readonly gate: Gate
  /** All that the client got behind the request for its password. */
  readonly answer: Buffer
}

/** Logs in with a token at a server that follows the script, and reads until the connection ends. */
async function play(
  script: Script,
  target: NonNullable<GateOptions['upstream']> = {},
): Promise<Dialogue> {
  await using upstream = await Upstream.start(script)
  await using gate = await Gate.start({
    trust,
    allowsCleartext: true,
    upstream: { port: upstream.port, ...target },
  })
  await using frontend = await gate.connect()
  await gate.logIn(frontend)
  const answer = await frontend.rest()
  await gate.settled()
  await until('the upstream to be left', () => upstream.isDeserted)
  return { upstream, gate, answer }
}

function refusedWith(
  { gate, answer }: Dialogue,
  reason: Reason,
  told: { sqlstate: string; message: string } = away,
): void {
  const [outcome, ...more] = gate.witness.outcomes
  expect(more).toEqual([])
  expect(outcome).toMatchObject({ kind: 'refused', refusal: { reason } })
  // What is amiss behind the gate is in its log alone, under a reference that the client can name.
  const isOwnFault = reason === 'role-reserved'
  const reference = `The log of the gateway has more under session ${outcome?.facts.id ?? ''}.`
  expect(readError(answer)).toMatchObject({
    ...told,
    detail: isOwnFault ? undefined : reference,
  })
  expect(answer.toString('latin1')).not.toMatch(/127\.0\.0\.1|real_name|upstream secret/)
}

/** Asks one thing and says no more. */
function asks(...requests: readonly Buffer[]): Script {
  return async (connection) => {
    await connection.takeStartup()
    connection.send(...requests)
  }
}

/** A server that expects this answer to its request, lets the client in and then closes. */
function expects(request: Buffer, answer: Buffer): Script {
  return async (connection) => {
    await connection.takeStartup()
    connection.send(request)
    expect((await connection.takeMessage()).raw).toEqual(answer)
    connection.send(welcome)
    connection.close()
  }
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex')
}

const admitted = [{ kind: 'admitted' }, { kind: 'ended', end: { reason: 'upstream-closed' } }]

describe('a bug in the gate', () => {
  test('is an internal error to the client, whole to the observer, and takes nobody else down', async () => {
    const bug = new Error('a bug with secrets in it')
    const clock = [
      () => {
        throw bug
      },
      () => new Date(),
    ]
    await using upstream = await Upstream.start(letIn)
    await using gate = await Gate.start({
      trust,
      allowsCleartext: true,
      upstream: { port: upstream.port },
      now: () => (clock.shift() ?? (() => new Date()))(),
    })
    await using unlucky = await gate.connect()
    await gate.logIn(unlucky)
    const [outcome] = [await gate.outcome()]
    expect(outcome).toMatchObject({
      kind: 'refused',
      refusal: { reason: 'internal-error', cause: bug },
    })
    expect(readError(await unlucky.rest())).toMatchObject({
      sqlstate: 'XX000',
      message: 'internal error',
      detail: `The log of the gateway has more under session ${outcome.facts.id}.`,
    })
    await using lucky = await gate.connect()
    await gate.logIn(lucky)
    await until('the next login', () => gate.witness.outcomes[1]?.kind === 'admitted')
  })
})

describe('a login that succeeds', () => {
  test.each<[string, Script, UpstreamCredentials]>([
    [
      'without a question',
      async (connection) => {
        await letIn(connection)
        connection.close()
      },
      { method: 'trust' },
    ],
    [
      'with an MD5 password',
      expects(authentication.md5, message('p', `md5${md5(`${md5(secret + role)}salt`)}\0`)),
      passwords('md5'),
    ],
    [
      'with SCRAM-SHA-256',
      async (connection) => {
        await scramServer({ password: secret })(connection)
        connection.close()
      },
      passwords('scram-sha-256'),
    ],
    [
      'after notices',
      async (connection) => {
        await connection.takeStartup()
        connection.send(message('N', 'a'), message('N', 'b'), welcome)
        connection.close()
      },
      { method: 'trust' },
    ],
  ])('%s is told to the client in one piece', async (_, script, credentials) => {
    const { gate, upstream, answer } = await play(script, { credentials })
    expect(upstream.failures).toEqual([])
    expect(gate.witness.outcomes).toMatchObject(admitted)
    const key = answer.subarray(9 + greeting.length, -ready.length)
    expect(answer).toEqual(Buffer.concat([authentication.ok, greeting, key, ready]))
    expect(key.toString('hex')).toMatch(/^4b0000000c00001267[0-9a-f]{8}$/)
  })

  test('with a cleartext password has it within TLS', async () => {
    const { gate, upstream } = await play(
      async (connection) => {
        await connection.secure(trust.server)
        await expects(authentication.cleartext, message('p', `${secret}\0`))(connection)
      },
      { tls: 'verify-full', credentials: passwords('cleartext') },
    )
    expect(upstream.failures).toEqual([])
    expect(gate.witness.outcomes).toMatchObject(admitted)
  })

  test('sends role, real database and the parameters of the client, and none of ours', async () => {
    const told = Promise.withResolvers<readonly string[]>()
    await using upstream = await Upstream.start(async (connection) => {
      told.resolve(await connection.takeStartup())
      connection.send(welcome)
    })
    await using gate = await Gate.start({
      trust,
      allowsCleartext: true,
      upstream: { port: upstream.port },
    })
    await using frontend = await gate.connect()
    const parameters = ['application_name', 'psql', 'handshake', 'SSO']
    const options = ['options', '-c a=b --crdb:jwt_auth_enabled=true -c identityprovider=sso']
    await gate.logIn(frontend, [...parameters, ...options])
    expect(await told.promise).toEqual([
      'user',
      role,
      'database',
      'real_name',
      'application_name',
      'psql',
      'options',
      '-c a=b',
    ])
  })

  test('shows the notices of the server to the client', async () => {
    const notice = message('N', cstrings('SNOTICE', 'C00000', 'Mhello', ''))
    const { answer } = await play(async (connection) => {
      await connection.takeStartup()
      connection.send(authentication.ok, notice, greeting, keyData, ready)
      connection.close()
    })
    expect(answer.includes(notice)).toBe(true)
  })
})

describe('a method that is not to be used', () => {
  test.each<[string, Buffer, UpstreamCredentials]>([
    ['cleartext that is not allowed', authentication.cleartext, passwords('scram-sha-256', 'md5')],
    ['cleartext without TLS', authentication.cleartext, everything],
    ['MD5 that is not allowed', authentication.md5, passwords('scram-sha-256')],
    ['SCRAM that is not allowed', authentication.sasl, passwords('md5')],
    ['a password where none is known', authentication.sasl, { method: 'trust' }],
    ['cleartext where there is a certificate', authentication.cleartext, byCertificate],
    ['MD5 where there is a certificate', authentication.md5, byCertificate],
    ['SCRAM where there is a certificate', authentication.sasl, byCertificate],
    ['GSS', message('R', int32(7)), everything],
    ['SSPI', message('R', int32(9)), everything],
    ['a method of the future', message('R', int32(99)), everything],
  ])(
    '%s: nothing is sent, and the client learns no more than that',
    async (_, ask, credentials) => {
      const sent = Promise.withResolvers<Buffer>()
      const dialogue = await play(
        async (connection) => {
          await connection.takeStartup()
          connection.send(ask)
          sent.resolve(await connection.rest())
        },
        { credentials },
      )
      refusedWith(dialogue, 'upstream-authentication')
      expect(await sent.promise).toHaveLength(0)
    },
  )
})

describe('a SCRAM exchange with a server', () => {
  test.each<[string, Script, Reason]>([
    [
      'whose signature is wrong',
      scramServer({ password: secret, change: { signature: (mine) => mine.fill(0) } }),
      'upstream-authentication',
    ],
    [
      'that sends no signature',
      scramServer({ password: secret, change: { final: () => 'e=other-error' } }),
      'upstream-authentication',
    ],
    [
      'that changes the nonce',
      scramServer({ password: secret, change: { nonce: (mine) => `x${mine}` } }),
      'upstream-authentication',
    ],
    [
      'that adds nothing to the nonce',
      scramServer({ password: secret, change: { nonce: (mine) => mine.replace('server', '') } }),
      'upstream-authentication',
    ],
    [
      'that wants 10^9 iterations',
      scramServer({ password: secret, iterations: 1_000_000_000 }),
      'upstream-authentication',
    ],
    [
      'that wants no iteration',
      scramServer({ password: secret, change: { first: (mine) => mine.replace('4096', '0') } }),
      'upstream-authentication',
    ],
    [
      'that cuts its first message',
      scramServer({ password: secret, change: { first: (mine) => mine.slice(0, 20) } }),
      'upstream-authentication',
    ],
    [
      'that offers another mechanism only',
      asks(message('R', Buffer.concat([int32(10), cstrings('SCRAM-SHA-512', '')]))),
      'upstream-protocol',
    ],
    [
      'that skips the proof of itself',
      async (connection) => {
        await connection.takeStartup()
        connection.send(authentication.sasl)
        await connection.takeMessage()
        connection.send(authentication.ok, greeting, keyData, ready)
      },
      'upstream-protocol',
    ],
    ['that begins in the middle', asks(authentication.saslContinue('r=x')), 'upstream-protocol'],
    ['that begins at the end', asks(authentication.saslFinal('v=x')), 'upstream-protocol'],
  ])('%s is broken off', async (_, script, reason) => {
    refusedWith(await play(script, { credentials: everything }), reason)
  })
})

describe('a server that breaks the protocol', () => {
  const notice = message('N', 'x')
  const status = message('S', 'a\0b\0')

  test.each<[string, Script]>([
    ['with a frame that is too long', asks(message('R', '', 70_000))],
    ['with a frame of 2 GiB', asks(message('E', '', 2 ** 31))],
    ['with a frame that is too short', asks(message('R', '', 3))],
    ['with a malformed authentication request', asks(message('R', 'x'))],
    ['with a malformed error', asks(message('E', 'SFATAL'))],
    ['with an HTTP answer', asks(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))],
    ['with a message that is none of a login', asks(message('T', Buffer.alloc(2)))],
    ['with a negotiation nobody asked for', asks(message('v', Buffer.alloc(8)))],
    ['with ReadyForQuery at once', asks(ready)],
    ['with endless notices', asks(Buffer.concat(Array.from({ length: 50 }, () => notice)))],
    [
      'with endless notices after it let the client in',
      asks(authentication.ok, Buffer.concat(Array.from({ length: 1_001 }, () => notice))),
    ],
    [
      'with endless parameters',
      asks(authentication.ok, Buffer.concat(Array.from({ length: 1_001 }, () => status))),
    ],
    ['with no cancel key', asks(authentication.ok, greeting, ready)],
    ['with a cancel key of 3 bytes', asks(authentication.ok, message('K', Buffer.alloc(7)))],
    ['with a malformed parameter', asks(authentication.ok, message('S', 'a'))],
    ['with a malformed ReadyForQuery', asks(authentication.ok, keyData, message('Z'))],
    ['with a second AuthenticationOk', asks(authentication.ok, authentication.ok)],
    ['with rows before ReadyForQuery', asks(authentication.ok, keyData, message('D', 'x'))],
  ])('%s is closed', async (_, script) => {
    refusedWith(await play(script), 'upstream-protocol')
  })
})

describe('an error of the server', () => {
  function error(sqlstate: string, ...more: readonly string[]): Buffer {
    return message('E', cstrings('SFATAL', 'VFATAL', `C${sqlstate}`, 'Mserver text', ...more, ''))
  }

  test.each([
    ['53300', error('53300')],
    ['57P03', error('57P03', 'HTry later.')],
    ['3D000', error('3D000')],
    ['42704', error('42704', 'Fguc.c', 'L6800')],
    ['no SQLSTATE', message('E', cstrings('SFATAL', 'Mno code', ''))],
    ['no field at all', message('E', Buffer.of(0))],
  ])('with %s is passed on byte for byte', async (_, bytes) => {
    const { gate, answer } = await play(asks(bytes))
    expect(answer).toEqual(bytes)
    expect(gate.witness.outcomes).toMatchObject([
      { kind: 'refused', refusal: { reason: 'upstream-refused' } },
    ])
  })

  test('after it let the client in is passed on too', async () => {
    const bytes = error('57P03')
    const { answer } = await play(asks(authentication.ok, greeting, bytes))
    expect(answer).toEqual(bytes)
  })

  test.each(['28000', '28P01'])('of %s, about our own credential, is hidden', async (sqlstate) => {
    refusedWith(await play(asks(error(sqlstate))), 'upstream-authentication')
  })

  test('behind a right proof, 28000, is hidden', async () => {
    const script = scramServer({ password: secret, welcome: error('28000') })
    refusedWith(await play(script, { credentials: everything }), 'upstream-authentication')
  })
})

describe('a password of the client that the pool lets through', () => {
  async function playPassword(script: Script): Promise<Dialogue> {
    await using upstream = await Upstream.start(script)
    await using gate = await Gate.start({
      trust,
      allowsCleartext: true,
      requireSso: false,
      upstream: { port: upstream.port },
    })
    await using frontend = await gate.connect()
    frontend.send(startup(['user', 'bob', 'database', database]))
    await frontend.takeMessage()
    frontend.send(message('p', 'bobs own\0'))
    const answer = await frontend.rest()
    await gate.settled()
    await until('the upstream to be left', () => upstream.isDeserted)
    return { upstream, gate, answer }
  }

  test('is proved by SCRAM', async () => {
    const { gate } = await playPassword(async (connection) => {
      await scramServer({ password: 'bobs own' })(connection)
      connection.close()
    })
    expect(gate.witness.outcomes).toMatchObject(admitted)
  })

  test('is not sent in the clear', async () => {
    refusedWith(await playPassword(asks(authentication.cleartext)), 'upstream-authentication')
  })

  test('is wrong in the words of PostgreSQL when the server says so', async () => {
    const verdict = message('E', cstrings('SFATAL', 'C28P01', 'Mno', ''))
    refusedWith(await playPassword(asks(verdict)), 'wrong-password', {
      sqlstate: '28P01',
      message: 'password authentication failed for user "bob"',
    })
  })
})

describe('a connection to the server that ends', () => {
  const steps: readonly (readonly [string, readonly Buffer[]])[] = [
    ['at once', []],
    ['within a message', [authentication.ok.subarray(0, 6)]],
    ['after AuthenticationOk', [authentication.ok]],
    ['after the parameters', [authentication.ok, greeting]],
    ['after the cancel key', [authentication.ok, greeting, keyData]],
  ]

  test.each(steps)('%s is unreachable', async (_, sent) => {
    const dialogue = await play(async (connection) => {
      await connection.takeStartup()
      connection.send(...sent)
      connection.close()
    })
    refusedWith(dialogue, 'upstream-unreachable')
  })

  test.each(steps)('by a reset %s is unreachable', async (_, sent) => {
    const dialogue = await play(async (connection) => {
      await connection.takeStartup()
      connection.send(...sent)
      connection.reset()
    })
    refusedWith(dialogue, 'upstream-unreachable')
  })

  test('before the startup message is unreachable', async () => {
    const dialogue = await play(async (connection) => {
      connection.close()
      return Promise.resolve()
    })
    refusedWith(dialogue, 'upstream-unreachable')
  })

  test('that was never there is unreachable', async () => {
    refusedWith(await play(letIn, { port: 1 }), 'upstream-unreachable')
  })

  test('during SCRAM is unreachable', async () => {
    const dialogue = await play(
      async (connection) => {
        await connection.takeStartup()
        connection.send(authentication.sasl)
        await connection.takeMessage()
        connection.close()
      },
      { credentials: everything },
    )
    refusedWith(dialogue, 'upstream-unreachable')
  })
})

describe('a server that falls silent', () => {
  const connectTimeoutMs = 50

  test.each<[string, Script]>([
    ['before it asks for anything', asks()],
    ['within a message', asks(authentication.ok.subarray(0, 3))],
    ['after AuthenticationOk', asks(authentication.ok)],
    ['before ReadyForQuery', asks(authentication.ok, greeting, keyData)],
    ['during SCRAM', asks(authentication.sasl)],
  ])('%s is given up', async (_, script) => {
    const dialogue = await play(script, { connectTimeoutMs, credentials: everything })
    refusedWith(dialogue, 'upstream-timeout')
  })

  test.each<[string, Script]>([
    [
      'at the request for TLS',
      async (connection) => {
        await connection.takePacket()
      },
    ],
    [
      'in the handshake',
      async (connection) => {
        await connection.takePacket()
        connection.send('S')
      },
    ],
    [
      'after the handshake',
      async (connection) => {
        await connection.secure(trust.server)
        await connection.takeStartup()
      },
    ],
  ])('%s is given up', async (_, script) => {
    refusedWith(await play(script, { connectTimeoutMs, tls: 'verify-full' }), 'upstream-timeout')
  })
})

describe('TLS to the server', () => {
  function answers(...answer: readonly (string | Buffer)[]): Script {
    return async (connection) => {
      await connection.takePacket()
      connection.send(...answer)
    }
  }

  test.each<[string, Script]>([
    ['that it has not', answers('N')],
    ['that it answers with an error', answers(message('E', cstrings('Mno', '')))],
    ['with bytes behind its S (CVE-2021-23222)', answers('S', authentication.ok)],
  ])('%s is refused, and no startup message sent', async (_, script) => {
    const dialogue = await play(script, { tls: 'require' })
    refusedWith(dialogue, 'upstream-tls')
    expect(dialogue.upstream.connections[0]?.unread).toHaveLength(0)
  })

  test('that turns out to be none is refused', async () => {
    const dialogue = await play(
      async (connection) => {
        await answers('S')(connection)
        await connection.take(1)
        connection.send('this is no TLS')
      },
      { tls: 'require' },
    )
    refusedWith(dialogue, 'upstream-tls')
  })

  test('that breaks off in the handshake is refused', async () => {
    const dialogue = await play(
      async (connection) => {
        await answers('S')(connection)
        connection.close()
      },
      { tls: 'require' },
    )
    refusedWith(dialogue, 'upstream-tls')
  })

  test.each<[string, NonNullable<GateOptions['upstream']>]>([
    ['for another name', { tls: 'verify-full', serverName: 'db.example.com' }],
  ])('with a certificate %s is refused', async (_, target) => {
    const dialogue = await play(async (connection) => {
      await connection.secure(trust.server)
      await connection.takeStartup()
    }, target)
    refusedWith(dialogue, 'upstream-tls')
  })

  test.each(['verify-ca', 'verify-full'] as const)(
    'of an unknown authority is refused with %s',
    async (tls) => {
      const stranger = await createTrust()
      const dialogue = await play(
        async (connection) => {
          await connection.secure(stranger.server)
          await connection.takeStartup()
        },
        { tls },
      )
      refusedWith(dialogue, 'upstream-tls')
    },
  )

  test.each<[string, NonNullable<GateOptions['upstream']>]>([
    ['verify-full', { tls: 'verify-full' }],
    ['verify-ca, whatever the name', { tls: 'verify-ca', serverName: 'db.example.com' }],
    ['require, whatever the name', { tls: 'require', serverName: 'db.example.com' }],
  ])('is used with %s', async (_, target) => {
    const { gate } = await play(async (connection) => {
      await connection.secure(trust.server)
      await letIn(connection)
      connection.close()
    }, target)
    expect(gate.witness.outcomes).toMatchObject(admitted)
  })
})

describe('a role that turns out to be a superuser', () => {
  test('is refused, and its session is ended', async () => {
    const said = Promise.withResolvers<Buffer>()
    const dialogue = await play(async (connection) => {
      await connection.takeStartup()
      connection.send(authentication.ok, message('S', 'is_superuser\0on\0'), keyData, ready)
      said.resolve(await connection.rest())
    })
    refusedWith(dialogue, 'role-reserved', {
      sqlstate: '28000',
      message: 'user "app_readonly" is reserved and cannot log in by single sign-on',
    })
    expect((await said.promise).toString('hex')).toBe('5800000004')
  })
})
