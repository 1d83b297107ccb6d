import { expect, test } from 'vitest'
import { createCredentials } from '../../../src/credentials/create-credentials.ts'
import { type InlineProfile, readInlineProfile } from '../../../src/credentials/inline-profile.ts'
import { toDriverConnection } from '../../../src/credentials/to-driver-connection.ts'

const expiresAt = 4_102_444_800_000
const token = `a.${Buffer.from(JSON.stringify({ exp: expiresAt / 1_000 })).toString('base64url')}.b`
const signIn = { flow: 'command', command: ['echo', token] } as const

test('password can be passed on by itself', async () => {
  const { password } = createCredentials({ profile: { signIn } })
  expect(await password()).toBe(token)
})

test('a token comes with the time until which it is good', async () => {
  const credentials = createCredentials({ profile: { signIn } })
  expect(await credentials.token()).toEqual({ token, expiresAt })
})

test('a connection has all that a driver needs, and its certificate is verified', async () => {
  const { connection } = createCredentials({
    profile: { host: 'db.example.com', database: 'sandbox', user: 'app_readonly', signIn },
  })
  const { expirationChecker, ...settings } = await connection()
  expect(settings).toEqual({
    host: 'db.example.com',
    port: 5432,
    database: 'sandbox',
    user: 'app_readonly',
    password: token,
    ssl: { rejectUnauthorized: true },
  })
  expect(expirationChecker()).toBe(false)
})

test('who names no user connects as what the token gives', async () => {
  const { connection } = createCredentials({ profile: { host: 'db.example.com', signIn } })
  const settings = await connection()
  expect(settings.user).toBe('id_token')
  expect(settings).not.toHaveProperty('database')
})

test('a profile without a host has tokens, and no connection', async () => {
  const { password, connection } = createCredentials({ profile: { signIn } })
  expect(await password()).toBe(token)
  await expect(connection()).rejects.toMatchObject({
    kind: 'configuration',
    message: 'profile "inline" does not say where to connect',
  })
})

test('settings are too old when their token is, or half of a short one is over', async () => {
  const profile = readInlineProfile({ host: 'db.example.com', signIn })
  const now = Date.now()
  const isOldWith = async (issuedAt: number, end: number): Promise<boolean> => {
    const grant = { token, issuedAt: now + issuedAt, expiresAt: now + end }
    const connection = await toDriverConnection({ name: 'inline', profile }, grant)
    return connection.expirationChecker()
  }
  expect(await isOldWith(-60_000, 6_000)).toBe(false)
  expect(await isOldWith(-60_000, 4_000)).toBe(true)
  expect(await isOldWith(-1_000, 3_000)).toBe(false)
  expect(await isOldWith(-3_000, 1_000)).toBe(true)
})

test('a file of authorities that is not there is named', async () => {
  const caFile = '/nowhere/ca.crt'
  const { connection } = createCredentials({ profile: { host: 'db.example.com', caFile, signIn } })
  await expect(connection()).rejects.toMatchObject({
    kind: 'configuration',
    message: '/nowhere/ca.crt cannot be read',
  })
})

test('a profile that was wrong can be put right while the program runs', async () => {
  const profile: { -readonly [Key in keyof InlineProfile]: InlineProfile[Key] } = {
    session: true,
    signIn,
  }
  const { password } = createCredentials({ profile })
  await expect(password()).rejects.toMatchObject({
    kind: 'configuration',
    message: 'session tokens need the address of the gateway',
  })
  profile.session = false
  expect(await password()).toBe(token)
})

test('a flow that needs somebody is none of a program', async () => {
  const profile = { signIn: { flow: 'browser' } } as unknown as InlineProfile
  await expect(createCredentials({ profile }).password()).rejects.toMatchObject({
    kind: 'configuration',
    message: 'a program has no such flow to sign in by',
  })
})

test('closed credentials give out nothing', async () => {
  const { close, password } = createCredentials({ profile: { signIn } })
  expect(await password()).toBe(token)
  close()
  await expect(password()).rejects.toMatchObject({ kind: 'usage' })
})

test('an inline profile asks for an access token of a client, and an ID token of a person', () => {
  const client = { issuer: 'https://auth.example.com', clientId: 'report' }
  const secret = (): string => 'secret'
  expect(
    readInlineProfile({
      host: 'db.example.com',
      port: 6432,
      gateway: 'https://db.example.com/',
      signIn: { flow: 'client_credentials', ...client, clientSecret: secret },
    }),
  ).toEqual({
    gateway: 'https://db.example.com',
    endpoints: [{ host: 'db.example.com', port: 6432 }],
    database: undefined,
    user: undefined,
    caFile: undefined,
    session: false,
    store: 'none',
    signIn: {
      flow: 'client_credentials',
      ...client,
      clientSecret: { kind: 'program', read: secret },
      scopes: [],
      use: 'access_token',
    },
  })
  expect(
    readInlineProfile({
      signIn: { flow: 'password', ...client, username: 'alice', password: { env: 'WORD' } },
    }).signIn,
  ).toEqual({
    flow: 'password',
    ...client,
    clientSecret: undefined,
    username: 'alice',
    password: { kind: 'environment', name: 'WORD' },
    scopes: ['openid', 'email', 'profile', 'offline_access'],
    use: 'id_token',
  })
})
