import { expect, test } from 'vitest'
import { whoSignedIn } from '../../../../src/cli/client/who-signed-in.ts'
import type { Profile } from '../../../../src/credentials/profile.ts'

const nowMs = Date.parse('2026-11-22T12:00:00Z')
const grant = {
  token: 'a secret',
  issuedAt: nowMs,
  expiresAt: nowMs + 3_600_000,
  principal: 'alice',
  roles: ['app_readwrite', 'app_readonly'],
}
const person: Profile = {
  endpoints: [{ host: 'db.example.com', port: 5432 }],
  session: true,
  store: 'auto',
  signIn: { flow: 'gateway' },
}
const machine: Profile = { ...person, signIn: { flow: 'command', command: ['get'] } }

function told(profile: Profile, isRenewable: boolean, isDefault = true): string {
  return whoSignedIn({ name: 'db', profile }, grant, { nowMs, isDefault, isRenewable }).join('\n')
}

test('whoever signed in reads who it is, as which users, and what comes next', () => {
  const text = told(person, true)
  expect(text).toContain('Signed in as alice, profile db.')
  expect(text).toContain('Users at the gateway: app_readwrite, app_readonly.')
  expect(text).toContain('Next: portcullis psql <database>')
  expect(text).not.toContain('a secret')
})

test.each([
  ['by itself where there is a refresh token', person, true, 'it is renewed by itself'],
  ['by another sign-in where there is none', person, false, 'and then you sign in again'],
  ['by itself where nobody has to sign in', machine, false, 'it is renewed by itself'],
])('a token is renewed %s', (_, profile, isRenewable, text) => {
  expect(told(profile, isRenewable)).toContain(text)
})

test('what comes next names a profile that is not the default, and no database where one is known', () => {
  expect(told({ ...person, database: 'sandbox' }, true, false)).toMatch(
    /Next: portcullis psql --profile db$/,
  )
})
