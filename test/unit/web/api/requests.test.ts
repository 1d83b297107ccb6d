import { describe, expect, test } from 'vitest'
import type { VisitEvent } from '../../../../src/web/people/visit-event.ts'
import { publicUrl } from '../../../support/web-services.ts'
import { node, person, tokenOf } from './api.ts'

const body = { database: 'sandbox', id_token: 'alice' }
function keepIn(events: VisitEvent[]): (event: VisitEvent) => Promise<void> {
  return async (event) => {
    events.push(event)
    await Promise.resolve()
  }
}

const whose = (): object => ({ subject: 'alice', names: ['alice'] })

describe('a call', () => {
  test.each([
    ['no browser', {}, 200],
    ['a page of ours', { origin: publicUrl, 'sec-fetch-site': 'same-origin' }, 200],
    ['a page of another site', { origin: 'https://evil.example' }, 403],
    ['a page without an origin', { origin: 'null' }, 403],
    ['a page of the same site', { 'sec-fetch-site': 'same-site' }, 403],
    ['whatever else a browser sends', { 'sec-fetch-site': 'cross-site' }, 403],
  ])('of %s is answered as such', async (_, headers, status) => {
    const answer = await node({ whose })('/v1/sso_token', { body, headers })
    expect(answer.status).toBe(status)
    if (status === 403) expect(answer.json).toMatchObject({ error: 'foreign_origin' })
  })

  test.each([
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['text', { 'content-type': 'text/plain' }, 415],
    ['nothing that is said', {}, 415],
    ['another JSON', { 'content-type': 'application/json5' }, 415],
    ['JSON', { 'content-type': 'application/json; charset=utf-8' }, 200],
    ['JSON in capitals', { 'content-type': 'Application/JSON' }, 200],
  ])('with %s for a body is answered as such', async (_, headers, status) => {
    const answer = await node({ whose })('/v1/sso_token', { body: JSON.stringify(body), headers })
    expect(answer.status).toBe(status)
  })

  test.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['nothing', '{}'],
    ['a member too many', JSON.stringify({ ...body, more: 1 })],
    ['a control character', JSON.stringify({ ...body, database: 'a\u0000b' })],
  ])('with %s is refused, and nothing of it is said', async (_, text) => {
    const headers = { 'content-type': 'application/json' }
    const { status, json } = await node({ whose })('/v1/sso_token', { body: text, headers })
    expect(status).toBe(400)
    expect(json['error']).toBe('invalid_request')
    expect(JSON.stringify(json)).not.toContain('alice')
  })

  test('that is too long is refused before it is read', async () => {
    const long = { ...body, id_token: 'x'.repeat(65_536) }
    const { status, json } = await node()('/v1/sso_token', { body: long })
    expect(status).toBe(413)
    expect(json).toMatchObject({ error: 'too_large' })
  })

  test('of an address that calls too often is refused, and others are not', async () => {
    const call = node({ whose })
    for (let count = 0; count < 100; count++) await call('/v1/login', {})
    const { status, json, headers } = await call('/v1/sso_token', { body })
    expect(status).toBe(429)
    expect(json).toMatchObject({ error: 'slow_down' })
    expect(headers.get('retry-after')).toBe('10')
    expect((await call('/v1/sso_token', { body, address: '10.0.0.2' })).status).toBe(200)
  })

  test('for the head of the answer to a browser that comes back is refused', async () => {
    const { status, headers } = await node()('/v1/callback?state=x', { method: 'HEAD' })
    expect(status).toBe(405)
    expect(headers.get('allow')).toBe('GET')
  })

  test('is never open to pages of other sites, and never kept', async () => {
    const call = node({ whose })
    const asked = { body, headers: { origin: 'https://evil.example' } }
    for (const path of ['/v1/sso_token', '/v1/nothing', '/v1/openapi.json']) {
      for (const method of ['OPTIONS', 'POST']) {
        const { headers } = await call(path, { ...asked, method })
        const names = [...headers.keys()]
        expect(names.filter((name) => name.startsWith('access-control'))).toEqual([])
        expect(headers.get('cache-control')).toBe('no-store')
      }
    }
  })

  test('is refused by password', async () => {
    const { status, json } = await node()('/v1/login', { body: { username: 'a', password: 'b' } })
    expect(status).toBe(400)
    expect(json).toMatchObject({ error: 'unsupported_grant_type' })
  })

  test.each(['/v1/sso_token', '/v1/sso_device_grant', '/v1/sso_authentication'])(
    'to %s is of no use where there are no session tokens',
    async (path) => {
      const asked = path === '/v1/sso_token' ? { body } : {}
      const { status, json } = await node({ whose, tokens: undefined })(path, asked)
      expect(status).toBe(404)
      expect(json).toMatchObject({ error: 'not_found' })
    },
  )
})

describe('a token', () => {
  test('of somebody who is kept out becomes none', async () => {
    const events: VisitEvent[] = []
    const call = node({ whose, isKeptOut: () => true, tell: keepIn(events) })
    const { status, json } = await call('/v1/sso_token', { body })
    expect(status).toBe(403)
    expect(json).toMatchObject({ error_description: 'access is denied', sqlstate: '28000' })
    expect(events).toMatchObject([
      { kind: 'exchange', reason: 'denied', identity: { subject: 'alice' }, address: '10.0.0.1' },
    ])
    expect(json['reference']).toBe(events[0]?.id)
  })

  test('is told of, without the token', async () => {
    const events: VisitEvent[] = []
    const call = node({ whose, tell: keepIn(events) })
    await call('/v1/sso_token', { body: { ...body, id_token: 'a-secret-token' } })
    expect(events).toMatchObject([{ kind: 'exchange', integration: 'people', reason: undefined }])
    expect(JSON.stringify(events)).not.toContain('a-secret-token')
  })

  test('becomes none where no record of it can be kept', async () => {
    const errors: unknown[] = []
    const tell = async (): Promise<void> => Promise.reject(new Error('the disk is full'))
    const call = node({ whose, tell, onError: (error) => errors.push(error) })
    const { status, json } = await call('/v1/sso_token', { body })
    expect(status).toBe(503)
    expect(json).toEqual({
      error: 'temporarily_unavailable',
      error_description: 'the gateway cannot keep its audit trail',
    })
    const refused = node({ tell, onError: (error) => errors.push(error) })
    expect((await refused('/v1/sso_token', { body })).status).toBe(401)
    expect(errors).toHaveLength(2)
  })

  test('that nobody knows is told of, too', async () => {
    const events: VisitEvent[] = []
    const { status } = await node({ tell: keepIn(events) })('/v1/sso_token', {
      body,
    })
    expect(status).toBe(401)
    expect(events).toMatchObject([{ kind: 'exchange', reason: 'token-signature' }])
  })

  test('that is bound to a certificate stays bound', async () => {
    const bound = (): object => ({ ...whose(), certificateThumbprint: 'thumb' })
    const { json } = await node({ whose: bound })('/v1/sso_token', { body })
    const text = Buffer.from(String(json['access_token']), 'base64url').toString()
    expect(JSON.parse(text)).toMatchObject({ identity: { certificateThumbprint: 'thumb' } })
  })

  test('is for any database where none is named, and says the users of all of them', async () => {
    const asked = { ...body, database: 'system' }
    const call = node({ whose })
    expect((await call('/v1/sso_token', { body: asked })).json).toMatchObject({
      username: 'app_readonly',
      roles: ['app_readonly'],
    })
    const bounds = { database: 'system' }
    const { status, json } = await call('/v1/sso_token', { body: { ...asked, bounds } })
    expect(status).toBe(403)
    expect(json).toMatchObject({ doc: 'troubleshooting.md#console-not-allowed' })
  })
})

describe('a session token', () => {
  const authorization = `Bearer ${tokenOf(person('alice'), { user: 'app_readonly' })}`

  test('is replaced with the same bounds', async () => {
    const { json } = await node()('/v1/token_refresh', {
      headers: { authorization },
      body: { database: 'sandbox' },
    })
    expect(json).toMatchObject({ username: 'app_readonly', roles: ['app_readonly'] })
  })

  test('is not replaced for whoever is kept out', async () => {
    const call = node({ isKeptOut: () => true })
    expect((await call('/v1/token_refresh', { headers: { authorization } })).status).toBe(403)
  })

  test.each(['Basic abc', 'Bearer', 'Bearer a b', 'Bearer {}'])(
    'is not what Authorization says: %s',
    async (header) => {
      const { status, headers } = await node()('/v1/token_refresh', {
        headers: { authorization: header },
      })
      expect(status).toBe(401)
      expect(headers.get('www-authenticate')).toMatch(/^Bearer realm="portcullis"/)
    },
  )

  test('is not revoked before every part of the gateway has heard of it', async () => {
    const end = async (): Promise<{ ended: number; unanswered: number }> =>
      Promise.resolve({ ended: 1, unanswered: 1 })
    const { status, json } = await node({ end })('/v1/logout', { headers: { authorization } })
    expect(status).toBe(503)
    expect(json).toMatchObject({ error: 'temporarily_unavailable' })
  })

  test('is not needed to be signed out', async () => {
    const { status, json, headers } = await node()('/v1/logout')
    expect(status).toBe(200)
    expect(json).toEqual({ revoked: false, refresh_token_revoked: false, sessions_ended: 0 })
    const cookies = headers.getSetCookie()
    expect(cookies).toHaveLength(3)
    for (const line of cookies) expect(line).toContain('Max-Age=0')
  })
})
