import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import type { HttpServer } from '../../../src/web/hardened-server.ts'
import { startHttp } from '../../../src/web/server.ts'
import type { Check, HttpOptions } from '../../../src/web/server.ts'

const ok: Check = { ok: true, reasons: [] }
let servers: HttpServer[] = []

afterEach(async () => {
  await Promise.all(servers.map(async (server) => server.close()))
  servers = []
})

async function start(options: Partial<HttpOptions> = {}): Promise<HttpServer> {
  const server = await startHttp({
    listenAddress: '127.0.0.1',
    listenPort: 0,
    metrics: async () => Promise.resolve('portcullis_sessions_open 1\n'),
    health: { startup: () => ok, readiness: () => ok, liveness: () => ok },
    onError: (error) => expect.fail(String(error)),
    ...options,
  })
  servers.push(server)
  return server
}

async function get(server: HttpServer, path: string, method = 'GET'): Promise<Response> {
  return fetch(`http://${server.address}:${server.port}${path}`, { method })
}

function failing(): Check {
  throw new Error('secret detail')
}

describe('the HTTP server', () => {
  test('serves the metrics as a Prometheus exposition', async () => {
    const response = await get(await start(), '/metrics')
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(await response.text()).toBe('portcullis_sessions_open 1\n')
  })

  test('answers a check of HTTP/1.0, which has no Host', async () => {
    const { address, port } = await start()
    const socket = connect(port, address)
    socket.end('GET /readiness HTTP/1.0\r\n\r\n')
    expect(await text(socket)).toContain('200 OK')
  })

  test.each(['startup', 'readiness', 'liveness'] as const)(
    'answers /%s by its own check',
    async (name) => {
      let check: Check = ok
      const health = {
        startup: failing,
        readiness: failing,
        liveness: failing,
        [name]: () => check,
      }
      const server = await start({ health })
      const good = await get(server, `/${name}`)
      expect(good.status).toBe(200)
      expect(await good.json()).toEqual({ status: 'ok' })
      check = { ok: false, reasons: ['draining'] }
      const bad = await get(server, `/${name}`)
      expect(bad.status).toBe(503)
      expect(await bad.json()).toEqual({ status: 'unavailable', reasons: ['draining'] })
    },
  )

  test.each([
    ['GET', '/', 200],
    ['HEAD', '/metrics', 200],
    ['HEAD', '/readiness', 200],
    ['GET', '/admin', 404],
    ['GET', '/metrics/', 404],
    ['GET', '/../etc/passwd', 404],
    ['POST', '/metrics', 405],
    ['DELETE', '/nothing', 405],
    ['OPTIONS', '/', 405],
  ])('answers %s %s with %i and is never cached or sniffed', async (method, path, status) => {
    const response = await get(await start(), path, method)
    expect(response.status).toBe(status)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    if (status === 405) expect(response.headers.get('allow')).toBe('GET, HEAD')
    if (method === 'HEAD') expect(await response.text()).toBe('')
  })

  test.each([
    ['/metrics', { metrics: async () => Promise.reject(new Error('secret detail')) }],
    ['/readiness', { health: { startup: failing, readiness: failing, liveness: failing } }],
  ])('answers %s with a plain 500 when it fails, and reports the error', async (path, options) => {
    const errors: unknown[] = []
    const response = await get(
      await start({ ...options, onError: (error) => errors.push(error) }),
      path,
    )
    expect(response.status).toBe(500)
    expect(await response.text()).toBe('internal error\n')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(errors).toEqual([new Error('secret detail')])
  })

  test('gives up on metrics that never come, and asks again the next time', async () => {
    const errors: unknown[] = []
    let asked = 0
    const server = await start({
      metrics: async () => (++asked === 1 ? new Promise(() => {}) : Promise.resolve('x 1\n')),
      metricsTimeoutMs: 50,
      onError: (error) => errors.push(error),
    })
    expect((await get(server, '/metrics')).status).toBe(500)
    expect((await get(server, '/metrics')).status).toBe(200)
    expect(errors).toHaveLength(1)
  })

  test('collects once for scrapes that come together', async () => {
    let collected = 0
    let release: (exposition: string) => void = () => {}
    const server = await start({
      metrics: async () => {
        collected += 1
        return new Promise((resolve) => (release = resolve))
      },
    })
    const scrapes = [get(server, '/metrics'), get(server, '/metrics'), get(server, '/metrics')]
    await expect.poll(() => collected).toBe(1)
    await get(server, '/liveness')
    release('x 1\n')
    const answers = await Promise.all(scrapes)
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(collected).toBe(1)
  })

  test('refuses headers that are too large', async () => {
    const server = await start()
    const client = request({
      host: server.address,
      port: server.port,
      headers: { 'x-large': 'x'.repeat(20_000) },
    })
    client.end()
    const [response] = (await once(client, 'response')) as [{ statusCode: number; resume(): void }]
    response.resume()
    expect(response.statusCode).toBe(431)
  })

  test('says why it cannot listen', async () => {
    const { address, port } = await start()
    await expect(start({ listenAddress: address, listenPort: port })).rejects.toThrow('EADDRINUSE')
  })

  test('leaves the fetch classes of the process alone', async () => {
    const before = [globalThis.Request, globalThis.Response]
    await start()
    expect([globalThis.Request, globalThis.Response]).toEqual(before)
  })
})

describe('closing', () => {
  test('ends connections that are kept alive, at once', async () => {
    const server = await start({ closeTimeoutMs: 60_000 })
    const socket = connect(server.port, server.address)
    socket.write('GET /liveness HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket, 'data')
    await server.close()
    expect(await text(socket)).toBe('')
    await server.close()
  })

  test('lets a running request finish', async () => {
    let release: (exposition: string) => void = () => {}
    const server = await start({
      metrics: async () => new Promise((resolve) => (release = resolve)),
    })
    const scrape = get(server, '/metrics')
    await get(server, '/liveness')
    const closed = server.close()
    release('x 1\n')
    expect(await (await scrape).text()).toBe('x 1\n')
    await closed
  })

  test('waits for nobody beyond its deadline', async () => {
    const server = await start({
      metrics: async () => new Promise(() => {}),
      closeTimeoutMs: 50,
      onError: () => {},
    })
    const scrape = get(server, '/metrics').catch(() => 'cut off')
    await get(server, '/liveness')
    await server.close()
    expect(await scrape).toBe('cut off')
  })
})
