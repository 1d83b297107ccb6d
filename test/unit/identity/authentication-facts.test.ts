import { describe, expect, test } from 'vitest'
import { readAuthentication } from '../../../src/identity/authentication-facts.ts'

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

async function read(claims: object): Promise<unknown> {
  const token = `${encode({ alg: 'RS256' })}.${encode(claims)}.c2ln`
  return readAuthentication(token, { decryptionKeys: undefined })
}

describe('an ID token', () => {
  test.each<[string, object, unknown]>([
    ['both', { auth_time: 1_000, acr: 'gold' }, { authenticatedAt: 1_000_000, acr: 'gold' }],
    ['nothing', {}, { authenticatedAt: undefined, acr: undefined }],
    ['a time that is text', { auth_time: '1000' }, { authenticatedAt: undefined, acr: undefined }],
    ['a time before all', { auth_time: -1 }, { authenticatedAt: undefined, acr: undefined }],
    ['the first time', { auth_time: 0 }, { authenticatedAt: 0, acr: undefined }],
    ['a class that is a list', { acr: ['gold'] }, { authenticatedAt: undefined, acr: undefined }],
    [
      'a long class',
      { acr: 'x'.repeat(255) },
      { authenticatedAt: undefined, acr: 'x'.repeat(255) },
    ],
    ['one too long', { acr: 'x'.repeat(256) }, { authenticatedAt: undefined, acr: undefined }],
  ])('says %s', async (_, claims, facts) => {
    expect(await read(claims)).toEqual(facts)
  })

  test('that is none says nothing', async () => {
    expect(await readAuthentication('x', { decryptionKeys: undefined })).toEqual({
      authenticatedAt: undefined,
      acr: undefined,
    })
  })
})
