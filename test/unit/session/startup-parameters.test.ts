// Which parameters of a startup message are ours, which are PostgreSQL's, and which are nobody's.
import { describe, expect, test } from 'vitest'
import { type ClientIntent, readIntent } from '../../../src/session/client-intent.ts'
import { refusalOf } from '../wire/bytes.ts'

function intentOf(parameters: Readonly<Record<string, string>>): ClientIntent {
  return readIntent({
    kind: 'startup',
    minorVersion: 0,
    parameters: new Map(Object.entries({ user: 'alice', ...parameters })),
    protocolOptions: [],
  })
}

describe('a startup parameter', () => {
  test.each(['a', 'a_b', '_x', 'app.user', 'TimeZone', 'a$1', 'crdb.x'])(
    'with the name %j goes upstream',
    (name) => {
      expect(intentOf({ [name]: 'x' }).parameters.get(name)).toBe('x')
    },
  )

  test.each(['a b', 'a=b', '1a', '.a', '-a', 'a\nb', 'a-b', 'é', ' a', 'a ', "a'", 'crdb:other'])(
    'with the name %j is refused',
    (name) => {
      expect(refusalOf(() => intentOf({ [name]: 'x' }))).toMatchObject({
        reason: 'malformed-startup',
        logDetail: 'a parameter that is no setting',
      })
    },
  )
})

describe('replication', () => {
  test.each(['xfalse', 'falsex', 'off1', 'xoff', 'no no', '00', '0x'])(
    'of %j is asked for, although it begins or ends like none',
    (replication) => {
      expect(intentOf({ replication }).asksForReplication).toBe(true)
    },
  )
})

describe('an option that only resembles ours', () => {
  test.each([
    '-c identityproviderx',
    '--identityproviderx',
    'x--identityprovider=evil',
    'x-cidentityprovider=evil',
    '-c x=--identityprovider=evil',
    '-c',
    '--',
    '-c=identityprovider',
  ])('is left to PostgreSQL: %j', (options) => {
    const intent = intentOf({ options })
    expect(intent.identityProvider).toBeUndefined()
    expect(intent.parameters.get('options')).toBe(options)
  })
})

describe('a client asks for sign-in', () => {
  test.each<[string, Readonly<Record<string, string>>, boolean]>([
    ['by the user sso', { user: 'sso' }, true],
    ['by the user sso of a scope', { user: 'sso@system' }, true],
    ['by its handshake and a flow', { handshake: 'SSO', ssooauthflow: 'x' }, true],
    ['by both in lower case', { options: '-c handshake=sso -c ssooauthflow=x' }, true],
    ['not by its handshake alone', { handshake: 'SSO' }, false],
    ['not by another handshake', { handshake: 'password', ssooauthflow: 'x' }, false],
    ['not by a handshake that begins like it', { handshake: 'ssox', ssooauthflow: 'x' }, false],
    ['not by a handshake that ends like it', { handshake: 'xsso', ssooauthflow: 'x' }, false],
    [
      'not where it has a token to show',
      { user: 'id_token', handshake: 'sso', ssooauthflow: 'x' },
      false,
    ],
    ['not without a word', {}, false],
  ])('%s', (_, parameters, asks) => {
    expect(intentOf(parameters).asksForSignIn).toBe(asks)
  })
})

describe('the options of CockroachDB', () => {
  test.each(['true', 'TRUE', 't', '1'])('declare a token with %j', (value) => {
    const intent = intentOf({ 'crdb:jwt_auth_enabled': value })
    expect(intent).toMatchObject({ declaresToken: true, dialect: 'cockroachdb' })
  })

  test.each(['false', '', 'xtrue', 'truex', '11', 'yes'])('declare none with %j', (value) => {
    const intent = intentOf({ 'crdb:jwt_auth_enabled': value })
    expect(intent).toMatchObject({ declaresToken: false, dialect: undefined })
  })

  test('leave out the user, which nothing else does', () => {
    expect(intentOf({ user: '', 'crdb:jwt_auth_enabled': 'true' }).role).toBeUndefined()
    expect(refusalOf(() => intentOf({ user: '' })).reason).toBe('no-user')
    expect(refusalOf(() => intentOf({ user: '', 'crdb:jwt_auth_enabled': 'false' })).reason).toBe(
      'no-user',
    )
  })
})
