import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Authority, createAuthority } from '../../../demo/certificates.ts'
import { askIntrospection } from '../../../src/identity/ask-introspection.ts'
import { boundedFetch, type FetchLimits } from '../../../src/identity/bounded-fetch.ts'
import { fetchUserinfo } from '../../../src/identity/fetch-userinfo.ts'
import { findIssuerKeys } from '../../../src/identity/key-source.ts'
import { proxyFor } from '../../../src/identity/provider-proxy.ts'
import { requestExchange } from '../../../src/identity/request-exchange.ts'
import { ConnectProxy, refuseTunnel } from '../../support/connect-proxy.ts'
import { signingKey, toJwk } from './tokens.ts'

const limits: FetchLimits = { timeoutMs: 500, maxBytes: 65_536 }
/** For the time limit itself, and for a machine that is busy with other things. */
const boundMs = 2_500
const secret = 'hunter2%20and%40more'

const issued = {
  access_token: 'issued',
  token_type: 'Bearer',
  issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
}

let authority: Authority
let server: Server
let proxy: ConnectProxy
let base: string
let ca: string
let requests: number

beforeAll(async () => {
  authority = await createAuthority('Authority')
  ca = authority.certificate
  const tls = await authority.issue({ commonName: 'localhost' })
  server = createServer({ cert: tls.certificate, key: tls.key }, (request, response) => {
    requests += 1
    if (request.url === '/hang') return
    const port = String((server.address() as AddressInfo).port)
    const issuer = `https://localhost:${port}`
    if (request.method === 'POST') {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(request.url === '/ask' ? { active: true, sub: 'alice' } : issued))
      return
    }
    const body =
      request.url === '/keys'
        ? { keys: [toJwk(signingKey('one'))] }
        : { issuer, jwks_uri: `${issuer}/keys`, sub: 'alice', seen: request.headers }
    response.end(JSON.stringify(body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  base = `https://localhost:${(server.address() as AddressInfo).port}`
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

beforeEach(async () => {
  requests = 0
  proxy = await ConnectProxy.start()
  return async () => proxy[Symbol.asyncDispose]()
})

async function fetchBy(url: string, exceptions: readonly string[] = []): Promise<unknown> {
  const answer = await boundedFetch(base, limits, ca, { proxy: { url, exceptions } })
  return answer.json()
}

/** Every message from the outside in; and it came within the bound, without the credentials. */
async function failureOf(promise: Promise<unknown>): Promise<string> {
  const startedAt = performance.now()
  let error: unknown = await promise.then(
    () => new Error('it was accepted'),
    (thrown: unknown) => thrown,
  )
  expect(performance.now() - startedAt).toBeLessThan(boundMs)
  const messages: string[] = []
  for (; error instanceof Error; error = error.cause) messages.push(error.message)
  const told = messages.join(': ')
  expect(told).not.toContain('hunter2')
  return told
}

describe('a proxy', () => {
  test('is asked for the host and the port of the provider, without credentials', async () => {
    await expect(fetchBy(proxy.url)).resolves.toMatchObject({ issuer: base })
    const authority = base.replace('https://', '')
    expect(proxy.requests).toEqual([{ authority, authorization: undefined }])
  })

  test('gets the credentials of its URL, and the provider does not', async () => {
    const url = proxy.url.replace('//', `//us%3Aer:${secret}@`)
    const answer = await fetchBy(url)
    const expected = Buffer.from('us:er:hunter2 and@more').toString('base64')
    expect(proxy.requests[0]?.authorization).toBe(`Basic ${expected}`)
    expect(JSON.stringify(answer)).not.toContain('proxy-authorization')
  })

  test('is used for the discovery document, the keys, userinfo, introspection and exchange', async () => {
    const access = {
      ...{ customCa: ca, limits, bearerTokenFile: undefined },
      proxy: { url: proxy.url, exceptions: [] },
    }
    await findIssuerKeys(base, { kind: 'discovery' }, access)
    expect(proxy.requests).toHaveLength(2)
    await fetchUserinfo(base, 'a.b.c', 'alice', access)
    expect(proxy.requests).toHaveLength(3)
    const client = { clientId: 'us', clientSecret: 'our-secret', authentication: 'basic' } as const
    const asking = { ...access, ...client, endpoint: undefined, cacheMs: 0 }
    await expect(askIntrospection(`${base}/ask`, 'the-token', base, asking)).resolves.toEqual({
      sub: 'alice',
    })
    expect(proxy.requests).toHaveLength(4)
    const exchange = {
      ...{ issuer: base, endpoint: `${base}/exchange`, parameters: { subject_token: 'the-token' } },
      client: { id: 'us', secret: 'our-secret', authentication: 'basic' } as const,
    }
    await expect(requestExchange(exchange, access)).resolves.toMatchObject({ token: 'issued' })
    expect(proxy.requests).toHaveLength(5)
    expect(proxy.seen).not.toMatch(/our-secret|the-token|issued/)
  })

  test('sees nothing of what is said to the provider', async () => {
    const options = { proxy: { url: proxy.url, exceptions: [] }, bearer: 'the-bearer-token' }
    const answer = await boundedFetch(base, limits, ca, options)
    expect(await answer.text()).toContain('the-bearer-token')
    expect(proxy.seen.length).toBeGreaterThan(0)
    expect(proxy.seen).not.toContain('the-bearer-token')
    expect(proxy.seen).not.toContain('jwks_uri')
  })

  test('is the only way that a request takes', async () => {
    proxy.answer = (_, socket) => {
      const onward = connect((server.address() as AddressInfo).port, 'localhost')
      onward.on('error', () => socket.destroy())
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.pipe(onward).pipe(socket)
    }
    // Nobody listens there.
    const options = { proxy: { url: proxy.url, exceptions: [] } }
    const answer = await boundedFetch('https://localhost:1/', limits, ca, options)
    expect(await answer.json()).toMatchObject({ issuer: base })
    expect(proxy.requests).toMatchObject([{ authority: 'localhost:1' }])
  })

  test('is left out for a host that is excepted', async () => {
    await expect(fetchBy(proxy.url, ['localhost'])).resolves.toMatchObject({ issuer: base })
    expect(proxy.requests).toEqual([])
  })
})

describe('behind a proxy the provider is believed only', () => {
  test('with the certificate authority that is configured', async () => {
    const stranger = await createAuthority('Authority')
    const options = { proxy: { url: proxy.url, exceptions: [] } }
    const failure = await failureOf(boundedFetch(base, limits, stranger.certificate, options))
    expect(failure).toMatch(/certificate/)
    expect(requests).toBe(0)
  })

  test('under a name that its certificate has', async () => {
    const other = await authority.issue({ commonName: 'x', names: ['db.example.com'] })
    const elsewhere = createServer({ cert: other.certificate, key: other.key })
    elsewhere.listen(0, '127.0.0.1')
    await once(elsewhere, 'listening')
    const url = `https://localhost:${(elsewhere.address() as AddressInfo).port}/`
    const options = { proxy: { url: proxy.url, exceptions: [] } }
    expect(await failureOf(boundedFetch(url, limits, ca, options))).toContain('altnames')
    elsewhere.close()
  })

  // A client that hands on what a proxy says instead of a tunnel would take this for the key set.
  test.each([
    ['with an answer of its own', 'HTTP/1.1 403 No\r\ncontent-length: 11\r\n\r\n{"keys":[]}'],
    [
      'with an answer behind an interim one',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{"keys":[]}',
    ],
    ['with an answer in the clear behind the tunnel', 'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK'],
  ])('and not the proxy, %s', async (_, bytes) => {
    proxy.answer = (_request, socket) => socket.end(bytes)
    expect(await failureOf(fetchBy(proxy.url))).toMatch(/^the proxy 127\.0\.0\.1:\d+ answered/)
    expect(requests).toBe(0)
  })
})

describe('a proxy is named without its credentials when it', () => {
  const withSecret = (): string => proxy.url.replace('//', `//user:${secret}@`)

  test.each([
    ['wants other credentials', 407, 'answered 407: its URL needs credentials, or others'],
    ['cannot reach the provider', 502, 'answered 502'],
    ['redirects', 302, 'answered 302'],
  ])('%s', async (_, status, told) => {
    proxy.answer = refuseTunnel(status, 'location: http://127.0.0.1/\r\n')
    expect(await failureOf(fetchBy(withSecret()))).toBe(`the proxy 127.0.0.1:${proxy.port} ${told}`)
  })

  test('closes the connection', async () => {
    proxy.answer = (_, socket) => socket.destroy()
    expect(await failureOf(fetchBy(withSecret()))).toContain(`the proxy 127.0.0.1:${proxy.port} `)
  })

  test('is not there', async () => {
    const url = withSecret()
    await proxy[Symbol.asyncDispose]()
    expect(await failureOf(fetchBy(url))).toMatch(/^the proxy 127.* cannot be used: .*ECONNREFUSED/)
  })

  test('is no HTTP server', async () => {
    const url = base.replace('https://', 'http://')
    expect(await failureOf(fetchBy(url))).toMatch(/^the proxy localhost:\d+ /)
  })

  test('talks without end', async () => {
    proxy.answer = (_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nx: ')
      const more = (): void => {
        while (!socket.destroyed && socket.write('x'.repeat(16_384)));
      }
      socket.on('drain', more)
      more()
    }
    expect(await failureOf(fetchBy(withSecret()))).toContain('cannot be used')
  })
})

describe('the time limit is also that of a proxy', () => {
  test('that hangs', async () => {
    proxy.answer = () => {}
    expect(await failureOf(fetchBy(proxy.url))).toContain('no answer within 500 ms')
  })

  test('that opens a tunnel to nobody', async () => {
    proxy.answer = (_, socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n')
    expect(await failureOf(fetchBy(proxy.url))).toContain('no answer within 500 ms')
  })

  test('whose tunnel leads to a provider that hangs', async () => {
    const options = { proxy: { url: proxy.url, exceptions: [] } }
    const stuck = boundedFetch(`${base}/hang`, limits, ca, options)
    expect(await failureOf(stuck)).toContain('no answer within 500 ms')
    expect(requests).toBe(1)
  })
})

test.each([
  ['*', 'https://anything.example', true],
  ['example.com', 'https://example.com/path', true],
  ['example.com', 'https://auth.example.com', true],
  ['.example.com', 'https://auth.example.com', true],
  ['*.example.com', 'https://auth.example.com', true],
  ['EXAMPLE.com', 'https://Example.COM', true],
  ['example.com.', 'https://example.com./', true],
  ['example.com', 'https://badexample.com', false],
  ['example.com', 'https://example.com.evil.example', false],
  ['auth.example.com', 'https://example.com', false],
  ['example.com:443', 'https://example.com', true],
  ['example.com:8443', 'https://example.com', false],
  ['example.com:8443', 'https://example.com:8443', true],
  ['10.0.0.0/8', 'https://10.1.2.3', true],
  ['10.0.0.0/8', 'https://11.1.2.3', false],
  ['10.0.0.0/8', 'https://ten.example', false],
  ['10.0.0.0/40', 'https://10.1.2.3', false],
  ['10.1.2.3', 'https://10.1.2.3', true],
  ['10.1.2.3:443', 'https://10.1.2.3', true],
  ['1.2.3', 'https://10.1.2.3', false],
  ['2001:db8::/32', 'https://[2001:db8::1]', true],
  ['2001:db8:0::1', 'https://[2001:db8::1]', true],
  ['[2001:db8::1]:8443', 'https://[2001:db8::1]', false],
  ['::1', 'https://[::1]:8443', true],
  ['.', 'https://example.com', false],
  ['', 'https://example.com', false],
])('the exception %o for %s: %o', (exception, url, isExcepted) => {
  const found = proxyFor(url, { url: 'http://proxy', exceptions: [exception] })
  expect(found).toBe(isExcepted ? undefined : 'http://proxy')
})
