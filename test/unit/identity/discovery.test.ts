import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  type Authority,
  type CertificateAndKey,
  createAuthority,
} from '../../../demo/certificates.ts'
import { boundedFetch, type FetchLimits } from '../../../src/identity/bounded-fetch.ts'
import { fetchIssuerKeys, type IssuerKeys } from '../../../src/identity/discovery.ts'
import { KeyCache } from '../../../src/identity/key-cache.ts'
import { signingKey, toJwk } from './tokens.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const limits: FetchLimits = { timeoutMs: 5_000, maxBytes: 65_536 }
/** Where the time is what runs out. */
const impatient: FetchLimits = { ...limits, timeoutMs: 1_500 }
/** For the time limit itself, and for a machine that is busy with other things. */
const boundMs = 7_500

const key = signingKey('one')
const keySet = { keys: [toJwk(key)] }

let server: Server
let authority: Authority
let tls: CertificateAndKey
let ca: string
let strangerCa: string
let issuer: string
let requests: string[]
let discoveryAnswer: Answer
let keySetAnswer: Answer

beforeAll(async () => {
  authority = await createAuthority('Authority')
  ca = authority.certificate
  strangerCa = (await createAuthority('Authority')).certificate
  tls = await authority.issue({ commonName: 'localhost' })
  server = createServer({ cert: tls.certificate, key: tls.key }, (request, response) => {
    requests.push(request.url ?? '')
    const isDiscovery = request.url?.endsWith('/.well-known/openid-configuration') === true
    const answer = isDiscovery ? discoveryAnswer : keySetAnswer
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  issuer = `https://localhost:${(server.address() as AddressInfo).port}`
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

beforeEach(() => {
  requests = []
  discoveryAnswer = json({ issuer, jwks_uri: `${issuer}/keys` })
  keySetAnswer = json(keySet)
})

function json(body: unknown, status = 200, headers: Record<string, string> = {}): Answer {
  return raw(JSON.stringify(body), status, headers)
}

function raw(body: string | Buffer, status = 200, headers: Record<string, string> = {}): Answer {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
  }
}

const endless: Answer = (_, response) => {
  const write = (): void => {
    while (!response.destroyed && response.write(' '.repeat(16_384)));
  }
  response.writeHead(200, { 'content-type': 'application/json' }).on('drain', write)
  write()
}

const slowDrip: Answer = (_, response) => {
  response.writeHead(200, { 'content-type': 'application/json' })
  const drip = setInterval(() => response.write(' '), 20)
  response.on('close', () => {
    clearInterval(drip)
  })
}

const silence: Answer = () => {}

async function fetchKeys(
  name = issuer,
  customCa: string | undefined = ca,
  its = limits,
): Promise<IssuerKeys> {
  return fetchIssuerKeys({ issuer: name, customCa, limits: its, bearerTokenFile: undefined })
}

/** What the log says of a failure: every message from the outside in. */
async function failureOf(promise: Promise<unknown>): Promise<string> {
  const startedAt = performance.now()
  let error: unknown = await promise.then(
    () => new Error('it was accepted'),
    (thrown: unknown) => thrown,
  )
  expect(performance.now() - startedAt).toBeLessThan(boundMs)
  const messages: string[] = []
  for (; error instanceof Error; error = error.cause) messages.push(error.message)
  return messages.join(': ')
}

describe('the keys of an issuer', () => {
  test('are found by its discovery document', async () => {
    const found = await fetchKeys()
    expect(found.issuer).toBe(issuer)
    await expect(found.findKey({ alg: 'ES256', kid: 'one' })).resolves.toMatchObject({
      type: 'public',
    })
    expect(requests).toEqual(['/.well-known/openid-configuration', '/keys'])
  })

  test('are looked for under the path of the issuer', async () => {
    const name = `${issuer}/tenants/one`
    discoveryAnswer = json({ issuer: name, jwks_uri: `${issuer}/keys` })
    await expect(fetchKeys(name)).resolves.toMatchObject({ issuer: name })
    expect(requests[0]).toBe('/tenants/one/.well-known/openid-configuration')
  })

  test.each([
    ['is configured with a slash that its document has not', '/', ''],
    ['has a slash in its document that is not configured', '', '/'],
    ['has a slash in both', '/', '/'],
  ])('are found when the issuer %s', async (_, configured, published) => {
    discoveryAnswer = json({ issuer: issuer + published, jwks_uri: `${issuer}/keys` })
    await expect(fetchKeys(issuer + configured)).resolves.toMatchObject({
      issuer: issuer + published,
    })
    expect(requests[0]).toBe('/.well-known/openid-configuration')
  })

  test('may come with a content encoding that says that there is none', async () => {
    keySetAnswer = json(keySet, 200, { 'content-encoding': 'identity' })
    await expect(fetchKeys()).resolves.toBeDefined()
  })

  test('may come with a content type of their own, or with none', async () => {
    keySetAnswer = json(keySet, 200, { 'content-type': 'application/jwk-set+json' })
    await expect(fetchKeys()).resolves.toBeDefined()
    keySetAnswer = (_, response) => response.end(JSON.stringify(keySet))
    await expect(fetchKeys()).resolves.toBeDefined()
  })
})

describe('an issuer is believed only', () => {
  test('with the certificate authority that is configured', async () => {
    await expect(fetchKeys()).resolves.toBeDefined()
  })

  test('not with another of the same name', async () => {
    const failure = await failureOf(fetchKeys(issuer, strangerCa))
    expect(failure).toMatch(/certificate/)
    expect(requests).toEqual([])
  })

  test('not with the built-in ones when they do not know it', async () => {
    const failure = await failureOf(
      fetchIssuerKeys({ issuer, customCa: undefined, limits, bearerTokenFile: undefined }),
    )
    expect(failure).toMatch(/certificate/)
    expect(requests).toEqual([])
  })

  test('under a name that its certificate has', async () => {
    const other = await authority.issue({ commonName: 'x', names: ['db.example.com'] })
    server.setSecureContext({ cert: other.certificate, key: other.key })
    try {
      expect(await failureOf(fetchKeys())).toContain('altnames')
    } finally {
      server.setSecureContext({ cert: tls.certificate, key: tls.key })
    }
    expect(requests).toEqual([])
  })

  test('over https', async () => {
    const failure = await failureOf(fetchKeys(issuer.replace('https:', 'http:')))
    expect(failure).toContain('only requests to HTTPS are allowed')
    expect(requests).toEqual([])
  })
})

const discoveryOf =
  (more: Record<string, unknown>): (() => Answer) =>
  () =>
    json({ issuer, ...more })

describe('a discovery document is refused', () => {
  test.each([
    ['without jwks_uri', discoveryOf({}), 'the discovery document has no jwks_uri'],
    [
      'with an http jwks_uri',
      discoveryOf({ jwks_uri: 'http://localhost/' }),
      'only https is fetched',
    ],
    [
      'with a file as jwks_uri',
      discoveryOf({ jwks_uri: 'file:///etc/passwd' }),
      'only https is fetched',
    ],
    ['with a relative jwks_uri', discoveryOf({ jwks_uri: '/keys' }), 'Invalid URL'],
    ['with a number as jwks_uri', discoveryOf({ jwks_uri: 5 }), 'Invalid URL'],
    ['without issuer', discoveryOf({ issuer: undefined }), '"issuer" property must be a string'],
    [
      'of another issuer',
      discoveryOf({ issuer: 'https://other.example' }),
      'the discovery document is of another issuer: https://other.example',
    ],
    ['of an issuer with two slashes', () => json({ issuer: `${issuer}//` }), 'of another issuer'],
    ['of an issuer in upper case', () => json({ issuer: issuer.toUpperCase() }), 'another issuer'],
  ])('%s', async (_, toAnswer, told) => {
    discoveryAnswer = toAnswer()
    expect(await failureOf(fetchKeys())).toContain(told)
    expect(requests).toHaveLength(1)
  })
})

describe('a key set is refused', () => {
  test.each([
    ['that is empty', '{"keys":[]}', 'the key set is empty'],
    ['whose keys are an object', '{"keys":{}}', 'the key set is not one'],
    ['whose keys are numbers', '{"keys":[1]}', 'the key set is not one'],
    ['whose keys are null', '{"keys":[null]}', 'the key set is not one'],
    ['whose keys are arrays', '{"keys":[[]]}', 'the key set is not one'],
    ['without keys', '{}', 'the key set is not one'],
    ['that is an array', '[]', 'the key set is not one'],
    ['that is null', 'null', 'the key set is not one'],
    ['that is a text', '"keys"', 'the key set is not one'],
    ['that has no body', '', 'JSON'],
  ])('%s', async (_, body, told) => {
    keySetAnswer = raw(body)
    expect(await failureOf(fetchKeys())).toContain(told)
  })
})

const metadataService = 'http://169.254.169.254/latest/meta-data/'

describe.each(['the discovery document', 'the key set'] as const)('instead of %s', (which) => {
  const path = which === 'the key set' ? '/keys' : '/.well-known/openid-configuration'

  test.each<[string, Answer, string | RegExp]>([
    ['a status of 404', json({}, 404), 'answered 404'],
    ['a status of 500', json({}, 500), 'answered 500'],
    ['a status of 204', raw('', 204), 'answered 204'],
    ['a status of 304', raw('', 304), 'answered 304'],
    ['a status of 600', json({}, 600), 'status 600'],
    ['a status of 999', json({}, 999), 'status 999'],
    ['HTML', raw('<!doctype html>', 200, { 'content-type': 'text/html' }), /JSON|content-type/],
    ['HTML that calls itself JSON', raw('<!doctype html>'), 'JSON'],
    ['ten megabytes', raw(Buffer.alloc(10_000_000, ' ')), 'longer than 65536 bytes'],
    ['a body without end', endless, 'longer than 65536 bytes'],
    ['a byte now and then', slowDrip, 'no answer within 1500 ms'],
    ['silence', silence, 'no answer within 1500 ms'],
    ['a gzipped body', raw(gzipSync('{}'), 200, { 'content-encoding': 'gzip' }), 'gzip'],
    ['a hangup', (request) => request.socket.destroy(), /hang up|ECONNRESET/],
    [
      'half a body',
      (_, response) => {
        response.writeHead(200, { 'content-length': 100 })
        response.write('{', () => response.socket?.destroy())
      },
      /hang up|aborted|closed/,
    ],
    ['what is no HTTP', (request) => request.socket.end('hello\r\n\r\n'), 'Parse Error'],
    ['a header of twenty kilobytes', raw('{}', 200, { x: 'y'.repeat(20_000) }), 'Header overflow'],
    [
      'a change of protocol',
      (request) =>
        request.socket.end('HTTP/1.1 101 x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
      'closed before the answer was complete',
    ],
    ['a redirect to itself', raw('', 302, { location: '/elsewhere' }), 'answered 302'],
    ['a permanent redirect', raw('', 308, { location: '/elsewhere' }), 'answered 308'],
    ['a redirect to the metadata of the cloud', raw('', 302, { location: metadataService }), '302'],
  ])('%s ends in bounded time with an error that says so', async (_, answer, told) => {
    if (which === 'the key set') keySetAnswer = answer
    else discoveryAnswer = answer
    const its = answer === slowDrip || answer === silence ? impatient : limits
    expect(await failureOf(fetchKeys(issuer, ca, its))).toMatch(told)
    expect(requests.at(-1)).toBe(path)
    expect(requests.filter((url) => url === path)).toHaveLength(1)
  })

  test.each<[string, Answer]>([
    ['a status of 404', json({}, 404)],
    ['a status of 500', json({}, 500)],
    ['HTML', raw('<!doctype html>', 200, { 'content-type': 'text/html' })],
    ['an empty object', json({})],
    ['an empty list', json([])],
    ['no key', json({ issuer, keys: [] })],
    ['a body without end', endless],
    ['a byte now and then', slowDrip],
    ['a gzipped body', raw(gzipSync('{}'), 200, { 'content-encoding': 'gzip' })],
    ['a redirect to the metadata of the cloud', raw('', 302, { location: metadataService })],
  ])('%s leaves the keys in use that were there before', async (_, answer) => {
    const refreshes: string[] = []
    const cache = new KeyCache({
      issuer,
      fetch: async () => fetchKeys(issuer, ca, impatient),
      observer: { keysRefreshed: (__, outcome) => refreshes.push(outcome), unknownKey() {} },
    })
    await cache.warm()
    if (which === 'the key set') keySetAnswer = answer
    else discoveryAnswer = answer
    await cache.warm()
    expect(refreshes).toEqual(['ok', 'failed'])
    const { findKey } = await cache.current()
    await expect(findKey({ alg: 'ES256', kid: 'one' })).resolves.toBeDefined()
  })
})

test('a wrong status names the address, so that a wrong issuer is found', async () => {
  discoveryAnswer = json({}, 404)
  expect(await failureOf(fetchKeys(`${issuer}/realms/typo`))).toContain(
    `${issuer}/realms/typo/.well-known/openid-configuration answered 404`,
  )
})

test('a body of exactly the limit is read, and one byte more is not', async () => {
  keySetAnswer = raw(' '.repeat(limits.maxBytes))
  const response = await boundedFetch(`${issuer}/keys`, limits, ca)
  expect((await response.arrayBuffer()).byteLength).toBe(limits.maxBytes)
  keySetAnswer = raw(' '.repeat(limits.maxBytes + 1))
  expect(await failureOf(boundedFetch(`${issuer}/keys`, limits, ca))).toContain('longer than')
})

test('an issuer where nobody listens is refused', async () => {
  const closed = createServer()
  closed.listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as AddressInfo
  closed.close()
  await once(closed, 'close')
  const failure = await failureOf(boundedFetch(`https://127.0.0.1:${port}/`, limits, undefined))
  expect(failure).toContain('ECONNREFUSED')
})

test('no compression and no redirect is asked for, only JSON', async () => {
  let headers: IncomingMessage['headers'] = {}
  keySetAnswer = (request, response) => {
    headers = request.headers
    json(keySet)(request, response)
  }
  await fetchKeys()
  expect(headers).toMatchObject({ accept: 'application/json', 'accept-encoding': 'identity' })
  expect(headers).not.toHaveProperty('authorization')
})

describe.each([
  ['userinfo', 'userinfo_endpoint', 'userinfoEndpoint'],
  ['introspection', 'introspection_endpoint', 'introspectionEndpoint'],
  ['token', 'token_endpoint', 'tokenEndpoint'],
  ['device authorization', 'device_authorization_endpoint', 'deviceAuthorizationEndpoint'],
  ['authorization', 'authorization_endpoint', 'authorizationEndpoint'],
  ['revocation', 'revocation_endpoint', 'revocationEndpoint'],
] as const)('the %s endpoint', (_, published, found) => {
  test.each([
    [
      'is the one of the document',
      'https://issuer.example/x',
      { [found]: 'https://issuer.example/x' },
    ],
    ['is none where the document has none', undefined, {}],
    ['is none where the document has something else', 5, {}],
  ])('%s', async (_case, value, expected) => {
    discoveryAnswer = json({ issuer, jwks_uri: `${issuer}/keys`, [published]: value })
    const { issuer: name, findKey, ...endpoints } = await fetchKeys()
    expect(name).toBe(issuer)
    expect(findKey).toBeDefined()
    expect(endpoints).toEqual(expected)
  })
})

test.each([
  [true, true],
  [false, undefined],
  ['true', undefined],
  [undefined, undefined],
])('the issuer says of its answers whose they are: %j is %j', async (value, announces) => {
  const announced = { authorization_response_iss_parameter_supported: value }
  discoveryAnswer = json({ issuer, jwks_uri: `${issuer}/keys`, ...announced })
  expect((await fetchKeys()).announcesIssuer).toBe(announces)
})

test.each([
  [['S256'], true],
  [['plain', 'S256'], true],
  [['plain'], undefined],
  ['S256', undefined],
  [undefined, undefined],
])('the issuer says which code challenges it takes: %j is %j', async (value, takes) => {
  discoveryAnswer = json({
    ...{ issuer, jwks_uri: `${issuer}/keys` },
    code_challenge_methods_supported: value,
  })
  expect((await fetchKeys()).takesChallenge).toBe(takes)
})
