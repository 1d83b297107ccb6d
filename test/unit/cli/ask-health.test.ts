import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { askHealth, healthBase } from '../../../src/cli/ask-health.ts'

let server: Server | undefined

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function serve(answer: (response: ServerResponse, path: string) => void): Promise<URL> {
  server = createServer((request, response) => {
    answer(response, request.url ?? '')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
}

function say(status: number, body: unknown): (response: ServerResponse) => void {
  return (response) => {
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))
  }
}

test('a service that is well is well, with its remarks', async () => {
  const base = await serve(say(200, { status: 'ok', remarks: ['the store is away', 1] }))
  expect(await askHealth(base, 'readiness', 5_000)).toEqual({
    is: 'well',
    remarks: ['the store is away'],
  })
})

test('each question is asked at its own path', async () => {
  const base = await serve((response, path) => {
    say(path === '/liveness' ? 200 : 503, { status: path === '/liveness' ? 'ok' : 'unavailable' })(
      response,
    )
  })
  expect((await askHealth(base, 'liveness', 5_000)).is).toBe('well')
  expect((await askHealth(base, 'readiness', 5_000)).is).toBe('unwell')
})

test('reasons are shown, and what a terminal would obey is not', async () => {
  const base = await serve(
    say(503, { status: 'unavailable', reasons: ['draining', 'a\u001b[2Jb'] }),
  )
  const health = await askHealth(base, 'readiness', 5_000)
  expect(health).toMatchObject({ is: 'unwell', reasons: ['draining', expect.any(String)] })
  expect(JSON.stringify(health)).not.toContain('\\u001b')
})

test.each([
  ['another program that says 200', 200, 'hello'],
  ['200 with another word', 200, { status: 'fine' }],
  ['503 of a proxy', 503, '<html>'],
  ['a redirect', 302, ''],
  ['an answer without end', 200, 'x'.repeat(70_000)],
])('%s is no Portcullis', async (_, status, body) => {
  const base = await serve(say(status, body))
  expect((await askHealth(base, 'readiness', 5_000)).is).toBe('unknown')
})

test('who does not answer is not waited for beyond the deadline', async () => {
  const base = await serve(() => {})
  const health = await askHealth(base, 'readiness', 50)
  expect(health).toEqual({ is: 'unknown', reasons: [`${base.host}: no answer within 50 ms`] })
})

test.each([
  ['a URL with a password', { url: 'http://a:b@localhost' }, /no user and no password/],
  ['another protocol', { url: 'ftp://localhost' }, /must be a URL/],
  ['nothing', {}, /--config or --url/],
])('%s is wrong usage', (_, place, message) => {
  expect(() => healthBase(place)).toThrow(message)
})
