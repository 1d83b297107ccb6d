import { describe, expect, test } from 'vitest'
import { CredentialProblem } from '../../../../src/credentials/problem.ts'
import { commandSource, readPrinted } from '../../../../src/credentials/sources/command.ts'

const now = 1_800_000_000_000
const at = new Date(now + 60_000).toISOString()

describe('a program that prints a token', () => {
  test.each<[string, string, string, number]>([
    ['the token', 'opaque\n', 'opaque', now + 300_000],
    ['JSON', '{"token":"a","expires_in":60}', 'a', now + 60_000],
    ['a time', `{"access_token":"a","expires_at":"${at}"}`, 'a', now + 60_000],
    ['seconds since 1970', `{"id_token":"a","expires_at":${now / 1_000 + 60}}`, 'a', now + 60_000],
    ['an end that is none', '{"token":"a","expires_at":"soon"}', 'a', now + 300_000],
    [
      'what kubectl reads',
      `{"kind":"ExecCredential","status":{"token":"a","expirationTimestamp":"${at}"}}`,
      'a',
      now + 60_000,
    ],
    ['several', '{"access_token":"b","id_token":"a"}', 'a', now + 300_000],
  ])('may print %s', (_, printed, token, expiresAt) => {
    expect(readPrinted(printed, 'x', now)).toMatchObject({ token, expiresAt })
  })

  test.each([
    ['nothing', ''],
    ['two lines', 'a\nb'],
    ['half of JSON', '{"token":'],
    ['JSON without one', '{"tokens":"a"}'],
    ['one that is a number', '{"token":1}'],
  ])('may not print %s', (_, printed) => {
    expect(() => readPrinted(printed, 'x', now)).toThrow(CredentialProblem)
  })

  const run = async (
    script: string,
    { environment = {}, signal = AbortSignal.timeout(10_000) } = {},
  ): Promise<string> => {
    const source = commandSource([process.execPath, '-e', script], environment)
    return (await source.obtain(undefined, signal)).token
  }

  test('has the environment that is given to it, and no shell', async () => {
    expect(await run('console.log(process.env.X)', { environment: { X: '$HOME;`id`' } })).toBe(
      '$HOME;`id`',
    )
  })

  test.each([
    ['ends with a code', 'process.exit(3)', 'ended with exit code 3'],
    ['is ended', 'process.kill(process.pid, "SIGTERM")', 'was ended by SIGTERM'],
    ['never stops', 'for (;;) console.log("x".repeat(10_000))', 'more than 100000 bytes'],
  ])('that %s gives none, and that is said', async (_, script, says) => {
    await expect(run(script)).rejects.toThrow(says)
  })

  test('is stopped with whoever waits for it', async () => {
    const signal = AbortSignal.timeout(300)
    await expect(run('setInterval(() => {}, 1000)', { signal })).rejects.toThrow('was stopped')
    await expect(run('', { signal: AbortSignal.abort() })).rejects.toThrow('was stopped')
  })

  test('that is not there is said not to be', async () => {
    const source = commandSource(['/nowhere/at-all'], {})
    await expect(source.obtain(undefined, AbortSignal.timeout(5_000))).rejects.toMatchObject({
      kind: 'failed',
      message: '/nowhere/at-all is no program that is found',
    })
  })
})
