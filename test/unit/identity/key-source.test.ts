import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createAuthority } from '../../../demo/certificates.ts'
import type { IssuerKeys } from '../../../src/identity/discovery.ts'
import { findIssuerKeys, type KeySource } from '../../../src/identity/key-source.ts'
import { signingKey, toJwk } from './tokens.ts'

const keySet = JSON.stringify({ keys: [toJwk(signingKey('one'))] })
const issuer = 'https://issuer.example/'
const limits = { timeoutMs: 2_000, maxBytes: 65_536 }

let folder: string
let server: Server
let ca: string
let base: string
let answer: string
let date: string | undefined
let requests: { readonly path: string | undefined; readonly authorization: string | undefined }[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-keys-'))
  const authority = await createAuthority('Authority')
  ca = authority.certificate
  const tls = await authority.issue({ commonName: 'localhost' })
  server = createServer({ cert: tls.certificate, key: tls.key }, (request, response) => {
    requests.push({ path: request.url, authorization: request.headers.authorization })
    if (date !== undefined) response.setHeader('date', date)
    const isDiscovery = request.url?.includes('openid-configuration') === true
    response.end(isDiscovery ? JSON.stringify({ issuer: base, jwks_uri: `${base}/keys` }) : answer)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  base = `https://localhost:${(server.address() as AddressInfo).port}`
})

afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await rm(folder, { recursive: true })
})

beforeEach(() => {
  answer = keySet
  date = undefined
  requests = []
})

async function find(
  source: KeySource,
  name = issuer,
  bearerTokenFile?: string,
): Promise<IssuerKeys> {
  return findIssuerKeys(name, source, { customCa: ca, limits, bearerTokenFile })
}

async function file(name: string, contents: string | Buffer): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, contents)
  return path
}

describe('keys that are not found by discovery', () => {
  test.each<[string, () => Promise<KeySource>]>([
    ['from the configuration', async () => Promise.resolve({ kind: 'inline', text: keySet })],
    ['from a file', async () => ({ kind: 'file', path: await file('good.json', keySet) })],
    ['from a URI', async () => Promise.resolve({ kind: 'uri', uri: `${base}/keys?tenant=a` })],
  ])('%s are of the issuer as it is configured', async (_, source) => {
    const found = await find(await source())
    expect(found.issuer).toBe(issuer)
    await expect(found.findKey({ alg: 'ES256', kid: 'one' })).resolves.toBeDefined()
    await expect(found.findKey({ alg: 'ES256', kid: 'two' })).rejects.toThrow('no applicable key')
  })

  test('from a URI cost one request, without credentials', async () => {
    await find({ kind: 'uri', uri: `${base}/keys?tenant=a` })
    expect(requests).toEqual([{ path: '/keys?tenant=a', authorization: undefined }])
  })

  test('from a file are read again each time', async () => {
    const path = await file('changing.json', keySet)
    await find({ kind: 'file', path })
    await file('changing.json', '{"keys":[]}')
    await expect(find({ kind: 'file', path })).rejects.toThrow('the key set is empty')
  })

  test.each([
    ['not JSON', 'hunter2', 'the key set is not JSON'],
    ['no key set', '{"keys":{}}', 'the key set is not one'],
    ['of other things than keys', '{"keys":["a"]}', 'the key set is not one'],
    ['empty', '{"keys":[]}', 'the key set is empty'],
    ['too long', ' '.repeat(65_537), 'longer than 65536 bytes'],
  ])('are refused when they are %s, and not repeated', async (_, text, message) => {
    const path = await file('bad.json', text)
    answer = text
    for (const source of [
      { kind: 'file', path },
      { kind: 'uri', uri: `${base}/keys` },
    ] as const) {
      const error: unknown = await find(source).catch((thrown: unknown) => thrown)
      expect(String(error)).toContain(message)
      expect(String(error)).not.toContain('hunter2')
    }
  })

  test('are not found in a file that is not there', async () => {
    await expect(find({ kind: 'file', path: join(folder, 'gone') })).rejects.toThrow('ENOENT')
  })
})

describe('the bearer token for the provider', () => {
  const authorization = 'Bearer first.token-1'

  test('is sent for the discovery document and for the keys', async () => {
    await find({ kind: 'discovery' }, base, await file('token', 'first.token-1\n'))
    expect(requests).toEqual([
      { path: '/.well-known/openid-configuration', authorization },
      { path: '/keys', authorization },
    ])
  })

  test('is read again each time', async () => {
    const path = await file('token', 'first.token-1')
    const source: KeySource = { kind: 'uri', uri: `${base}/keys` }
    await find(source, issuer, path)
    await file('token', 'second')
    await find(source, issuer, path)
    expect(requests.map((request) => request.authorization)).toEqual([
      authorization,
      'Bearer second',
    ])
  })

  test.each([
    ['empty', ''],
    ['of two lines', 'hunter2\r\nhost: evil'],
    ['too long', 'x'.repeat(16_385)],
  ])('is neither sent nor told when it is %s', async (_, contents) => {
    const path = await file('token', contents)
    const error: unknown = await find({ kind: 'uri', uri: `${base}/keys` }, issuer, path).catch(
      (thrown: unknown) => thrown,
    )
    expect(String(error)).toMatch(/does not hold a bearer token|is longer than/)
    expect(String(error)).not.toContain('hunter2')
    expect(requests).toEqual([])
  })
})

describe('the clock of the provider', () => {
  const hour = 3_600_000
  const sources = async (): Promise<KeySource[]> =>
    Promise.resolve([{ kind: 'uri', uri: `${base}/keys` }, { kind: 'discovery' }])

  test.each([
    ['an hour ahead', hour],
    ['an hour behind', -hour],
  ])('that is %s is told with its keys', async (_, aheadMs) => {
    for (const source of await sources()) {
      date = new Date(Date.now() + aheadMs).toUTCString()
      const { clockAheadMs } = await find(source, base)
      expect(Math.abs((clockAheadMs ?? 0) - aheadMs)).toBeLessThan(limits.timeoutMs + 1_000)
    }
  })

  test('that agrees is no difference', async () => {
    for (const source of await sources()) {
      expect((await find(source, base)).clockAheadMs).toBeCloseTo(0)
    }
  })

  test('is not known of keys that are not fetched, nor by a date that is none', async () => {
    expect((await find({ kind: 'inline', text: keySet })).clockAheadMs).toBeUndefined()
    date = 'yesterday'
    expect((await find({ kind: 'discovery' }, base)).clockAheadMs).toBeUndefined()
  })
})
