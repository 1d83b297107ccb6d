// What is printed for tools that connect by themselves.
import { describe, expect, test } from 'vitest'
import { toJdbcUrl, toUrl } from '../../../../src/cli/client/connection-url.ts'
import { putSection, serviceLines } from '../../../../src/cli/client/service-file.ts'
import { formatToken } from '../../../../src/cli/client/token-formats.ts'
import type { LibpqConnection } from '../../../../src/credentials/libpq.ts'

const connection: LibpqConnection = {
  endpoints: [
    { host: 'db.example.com', port: 5432 },
    { host: '2001:db8::1', port: 6432 },
  ],
  database: 'sand/box ?',
  user: 'a@b',
  rootCertificate: '/etc/my ca.crt',
}
const settings = 'sslmode=verify-full&sslrootcert=%2Fetc%2Fmy%20ca.crt'

describe('a URL', () => {
  test('has everything encoded that would mean something', () => {
    expect(toUrl({ connection, token: 'a:b/c+d' })).toBe(
      `postgresql://a%40b:a%3Ab%2Fc%2Bd@db.example.com:5432,[2001:db8::1]:6432/sand%2Fbox%20%3F?${settings}`,
    )
  })

  test('has no password without a token', () => {
    expect(toUrl({ connection: { ...connection, database: undefined }, token: undefined })).toBe(
      `postgresql://a%40b@db.example.com:5432,[2001:db8::1]:6432/?${settings}`,
    )
  })

  test('for pgjdbc has its own names', () => {
    expect(toJdbcUrl({ connection, token: 'a+b', caFile: '/ca.crt' })).toBe(
      'jdbc:postgresql://db.example.com:5432,[2001:db8::1]:6432/sand%2Fbox%20%3F?user=a%40b&password=a%2Bb&sslmode=verify-full&sslrootcert=%2Fca.crt',
    )
  })

  test('for pgjdbc trusts what Java trusts where no file is named', () => {
    expect(toJdbcUrl({ connection, token: undefined, caFile: undefined })).toContain(
      '?user=a%40b&sslmode=verify-full&sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory',
    )
  })
})

describe('a service', () => {
  const lines = [
    'host=db.example.com,2001:db8::1',
    'port=5432,6432',
    'dbname=sand/box ?',
    'user=a@b',
    'sslmode=verify-full',
    'sslrootcert=/etc/my ca.crt',
    'gssencmode=disable',
  ]

  test('has all settings, and no password', () => {
    expect(serviceLines(connection)).toEqual(lines)
  })

  test('has no value that would begin a line', () => {
    expect(() => serviceLines({ ...connection, user: 'a\nhost=evil' })).toThrow(
      expect.objectContaining({ kind: 'usage' }),
    )
  })

  test.each([
    ['begins a file', '', '[db]\nhost=new\nport=1\n'],
    [
      'goes behind the others',
      '# mine\n[a]\nhost=x\n',
      '# mine\n[a]\nhost=x\n\n[db]\nhost=new\nport=1\n',
    ],
    [
      'is changed where it is, and keeps what else it has',
      '[a]\nhost=x\n[db]\n# note\nhost = old\napplication_name=me\n\n[c]\nhost=y\n',
      '[a]\nhost=x\n[db]\nhost=new\nport=1\n# note\napplication_name=me\n\n[c]\nhost=y\n',
    ],
  ])('%s', (_, before, after) => {
    expect(putSection(before, 'db', ['host=new', 'port=1'])).toBe(after)
    expect(putSection(after, 'db', ['host=new', 'port=1'])).toBe(after)
  })
})

describe('a token', () => {
  const grant = {
    token: 'a.b.c',
    issuedAt: Date.parse('2026-11-22T19:00:00.500Z'),
    expiresAt: Date.parse('2026-11-22T20:00:00.500Z'),
    principal: 'alice',
    refreshToken: 'secret',
  }
  const shown = { profile: 'work', grant, connection }

  test('is printed alone', () => {
    expect(formatToken.raw(shown)).toBe('a.b.c\n')
  })

  test('is JSON with how to connect, and without what gets another one', () => {
    expect(JSON.parse(formatToken.json(shown))).toEqual({
      token: 'a.b.c',
      issued_at: '2026-11-22T19:00:00.500Z',
      expires_at: '2026-11-22T20:00:00.500Z',
      principal: 'alice',
      profile: 'work',
      endpoints: connection.endpoints,
      database: 'sand/box ?',
      user: 'a@b',
      sslmode: 'verify-full',
      sslrootcert: '/etc/my ca.crt',
    })
  })

  test('is variables for a shell, which takes nothing in them for its own', () => {
    const text = formatToken.env({ ...shown, connection: { ...connection, user: "a'; rm -rf ~" } })
    expect(text).toContain(String.raw`export PGUSER='a'\''; rm -rf ~'` + '\n')
    expect(text).toContain("export PGPASSWORD='a.b.c'\n")
    expect(text).toContain('unset PGHOSTADDR\n')
  })

  test('is what plugins of kubectl answer', () => {
    expect(JSON.parse(formatToken.exec(shown))).toEqual({
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      spec: { interactive: false },
      status: { expirationTimestamp: '2026-11-22T20:00:00Z', token: 'a.b.c' },
    })
  })

  test('is lines of a password file', () => {
    expect(formatToken.pgpass(shown)).toBe(
      'db.example.com:5432:*:*:a.b.c\n2001\\:db8\\:\\:1:6432:*:*:a.b.c\n',
    )
  })
})
