// SCRAM-SHA-256-PLUS towards a server, and what may be said where it is not to be had.
import { beforeAll, describe, expect, test } from 'vitest'
import type { ChannelBindingUse, UpstreamTarget } from '../../src/upstream/target.ts'
import { createTrust, Gate, role, type Trust } from './gate.ts'
import { type ScramServerOptions, scramServer } from './scram-server.ts'
import { until } from './until.ts'
import { authentication, type Script, Upstream, welcome } from './upstream.ts'

let trust: Trust

beforeAll(async () => {
  trust = await createTrust()
})

const password = 'upstream secret'
const both = ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256']
const plain = ['SCRAM-SHA-256']

/** What a login comes to, and what the server did not expect. */
async function play(
  script: Script,
  channelBinding: ChannelBindingUse,
  target: Partial<UpstreamTarget> = {},
): Promise<{ outcome: unknown; failures: readonly unknown[] }> {
  await using upstream = await Upstream.start(async (connection) => {
    if (target.tls !== 'disable') await connection.secure(trust.server)
    try {
      await script(connection)
    } finally {
      connection.close()
    }
  })
  await using gate = await Gate.start({
    trust,
    allowsCleartext: true,
    upstream: {
      port: upstream.port,
      tls: 'verify-full',
      channelBinding,
      credentials: {
        method: 'password',
        passwords: new Map([[role, password]]),
        allow: new Set(['scram-sha-256', 'md5', 'cleartext'] as const),
      },
      ...target,
    },
  })
  await using frontend = await gate.connect()
  await gate.logIn(frontend)
  await frontend.rest()
  await gate.settled()
  await until('the upstream to be left', () => upstream.isDeserted)
  const [outcome] = gate.witness.outcomes
  return {
    outcome: outcome?.kind === 'refused' ? outcome.refusal.logDetail : outcome?.kind,
    failures: upstream.failures.map((failure) => failure instanceof Error && failure.message),
  }
}

/** Offers mechanisms; a proof that is bound is taken for the certificate of the connection alone. */
function server(mechanisms: readonly string[], more: Partial<ScramServerOptions> = {}): Script {
  return async (connection) =>
    scramServer({ password, mechanisms, endPoint: () => connection.endPoint(), ...more })(
      connection,
    )
}

describe('a server behind TLS', () => {
  test.each<[ChannelBindingUse, readonly string[]]>([
    ['prefer', both],
    ['prefer', ['SCRAM-SHA-256-PLUS']],
    ['prefer', plain],
    ['require', both],
    ['require', ['SCRAM-SHA-256-PLUS']],
    ['disable', both],
    ['disable', plain],
  ])('is logged in to with %s where it offers %j', async (use, mechanisms) => {
    expect(await play(server(mechanisms), use)).toEqual({ outcome: 'admitted', failures: [] })
  })

  test('with another certificate than the one that was shown does not get a proof', async () => {
    const relayed = server(both, { endPoint: () => Buffer.alloc(32) })
    const { outcome, failures } = await play(relayed, 'prefer', { tls: 'require' })
    expect(failures).toEqual(['another channel'])
    expect(outcome).not.toBe('admitted')
  })

  test('that is one of `prefer` is told that it could have been bound', async () => {
    const downgraded: Script = async (connection) => {
      await connection.takeStartup()
      connection.send(authentication.sasl)
      expect((await connection.takeMessage()).body.toString()).toContain('y,,n=,r=')
    }
    const { failures } = await play(downgraded, 'prefer')
    expect(failures).toEqual([])
  })

  test.each<[string, Script, string]>([
    ['that offers none', server(plain), 'the server offers no channel binding'],
    [
      'that asks for nothing',
      async (connection) => {
        await connection.takeStartup()
        connection.send(welcome)
      },
      'the server lets us in without channel binding',
    ],
    [
      'that asks for MD5',
      async (connection) => {
        await connection.takeStartup()
        connection.send(authentication.md5)
      },
      'the server asks for md5, without channel binding',
    ],
    [
      'that asks for cleartext',
      async (connection) => {
        await connection.takeStartup()
        connection.send(authentication.cleartext)
      },
      'the server asks for cleartext, without channel binding',
    ],
  ])('%s is left where binding is required', async (_, script, told) => {
    const { outcome } = await play(script, 'require')
    expect(outcome).toBe(`${told}, which upstream.channel_binding requires`)
  })
})

describe('a server without TLS', () => {
  test('is logged in to without a word about the channel', async () => {
    const { outcome, failures } = await play(server(plain), 'prefer', { tls: 'disable' })
    expect({ outcome, failures }).toEqual({ outcome: 'admitted', failures: [] })
  })

  test('is left where binding is required', async () => {
    const { outcome } = await play(server(both), 'require', { tls: 'disable' })
    expect(outcome).toMatch(/^the server has a certificate that gives no channel binding/)
  })
})
