import { describe, expect, test } from 'vitest'
import { readReturnTo } from '../../../../src/web/people/return-to.ts'

const origin = 'https://gate.example.com'

describe('somebody who has signed in goes on to', () => {
  test.each([
    '/',
    '/sessions',
    '/operators/sessions/0b1f-2',
    '/device?code=WDJB-MJHT',
    '/refusals?filter=a%20b&since=1h',
    '/a.b/c~d/',
    `/${'x'.repeat(511)}`,
  ])('%s', (path) => {
    expect(readReturnTo(path, origin)).toBe(path)
  })

  test('what dots come to', () => {
    expect(readReturnTo('/a/../b/./c', origin)).toBe('/b/c')
  })
})

describe('somebody who has signed in never goes on to', () => {
  test.each([
    undefined,
    '',
    'sessions',
    'https://evil.example/',
    'https:evil.example',
    'javascript:alert(1)',
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/\t/evil.example',
    '\t//evil.example',
    ' /sessions',
    '/ /evil.example',
    '/\n/evil.example',
    '/%2fevil.example',
    '/%5cevil.example',
    '/%252fevil.example',
    '/..//evil.example',
    '/.//evil.example',
    '/a/..//evil.example',
    '/%2e%2e//evil.example',
    '/@evil.example',
    '/\u2215evil.example',
    '/sessions#//evil.example',
    '/sessions?next=//evil.example',
    '/sessions?a=\r\nSet-Cookie:x',
    '/sessions\0',
    `/${'x'.repeat(512)}`,
    '/login',
    '/login?return_to=/login',
    '/logout',
    '/x/../logout',
    '/oidc/v1/login',
    '/oidc',
    '/sign-in/x',
    '/v1/callback',
  ])('%j', (path) => {
    expect(readReturnTo(path, origin)).toBe('/')
  })

  test('pages whose names begin alike are others', () => {
    expect(readReturnTo('/logins', origin)).toBe('/logins')
  })
})
