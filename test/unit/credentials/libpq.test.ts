import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { childEnvironment } from '../../../src/cli/client/child-environment.ts'
import { askedByEnvironment, libpqVariables, toConnection } from '../../../src/credentials/libpq.ts'
import type { Profile } from '../../../src/credentials/profile.ts'
import { findRootCertificate } from '../../../src/credentials/root-certificate.ts'

const profile: Profile = {
  endpoints: [
    { host: 'db.example.com', port: 5432 },
    { host: '2001:db8::1', port: 6432 },
  ],
  database: 'sandbox',
  user: 'app_readonly',
  session: false,
  store: 'none',
  signIn: { flow: 'command', command: ['get-a-token'] },
}
const named = { name: 'work', profile }
const rootCertificate = '/ca.crt'
const grant = { token: 'a.b.c', expiresAt: Date.parse('2026-11-22T20:00:00Z') }

test('several endpoints are lists of libpq', () => {
  const connection = toConnection(named, {}, { rootCertificate })
  expect(libpqVariables(connection, 'a.b.c')).toEqual({
    PGHOST: 'db.example.com,2001:db8::1',
    PGPORT: '5432,6432',
    PGDATABASE: 'sandbox',
    PGUSER: 'app_readonly',
    PGSSLMODE: 'verify-full',
    PGSSLROOTCERT: '/ca.crt',
    PGGSSENCMODE: 'disable',
    PGPASSWORD: 'a.b.c',
    PGHOSTADDR: undefined,
    PGSERVICE: undefined,
    PGPASSFILE: undefined,
    PGREQUIRESSL: undefined,
    PGREQUIREPEER: undefined,
  })
})

test.each([
  ['what is asked for', { user: 'asked' }, { user: 'granted' }, 'profile', 'asked'],
  ['the profile', {}, { user: 'granted' }, 'profile', 'profile'],
  ['the gateway', {}, { user: 'granted' }, undefined, 'granted'],
  ['the token', {}, {}, undefined, 'id_token'],
])('the user is by %s', (_, asked, granted, user, expected) => {
  const connection = toConnection({ name: 'work', profile: { ...profile, user } }, granted, {
    ...asked,
    rootCertificate,
  })
  expect(connection.user).toBe(expected)
})

test('what is empty in the environment is not asked for', () => {
  expect(askedByEnvironment({ PGUSER: '', PGDATABASE: 'x' })).toEqual({
    user: undefined,
    database: 'x',
  })
})

test('a profile without endpoints connects nowhere, and says so', () => {
  expect(() =>
    toConnection({ name: 'ci', profile: { ...profile, endpoints: [] } }, {}, { rootCertificate }),
  ).toThrow(expect.objectContaining({ kind: 'configuration' }))
})

test.each([['host=evil'], ['postgres://evil/'], ['postgresql://evil/']])(
  'the name of the database is no connection string: %s',
  (database) => {
    const connection = toConnection(named, {}, { database, rootCertificate })
    expect(() => libpqVariables(connection, 'a.b.c')).toThrow(
      expect.objectContaining({ kind: 'usage' }),
    )
  },
)

describe('the environment of a child', () => {
  const connection = toConnection(named, {}, { rootCertificate })

  test('leads to the gateway, whatever leads elsewhere in ours', () => {
    const environment = {
      PATH: '/bin',
      PGHOST: 'evil',
      PGHOSTADDR: '192.0.2.1',
      PGPORT: '1',
      PGSERVICE: 'evil',
      PGPASSFILE: '/evil',
      PGSSLMODE: 'disable',
      PGSSLROOTCERT: '/evil.crt',
      PGGSSENCMODE: 'prefer',
      PGPASSWORD: 'other',
      PGOPTIONS: '-c statement_timeout=1s',
    }
    expect(childEnvironment(connection, grant, environment)).toEqual({
      PATH: '/bin',
      PGHOST: 'db.example.com,2001:db8::1',
      PGPORT: '5432,6432',
      PGDATABASE: 'sandbox',
      PGUSER: 'app_readonly',
      PGSSLMODE: 'verify-full',
      PGSSLROOTCERT: '/ca.crt',
      PGGSSENCMODE: 'disable',
      PGPASSWORD: 'a.b.c',
      PGOPTIONS: '-c statement_timeout=1s',
      PGCONNECT_TIMEOUT: '15',
      PORTCULLIS_TOKEN_EXPIRES_AT: '2026-11-22T20:00:00.000Z',
    })
  })

  test('waits for a host as long as its user says', () => {
    const environment = childEnvironment(connection, grant, { PGCONNECT_TIMEOUT: '3' })
    expect(environment['PGCONNECT_TIMEOUT']).toBe('3')
  })
})

describe('authorities are those', () => {
  test('of the profile first', async () => {
    const environment = { PGSSLROOTCERT: '/other.crt' }
    expect(await findRootCertificate({ caFile: '/ca.crt' }, environment)).toBe('/ca.crt')
  })

  test('of the environment next', async () => {
    expect(await findRootCertificate({}, { PGSSLROOTCERT: '/other.crt' })).toBe('/other.crt')
  })

  test('of the first file of the system that is there, else what libpq calls the system', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'portcullis-authorities-'))
    try {
      const [missing, bundle] = [join(folder, 'missing.pem'), join(folder, 'bundle.pem')]
      await writeFile(bundle, '')
      expect(await findRootCertificate({}, {}, [missing, bundle])).toBe(bundle)
      expect(await findRootCertificate({}, {}, [missing])).toBe('system')
      expect(await findRootCertificate({}, { SSL_CERT_FILE: bundle }, [missing])).toBe(bundle)
      expect(await findRootCertificate({}, { SSL_CERT_FILE: missing }, [bundle])).toBe(bundle)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
