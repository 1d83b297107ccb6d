import { describe, expect, test } from 'vitest'
import { verifyToken } from '../../../src/identity/verify-token.ts'
import { keysOf, makeToken, now, signingKey, tokenRules, toJwk } from './tokens.ts'

const key = signingKey('one')
const keys = keysOf([toJwk(key)])
const claims = {
  email: { value: ['alice@example.com'] },
  mail: { email: 'alice@example.com' },
  email_verified: false,
  emails: 'alice@example.com',
  work_email: 'alice@example.com',
  '/email': 'never read',
}

describe('an address that the provider has not checked', () => {
  test.each(['/email/value', '/email/value/0'])('is refused as the principal %s', async (its) => {
    const rules = tokenRules(keys, { principalClaim: its })
    await expect(verifyToken(makeToken(key, claims), rules, now)).rejects.toMatchObject({
      clientDetail: 'The e-mail address is not verified.',
    })
  })

  test.each(['emails', 'work_email', '/emails', '/mail/email'])(
    'says nothing of the principal %s',
    async (its) => {
      const rules = tokenRules(keys, { principalClaim: its })
      await expect(verifyToken(makeToken(key, claims), rules, now)).resolves.toMatchObject({
        names: ['alice@example.com'],
      })
    },
  )
})
