import { expect, test } from 'vitest'
import { accountOf, isOfProfile } from '../../../src/credentials/account.ts'
import type { Flow, Profile } from '../../../src/credentials/profile.ts'

const client = {
  issuer: 'https://auth.example.com',
  clientId: 'c',
  scopes: ['openid'],
  use: 'id_token',
} as const
const profile: Profile = {
  gateway: 'https://db.example.com',
  endpoints: [],
  session: false,
  store: 'file',
  signIn: { flow: 'browser', ...client },
}
const idOf = (changes: Partial<Profile>): string =>
  accountOf({ name: 'db', profile: { ...profile, ...changes } }).id
const signIn = (changes: Partial<Flow & object>): Partial<Profile> => ({
  signIn: { ...profile.signIn, ...changes } as Flow,
})

test.each<readonly [string, Partial<Profile>]>([
  ['gateway', { gateway: 'https://other.example.com' }],
  ['database', { database: 'other' }],
  ['issuer', signIn({ issuer: 'https://other.example.com' })],
  ['client', signIn({ clientId: 'other' })],
  ['flow', signIn({ flow: 'device' })],
  ['scopes', signIn({ scopes: ['openid', 'email'] })],
  ['audience', signIn({ audience: 'https://db.example.com' })],
  ['use', signIn({ use: 'access_token' })],
  ['integration', { signIn: { flow: 'gateway', integration: 'other' } }],
  ['command', { signIn: { flow: 'command', command: ['other'] } }],
])('a profile with another %s never uses the tokens of what it was', (_, changes) => {
  expect(idOf(changes)).not.toBe(idOf({}))
})

test('tokens stay when something changes that they do not depend on', () => {
  const others = [
    { endpoints: [{ host: 'db', port: 1 }], user: 'u', caFile: '/ca', session: true },
    { gateway: 'https://db.example.com/' },
    signIn({ audience: undefined, clientSecret: undefined }),
    { signIn: { use: 'id_token', scopes: ['openid'], ...profile.signIn } as Flow },
  ]
  for (const changes of others) expect(idOf(changes)).toBe(idOf({}))
})

test('the name is fit for a file, and says of which profile it is', () => {
  const account = accountOf({ name: 'db.example.com', profile })
  expect(account.id).toMatch(/^db\.example\.com-[0-9a-f]{20}$/)
  expect(isOfProfile(account.id, account)).toBe(true)
  for (const id of [`x${account.id}`, `${account.id}0`, 'db.example.com-x', `${account.id}.json`]) {
    expect(isOfProfile(id, account)).toBe(false)
  }
  expect(isOfProfile(accountOf({ name: 'db.example.com-a', profile }).id, account)).toBe(false)
})
