import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthority } from '../../../demo/certificates.ts'
import { findNetwork } from '../../../src/credentials/network.ts'
import { askConsent } from '../../../src/credentials/sources/ask-consent.ts'
import { untilSignedIn } from '../../../src/credentials/sources/person.ts'
import { certificatesIn } from '../../../src/pem.ts'

let folder: string
let file: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-network-'))
  file = join(folder, 'ca.crt')
  await writeFile(file, (await createAuthority('Authority')).certificate)
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe('who is trusted', () => {
  test('is the authority that is named, and no other', async () => {
    const { customCa } = await findNetwork(file, {})()
    expect(certificatesIn(customCa)).toHaveLength(1)
  })

  test('is whom Node and the system trust, each once', async () => {
    const all = certificatesIn((await findNetwork(undefined, {})()).customCa)
    expect(all.length).toBeGreaterThanOrEqual(rootCertificates.length)
    const prints = all.map((one) => new X509Certificate(one).fingerprint256)
    expect(new Set(prints).size).toBe(prints.length)
  })

  test('is looked for again where it was not found', async () => {
    const late = join(folder, 'late.crt')
    const find = findNetwork(late, {})
    await expect(find()).rejects.toMatchObject({ kind: 'configuration' })
    await writeFile(late, 'no certificate')
    await expect(find()).rejects.toThrow('has no certificate')
    await writeFile(late, (await createAuthority('Authority')).certificate)
    expect(await find()).toBe(await find())
  })
})

describe('the proxy', () => {
  test('is that of the environment, but for this machine and its exceptions', async () => {
    const environment = { HTTPS_PROXY: 'proxy.example.com:3128', NO_PROXY: 'auth.example.com' }
    expect((await findNetwork(file, environment)()).proxy).toEqual({
      url: 'http://proxy.example.com:3128',
      exceptions: ['localhost', '127.0.0.0/8', '::1', 'auth.example.com'],
    })
    expect((await findNetwork(file, {})()).proxy).toBeUndefined()
  })

  test('is not told where it is none', async () => {
    const environment = { HTTPS_PROXY: 'socks5://alice:secret@proxy.example.com' }
    const error: unknown = await findNetwork(file, environment)().catch((one: unknown) => one)
    expect(error).toMatchObject({ kind: 'configuration' })
    expect(String(error)).not.toContain('secret')
  })
})

describe('somebody who is waited for', () => {
  test.each([
    [20, '0 seconds'],
    [90_000, undefined],
  ])('for %i ms', async (ms, said) => {
    const early = said === undefined ? AbortSignal.timeout(20) : new AbortController().signal
    const waited = untilSignedIn(async () => new Promise(() => {}), early, ms)
    await expect(waited).rejects.toMatchObject(
      said === undefined
        ? { kind: 'unreachable' }
        : { kind: 'failed', message: `nobody signed in within ${said}` },
    )
  })
})

test.each([
  ['https://auth.example.com', ['openid', 'offline_access'], { prompt: 'consent' }],
  ['https://auth.example.com', ['openid'], {}],
  ['https://login.microsoftonline.com/x/v2.0', ['openid', 'offline_access'], {}],
])('consent is asked for where a refresh token needs it: %s %o', (issuer, scopes, extras) => {
  expect(askConsent(issuer, scopes)).toEqual(extras)
})
