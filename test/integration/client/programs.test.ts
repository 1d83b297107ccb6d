// `portcullis/credentials` in programs, at a real provider and a real gateway.
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createCredentials } from '../../../src/credentials/create-credentials.ts'
import type { InlineProfile } from '../../../src/credentials/inline-profile.ts'
import { Stack } from '../../support/stack.ts'

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start()
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

function profile(): InlineProfile {
  return {
    host: 'localhost',
    port: stack.gateway.port,
    database: 'sandbox',
    user: 'app_readonly',
    caFile: stack.caFile,
    signIn: {
      flow: 'client_credentials',
      issuer: stack.provider.issuer,
      clientId: 'm2m',
      clientSecret: () => stack.provider.clientSecret('m2m'),
    },
  }
}

test('a pool of pg asks for a token for each connection, and the provider is asked once', async () => {
  const credentials = createCredentials({ profile: profile() })
  const before = stack.provider.requestsFor('/token')
  let asked = 0
  const pool = new pg.Pool({
    ...(await credentials.connection()),
    password: async () => {
      asked++
      return credentials.password()
    },
    max: 5,
  })
  try {
    const users = await Promise.all(
      Array.from({ length: 5 }, async () =>
        pool.query<{ me: string }>('select session_user as me, pg_sleep(0.2)'),
      ),
    )
    expect(users.map(({ rows }) => rows[0]?.me)).toEqual(Array(5).fill('app_readonly'))
    expect(asked).toBe(5)
    expect(stack.provider.requestsFor('/token')).toBe(before + 1)
  } finally {
    await pool.end()
  }
})

test('postgres.js calls the same function', async () => {
  const credentials = createCredentials({ profile: profile() })
  const { host, port, database, user, ssl } = await credentials.connection()
  const sql = postgres({
    ...{ host, port, user, max: 2, pass: credentials.password },
    database: database ?? '',
    ssl: { ...ssl },
  })
  try {
    const [row] = await sql<{ me: string }[]>`select session_user as me`
    expect(row?.me).toBe('app_readonly')
  } finally {
    await sql.end()
  }
})

test('a server with a certificate of somebody else gets no token', async () => {
  const credentials = createCredentials({ profile: profile() })
  const settings = await credentials.connection()
  const others = new pg.Client({ ...settings, ssl: { rejectUnauthorized: true } })
  await expect(others.connect()).rejects.toThrow(/certificate/)
  expect(settings.ssl.ca).toBe(await readFile(stack.caFile, 'utf8'))
})

test('a secret that is wrong is said to be refused, and not said', async () => {
  const { signIn, ...rest } = profile()
  const wrong = { ...signIn, clientSecret: () => 'hunter2' } as InlineProfile['signIn']
  const { password } = createCredentials({ profile: { ...rest, signIn: wrong } })
  const problem = await password().catch((error: unknown) => error)
  expect(problem).toMatchObject({ kind: 'refused' })
  expect(JSON.stringify(problem) + String(problem)).not.toContain('hunter2')
})
