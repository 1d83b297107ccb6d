import { ClientError } from 'openid-client'
import { describe, expect, test } from 'vitest'
import { explainProblem } from '../../../src/credentials/explain-problem.ts'
import { GatewayRefusal } from '../../../src/credentials/gateway-refusal.ts'
import { CredentialProblem, type ProblemKind } from '../../../src/credentials/problem.ts'
import { OtherIssuer } from '../../../src/identity/discovery.ts'
import { FetchError } from '../../../src/identity/fetch-error.ts'
import { failed, ProviderRefusal } from '../../../src/identity/sign-in-provider.ts'
import { Refusal } from '../../../src/refusal.ts'

const who = 'https://auth.example.com'

function explained(error: unknown): CredentialProblem {
  const problem = explainProblem(error, who)
  if (problem instanceof CredentialProblem) return problem
  throw new Error(`not explained: ${String(error)}`)
}

function withCode(code: string): Error {
  return Object.assign(new Error('secret'), { code })
}

describe('what the provider says no with', () => {
  test.each<[string, ProblemKind, string]>([
    ['invalid_client', 'refused', 'client_id'],
    ['unauthorized_client', 'refused', 'grant type'],
    ['unsupported_grant_type', 'refused', '--flow'],
    ['invalid_grant', 'refused', 'portcullis login'],
    ['invalid_scope', 'refused', '--scope'],
    ['invalid_target', 'refused', 'audience'],
    ['invalid_request', 'refused', 'http://127.0.0.1/callback'],
    ['login_required', 'refused', 'portcullis login'],
    ['consent_required', 'refused', 'portcullis login'],
    ['interaction_required', 'refused', 'portcullis login'],
    ['mfa_required', 'refused', 'portcullis login'],
    ['slow_down', 'unreachable', 'minute'],
    ['temporarily_unavailable', 'unreachable', 'minute'],
    ['server_error', 'unreachable', 'minute'],
  ])('is told with what to do: %s', (code, kind, hint) => {
    const problem = explained(new ProviderRefusal(code, 'the endpoint answered'))
    expect(problem.kind).toBe(kind)
    expect(problem.message).toMatch(new RegExp(`^${who} .+ \\(${code}\\)$`))
    expect(problem.hint).toContain(hint)
  })

  test.each([['something_else'], ['constructor'], [undefined]])(
    'is told where it is %s, too',
    (code) => {
      const problem = explained(new ProviderRefusal(code, 'the endpoint answered'))
      expect(problem.kind).toBe('refused')
      expect(problem.message).toContain(code ?? 'an error of its own')
    },
  )

  test.each<[Refusal, ProblemKind, string]>([
    [new Refusal('sign-in-denied'), 'refused', 'was denied'],
    [new Refusal('sign-in-timeout', { values: { seconds: 1 } }), 'failed', 'in time'],
    [failed('the document has no token_endpoint'), 'unreachable', 'no token_endpoint'],
    [new Refusal('sign-in-failed'), 'unreachable', 'sign-in-failed'],
  ])('is told by the reason of a refusal: %o', (refusal, kind, says) => {
    expect(explained(refusal)).toMatchObject({
      kind,
      message: expect.stringContaining(says) as string,
      cause: refusal,
    })
  })
})

describe('what is on the way', () => {
  test.each([
    ['ENOTFOUND', 'its name is not known'],
    ['EAI_AGAIN', 'its name is not known'],
    ['ECONNREFUSED', 'the connection was refused'],
    ['ECONNRESET', 'the connection was cut'],
    ['EPIPE', 'the connection was cut'],
    ['ETIMEDOUT', 'did not answer in time'],
    ['EHOSTUNREACH', 'no way to its network'],
    ['ENETUNREACH', 'no way to its network'],
    ['EADDRNOTAVAIL', 'no way to its network'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'not trusted here'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'not trusted here'],
    ['UNABLE_TO_GET_ISSUER_CERT', 'not trusted here'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'not trusted here'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'not trusted here'],
    ['CERT_UNTRUSTED', 'not trusted here'],
    ['CERT_HAS_EXPIRED', 'not good now'],
    ['CERT_NOT_YET_VALID', 'not good now'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'for another name'],
    ['EPROTO', 'TLS as it should'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'TLS as it should'],
    ['CERT_REVOKED', 'CERT_REVOKED'],
    ['HPE_INVALID_CONSTANT', 'HPE_INVALID_CONSTANT'],
    ['OAUTH_INVALID_RESPONSE', 'OAUTH_INVALID_RESPONSE'],
  ])('is told of, however deep it is: %s', (code, says) => {
    const errors = [
      withCode(code),
      new ClientError('something went wrong', { cause: withCode(code) }),
      failed('https://auth.example.com/token: no usable answer', withCode(code)),
      new FetchError('the proxy', { cause: withCode(code) }),
      new AggregateError([withCode(code)]),
    ]
    const known = says !== code
    for (const error of known ? errors : errors.slice(0, 2)) {
      const problem = explained(error)
      expect(problem.kind).toBe('unreachable')
      expect(problem.message).toContain(says)
      expect(problem.message).not.toContain('secret')
      expect(problem.hint !== undefined).toBe(known)
    }
  })

  test.each([
    [new FetchError('no answer within 15000 ms'), 'did not answer in time'],
    [new FetchError('https://auth.example.com/x answered 404'), 'answered 404'],
    [new OtherIssuer('https://evil.example'), 'of another issuer: https://evil.example'],
    [failed('endpoint', new FetchError('no answer within 1 ms')), 'did not answer in time'],
  ])('is told of by our own limits: %s', (error, says) => {
    expect(explained(error)).toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining(says) as string,
    })
  })
})

describe('what the gateway says', () => {
  const said = (code: string, more: object = {}): GatewayRefusal => {
    const none = { description: undefined, hint: undefined, reference: undefined }
    return new GatewayRefusal(400, { code, deviceCode: undefined, ...none, ...more })
  }

  test.each<[string, ProblemKind]>([
    ['invalid_token', 'refused'],
    ['access_denied', 'refused'],
    ['conflict', 'refused'],
    ['not_found', 'configuration'],
    ['invalid_request', 'configuration'],
    ['unsupported_token_type', 'configuration'],
    ['expired_token', 'failed'],
    ['slow_down', 'unreachable'],
    ['temporarily_unavailable', 'unreachable'],
    ['server_error', 'unreachable'],
    ['constructor', 'refused'],
  ])('is told as it is: %s', (code, kind) => {
    const description = 'identity "alice" has no access'
    const problem = explained(said(code, { description, hint: 'Ask.', reference: 'api-1' }))
    expect(problem).toMatchObject({ kind, message: `${who} says: ${description} (api-1)` })
    expect(problem.hint).toBe('Ask.')
    expect(explained(said(code)).message).toBe(`${who} says: ${code}`)
  })

  test('is told without what it was sent, and on one line', () => {
    const token = `eyJ${'a'.repeat(40)}.eyJ${'b'.repeat(40)}.${'c'.repeat(40)}`
    const text = `no: ${token}\nx`
    const problem = explained(said('access_denied', { description: text, hint: text }))
    for (const told of [problem.message, problem.hint ?? '']) {
      expect(told).toContain('no: [token]?x')
      expect(told).not.toMatch(/aaa|bbb|ccc|\n/)
    }
  })

  test('is told to be nothing of a gateway where it is not', () => {
    const problem = explained(new GatewayRefusal(404, undefined))
    expect(problem).toMatchObject({ kind: 'unreachable' })
    expect(problem.message).toContain('status 404')
    expect(problem.hint).toContain('web.public_url')
  })
})

test('a problem stays what it is, and so does what nobody expected', () => {
  const problem = new CredentialProblem('failed', 'x')
  expect(explainProblem(problem, who)).toBe(problem)
  for (const bug of [new TypeError('x'), withCode('ERR_INVALID_ARG_TYPE'), 'x', undefined]) {
    expect(explainProblem(bug, who)).toBe(bug)
  }
})

test('whoever it is about is shown on one line', () => {
  const problem = explainProblem(new FetchError('x'), 'a\nb') as CredentialProblem
  expect(problem.message).toMatch(/^a\?b gave/)
})
