import { describe, expect, test } from 'vitest'
import { parseStoreUrl, StoreUrlError } from '../../../src/config/store-url.ts'

const usual = {
  ...{ host: 'db.internal', port: 5432, user: 'portcullis', password: 'pass' },
  ...{ database: 'fleet', tls: 'verify-full' },
}

describe('the URL of the store', () => {
  test.each([
    ['postgres://portcullis:pass@db.internal/fleet', {}],
    ['postgresql://portcullis:pass@db.internal:6543/fleet', { port: 6543 }],
    [
      'postgres://portcullis:p%40ss%3A@db.internal/fl%20eet',
      { password: 'p@ss:', database: 'fl eet' },
    ],
    ['postgres://portcullis@db.internal/fleet', { password: undefined }],
    ['postgres://portcullis:pass@db.internal/fleet?sslmode=require', { tls: 'require' }],
    ['postgres://portcullis:pass@db.internal/fleet?sslmode=disable', { tls: 'disable' }],
    ['postgres://portcullis:pass@[2001:db8::1]/fleet', { host: '2001:db8::1' }],
    // On this machine nobody listens in between.
    ['postgres://portcullis:pass@127.0.0.1/fleet', { host: '127.0.0.1', tls: 'disable' }],
    ['postgres://portcullis:pass@[::1]/fleet', { host: '::1', tls: 'disable' }],
    ['postgres://portcullis:pass@127.0.0.1/fleet?sslmode=verify-full', { host: '127.0.0.1' }],
    [
      'postgres://portcullis:pass@%2Frun%2Fpostgresql/fleet',
      { host: '/run/postgresql', tls: 'disable' },
    ],
    [
      'postgres:///fleet?host=/run/postgresql&user=portcullis',
      { host: '/run/postgresql', tls: 'disable', password: undefined },
    ],
  ])('%s', (text, changes) => {
    expect(parseStoreUrl(text)).toEqual({ ...usual, ...changes })
  })

  test.each([
    ['of another kind', 'https://portcullis:pass@db.internal/fleet', 'must be a URL such as'],
    ['that is none', 'host=db.internal password=pass', 'must be a URL such as'],
    ['with several hosts', 'postgres://portcullis:pass@one,two/fleet', 'must name one host'],
    ['without a host', 'postgres:///fleet?user=portcullis', 'must name a host'],
    ['without a user', 'postgres://db.internal/fleet', 'must name a user'],
    ['without a database', 'postgres://portcullis:pass@db.internal', 'must name a database'],
    [
      'that may fall back',
      'postgres://portcullis:pass@db.internal/fleet?sslmode=prefer',
      'sslmode',
    ],
    [
      'with other options',
      'postgres://portcullis:pass@db.internal/fleet?options=x',
      'nothing else',
    ],
    ['with two modes', 'postgres://p:pass@d/f?sslmode=require&sslmode=disable', 'nothing else'],
    ['that is broken', 'postgres://portcullis:p%ss@db.internal/fleet', 'begins no character'],
  ])('one %s is refused, and nothing of it is repeated', (_, text, message) => {
    const error = catchOf(() => parseStoreUrl(text))
    expect(error).toBeInstanceOf(StoreUrlError)
    expect((error as Error).message).toContain(message)
    expect((error as Error).message).not.toContain('pass@')
  })
})

function catchOf(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  return undefined
}
