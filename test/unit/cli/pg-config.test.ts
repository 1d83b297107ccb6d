import { describe, expect, test } from 'vitest'
import { type CertificateServer, serversOf, writePgConfig } from '../../../src/cli/pg-config.ts'
import { load, minimal } from '../config/load.ts'

const certificate = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'

const server: CertificateServer = {
  hosts: [{ host: 'db.example.com', port: 5432 }],
  caCertificate: 'ca.crt',
  databases: ['sandbox', 'sales "2030"'],
  roles: ['app_readonly', '/a.b'],
  hasOtherRoles: false,
  allowsReplication: false,
}

/** The lines that are no comment. */
function written(changes: Partial<CertificateServer> = {}, from: readonly string[] = []) {
  const lines = writePgConfig({ ...server, ...changes }, from, certificate).split('\n')
  return lines.filter((line) => line !== '' && !line.startsWith('#'))
}

describe('what a server needs', () => {
  test('is its settings, the authorities, the lines of both files, and that no password is left', () => {
    expect(written()).toEqual([
      'ssl = on',
      `ssl_ca_file = 'portcullis-ca.crt'`,
      ...certificate.trim().split('\n'),
      String.raw`hostssl "sandbox","sales ""2030""" "app_readonly","/^\/a\.b$" all cert clientcert=verify-full map=portcullis`,
      String.raw`host "sandbox","sales ""2030""" "app_readonly","/^\/a\.b$" all reject`,
      'portcullis "app_readonly" "app_readonly"',
      String.raw`portcullis "/^\/a\.b$" "/^\/a\.b$"`,
      'ALTER ROLE "app_readonly" PASSWORD NULL;',
      'ALTER ROLE "/a.b" PASSWORD NULL;',
      'SELECT rolname FROM pg_authid WHERE rolcanlogin AND rolpassword IS NOT NULL;',
    ])
  })

  test('is for the addresses that Portcullis has, and lets nobody else in as its roles', () => {
    const lines = written({ databases: ['a'], roles: ['b'] }, ['10.0.0.0/24', '2001:db8::1'])
    expect(lines.filter((line) => line.startsWith('host'))).toEqual([
      'hostssl "a" "b" 10.0.0.0/24 cert clientcert=verify-full map=portcullis',
      'hostssl "a" "b" 2001:db8::1/128 cert clientcert=verify-full map=portcullis',
      'host "a" "b" all reject',
    ])
  })

  test('is for every role but the reserved ones where principals may be roles', () => {
    const lines = written({ databases: ['a'], roles: ['b'], hasOtherRoles: true })
    expect(lines).toContain('hostssl "a" all all cert clientcert=verify-full map=portcullis')
    expect(lines.join('\n')).not.toContain('reject')
    expect(lines.filter((line) => line.startsWith('portcullis'))).toEqual([
      'portcullis "b" "b"',
      String.raw`portcullis "/^(?!postgres$|pg_)(.+)$" \1`,
    ])
  })

  test('is for physical replication too where a pool allows it', () => {
    const lines = written({ databases: ['replication'], roles: ['b'], allowsReplication: true })
    expect(lines[5]).toMatch(/^hostssl "replication",replication "b" all /)
  })

  test.each(['a\nhost all all all trust', 'a\rb'])('is not written for the role %j', (role) => {
    expect(() => written({ roles: [role] })).toThrow('the files of PostgreSQL cannot name')
  })
})

describe('the servers of a configuration', () => {
  const yaml = (integration: string, rest = ''): string => `${minimal}integrations:
  sso: { issuer: "https://a.example", client_id: x${integration} }
groups:
  one: { role: app_readonly }
  two: { role: app_readonly }
databases:
  system: { integrations: [sso] }
  a: { upstream: { host: db, auth: &auth { method: certificate, ca_certificate: a, ca_key: b } } }
  b: { upstream: { host: db, database: other, auth: *auth } }
  c: { upstream: { host: db, port: 5433, auth: *auth } }
  d: { upstream: { host: db, auth: { method: trust } } }
${rest}`

  test('are each once, with the databases that are logged in to by certificate', () => {
    const servers = serversOf(load(yaml('')).config)
    expect(
      servers.map(({ hosts, databases, roles }) => [hosts[0]?.port, databases, roles]),
    ).toEqual([
      [5432, ['a', 'other'], ['app_readonly']],
      [5433, ['c'], ['app_readonly']],
    ])
    expect(servers.map(({ hasOtherRoles }) => hasOtherRoles)).toEqual([false, false])
  })

  test.each([
    [', map_principal: true', ''],
    [', principal_regex: "^(.*)@example\\\\.com$"', ''],
    ['', 'identity_map: "https://a.example a b"\n'],
  ])('have other roles with "%s%s"', (integration, rest) => {
    const [first] = serversOf(load(yaml(integration, rest)).config)
    expect(first?.hasOtherRoles).toBe(true)
  })
})
