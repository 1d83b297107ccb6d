import { expect, test } from 'vitest'
import { ScramKeyCache } from '../../../src/sasl/scram-key-cache.ts'
import { answerAuthentication } from '../../../src/upstream/answer-authentication.ts'
import type { TokenForm } from '../../../src/upstream/pass-token.ts'
import type { AuthenticationRequest } from '../../../src/wire/read-backend.ts'

const token = 'a.b.c'
const bearer: AuthenticationRequest = { method: 'sasl', mechanisms: ['OAUTHBEARER'] }

/** What is sent to a server that asks for this and then is content. */
async function answersTo(
  request: AuthenticationRequest,
  isEncrypted = true,
  form: TokenForm = 'auto',
): Promise<string[]> {
  const asked: AuthenticationRequest[] = [request, { method: 'ok' }]
  const sent: Buffer[] = []
  const wanted = request.method === 'sasl' ? 'oauthbearer' : request.method
  const isOffered = request.method !== 'sasl' || request.mechanisms.includes('OAUTHBEARER')
  const isShown =
    isEncrypted && isOffered && wanted !== 'md5' && (form === 'auto' || form === wanted)
  const next = async () => {
    const one = asked.shift()
    if (one === undefined) throw new Error('nothing is left to be said')
    return Promise.resolve({ kind: 'authentication', request: one } as const)
  }
  try {
    await answerAuthentication({
      protocol: '3.0',
      role: 'app',
      credential: { kind: 'token', token, form },
      isEncrypted,
      channelBinding: 'prefer',
      endPoint: undefined,
      keys: new ScramKeyCache(1),
      clientsTurn: async (wait) => wait(1_000),
      next,
      send: (message) => sent.push(message),
    })
  } finally {
    if (!isShown) expect(sent).toEqual([])
  }
  return sent.map((message) => message.toString('latin1', 5))
}

test('a token is passed on as a cleartext password over TLS', async () => {
  expect(await answersTo({ method: 'cleartext' })).toEqual([`${token}\0`])
})

test.each<[string, AuthenticationRequest, boolean, string]>([
  ['without TLS', { method: 'cleartext' }, false, 'without TLS'],
  ['that asks for MD5', { method: 'md5', salt: Buffer.alloc(4) }, true, 'asks for md5'],
  [
    'that asks for SCRAM',
    { method: 'sasl', mechanisms: ['SCRAM-SHA-256'] },
    true,
    'offers SCRAM-SHA-256',
  ],
])('a token is not passed on to a server %s', async (_, request, isEncrypted, told) => {
  await expect(answersTo(request, isEncrypted)).rejects.toMatchObject({
    reason: 'upstream-authentication',
    logDetail: expect.stringContaining(told) as string,
  })
})

test('a token is passed on by OAUTHBEARER to a server that offers it', async () => {
  expect(await answersTo({ method: 'sasl', mechanisms: ['OAUTHBEARER'] })).toEqual([
    `OAUTHBEARER\0\0\0\0\x17n,,\x01auth=Bearer ${token}\x01\x01`,
  ])
})

test.each<[string, AuthenticationRequest, boolean, TokenForm, string]>([
  ['by OAUTHBEARER', bearer, true, 'cleartext', 'upstream.auth.as is "cleartext"'],
  ['in cleartext', { method: 'cleartext' }, true, 'oauthbearer', 'upstream.auth.as is "oauthbear'],
  ['by OAUTHBEARER without TLS', bearer, false, 'oauthbearer', 'without TLS'],
])('a token is not passed on %s where that is not wanted', async (_, request, tls, form, told) => {
  await expect(answersTo(request, tls, form)).rejects.toMatchObject({
    reason: 'upstream-authentication',
    logDetail: expect.stringContaining(told) as string,
  })
})
