// Providers on their bad days: a login that needs one is refused in bounded time and for what it is, and
// nobody else's login notices.
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answers, type Answer } from '../../demo/answers.ts'
import { createAuthority } from '../../demo/certificates.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { errorFields, WireClient } from '../support/wire-client.ts'
import { goodClaims, makeToken, signingKey, toJwk } from '../unit/identity/tokens.ts'

const key = signingKey('one')
const requestTimeoutMs = 1_000
const linkLocal = 'http://169.254.169.254/latest/meta-data/'

/** What each does with a request for its keys, or for its discovery document where it says so. */
const bad: Readonly<Record<string, { readonly answer: Answer; readonly isDiscovery?: true }>> = {
  'no-keys': { answer: answers.status(404) },
  broken: { answer: answers.status(500) },
  'captive-portal': { answer: answers.html() },
  'empty-set': { answer: answers.json({ keys: [] }) },
  'ten-megabytes': { answer: answers.oversized(10_000_000) },
  endless: { answer: answers.oversized(Number.MAX_SAFE_INTEGER) },
  'link-local': { answer: answers.redirect(linkLocal) },
  'gzip-bomb': { answer: gzipBomb },
  'slow-drip': { answer: answers.slowDrip(20) },
  silent: { answer: answers.hang() },
  'no-discovery': { answer: answers.status(404), isDiscovery: true },
  'discovery-without-keys': { answer: withDiscovery({}), isDiscovery: true },
  'discovery-of-another': {
    answer: withDiscovery({ issuer: 'https://other.example', jwks_uri: 'https://other.example/k' }),
    isDiscovery: true,
  },
  'discovery-to-link-local': { answer: withDiscovery({ jwks_uri: linkLocal }), isDiscovery: true },
  'discovery-silent': { answer: answers.hang(), isDiscovery: true },
}

function gzipBomb(_: unknown, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
  response.end(gzipSync(Buffer.alloc(10_000_000)))
}

function withDiscovery(more: Readonly<Record<string, unknown>>): Answer {
  return (request, response) => {
    const name = request.url?.split('/')[1] ?? ''
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ issuer: issuerOf(name), ...more }))
  }
}

let stack: Stack
let server: Server
let folder: string
const requests: string[] = []

function issuerOf(name: string): string {
  return `https://localhost:${(server.address() as AddressInfo).port}/${name}`
}

beforeAll(async () => {
  const authority = await createAuthority('the bad providers')
  const stranger = await createAuthority('the bad providers')
  const { certificate, key: privateKey } = await authority.issue({ commonName: 'localhost' })
  server = createServer({ cert: certificate, key: privateKey }, (request, response) => {
    const { url = '' } = request
    requests.push(url)
    const [, name = ''] = url.split('/')
    const isDiscovery = url.endsWith('/.well-known/openid-configuration')
    const its = bad[name]
    const genuine = (): void => {
      const document = { issuer: issuerOf(name), jwks_uri: `${issuerOf(name)}/keys` }
      const body = isDiscovery ? document : { keys: [toJwk(key)] }
      answers.json(body)(request, response, () => {})
    }
    if (its !== undefined && isDiscovery === (its.isDiscovery ?? false)) {
      its.answer(request, response, genuine)
    } else genuine()
  })
  server.on('connection', (socket) => socket.on('error', () => {}))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  folder = await mkdtemp(join(tmpdir(), 'portcullis-bad-providers-'))
  const ca = join(folder, 'ca.crt')
  await writeFile(ca, authority.certificate)
  await writeFile(`${ca}.wrong`, stranger.certificate)
  stack = await Stack.start({
    configure: (config) => {
      const integration = (name: string, customCa?: string): Record<string, unknown> => ({
        issuer: issuerOf(name),
        client_id: 'portcullis',
        default_group: 'readonly',
        request_timeout: `${requestTimeoutMs}ms`,
        ...(customCa !== undefined && { custom_ca: customCa }),
      })
      const upstream = {
        ...(config.databases['sandbox']!['upstream'] as Record<string, unknown>),
        database: 'sandbox',
      }
      const add = (name: string, customCa?: string): void => {
        config.integrations[name] = integration(name, customCa)
        config.databases[name] = { integrations: [name], upstream }
      }
      for (const name of [...Object.keys(bad), 'good']) add(name, ca)
      add('wrong-ca', `${ca}.wrong`)
      add('no-ca')
    },
  })
})

afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await stack[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

function tokenOf(name: string): string {
  const nowSeconds = Math.floor(Date.now() / 1_000)
  const times = { iat: nowSeconds, exp: nowSeconds + 600 }
  return makeToken(key, { ...goodClaims, ...times, iss: issuerOf(name) })
}

/** `in`, or the SQLSTATE and the message. */
async function logIn(token: string, database: string): Promise<string> {
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  const answer = await client.logIn({ user: 'app_readonly', database }, token)
  client.destroy()
  if (answer.type !== 'E') return 'in'
  const { sqlstate, message } = errorFields(answer)
  return `${sqlstate} ${message}`
}

const unavailable = '08006 identity provider for pool "sso_pool" is unavailable'

describe('a login that needs its provider', () => {
  test.each(Object.keys(bad))('is refused in bounded time: %s', async (name) => {
    const startedAt = performance.now()
    expect(await logIn(tokenOf(name), name)).toBe(unavailable)
    expect(performance.now() - startedAt).toBeLessThan(requestTimeoutMs * 8)
    await until('the record', async () => {
      const last = (await stack.audit()).findLast(({ status }) => status === 'Failure')
      return last?.status_detail === 'keys-unavailable'
    })
    // Another stream than the record's.
    await until('the log', () => stack.gateway.log().includes(issuerOf(name)))
    expect(requests.some((url) => url.startsWith(`/${name}/`))).toBe(true)
  })

  test.each(['wrong-ca', 'no-ca'])('is refused where it is not trusted: %s', async (name) => {
    expect(await logIn(tokenOf(name), name)).toBe(unavailable)
    expect(requests.filter((url) => url.startsWith(`/${name}/`))).toEqual([])
  })

  test('is let in where it is trusted', async () => {
    expect(await logIn(tokenOf('good'), 'good')).toBe('in')
  })

  test('waits alone: others log in while it does', async () => {
    expect(await logIn(tokenOf('good'), 'good')).toBe('in')
    // A failed fetch is repeated after a second; each of these waits for one that is under way or begins.
    let remaining = 20
    const waiting = Array.from({ length: remaining }, async () => {
      const outcome = await logIn(tokenOf('silent'), 'silent')
      remaining--
      return outcome
    })
    let admitted = 0
    while (remaining > 0) {
      expect(await logIn(tokenOf('good'), 'good')).toBe('in')
      expect(await logIn(await stack.token(), 'sandbox')).toBe('in')
      admitted++
    }
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([unavailable]))
    expect(admitted).toBeGreaterThan(0)
    // All who waited at the same time waited for the same request.
    expect(requests.filter((url) => url === '/silent/keys').length).toBeLessThan(10)
  })
})
