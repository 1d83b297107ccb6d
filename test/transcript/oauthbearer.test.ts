import { beforeAll, describe, expect, test } from 'vitest'
import { cstrings, int32, message, startup } from '../unit/wire/bytes.ts'
import { readError, type Frontend } from './frontend.ts'
import { createTrust, database, Gate, type GateOptions, role, type Trust } from './gate.ts'
import { trust as letIn, Upstream } from './upstream.ts'

let trust: Trust

beforeAll(async () => {
  trust = await createTrust()
})

const offer = message('R', Buffer.concat([int32(10), cstrings('OAUTHBEARER', '')]))
const invalidToken = saslContinue(
  '{ "status": "invalid_token", "openid-configuration": "https://auth.example.com/.well-known/openid-configuration", "scope": "openid email" }',
)
const separator = message('p', '\x01')
const hello = startup(['user', role, 'database', database])
const asked = startup(['user', role, 'database', database, 'options', '-c auth_method=oauthbearer'])

function saslContinue(challenge: string): Buffer {
  return message('R', Buffer.concat([int32(11), Buffer.from(challenge)]))
}

function initialResponse(response: string | undefined, mechanism = 'OAUTHBEARER'): Buffer {
  const bytes = Buffer.from(response ?? '', 'latin1')
  const length = int32(response === undefined ? -1 : bytes.length)
  return message('p', Buffer.concat([cstrings(mechanism), length, bytes]))
}

async function start(options: Partial<GateOptions> = {}): Promise<Gate> {
  return Gate.start({ trust, allowsCleartext: true, authMethods: ['oauthbearer'], ...options })
}

async function begin(gate: Gate, packet = hello): Promise<Frontend> {
  const frontend = await gate.connect()
  frontend.send(packet)
  expect((await frontend.takeMessage()).raw).toEqual(offer)
  return frontend
}

describe('OAUTHBEARER', () => {
  test('is chosen by the client where the pool has it second', async () => {
    await using gate = await start({ authMethods: ['cleartext', 'oauthbearer'] })
    await using frontend = await begin(gate, asked)
    frontend.socket.end()
    expect(await frontend.rest()).toHaveLength(0)
  })

  test('is not to be had where the pool has it not', async () => {
    await using gate = await start({ authMethods: ['cleartext'] })
    await using frontend = await gate.connect()
    frontend.send(asked)
    expect(readError(await frontend.rest())).toMatchObject({
      sqlstate: '28000',
      message: 'authentication method "oauthbearer" is not available in pool "sso_pool"',
    })
  })

  test.each([
    ['at once', (auth: string) => [initialResponse(auth)], []],
    [
      'behind an empty challenge',
      (auth: string) => [initialResponse(undefined), message('p', auth)],
      [saslContinue('')],
    ],
  ])('lets a token in that comes %s, without AuthenticationSASLFinal', async (_, say, hears) => {
    await using upstream = await Upstream.start(letIn)
    await using gate = await start({ upstream: { port: upstream.port } })
    await using frontend = await begin(gate)
    const [first, ...others] = say(`n,,\x01auth=Bearer ${await trust.token()}\x01\x01`)
    frontend.send(first!)
    for (const heard of hears) expect((await frontend.takeMessage()).raw).toEqual(heard)
    frontend.send(...others)
    expect((await frontend.takeMessage()).raw).toEqual(message('R', int32(0)))
    frontend.socket.end()
    await frontend.rest()
    expect(await gate.settled()).toMatchObject([
      { kind: 'admitted', facts: { authMethod: 'oauthbearer', credential: 'token', role } },
      { kind: 'ended' },
    ])
  })

  test('tells where tokens are to be had, which is no failure', async () => {
    await using gate = await start()
    await using frontend = await begin(gate)
    frontend.send(initialResponse('n,,\x01auth=\x01\x01'))
    expect((await frontend.takeMessage()).raw).toEqual(invalidToken)
    frontend.send(separator)
    expect(readError(await frontend.rest())).toMatchObject({
      sqlstate: '28000',
      message: `OAuth bearer authentication failed for user "${role}"`,
    })
    expect(await gate.settled()).toMatchObject([{ kind: 'discovered' }])
  })

  test.each([
    ['a token for others', async () => trust.token({ aud: 'others' }), 'token-audience'],
    ['half a JWT', async () => (await trust.token()).slice(0, 80), 'token-malformed'],
    ['no bearer token', async () => Promise.resolve(''), 'token-malformed'],
  ])('answers %s as PostgreSQL does, and then says what is wrong', async (_, token, reason) => {
    await using gate = await start()
    await using frontend = await begin(gate)
    frontend.send(initialResponse(`n,,\x01auth=Bearer ${await token()}\x01\x01`))
    expect((await frontend.takeMessage()).raw).toEqual(invalidToken)
    frontend.send(separator)
    expect(readError(await frontend.rest())).toMatchObject({
      sqlstate: '28000',
      message: `OAuth bearer authentication failed for user "${role}"`,
      detail: expect.stringMatching(
        /issued for an alternate audience|The log of the gateway/,
      ) as string,
    })
    expect(await gate.settled()).toMatchObject([{ kind: 'refused', refusal: { reason } }])
  })

  test('says that an opaque token cannot be verified where the provider is not asked', async () => {
    await using gate = await start()
    await using frontend = await begin(gate)
    frontend.send(initialResponse('n,,\x01auth=Bearer opaque\x01\x01'))
    expect((await frontend.takeMessage()).raw).toEqual(invalidToken)
    frontend.send(separator)
    expect(readError(await frontend.rest()).message).toMatch(/introspection/)
    expect(await gate.settled()).toMatchObject([
      { kind: 'refused', refusal: { reason: 'access-token-unsupported' } },
    ])
  })

  test.each([
    ['another mechanism', initialResponse('n,,', 'SCRAM-SHA-256'), '08P01', 'sasl-mechanism'],
    ['a password', message('p', 'secret\0'), '08P01', 'malformed-sasl-response'],
    ['a query', message('Q', 'select 1\0'), '08P01', 'malformed-sasl-response'],
    [
      'channel binding',
      initialResponse('p=x,,\x01auth=\x01\x01'),
      '08P01',
      'malformed-oauthbearer',
    ],
    ['another identity', initialResponse('n,a=x,\x01'), '0A000', 'authorization-identity'],
    ['an empty response', initialResponse(''), '08P01', 'malformed-oauthbearer'],
    ['too much', message('p', '', 70_000), '08P01', 'password-too-long'],
    ['no length', message('p', '', 3), '08P01', 'malformed-sasl-response'],
  ])('refuses %s', async (_, bytes, sqlstate, reason) => {
    await using gate = await start()
    await using frontend = await begin(gate)
    frontend.send(bytes)
    expect(readError(await frontend.rest())).toMatchObject({ sqlstate })
    expect(await gate.settled()).toMatchObject([{ kind: 'refused', refusal: { reason } }])
  })

  test('refuses a client that goes on behind the error', async () => {
    await using gate = await start()
    await using frontend = await begin(gate)
    frontend.send(initialResponse('n,,\x01auth=\x01\x01'))
    await frontend.takeMessage()
    frontend.send(message('p', 'n,,\x01auth=\x01\x01'))
    expect(readError(await frontend.rest())).toMatchObject({
      sqlstate: '08P01',
      message: 'malformed OAUTHBEARER message',
      detail: 'Client did not send a kvsep response.',
    })
  })
})
