import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createLocalJWKSet } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createAuthority } from '../../../demo/certificates.ts'
import { KeyCache } from '../../../src/identity/key-cache.ts'
import type { TokenRules } from '../../../src/identity/token-rules.ts'
import { VerifiedTokens } from '../../../src/identity/verified-tokens.ts'
import { verifyToken } from '../../../src/identity/verify-token.ts'
import { Refusal } from '../../../src/refusal.ts'
import { issuer, type Json, makeToken, now, signingKey, tokenRules, toJwk } from './tokens.ts'

const key = signingKey('one')
const claim = 'https://example.com/groups'
const sub = 'auth0|alice'

let server: Server
let ca: string
let endpoint: string
let answer: (request: IncomingMessage, response: ServerResponse) => void
let bearers: (string | undefined)[]

beforeAll(async () => {
  const authority = await createAuthority('Authority')
  ca = authority.certificate
  const tls = await authority.issue({ commonName: 'localhost' })
  server = createServer({ cert: tls.certificate, key: tls.key }, (request, response) => {
    bearers.push(request.headers.authorization)
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  endpoint = `https://localhost:${(server.address() as AddressInfo).port}/userinfo`
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

beforeEach(() => {
  bearers = []
  says({ sub, [claim]: ['b', 'a', 'b'] })
})

function says(body: unknown, status = 200): void {
  answer = (_, response) => {
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))
  }
}

function rulesWith(userinfoEndpoint: string | undefined, more: Partial<TokenRules> = {}) {
  const findKey = createLocalJWKSet({ keys: [{ kty: 'EC', ...toJwk(key) }] })
  const keys = new KeyCache({
    issuer,
    fetch: async () =>
      Promise.resolve({
        issuer,
        findKey,
        ...(userinfoEndpoint !== undefined && { userinfoEndpoint }),
      }),
    observer: { keysRefreshed() {}, unknownKey() {} },
  })
  const userinfo = { customCa: ca, limits: { timeoutMs: 500, maxBytes: 65_536 } }
  return tokenRules(keys, { userinfo, ...more })
}

async function groupsOf(claims: Json, rules = rulesWith(endpoint)): Promise<readonly string[]> {
  return (await verifyToken(makeToken(key, claims), rules, now)).groups
}

describe('the groups of a token that has none', () => {
  test('are not asked for where one of several claims is there', async () => {
    const its = rulesWith(endpoint, { groupsClaimIds: [claim, 'roles'] })
    expect(await groupsOf({ roles: ['c'] }, its)).toEqual(['c'])
    expect(await groupsOf({ [claim]: [] }, its)).toEqual([])
    expect(bearers).toEqual([])
    expect(await groupsOf({}, its)).toEqual(['b', 'a'])
  })

  test('come from userinfo, where the token is sent', async () => {
    expect(await groupsOf({})).toEqual(['b', 'a'])
    expect(bearers).toEqual([expect.stringMatching(/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/)])
  })

  test.each([
    ['has the claim', { [claim]: 'c' }, ['c']],
    ['has the claim without a value', { [claim]: [] }, []],
    ['has null', { [claim]: null }, []],
  ])('are asked for only if it has no claim: one that %s', async (_, claims, groups) => {
    expect(await groupsOf(claims)).toEqual(groups)
    expect(bearers).toEqual([])
  })

  test('are none without the option', async () => {
    expect(await groupsOf({}, rulesWith(endpoint, { userinfo: undefined }))).toEqual([])
    expect(bearers).toEqual([])
  })

  test('are none if userinfo has none either', async () => {
    says({ sub })
    expect(await groupsOf({})).toEqual([])
  })

  test('are asked for once while the token is remembered', async () => {
    const tokens = new VerifiedTokens(rulesWith(endpoint), 65_536)
    const token = makeToken(key)
    await tokens.verify(token, now)
    expect((await tokens.verify(token, now)).groups).toEqual(['b', 'a'])
    expect(bearers).toHaveLength(1)
  })

  test.each([
    ['whose signature is wrong', () => makeToken(signingKey('one'))],
    ['that has expired', () => makeToken(key, { exp: 1 })],
    ['for another audience', () => makeToken(key, { aud: 'another' })],
    ['without a usable principal', () => makeToken(key, { sub: '' })],
  ])('are never asked for with one %s', async (_, token) => {
    await expect(verifyToken(token(), rulesWith(endpoint), now)).rejects.toThrow(Refusal)
    expect(bearers).toEqual([])
  })
})

describe('without an answer of userinfo the login is refused', () => {
  async function failure(rules = rulesWith(endpoint)): Promise<string> {
    const token = makeToken(key)
    const error: unknown = await verifyToken(token, rules, now).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      reason: 'userinfo-unavailable',
      sqlstate: '08006',
      fault: 'issuer',
      clientDetail: undefined,
      isVague: true,
    })
    const { logDetail, cause } = error as Refusal
    const told = `${logDetail ?? ''}: ${cause instanceof Error ? cause.message : ''}`
    for (const part of [...token.split('.'), 'hunter2']) expect(told).not.toContain(part)
    return told
  }

  test.each([
    ['another subject', { sub: 'eve', [claim]: ['admins'] }, 'of another subject'],
    ['no subject', { [claim]: ['admins'] }, 'of another subject'],
    ['no JSON', 'hunter2', 'not a JSON object'],
    ['a list', [sub], 'not a JSON object'],
    ['too much', ' '.repeat(65_537), 'longer than 65536 bytes'],
  ])('when it says %s', async (_, body, told) => {
    says(body)
    expect(await failure()).toContain(told)
  })

  test.each([401, 403, 404, 500, 302, 204])('when its status is %d', async (status) => {
    says({ sub, [claim]: ['admins'] }, status)
    expect(await failure()).toContain(`answered ${status}`)
  })

  test('when it takes too long', async () => {
    answer = () => {}
    expect(await failure()).toContain('no answer within 500 ms')
  })

  test('when the discovery document names no endpoint, or one without TLS', async () => {
    expect(await failure(rulesWith(undefined))).toContain('has no userinfo_endpoint')
    expect(await failure(rulesWith('http://localhost/userinfo'))).toContain('only https is fetched')
  })
})
