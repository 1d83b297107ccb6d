import type { CustomFetchOptions } from 'openid-client'
import { describe, expect, test } from 'vitest'
import { withoutSecretIfRefused } from '../../../src/identity/public-client.ts'

const url = 'https://issuer.example/token'
const asked = new URLSearchParams({ scope: 'openid' })
const basic = { accept: 'application/json', authorization: 'Basic c2VjcmV0' }

function options(headers: Record<string, string> = basic): CustomFetchOptions {
  return { method: 'POST', redirect: 'manual', headers, body: asked }
}

interface Sent {
  readonly authorization: string | undefined
  readonly form: string
}

/** A provider that gives these answers one after the other, and what it was sent. */
function provider(...answers: readonly (readonly [status: number, body: unknown])[]) {
  const sent: Sent[] = []
  const left = [...answers]
  const post = withoutSecretIfRefused(async (_, { headers, body }) => {
    sent.push({
      authorization: headers['authorization'],
      form: body instanceof URLSearchParams ? body.toString() : (body as string),
    })
    const [status, said] = left.shift()!
    return Promise.resolve(
      new Response(typeof said === 'string' ? said : JSON.stringify(said), { status }),
    )
  }, 'native')
  return { post, sent }
}

const withSecret = { authorization: basic.authorization, form: 'scope=openid' }
const withoutSecret = { authorization: undefined, form: 'scope=openid&client_id=native' }
const refused = [401, { error: 'invalid_client' }] as const
const pending = [400, { error: 'authorization_pending' }] as const

describe('a client with a secret', () => {
  test.each([
    ['invalid_client', 401],
    ['invalid_client', 400],
    ['invalid_request', 400],
  ])(
    'that is refused with %s and status %d says it again without, and so from then on',
    async (error, status) => {
      const { post, sent } = provider([status, { error }], pending, pending)
      expect(await (await post(url, options())).json()).toEqual({ error: 'authorization_pending' })
      await post(url, options())
      expect(sent).toEqual([withSecret, withoutSecret, withoutSecret])
      expect(asked.toString()).toBe('scope=openid')
    },
  )

  test('keeps the rest of its request', async () => {
    const seen: CustomFetchOptions[] = []
    const post = withoutSecretIfRefused(async (_, its) => {
      seen.push(its)
      return Promise.resolve(Response.json({ error: 'invalid_client' }, { status: 401 }))
    }, 'native')
    await post(url, options())
    expect(seen[1]).toMatchObject({ method: 'POST', headers: { accept: 'application/json' } })
  })

  test.each<[string, readonly [number, unknown]]>([
    ['an answer', [200, { device_code: 'x' }]],
    ['an answer that looks like an error', [200, { error: 'invalid_client' }]],
    ['another error', [400, { error: 'unauthorized_client' }]],
    ['what is not JSON', [401, 'no']],
    ['what is no object', [401, 'null']],
  ])('keeps its secret where it hears %s', async (_, answer) => {
    const { post, sent } = provider(answer, answer)
    await post(url, options())
    await post(url, options())
    expect(sent).toEqual([withSecret, withSecret])
  })

  test('hears the first answer where it is refused without the secret too, and each time', async () => {
    const second = [400, { error: 'invalid_client', error_description: 'x' }] as const
    const { post, sent } = provider(refused, second, refused, second)
    const answer = await post(url, options())
    expect(answer.status).toBe(401)
    expect(await answer.json()).toEqual({ error: 'invalid_client' })
    expect((await post(url, options())).status).toBe(401)
    expect(sent).toEqual([withSecret, withoutSecret, withSecret, withoutSecret])
  })
})

test.each<[string, CustomFetchOptions]>([
  ['without a secret', options({})],
  ['that sends no form', { ...options(), body: 'scope=openid' }],
])('a client %s asks once', async (_, its) => {
  const { post, sent } = provider(refused)
  expect((await post(url, its)).status).toBe(401)
  expect(sent).toEqual([{ authorization: its.headers['authorization'], form: 'scope=openid' }])
})
