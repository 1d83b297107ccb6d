import { describe, expect, test } from 'vitest'
import type { ExplainedLogin } from '../../src/admin/console-fleet.ts'
import { sessionTokensOf } from '../../src/compose-session-tokens.ts'
import { ConsoleExplanations } from '../../src/explain-for-console.ts'
import { replayLogin } from '../../src/replay-login.ts'
import type { EndOrder } from '../../src/session/revocations.ts'
import { load, minimal } from './config/load.ts'
import { makeToken, signingKey, toJwk } from './identity/tokens.ts'

const issuer = 'https://auth.example.com'
const key = signingKey('first')

const { config } = load(`node: gw0
tls: { certificate: server.crt, key: server.key }
integrations:
  people:
    protocol: oidc
    issuer: ${issuer}
    client_id: gateway
    enable_id_token_authentication: true
    groups_claim_ids: [groups]
    groups_claim_mappings: { dba: readwrite, staff: readonly }
    max_token_age: 1h
    jwks: '${JSON.stringify({ keys: [toJwk(key)] })}'
  machines:
    protocol: oidc
    issuer: https://machines.example.com
    client_id: m2m
    default_group: readonly
    enable_id_token_authentication: true
    jwks: '${JSON.stringify({ keys: [toJwk(key)] })}'
groups:
  readonly: { role: app_readonly }
  readwrite: { role: app_readwrite, rank: 10 }
databases:
  system: { integrations: [people, machines], primary: people }
  sandbox: { upstream: { host: 127.0.0.1, tls: disable, auth: { method: trust } } }
connectivity_pools:
  offices:
    source_address: 10.0.0.0/8
    require_sso: true
    participants: [{ node: gw0, listen_address: 127.0.0.1, listen_port: 6432 }]
  rest:
    source_address: 0.0.0.0/0
    require_sso: true
    participants: [{ node: gw0, listen_address: 127.0.0.1, listen_port: 6433 }]
  elsewhere:
    participants: [{ node: gw1, listen_address: 127.0.0.1, listen_port: 6432 }]
`)

function explanations(standing: readonly EndOrder[] = []): ConsoleExplanations {
  return new ConsoleExplanations({
    config: () => config,
    standingOrders: () => standing,
    secretsOfThisStart,
  })
}

async function explain(
  login: Partial<ExplainedLogin>,
  standing: readonly EndOrder[] = [],
): ReturnType<ConsoleExplanations['explain']> {
  const asked = { integration: undefined, user: undefined, database: 'sandbox', pool: 'rest' }
  const claims = { kind: 'claims', claims: { sub: 'auth0|alice', groups: ['dba'] } } as const
  return explanations(standing).explain({ credential: claims, from: undefined, ...asked, ...login })
}

const secretsOfThisStart = ['made for this start, and for no other']

describe('a session token', () => {
  const withPages = { ...config, web: webOf() }
  const request = {
    ...{ user: 'app_readonly', database: 'sandbox', from: '127.0.0.1' },
    ...{ options: undefined, identityProvider: undefined, claims: undefined },
    ...{ listener: '127.0.0.1:6433', certificate: undefined, isOffline: true },
  }

  function webOf() {
    const { web } = load(`${minimal}web: { public_url: "https://gate.example.com" }\n`).config
    return web
  }

  async function sessionToken(): Promise<string> {
    const now = new Date()
    const identity = {
      ...{ integration: 'machines', issuer: 'https://machines.example.com' },
      kind: 'id_token',
      ...{ subject: 'm', names: ['m'], groups: [], issuedAt: undefined },
      expiresAt: now.getTime() + 60_000,
    } as const
    const tokens = sessionTokensOf(withPages, secretsOfThisStart)
    const issued = await tokens?.issue({ identity, bounds: {} }, now)
    return issued?.token ?? ''
  }

  test('is explained by the service that runs, with the secret that it made at its start', async () => {
    const running = new ConsoleExplanations({
      config: () => withPages,
      standingOrders: () => [],
      secretsOfThisStart,
    })
    const credential = { kind: 'token', token: await sessionToken() } as const
    const { outcome, role, steps } = await running.explain({
      ...{ credential, integration: undefined, user: 'app_readonly', database: 'sandbox' },
      ...{ pool: 'rest', from: undefined },
    })
    expect({ outcome, role }).toEqual({ outcome: 'granted', role: 'app_readonly' })
    expect(steps).toContainEqual(expect.objectContaining({ check: 'session token', passed: true }))
  })

  test.each(['sandbox', 'system'])(
    'is left open by others where that secret is not written down, for %s',
    async (database) => {
      const credential = await sessionToken()
      const explained = await replayLogin(withPages, { ...request, database, credential })
      expect(explained).toMatchObject({
        outcome: 'undecided',
        credential: 'session-token',
        refusal: null,
      })
      expect(explained.steps.at(-1)).toMatchObject({
        check: 'session token',
        compared: expect.stringMatching(/without web.secret the service that runs has/) as string,
        passed: null,
        verified: false,
      })
    },
  )

  test('is refused where there are none', async () => {
    const explained = await replayLogin(config, { ...request, credential: await sessionToken() })
    expect(explained).toMatchObject({
      outcome: 'denied',
      refusal: { reason: 'session-tokens-disabled' },
    })
  })
})

const claims = (of: Readonly<Record<string, unknown>>) =>
  ({ credential: { kind: 'claims', claims: of } }) as const

describe('claims that nobody has signed', () => {
  test('are decided on by all that is behind the signature', async () => {
    const { outcome, role, steps } = await explain({})
    expect({ outcome, role }).toEqual({ outcome: 'undecided', role: 'app_readwrite' })
    const assumed = steps.find(({ check }) => check === 'hypothetical')
    expect(assumed).toMatchObject({ passed: null, verified: false })
    expect(assumed?.compared).toBe('taken for granted: signature, times, iss, aud, iat, exp')
    expect(steps.find(({ check }) => check === 'signature')?.passed).toBeNull()
    expect(steps.find(({ check }) => check === 'times')?.passed).toBe(true)
  })

  test('may be those of a token that has expired', async () => {
    const { role } = await explain(claims({ sub: 'a', groups: ['dba'], exp: 1, iat: 1, nbf: 9e9 }))
    expect(role).toBe('app_readwrite')
  })

  test.each([
    ['another issuer', { sub: 'a', groups: ['dba'], iss: 'https://other.example.com' }],
    ['another audience', { sub: 'a', groups: ['dba'], aud: 'other' }],
    ['another party', { sub: 'a', groups: ['dba'], aud: ['gateway', 'x'], azp: 'x' }],
    ['no subject', { groups: ['dba'] }],
    ['no group that is known', { sub: 'a', groups: ['stranger'] }],
  ])('are denied for %s, as a token would be', async (_, of) => {
    const { outcome, role, refusal } = await explain(claims(of))
    expect({ outcome, role }).toEqual({ outcome: 'denied', role: null })
    expect(refusal?.message).not.toBe('')
  })

  test('are compared by the integration that is named', async () => {
    const { role, steps } = await explain({ ...claims({ sub: 'robot' }), integration: 'machines' })
    expect(role).toBe('app_readonly')
    expect(steps.find(({ check }) => check === 'integration')?.compared).toContain('machines')
  })

  test('are denied where the integration is not there', async () => {
    const { outcome, refusal } = await explain({ integration: 'nobody' })
    expect(outcome).toBe('denied')
    expect(refusal?.reason).toBe('integration-unknown')
  })

  test('are denied a role that their groups do not give', async () => {
    const { outcome } = await explain({ user: 'postgres' })
    expect(outcome).toBe('denied')
  })

  test('are denied while somebody is kept out', async () => {
    const standing: EndOrder = {
      selectors: [{ subject: 'auth0|alice', issuer }],
      end: 'revoked',
      refusedUntilMs: Date.now() + 60_000,
    }
    const { outcome, refusal } = await explain({}, [standing])
    expect({ outcome, reason: refusal?.reason }).toEqual({ outcome: 'denied', reason: 'denied' })
    expect((await explain(claims({ sub: 'bob', groups: ['dba'] }), [standing])).role).toBe(
      'app_readwrite',
    )
  })
})

describe('a token', () => {
  const good = (): string =>
    makeToken(key, {
      ...{ iss: issuer, aud: 'gateway', azp: 'gateway', sub: 'auth0|alice', groups: ['staff'] },
      ...{ iat: Math.floor(Date.now() / 1_000), exp: Math.floor(Date.now() / 1_000) + 300 },
    })

  test('is verified, and is in nothing that is said of it', async () => {
    const token = good()
    const explanation = await explain({ credential: { kind: 'token', token } })
    expect(explanation).toMatchObject({ outcome: 'granted', role: 'app_readonly' })
    expect(JSON.stringify(explanation)).not.toContain(token.split('.')[2])
  })

  test('of another key is refused, whatever it says', async () => {
    const [header, payload] = good().split('.')
    const token = `${header}.${payload}.${'A'.repeat(86)}`
    const { outcome, refusal } = await explain({ credential: { kind: 'token', token } })
    expect({ outcome, reason: refusal?.reason }).toEqual({
      outcome: 'denied',
      reason: 'token-signature',
    })
  })
})

describe('where a login comes in', () => {
  const poolOf = async (login: Partial<ExplainedLogin>): Promise<string | undefined> =>
    (await explain(login)).steps.find(({ check }) => check === 'pool')?.compared

  test('is by a listener of the pool, and from an address of it', async () => {
    expect(await poolOf({ pool: 'offices' })).toContain('10.0.0.0 at 127.0.0.1:6432 -> offices')
    expect(await poolOf({ pool: 'rest', from: '192.0.2.1' })).toContain('6433 -> rest')
    expect(await poolOf({ pool: 'offices', from: '192.0.2.1' })).toContain('-> none')
  })

  test.each([
    ['an address that is none', { from: 'here' }, '22023'],
    ['a pool that there is not', { pool: 'nobody' }, '42704'],
    ['a pool of another node', { pool: 'elsewhere' }, '22023'],
  ])('is never %s', async (_, login, sqlstate) => {
    await expect(explain(login)).rejects.toMatchObject({ sqlstate })
  })
})

test('no more than four are explained at once', async () => {
  const all = explanations()
  const login: ExplainedLogin = {
    ...claims({ sub: 'a', groups: ['dba'] }),
    ...{ integration: undefined, user: undefined, database: 'sandbox' },
    ...{ pool: 'rest', from: undefined },
  }
  const asked = await Promise.allSettled(Array.from({ length: 5 }, async () => all.explain(login)))
  expect(asked.map(({ status }) => status)).toEqual([
    ...['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled', 'rejected'],
  ])
  expect(asked[4]).toMatchObject({ reason: { sqlstate: '53300' } })
  expect((await all.explain(login)).role).toBe('app_readwrite')
})
