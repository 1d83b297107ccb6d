import { Hono } from 'hono'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  dropState,
  findState,
  keepState,
  type SignInState,
  stateLifetimeMs,
} from '../../../../src/web/people/sign-in-state.ts'
import { createSealer } from '../../../../src/web/sealer.ts'
import { publicUrl } from '../../../support/web-services.ts'

const secret = 'a secret of at least thirty-two characters'
const start = Date.parse('2026-01-01T00:00:00Z')
let now: number

beforeEach(() => {
  now = start
})

const clock = (): Date => new Date(now)
/** Another one for each request: nodes have nothing in common but the secret. */
const services = (by = secret): Parameters<typeof findState>[1] => ({
  sealer: createSealer([by], clock),
  now: clock,
})

const begun = (letter: string): Omit<SignInState, 'expiresAt'> => ({
  state: letter.repeat(43),
  nonce: 'nonce',
  verifier: 'verifier',
  redirectUri: `${publicUrl}/oidc/v1/callback`,
  integration: 'people',
  mode: 'session',
  returnTo: '/',
  isStepUp: false,
})

const app = new Hono()
app.get('/keep/:letter', async (c) => {
  await keepState(c, services(), begun(c.req.param('letter')))
  return c.text('')
})
app.get('/find/:state', async (c) => c.json(await findState(c, services(), c.req.param('state'))))
app.get('/elsewhere/:state', async (c) =>
  c.json(
    await findState(c, services('another secret of thirty-two characters'), c.req.param('state')),
  ),
)
app.get('/drop/:state', (c) => {
  dropState(c, c.req.param('state'))
  return c.text('')
})

/** What the browser has, by name. */
type Jar = Map<string, string>

async function get(path: string, jar: Jar): Promise<Response> {
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
  const response = await app.request(`${publicUrl}${path}`, { headers: { cookie } })
  for (const line of response.headers.getSetCookie()) {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    expect(line).toMatch(/; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
    if (line.includes('Max-Age=0')) jar.delete(name)
    else jar.set(name, value)
  }
  return response
}

async function find(letter: string, jar: Jar, how = 'find'): Promise<unknown> {
  const { kind } = (await (await get(`/${how}/${letter.repeat(43)}`, jar)).json()) as {
    kind: unknown
  }
  return kind
}

describe('a sign-in that a browser has begun', () => {
  test('is found by any node with the secret, whole', async () => {
    const jar: Jar = new Map()
    await get('/keep/a', jar)
    const response = await get(`/find/${'a'.repeat(43)}`, jar)
    expect(await response.json()).toEqual({
      kind: 'open',
      state: { ...begun('a'), expiresAt: start + stateLifetimeMs },
    })
    expect(await find('a', jar, 'elsewhere')).toBe('unknown')
  })

  test('tells nothing of itself', async () => {
    const jar: Jar = new Map()
    await get('/keep/a', jar)
    const [value = ''] = jar.values()
    const decoded = value.split('.').map((part) => Buffer.from(part, 'base64url').toString())
    expect(decoded.join()).not.toMatch(/verifier|nonce|people/)
  })

  test('has an end, behind which it is told apart from what never was', async () => {
    const jar: Jar = new Map()
    await get('/keep/a', jar)
    now = start + stateLifetimeMs - 1
    expect(await find('a', jar)).toBe('open')
    now = start + stateLifetimeMs
    expect(await find('a', jar)).toBe('expired')
    expect(await find('b', jar)).toBe('unknown')
    now = start + 3 * stateLifetimeMs
    expect(await find('a', jar)).toBe('unknown')
  })

  test('is of another browser where the cookie is not there, or is of another state', async () => {
    const jar: Jar = new Map()
    await get('/keep/a', jar)
    expect(await find('a', new Map())).toBe('unknown')
    const [[name = '', value = ''] = []] = jar
    expect(await find('b', new Map([[name.replaceAll('aaaa', 'bbbb'), value]]))).toBe('unknown')
    const alike = `${'a'.repeat(42)}b`
    expect(await (await get(`/find/${alike}`, jar)).json()).toEqual({ kind: 'unknown' })
    expect(await (await get(`/find/${'a'.repeat(16)}`, jar)).json()).toEqual({ kind: 'unknown' })
  })

  test('is gone once it is dropped, and no other with it', async () => {
    const jar: Jar = new Map()
    await get('/keep/a', jar)
    await get('/keep/b', jar)
    await get(`/drop/${'a'.repeat(43)}`, jar)
    expect([await find('a', jar), await find('b', jar)]).toEqual(['unknown', 'open'])
  })

  test('is one of four: the oldest goes, and whatever is none', async () => {
    const jar: Jar = new Map([['__Host-portcullis-state-x', 'none of ours']])
    for (const letter of ['a', 'b', 'c', 'd', 'e']) {
      now += 1_000
      await get(`/keep/${letter}`, jar)
    }
    const found = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(async (one) => find(one, jar)))
    expect(found).toEqual(['unknown', 'open', 'open', 'open', 'open'])
    expect(jar.size).toBe(4)
  })
})
