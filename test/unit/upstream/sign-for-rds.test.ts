import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { signerForRds } from '../../../src/upstream/sign-for-rds.ts'
import { expectedRdsParameters, readRdsToken } from '../../support/rds-token.ts'

const credentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-03-04T05:06:07Z') })
  vi.stubEnv('AWS_ACCESS_KEY_ID', credentials.accessKeyId)
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials.secretAccessKey)
  vi.stubEnv('AWS_SESSION_TOKEN', undefined)
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllEnvs()
})

test.each([
  ['a role', 'app_readonly', undefined],
  ['a role with characters that URLs have a meaning for', 'a+b &=/é*(!)', undefined],
  ['credentials that are for a while', 'app_readonly', 'FwoGZXIvYXdzE==/+x'],
])('a token is what AWS documents it to be: %s', async (_, role, sessionToken) => {
  if (sessionToken !== undefined) vi.stubEnv('AWS_SESSION_TOKEN', sessionToken)
  const host = 'db.abc.eu-central-1.rds.amazonaws.com'
  const token = await signerForRds('eu-central-1')({ host, port: 5432, role })
  const { server, parameters } = readRdsToken(token)
  expect(server).toBe(`${host}:5432`)
  const request = { host, port: 5432, role, region: 'eu-central-1', date: '20260304T050607Z' }
  const all = { ...credentials, ...(sessionToken !== undefined && { sessionToken }) }
  expect(Object.fromEntries(parameters)).toEqual(
    Object.fromEntries(expectedRdsParameters(all, request)),
  )
})

test('without credentials there is no token', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', undefined)
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined)
  vi.stubEnv('AWS_CONFIG_FILE', '/nowhere')
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere')
  await expect(
    signerForRds('eu-central-1')({ host: 'db.example.com', port: 5432, role: 'app' }),
  ).rejects.toMatchObject({ name: 'CredentialsProviderError' })
})
