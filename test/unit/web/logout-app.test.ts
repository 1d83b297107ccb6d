import { beforeEach, describe, expect, test } from 'vitest'
import { createLogoutApp } from '../../../src/web/logout-app.ts'

const form: Readonly<Record<string, string>> = {
  'content-type': 'application/x-www-form-urlencoded',
}
const path = 'https://gate.example.com/oidc/v1/backchannel-logout'

type Outcome = 'done' | 'refused' | 'failed'

let calls: unknown[]
let errors: unknown[]
let isTaken: boolean
let outcome: () => Promise<Outcome>

beforeEach(() => {
  calls = []
  errors = []
  isTaken = true
  outcome = async () => Promise.resolve('done')
})

function app(): ReturnType<typeof createLogoutApp> {
  return createLogoutApp({
    isBehindProxy: false,
    isTaken: () => isTaken,
    accept: async (token) => {
      calls.push(token)
      return outcome()
    },
    onError: (error) => errors.push(error),
  })
}

async function send(
  body: string,
  { to = app(), url = path, headers = form, method = 'POST' } = {},
): Promise<{ status: number; error: unknown }> {
  const init = { method, headers, ...(method === 'POST' && { body }) }
  const from = { incoming: { socket: { remoteAddress: '192.0.2.7' } } }
  const response = await to.request(url, init, from)
  expect(response.headers.get('cache-control')).toBe('no-store')
  const text = await response.text()
  return { status: response.status, error: text === '' ? undefined : JSON.parse(text) }
}

describe('the address for logout tokens', () => {
  test('hands over the token, and says no more than that it is done', async () => {
    expect(await send('logout_token=a.b.c')).toEqual({ status: 200, error: undefined })
    expect(calls).toEqual(['a.b.c'])
  })

  test.each<[Outcome, string]>([
    ['refused', 'invalid_request'],
    ['failed', 'logout_failed'],
  ])('answers 400 to what is %s', async (result, error) => {
    outcome = async () => Promise.resolve(result)
    expect(await send('logout_token=a.b.c')).toEqual({ status: 400, error: { error } })
  })

  test.each([
    ['no token', 'token=a.b.c', form],
    ['an empty token', 'logout_token=', form],
    ['two tokens', 'logout_token=a&logout_token=b', form],
    ['JSON', '{"logout_token":"a"}', { 'content-type': 'application/json' }],
    ['no type', 'logout_token=a.b.c', {}],
  ])('takes %s for no request', async (_, body, headers) => {
    expect(await send(body, { headers })).toMatchObject({ status: 400 })
    expect(calls).toEqual([])
  })

  test('reads no more than a token may have', async () => {
    expect(await send(`logout_token=${'x'.repeat(32_768)}`)).toMatchObject({ status: 413 })
    expect(calls).toEqual([])
  })

  test('is not there where nobody takes any, nor for a look at it', async () => {
    expect(await send('logout_token=a', { url: `${path}/people` })).toMatchObject({ status: 404 })
    isTaken = false
    expect(await send('logout_token=a')).toMatchObject({ status: 404 })
    expect(await send('', { method: 'GET' })).toMatchObject({ status: 404 })
    expect(calls).toEqual([])
  })

  test('answers so many of one address and no more', async () => {
    const to = app()
    for (let count = 0; count < 1_000; count++) await send('logout_token=a', { to })
    expect(await send('logout_token=a', { to })).toMatchObject({ status: 429 })
    expect(calls).toHaveLength(1_000)
  })

  test('has so many under way and no more', async () => {
    const to = app()
    const { promise, resolve } = Promise.withResolvers<Outcome>()
    outcome = async () => promise
    const waiting = Array.from({ length: 64 }, async () => send('logout_token=a', { to }))
    while (calls.length < 64) await new Promise((go) => setImmediate(go))
    expect(await send('logout_token=a', { to })).toMatchObject({ status: 503 })
    resolve('done')
    await Promise.all(waiting)
    expect(await send('logout_token=a', { to })).toMatchObject({ status: 200 })
  })

  test('says nothing of what went wrong', async () => {
    outcome = async () => Promise.reject(new Error('secret'))
    const answer = await send('logout_token=a')
    expect(answer).toEqual({ status: 400, error: { error: 'logout_failed' } })
    expect(errors).toHaveLength(1)
  })
})
