import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import type { EndOrder } from '../../../src/session/revocations.ts'
import type { SessionQuery } from '../../../src/session/session-summary.ts'
import { createControlApp, startControl } from '../../../src/web/control-app.ts'
import { catalogRoutes } from '../../../src/web/control/catalog-routes.ts'
import { sessionRoutes } from '../../../src/web/control/session-routes.ts'
import { shutdownRoutes } from '../../../src/web/control/shutdown-routes.ts'

let orders: EndOrder[]
let queries: SessionQuery[]
let kills: unknown[]
let errors: unknown[]
let failure: Error | undefined
let catalogs: unknown[]
let shutdowns: string[]

beforeEach(() => {
  orders = []
  queries = []
  kills = []
  errors = []
  failure = undefined
  catalogs = []
  shutdowns = []
})

async function post(path: string, body: unknown): Promise<{ status: number; body: unknown }> {
  const app = createControlApp({
    routes: [
      sessionRoutes({
        endSessions: async (order) => {
          orders.push(order)
          if (failure !== undefined) throw failure
          return Promise.resolve({ ended: 2, unanswered: 1 })
        },
        listSessions: async (query) => {
          queries.push(query)
          return Promise.resolve({ sessions: [], total: 0, unanswered: 0 })
        },
        onKill: (...kill) => kills.push(kill),
      }),
      catalogRoutes({
        diff: async (text) => Promise.resolve({ shown: catalogs.push(text) }),
        apply: async (order) => Promise.resolve({ applied: catalogs.push(order) }),
        export: async () => Promise.resolve({ text: 'groups: {}' }),
      }),
      shutdownRoutes((way) => {
        shutdowns.push(way)
        return { state: 'begun', deadlineMs: 5_000 }
      }),
    ],
    onError: (error) => errors.push(error),
  })
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await app.request(path, { method: 'POST', body: text })
  expect(response.headers.get('cache-control')).toBe('no-store')
  return { status: response.status, body: await response.json() }
}

describe('a KILL by the control socket', () => {
  test('ends what is selected, and is told to the log', async () => {
    const selector = { issuer: 'https://auth.example.com', subject: 'alice' }
    expect(await post('/sessions/kill', { selector })).toEqual({
      status: 200,
      body: { ended: 2, unanswered: 1 },
    })
    expect(orders).toEqual([{ selectors: [selector], end: 'killed' }])
    expect(kills).toEqual([[selector, { ended: 2, unanswered: 1 }]])
  })

  test.each([
    ['no JSON', '{', 'the body is no JSON object'],
    ['a list', [], 'the body is no JSON object'],
    ['no selector', {}, 'selector must be an object'],
    ['an empty selector', { selector: {} }, 'no session is selected'],
    ['an unknown criterion', { selector: { subjekt: 'a' } }, /^sessions are selected by session, /],
    ['a criterion of ours', { selector: { issuedUntilMs: '1' } }, /^sessions are selected by/],
    ['an empty criterion', { selector: { subject: '' } }, /^subject must be a text/],
    ['a number', { selector: { subject: 1 } }, /^subject must be a text/],
    ['a long text', { selector: { subject: 'x'.repeat(1_025) } }, /^subject must be a text/],
    ['no address', { selector: { address: 'home' } }, /^address must be/],
    ['an unknown member', { selector: { role: 'a' }, force: true }, /^an unknown member/],
  ])('with %s ends nothing', async (_, body, error) => {
    const answer = await post('/sessions/kill', body)
    expect(answer.status).toBe(400)
    expect((answer.body as { error: string }).error).toMatch(error)
    expect([orders, kills, errors]).toEqual([[], [], []])
  })

  test('that is too long is not read', async () => {
    expect(await post('/sessions/kill', ' '.repeat(16_385))).toMatchObject({ status: 413 })
  })

  test('that fails says no more than that', async () => {
    failure = new Error('of something')
    expect(await post('/sessions/kill', { selector: { role: 'a' } })).toEqual({
      status: 500,
      body: { error: 'internal error' },
    })
    expect(errors).toEqual([failure])
  })
})

describe('a list by the control socket', () => {
  test('is of all sessions where nothing is selected, and of a thousand', async () => {
    expect(await post('/sessions/list', { selector: {} })).toMatchObject({ status: 200 })
    expect(queries).toEqual([{ selector: {}, limit: 1_000 }])
  })

  test.each([1, 10_000])('has a limit of %d', async (limit) => {
    await post('/sessions/list', { selector: { role: 'a' }, limit })
    expect(queries).toEqual([{ selector: { role: 'a' }, limit }])
  })

  test.each([0, 10_001, 1.5, '3', null])('has no limit of %j', async (limit) => {
    expect(await post('/sessions/list', { selector: {}, limit })).toMatchObject({ status: 400 })
    expect(queries).toEqual([])
  })
})

test('there is nothing else on the control socket', async () => {
  expect(await post('/metrics', {})).toMatchObject({ status: 404 })
})

describe('a catalog by the control socket', () => {
  test('passes by, with the version that it is for', async () => {
    const order = { text: 'groups: {}', expectVersion: 7, author: 'root' }
    expect(await post('/catalog/apply', order)).toEqual({ status: 200, body: { applied: 1 } })
    expect(await post('/catalog/diff', { text: 'a' })).toEqual({ status: 200, body: { shown: 2 } })
    expect(catalogs).toEqual([order, 'a'])
    expect((await post('/catalog/export', {})).body).toEqual({ text: 'groups: {}' })
  })

  test.each([
    ['no text', {}],
    ['another member', { text: '', force: true }],
    ['a version that is none', { text: '', expectVersion: '7' }],
    ['an author without a name', { text: '', author: '' }],
    ['a text that is too long', { text: 'a'.repeat(1_048_577) }],
  ])('is refused with %s', async (_, body) => {
    expect(await post('/catalog/apply', body)).toMatchObject({ status: 400 })
    expect(catalogs).toEqual([])
  })

  test('is refused when its body is too long to be read', async () => {
    expect((await post('/catalog/apply', { text: 'a'.repeat(2_200_000) })).status).toBe(413)
  })
})

describe('a shutdown by the control socket', () => {
  test.each([
    ['that says nothing more drains', {}, 'drain'],
    ['may be told to drain', { now: false }, 'drain'],
    ['now is at once', { now: true }, 'now'],
  ])('%s', async (_, body, way) => {
    expect(await post('/shutdown', body)).toEqual({
      status: 200,
      body: { state: 'begun', deadlineMs: 5_000, pid: process.pid },
    })
    expect(shutdowns).toEqual([way])
  })

  test.each([
    ['a word for a yes', { now: 'true' }],
    ['an unknown member', { force: true }],
    ['no JSON', ''],
  ])('with %s stops nothing', async (_, body) => {
    expect((await post('/shutdown', body)).status).toBe(400)
    expect(shutdowns).toEqual([])
  })
})

test('the folder of the socket is made for its owner alone, where only that is missing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-control-'))
  try {
    const start = async (path: string): Promise<void> => {
      const server = await startControl(join(folder, path), { routes: [], onError: () => {} })
      await server.close()
    }
    await start('control/control.sock')
    expect((await stat(join(folder, 'control'))).mode & 0o777).toBe(0o700)
    await start('control/control.sock')
    await expect(start('a/b/control.sock')).rejects.toThrow('has to exist')
  } finally {
    await rm(folder, { recursive: true })
  }
})
