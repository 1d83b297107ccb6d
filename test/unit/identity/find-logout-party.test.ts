import { describe, expect, test } from 'vitest'
import { findLogoutParty, type LogoutParty } from '../../../src/identity/find-logout-party.ts'

const people: LogoutParty = { integration: 'people', issuer: 'https://a.example', clientId: 'web' }
const guests: LogoutParty = { integration: 'guests', issuer: 'https://b.example', clientId: 'web' }
const nobody: LogoutParty = {
  integration: 'nobody',
  issuer: 'https://c.example',
  clientId: undefined,
}
const parties = [people, guests, nobody]

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const signed = (claims: object): string => `${encode({ alg: 'RS256' })}.${encode(claims)}.c2ln`
const encrypted = (header: object): string =>
  `${encode({ alg: 'RSA-OAEP', enc: 'A256GCM', ...header })}.a.b.c.d`

describe('a logout token', () => {
  test.each<[string, string, string | undefined]>([
    ['its issuer and audience', signed({ iss: 'https://a.example', aud: 'web' }), 'people'],
    ['another issuer', signed({ iss: 'https://b.example', aud: 'web' }), 'guests'],
    ['a slash more', signed({ iss: 'https://b.example/', aud: 'web' }), 'guests'],
    ['several audiences', signed({ iss: 'https://a.example', aud: ['x', 'web'] }), 'people'],
    ['another audience', signed({ iss: 'https://a.example', aud: 'other' }), undefined],
    ['no audience', signed({ iss: 'https://c.example' }), undefined],
    ['an unknown issuer', signed({ iss: 'https://d.example', aud: 'web' }), undefined],
    ['no issuer', signed({ aud: 'web' }), undefined],
    ['an issuer that is no text', signed({ iss: 5, aud: 'web' }), undefined],
    ['no claims', 'a.b.c', undefined],
    ['a readable header', encrypted({ iss: 'https://b.example', aud: 'web' }), 'guests'],
    ['nothing to read', encrypted({}), undefined],
  ])('with %s is for whom it says', (_, token, integration) => {
    expect(findLogoutParty(token, parties)).toBe(integration)
  })

  test('that nobody can read is for the only one who takes any', () => {
    expect(findLogoutParty(encrypted({}), [guests])).toBe('guests')
    expect(findLogoutParty(encrypted({}), [])).toBeUndefined()
    expect(findLogoutParty(signed({ aud: 'web' }), [guests])).toBeUndefined()
  })
})
