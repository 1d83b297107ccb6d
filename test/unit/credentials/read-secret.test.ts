import { expect, test } from 'vitest'
import type { SecretReference } from '../../../src/credentials/profile.ts'
import { readSecret } from '../../../src/credentials/read-secret.ts'

const given = (read: () => unknown): SecretReference =>
  ({ kind: 'program', read }) as unknown as SecretReference
const secretOf = async (reference: SecretReference): Promise<string> =>
  readSecret(reference, { WORD: 'by environment' }, 'the secret of the client')

test('a secret is what a program gives, at once or later, or what its environment has', async () => {
  expect(await secretOf(given(() => 'at once'))).toBe('at once')
  expect(await secretOf(given(async () => Promise.resolve('later\n')))).toBe('later')
  expect(await secretOf({ kind: 'environment', name: 'WORD' })).toBe('by environment')
})

test.each([
  ['nothing', () => ''],
  ['no text', () => 42],
])('a program that gives %s is told that it has to', async (_, read) => {
  await expect(secretOf(given(read))).rejects.toMatchObject({
    kind: 'configuration',
    message: 'what the program gives for the secret of the client is empty',
  })
})

test('where a program fails to give a secret, its own error is the cause', async () => {
  const cause = new Error('the vault is sealed')
  const fail = async (): Promise<never> => Promise.reject(cause)
  await expect(secretOf(given(fail))).rejects.toMatchObject({
    message: 'the program could not give the secret of the client',
    cause,
  })
})
