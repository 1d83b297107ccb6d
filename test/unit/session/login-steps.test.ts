import { describe, expect, test } from 'vitest'
import type { TokenCheck } from '../../../src/identity/token-check.ts'
import type { TokenRules } from '../../../src/identity/token-rules.ts'
import type { Principal } from '../../../src/identity/verify-token.ts'
import { Refusal } from '../../../src/refusal.ts'
import { LoginSteps } from '../../../src/session/login-steps.ts'
import { recordChecks } from '../../../src/session/record-checks.ts'

const rules = {
  audiences: [],
  clientId: 'portcullis',
  algorithms: ['ES256'],
  keys: { issuer: 'https://auth.example.com' },
  introspection: { endpoint: undefined },
} as unknown as TokenRules

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const token = `${encode({ alg: 'ES256', kid: 'k1' })}.${encode({ sub: 'alice' })}.c2lnbmF0dXJl`
const principal = { subject: 'alice' } as Principal
const now = new Date(0)

function recorded(checks: readonly TokenCheck[], refusal?: Refusal, introspects?: Refusal | 'ok') {
  const steps = new LoginSteps()
  const verify = async (_: string, __: Date, checking?: (check: TokenCheck) => void) => {
    for (const check of checks) checking?.(check)
    return refusal === undefined ? Promise.resolve(principal) : Promise.reject(refusal)
  }
  const introspected =
    introspects === undefined
      ? undefined
      : {
          verify: async () =>
            introspects === 'ok' ? Promise.resolve(principal) : Promise.reject(introspects),
        }
  const verifier = recordChecks(new Map([['main', { rules, verify, introspected }]]), steps)
  return { steps, verifier: verifier.get('main')!, verifiers: verifier }
}

describe('the steps of a login', () => {
  test('are the checks of its token, with what was compared', async () => {
    const { steps, verifier } = recorded(['format', 'algorithm'])
    expect(await verifier.verify(token, now)).toBe(principal)
    expect(steps.read()).toEqual([
      {
        check: 'format',
        compared: expect.stringContaining('three segments') as string,
        passed: true,
      },
      { check: 'algorithm', compared: 'alg "ES256" among ES256', passed: true },
    ])
  })

  test('end with the check that failed', async () => {
    const refusal = new Refusal('token-signature')
    const { steps, verifier } = recorded(['format', 'signature'], refusal)
    await expect(verifier.verify(token, now)).rejects.toBe(refusal)
    expect(steps.read().map(({ check, passed }) => [check, passed])).toEqual([
      ['format', true],
      ['signature', false],
    ])
    expect(JSON.stringify(steps.read())).not.toContain(token.split('.')[1])
  })

  test('say that the token was verified before', async () => {
    const { steps, verifier } = recorded([])
    await verifier.verify(token, now)
    expect(steps.read()).toMatchObject([{ check: 'signature', passed: true }])
  })

  test('say nothing of what is inside of an encrypted token', async () => {
    const encrypted = `${encode({ alg: 'RSA-OAEP', enc: 'A256GCM' })}.a.b.c.d`
    const { steps, verifier } = recorded(['decryption', 'audience'])
    await verifier.verify(encrypted, now)
    expect(steps.read().map(({ compared }) => compared)).toEqual([
      'of an encrypted token',
      'of an encrypted token',
    ])
  })

  test('have whether the provider knows the token', async () => {
    const refusal = new Refusal('token-inactive')
    const { steps, verifier } = recorded([], undefined, refusal)
    await expect(verifier.introspected!.verify('opaque', now)).rejects.toBe(refusal)
    expect(steps.read()).toMatchObject([{ check: 'introspection', passed: false }])
    const other = recorded([], undefined, 'ok')
    await other.verifier.introspected!.verify('opaque', now)
    expect(other.steps.read()).toMatchObject([{ check: 'introspection', passed: true }])
  })

  test('are of no verifier that there is not', () => {
    const { verifiers, verifier } = recorded([])
    expect(verifiers.get('other')).toBeUndefined()
    expect(verifier.introspected).toBeUndefined()
  })

  test('are no more than so many', () => {
    const steps = new LoginSteps()
    for (let i = 0; i < 100; i++) steps.add({ check: String(i), compared: '', passed: true })
    expect(steps.read()).toHaveLength(64)
  })

  test('are forgotten when somebody is in', () => {
    const steps = new LoginSteps()
    steps.add(() => [{ check: 'x', compared: token, passed: true }])
    steps.forget()
    expect(steps.read()).toEqual([])
  })
})
