import { once } from 'node:events'
import { createServer, type Server } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthority } from '../../../demo/certificates.ts'
import { boundedFetch, boundedRequest } from '../../../src/identity/bounded-fetch.ts'
import { FetchError } from '../../../src/identity/fetch-error.ts'

const limits = { timeoutMs: 1_000, maxBytes: 100 }

let server: Server
let ca: string
let url: string
let answer: string
let asked: string

beforeAll(async () => {
  const authority = await createAuthority('Authority')
  ca = authority.certificate
  const { certificate, key } = await authority.issue({ commonName: 'localhost' })
  server = createServer({ cert: certificate, key }, (socket) => {
    socket.on('error', () => {})
    socket.once('data', (bytes: Buffer) => {
      asked = bytes.toString()
      socket.end(answer)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `https://localhost:${(server.address() as AddressInfo).port}/`
})

afterAll(() => {
  server.close()
})

async function get(head: string, body = ''): Promise<Response> {
  answer = `HTTP/1.1 ${head}\r\nconnection: close\r\n\r\n${body}`
  return boundedFetch(url, limits, ca)
}

describe('an answer', () => {
  test.each([200, 202, 301, 404, 503, 599])('of status %d is one', async (status) => {
    expect((await get(`${status} x`, 'text')).status).toBe(status)
  })

  test.each([204, 205, 304])('of status %d has no body', async (status) => {
    const response = await get(`${status} x`)
    expect(response.status).toBe(status)
    expect(await response.text()).toBe('')
  })

  test.each([99, 600, 999])('of status %d is refused, and harms nobody', async (status) => {
    const text = String(status).padStart(3, '0')
    await expect(get(`${text} x`)).rejects.toThrow(new FetchError(`status ${status}`))
  })

  test('has the content type that it came with, or none', async () => {
    const typed = await get('200 x\r\ncontent-type: text/plain')
    expect(typed.headers.get('content-type')).toBe('text/plain')
    expect((await get('200 x')).headers.get('content-type')).toBeNull()
  })
})

describe('a request', () => {
  const ok = 'HTTP/1.1 200 x\r\nconnection: close\r\n\r\n'

  test('with a body says how long that is, in bytes', async () => {
    answer = ok
    await boundedRequest(url, { method: 'POST', headers: {}, body: 'é' }, limits, ca, {
      proxy: undefined,
    })
    expect(asked).toMatch(/^POST /)
    expect(asked.toLowerCase()).toContain('content-length: 2\r\n')
    answer = ok
    await boundedRequest(url, { method: 'POST', headers: {} }, limits, ca, { proxy: undefined })
    expect(asked.toLowerCase()).toContain('content-length: 0\r\n')
  })

  test('without one says nothing of it', async () => {
    answer = ok
    await boundedFetch(url, limits, ca)
    expect(asked).toMatch(/^GET /)
    expect(asked.toLowerCase()).not.toContain('content-length')
  })
})
