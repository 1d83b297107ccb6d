import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { freePort } from '../../../../demo/ports.ts'
import { type Loopback, openLoopback } from '../../../../src/credentials/sources/loopback.ts'

interface Seen {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

const state = 'the-state-of-this-sign-in'

async function ask(
  { redirectUri }: Loopback,
  path: string,
  { method = 'GET', host }: { readonly method?: string; readonly host?: string } = {},
): Promise<Seen> {
  const { port, host: own } = new URL(redirectUri)
  const { promise, resolve, reject } = Promise.withResolvers<Seen>()
  const headers = { host: host ?? own }
  const sent = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
    text(response).then((body) => {
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body })
    }, reject)
  })
  sent.once('error', reject)
  sent.end()
  return promise
}

const answer = `/callback?code=a-code&state=${state}`

describe.concurrent('the port that a browser comes back to', () => {
  test.each<[string, string, { method?: string; host?: string }, number]>([
    ['another path', `/?code=a-code&state=${state}`, {}, 404],
    ['a path below', `/callback/x?code=a-code&state=${state}`, {}, 404],
    ['the icon of a page', '/favicon.ico', {}, 404],
    ['another method', answer, { method: 'POST' }, 400],
    ['a look ahead', answer, { method: 'HEAD' }, 400],
    ['the name of a page (DNS rebinding)', answer, { host: 'evil.example' }, 400],
    ['another port of the same machine', answer, { host: '127.0.0.1:1' }, 400],
    ['another name of the machine', answer, { host: 'localhost' }, 400],
    ['another state', '/callback?code=a-code&state=another', {}, 400],
    ['a state as long', `/callback?code=a-code&state=${'x'.repeat(state.length)}`, {}, 400],
    ['no state', '/callback?code=a-code', {}, 400],
    ['two states', `${answer}&state=${state}`, {}, 400],
    ['neither code nor error', `/callback?state=${state}`, {}, 400],
    ['nothing', '/callback', {}, 400],
    ['an address that is none', '//', {}, 404],
  ])('goes on waiting for it after %s', async (_, path, how, status) => {
    await using loopback = await openLoopback()
    const arrival = loopback.answerTo(state)
    const seen = await ask(loopback, path, how)
    expect(seen.status).toBe(status)
    expect(seen.headers['cache-control']).toBe('no-store')
    expect(seen.body).not.toContain('a-code')
    await ask(loopback, answer)
    expect(await arrival).toBe(`?code=a-code&state=${state}`)
  })

  test('takes one answer, and shows a page without it', async () => {
    await using loopback = await openLoopback()
    const arrival = loopback.answerTo(state)
    const first = await ask(loopback, answer)
    expect(first).toMatchObject({ status: 303, body: '' })
    expect(first.headers).toMatchObject({
      location: '/portcullis-done',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'content-security-policy': expect.stringContaining("default-src 'none'") as string,
    })
    expect((await ask(loopback, answer.replace('a-code', 'another'))).status).toBe(400)
    expect(await arrival).toContain('code=a-code')
    const last = await ask(loopback, '/portcullis-done')
    expect(last).toMatchObject({ status: 200 })
    expect(last.body).toContain('You can close this page.')
    expect((await ask(loopback, '/portcullis-done?code=x')).status).toBe(404)
  })

  test('takes a refusal for an answer', async () => {
    await using loopback = await openLoopback()
    const arrival = loopback.answerTo(state)
    await ask(loopback, `/callback?error=access_denied&state=${state}`)
    expect(await arrival).toContain('error=access_denied')
  })

  test('takes nothing before anybody was sent', async () => {
    await using loopback = await openLoopback()
    expect((await ask(loopback, answer)).status).toBe(400)
    expect((await ask(loopback, '/callback?code=a-code&state=')).status).toBe(400)
  })

  test('is there for as long as it is waited for', async () => {
    const loopback = await openLoopback()
    await loopback[Symbol.asyncDispose]()
    await expect(ask(loopback, answer)).rejects.toThrow('ECONNREFUSED')
  })

  test.each([
    ['http://localhost', /^http:\/\/localhost:\d+$/, '/'],
    ['http://127.0.0.1/oidc/cb', /^http:\/\/127\.0\.0\.1:\d+\/oidc\/cb$/, '/oidc/cb'],
  ])('may be another one of this machine: %s', async (uri, shape, path) => {
    await using loopback = await openLoopback(uri)
    expect(loopback.redirectUri).toMatch(shape)
    const arrival = loopback.answerTo(state)
    await ask(loopback, `${path}?code=a-code&state=${state}`)
    expect(await arrival).toContain('a-code')
  })

  test('may be always the same one, where nobody else has it', async () => {
    const port = await freePort()
    const uri = `http://localhost:${port}/callback`
    await using loopback = await openLoopback(uri)
    expect(loopback.redirectUri).toBe(uri)
    await expect(openLoopback(uri)).rejects.toMatchObject({
      kind: 'failed',
      message: `port ${port} of this machine cannot be listened on`,
    })
  })

  test.each([
    'https://localhost/callback',
    'http://db.example.com/callback',
    'http://127.0.0.1.evil.example/',
    'http://localhost:99999/',
    'http://localhost/callback?x=y',
    'http://alice@localhost/',
  ])('is no other machine: %s', async (uri) => {
    await expect(openLoopback(uri)).rejects.toMatchObject({ kind: 'configuration' })
  })
})
