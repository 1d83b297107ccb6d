import { describe, expect, test } from 'vitest'
import { load, minimal, noticesOf, problemsOf } from './load.ts'

const yaml = (where: string, rest = 'auth: { method: trust }'): string =>
  `${minimal}databases: { app: { upstream: { ${where}, ${rest} } } }\n`
const bare = 'auth: { method: trust }, tls: disable'
const of = (key: string, message: string): string[] => [
  expect.stringContaining(`databases.app.upstream.${key}: ${message}`) as string,
]

describe('the hosts of an upstream', () => {
  test.each([
    ['host: db', [{ host: 'db', port: 5432 }]],
    ['host: db, port: 6000', [{ host: 'db', port: 6000 }]],
    [
      'hosts: [{ host: a }, { host: b, port: 6000 }, { host: "::1" }], port: 5433',
      [
        { host: 'a', port: 5433 },
        { host: 'b', port: 6000 },
        { host: '::1', port: 5433 },
      ],
    ],
  ])('are with "%s" each with its port', (where, hosts) => {
    const { config } = load(yaml(where))
    expect(config.databases['app']?.upstream?.hosts).toEqual(hosts)
  })

  test.each([
    ['port: 5432', 'host', 'is required, or `hosts` for several servers'],
    ['host: a, hosts: [{ host: b }]', 'hosts', 'is not allowed beside `host`'],
    ['hosts: []', 'hosts', 'must'],
    ['hosts: [{ host: a }, { host: A, port: 5432 }]', 'hosts[1]', 'is in the list twice: "A"'],
    ['hosts: [a]', 'hosts[0]', 'must be a mapping'],
    ['host: "a b"', 'host', 'must be a host name, an IP address, or the directory of a Unix'],
    ['host: db, target_session_attrs: master', 'target_session_attrs', 'must be one of "any"'],
    ['host: db, load_balance_hosts: on', 'load_balance_hosts', 'must be one of "disable"'],
    [
      'host: db, connect_retries: 101',
      'connect_retries',
      'must be a whole number between 0 and 100',
    ],
  ])('cannot be "%s"', (where, key, message) => {
    expect(problemsOf(yaml(where))).toEqual(of(key, message))
  })

  test('that are not all here are warned of without TLS', () => {
    const where = 'hosts: [{ host: localhost }, { host: /run/postgresql }, { host: db }]'
    expect(noticesOf(yaml(where, bare))).toEqual(of('tls', 'roles and passwords cross'))
    expect(noticesOf(yaml(where.replace(', { host: db }', ''), bare))).toEqual([])
  })
})

describe('a Unix socket', () => {
  test.each(['/run/postgresql', '@portcullis'])('may be %s', (host) => {
    expect(noticesOf(yaml(`host: "${host}"`, bare))).toEqual([])
  })

  test.each([
    ['auth: { method: trust }', 'tls', 'must be "disable" for "/run": there is no TLS on a Unix'],
    [`${bare}, channel_binding: require`, 'channel_binding', 'must not be "require"'],
    ['auth: { method: token }', 'auth.method', 'must be "trust" or "password" for a Unix socket'],
    [
      'tls: disable, auth: { method: certificate, ca_certificate: a, ca_key: b }',
      'auth.method',
      'must be "trust" or "password" for a Unix socket',
    ],
  ])('with "%s" is told what it needs', (rest, key, message) => {
    expect(problemsOf(yaml('host: /run', rest))).toEqual(of(key, message))
  })

  test('has a name that the system has room for', () => {
    const longest = `/${'a'.repeat(88)}`
    expect(problemsOf(yaml(`host: ${longest}`, bare))).toEqual([])
    expect(problemsOf(yaml(`host: ${longest}b`, bare))).toEqual(
      of('host', 'is too long for a Unix socket: 104 bytes'),
    )
  })
})

describe('sessions that are ready', () => {
  test('are few and young where nothing else is said', () => {
    const { config } = load(yaml('host: db, warm: {}'))
    expect(config.databases['app']?.upstream?.warm).toEqual({
      max_per_role: 4,
      max: 20,
      max_age: 300_000,
      reuse: 'never',
    })
    expect(load(yaml('host: db')).config.databases['app']?.upstream?.warm).toBeUndefined()
  })

  test.each([
    ['auth: { method: token }, warm: {}', 'warm', 'is not possible with the method "token"'],
    [
      'auth: { method: trust }, warm: {} }, session_settings: { claims: [sub]',
      'warm',
      'is not possible beside `session_settings`',
    ],
    ['auth: { method: trust }, warm: { max: 0 }', 'warm.max', 'must be a whole number between 1'],
    ['auth: { method: trust }, warm: { max_age: 2h }', 'warm.max_age', 'must be a duration'],
    ['auth: { method: trust }, warm: { reuse: yes }', 'warm.reuse', 'must be "never" or "reset"'],
  ])('cannot be "%s"', (rest, key, message) => {
    expect(problemsOf(yaml('host: db', rest))).toEqual(of(key, message))
  })
})
