import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { limitBody } from '../../../src/web/body-limit.ts'
import { type HttpServer, serve } from '../../../src/web/hardened-server.ts'

let server: HttpServer

beforeAll(async () => {
  const app = new Hono()
  app.use(limitBody(10, (c) => c.text('too long', 413)))
  app.all('/', async (c) => c.text(`${c.req.header('x-kept') ?? ''}: ${await c.req.text()}`))
  server = await serve(app, {
    listenAddress: '127.0.0.1',
    listenPort: 0,
    onError: (error) => expect.fail(String(error)),
  })
})

afterAll(async () => server.close())

/** Without a length it is sent in pieces. */
async function send(
  method: string,
  pieces: readonly string[],
  headers: Readonly<Record<string, string | number>> = {},
): Promise<readonly [status: number, body: string]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly [number, string]>()
  const { port } = server
  const sent = request({ port, method, agent: false, headers: { 'x-kept': 'kept', ...headers } })
  sent.once('error', reject)
  sent.once('response', (response) => {
    text(response).then((body) => {
      resolve([response.statusCode ?? 0, body])
    }, reject)
  })
  for (const piece of pieces) sent.write(piece)
  sent.end()
  return promise
}

describe('a body', () => {
  test.each([
    ['in pieces', {}],
    ['whose length is said', { 'content-length': 10 }],
  ])('%s of as much as there may be is read', async (_, headers) => {
    expect(await send('POST', ['01234', '56789'], headers)).toEqual([200, 'kept: 0123456789'])
  })

  test.each([
    ['in pieces', {}],
    ['whose length is said', { 'content-length': 11 }],
  ])('%s of more than there may be is not', async (_, headers) => {
    expect(await send('POST', ['01234', '567890'], headers)).toEqual([413, 'too long'])
  })

  test.each(['GET', 'POST', 'DELETE', 'OPTIONS'])('need not be there: %s', async (method) => {
    expect(await send(method, [])).toEqual([200, 'kept: '])
  })
})
