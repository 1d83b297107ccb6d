// A token that is passed on to servers that play OAUTHBEARER (RFC 7628) and CockroachDB, byte for byte.
import { beforeAll, describe, expect, test } from 'vitest'
import type { UpstreamTarget } from '../../src/upstream/target.ts'
import { int32, message } from '../unit/wire/bytes.ts'
import { createTrust, Gate, role, type Trust } from './gate.ts'
import { until } from './until.ts'
import {
  authentication,
  type Script,
  Upstream,
  type UpstreamConnection,
  welcome,
} from './upstream.ts'

let trust: Trust

beforeAll(async () => {
  trust = await createTrust()
})

const offer = message('R', Buffer.concat([int32(10), Buffer.from('OAUTHBEARER\0\0')]))
const failure = '{"status":"invalid_token","scope":"db","openid-configuration":"https://a"}'
const fatal = (sqlstate: string, text: string): Buffer =>
  message('E', `SFATAL\0VFATAL\0C${sqlstate}\0M${text}\0\0`)

interface Played {
  readonly outcome: unknown
  readonly reason: unknown
  /** What the server was sent behind the startup message. */
  readonly sent: readonly string[]
  readonly startup: readonly string[]
  readonly token: string
}

async function play(
  script: (connection: UpstreamConnection, take: () => Promise<void>) => Promise<void>,
  target: Partial<UpstreamTarget> = {},
  options: readonly string[] = [],
): Promise<Played> {
  const sent: string[] = []
  let startup: readonly string[] = []
  const play: Script = async (connection) => {
    await connection.secure(trust.server)
    startup = await connection.takeStartup()
    const take = async (): Promise<void> => {
      const { type, body } = await connection.takeMessage()
      sent.push(`${type}${body.toString('latin1')}`)
    }
    try {
      await script(connection, take)
    } finally {
      connection.close()
    }
  }
  await using upstream = await Upstream.start(play)
  const token = await trust.token()
  await using gate = await Gate.start({
    trust: { ...trust, token: async () => Promise.resolve(token) },
    allowsCleartext: true,
    upstream: {
      port: upstream.port,
      tls: 'verify-full',
      credentials: { method: 'token', form: 'auto', isAnnounced: false },
      ...target,
    },
  })
  await using frontend = await gate.connect()
  await gate.logIn(frontend, options)
  await frontend.rest()
  await gate.settled()
  await until('the upstream to be left', () => upstream.isDeserted)
  const [outcome] = gate.witness.outcomes
  const isRefused = outcome?.kind === 'refused'
  return {
    outcome: isRefused ? outcome.refusal.logDetail : outcome?.kind,
    reason: isRefused ? outcome.refusal.reason : undefined,
    sent,
    startup,
    token,
  }
}

describe('by OAUTHBEARER', () => {
  test('the token is the first message, and AuthenticationOk the whole answer', async () => {
    const { outcome, sent, token } = await play(async (connection, take) => {
      connection.send(offer)
      await take()
      connection.send(welcome)
    })
    expect(outcome).toBe('admitted')
    const data = `n,,\x01auth=Bearer ${token}\x01\x01`
    const length = int32(data.length).toString('latin1')
    expect(sent).toEqual([`pOAUTHBEARER\0${length}${data}`])
  })

  test('an error is answered with the dummy response, and told with what comes behind it', async () => {
    const played = await play(async (connection, take) => {
      connection.send(offer)
      await take()
      connection.send(authentication.saslContinue(failure))
      await take()
      connection.send(fatal('28000', 'OAuth bearer authentication failed'))
    })
    expect(played).toMatchObject({
      reason: 'upstream-authentication',
      outcome:
        'OAUTHBEARER: the server says invalid_token, wants the scope "db", takes tokens of https://a: OAuth bearer authentication failed',
    })
    expect(played.sent[1]).toBe('p\x01')
    expect(String(played.outcome)).not.toContain(played.token.slice(0, 20))
  })

  test.each<[string, Buffer[], string]>([
    ['the end of another mechanism', [authentication.saslFinal('v=x')], 'upstream-protocol'],
    ['another question', [authentication.cleartext], 'upstream-protocol'],
    ['an error that is none', [authentication.saslContinue('no JSON')], 'upstream-protocol'],
    [
      'success behind an error',
      [authentication.saslContinue(failure), welcome],
      'upstream-protocol',
    ],
    ['a bare refusal', [fatal('28000', 'no')], 'upstream-authentication'],
    ['a refusal that is not about the token', [fatal('53300', 'too many')], 'upstream-refused'],
    [
      'another version of the protocol',
      [message('v', Buffer.concat([int32(196_608), int32(0)]))],
      'upstream-protocol',
    ],
  ])('%s ends the login', async (_, answers, reason) => {
    const played = await play(async (connection, take) => {
      connection.send(offer)
      await take()
      for (const answer of answers) connection.send(answer)
    })
    expect(played.reason).toBe(reason)
  })
})

describe('to CockroachDB', () => {
  const announced = { method: 'token', form: 'auto', isAnnounced: true } as const
  const asking = async (connection: UpstreamConnection, take: () => Promise<void>) => {
    connection.send(authentication.cleartext)
    await take()
    connection.send(welcome)
  }

  test('the token is announced, and is the password', async () => {
    const { outcome, sent, startup, token } = await play(asking, { credentials: announced })
    expect(outcome).toBe('admitted')
    expect(sent).toEqual([`p${token}\0`])
    expect(startup).toEqual([
      ...['user', role, 'database', 'real_name', 'options', '--crdb:jwt_auth_enabled=true'],
    ])
  })

  test('what the client has of options stands behind it', async () => {
    const options = ['options', '-c work_mem=1MB --crdb:jwt_auth_enabled=false \\']
    const { startup } = await play(asking, { credentials: announced }, options)
    expect(startup.at(-1)).toMatch(/^--crdb:jwt_auth_enabled=true -c work_mem=1MB/)
    expect(startup.at(-1)).not.toContain('=false')
  })
})
