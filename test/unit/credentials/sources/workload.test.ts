// The endpoints of clouds are doubles here: they answer as their documents say that the real ones do.
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Environment } from '../../../../src/credentials/environment.ts'
import type { Grant } from '../../../../src/credentials/grant.ts'
import { CredentialProblem } from '../../../../src/credentials/problem.ts'
import type { WorkloadIdentity } from '../../../../src/credentials/profile.ts'
import { workloadSource } from '../../../../src/credentials/sources/workload.ts'
import {
  type FormEndpoint,
  startFormEndpoint,
  type TakenForm,
} from '../../../support/form-endpoint.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const now = 1_800_000_000_000
const token = jwt(now / 1_000 + 3_600)

let folder: string
let metadata: Server
let host: string
let secure: FormEndpoint
let answer: Answer
let secureAnswer: (taken: TakenForm, response: ServerResponse) => void
let asked: { readonly url: string; readonly headers: IncomingMessage['headers'] }[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-workload-'))
  metadata = createServer((request, response) => {
    asked.push({ url: request.url ?? '', headers: request.headers })
    answer(request, response)
  })
  metadata.listen(0, '127.0.0.1')
  await once(metadata, 'listening')
  host = `127.0.0.1:${(metadata.address() as AddressInfo).port}`
  secure = await startFormEndpoint('/token?x=y', (taken, response) => {
    secureAnswer(taken, response)
  })
})

afterAll(async () => {
  metadata.closeAllConnections()
  metadata.close()
  secure.close()
  await rm(folder, { recursive: true, force: true })
})

beforeEach(() => {
  asked = []
  answer = () => expect.fail('nobody is to ask')
  secureAnswer = () => expect.fail('nobody is to ask')
})

function jwt(exp: number): string {
  return `eyJhbGciOiJSUzI1NiJ9.${Buffer.from(JSON.stringify({ exp, sub: 'pod' })).toString('base64url')}.x`
}

function says(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (_, response) => {
    response.writeHead(status, headers)
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }
}

async function obtain(identity: WorkloadIdentity, environment: Environment = {}): Promise<Grant> {
  const network = { customCa: secure.ca, proxy: undefined }
  const limits = { timeoutMs: 5_000, maxBytes: 100_000 }
  const context = {
    environment,
    now: () => now,
    network: async () => Promise.resolve({ ...network, limits }),
  }
  return workloadSource(identity, context).obtain(undefined, AbortSignal.timeout(10_000))
}

async function problemOf(promise: Promise<unknown>): Promise<CredentialProblem> {
  const error: unknown = await promise.catch((one: unknown) => one)
  if (error instanceof CredentialProblem) return error
  throw new Error(`no problem: ${String(error)}`)
}

describe('a file', () => {
  test('is read anew each time', async () => {
    const path = join(folder, 'token')
    await writeFile(path, `${token}\n`)
    expect((await obtain({ kind: 'file', path })).token).toBe(token)
    const other = jwt(now / 1_000 + 7_200)
    await writeFile(path, other, { mode: 0o644 })
    expect(await obtain({ kind: 'file', path })).toMatchObject({
      token: other,
      expiresAt: now + 7_200_000,
    })
  })

  test.each<[string, string | undefined, CredentialProblem['kind'], string]>([
    ['is not there', undefined, 'configuration', 'there is no such file'],
    ['is empty', '', 'failed', 'gave no token'],
    ['is far too long', 'a'.repeat(60_001), 'configuration', 'it is too long'],
    ['has one that is over', jwt(now / 1_000), 'failed', 'has a token that has expired'],
  ])('that %s is a problem', async (_, content, kind, says) => {
    const path = join(folder, 'other')
    await rm(path, { force: true })
    if (content !== undefined) await writeFile(path, content)
    const problem = await problemOf(obtain({ kind: 'file', path }))
    expect(problem.kind).toBe(kind)
    expect(problem.message).toContain(says)
    expect(problem.message).toContain(path)
    expect(problem.message).not.toContain('aaaa')
  })
})

describe('a variable', () => {
  const identity = { kind: 'environment', name: 'ID_TOKEN' } as const

  test('holds a token', async () => {
    expect((await obtain(identity, { ID_TOKEN: token })).token).toBe(token)
  })

  test.each([{}, { ID_TOKEN: ' ' }])('that is empty is a problem: %o', async (environment) => {
    expect(await problemOf(obtain(identity, environment))).toMatchObject({ kind: 'configuration' })
  })
})

describe('a job of GitHub Actions', () => {
  const environment = (): Environment => ({
    ACTIONS_ID_TOKEN_REQUEST_URL: secure.url,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'of-the-job',
  })
  const identity = { kind: 'github', audience: 'https://db.example.com' } as const

  test('asks for a token with its own', async () => {
    let taken: TakenForm | undefined
    secureAnswer = (one, response) => {
      taken = one
      response.end(JSON.stringify({ value: token }))
    }
    expect((await obtain(identity, environment())).token).toBe(token)
    expect(taken?.method).toBe('GET')
    expect(taken?.url).toBe('/token?x=y&audience=https%3A%2F%2Fdb.example.com')
    expect(taken?.headers.authorization).toBe('Bearer of-the-job')
  })

  test.each([
    ['may not have one', {}, 'configuration', 'id-token: write'],
    [
      'is sent elsewhere',
      { ACTIONS_ID_TOKEN_REQUEST_URL: 'x' },
      'configuration',
      'id-token: write',
    ],
  ])('that %s is told why', async (_, more, kind, hint) => {
    const problem = await problemOf(obtain(identity, more))
    expect(problem).toMatchObject({ kind })
    expect(problem.hint).toContain(hint)
  })

  test('shows its token to nobody without TLS', async () => {
    const url = `http://${host}/`
    const plain = { ...environment(), ACTIONS_ID_TOKEN_REQUEST_URL: url }
    await expect(obtain(identity, plain)).rejects.toThrow('only https is fetched')
    expect(asked).toEqual([])
  })

  test('is told no', async () => {
    secureAnswer = (_, response) => response.writeHead(403).end('secret')
    const problem = await problemOf(obtain(identity, environment()))
    expect(problem).toMatchObject({ kind: 'refused', message: 'GitHub Actions answered 403' })
  })
})

describe("Google's metadata server", () => {
  const identity = { kind: 'google', audience: 'https://db.example.com' } as const
  const flavor = { 'Metadata-Flavor': 'Google' }
  const google = async (more: Environment = {}): Promise<Grant> =>
    obtain(identity, { GCE_METADATA_HOST: host, ...more })

  test('signs for an audience, and is asked as it wants to be', async () => {
    answer = says(200, token, flavor)
    expect((await google()).token).toBe(token)
    expect(asked).toHaveLength(1)
    const url = new URL(asked[0]?.url ?? '', `http://${host}`)
    expect(url.pathname).toBe('/computeMetadata/v1/instance/service-accounts/default/identity')
    expect(Object.fromEntries(url.searchParams)).toEqual({
      audience: 'https://db.example.com',
      format: 'full',
    })
    expect(asked[0]?.headers['metadata-flavor']).toBe('Google')
  })

  test.each<[string, Answer, CredentialProblem['kind'], string]>([
    ['does not say who it is', says(200, token), 'unreachable', 'no metadata server'],
    ['has no identity', says(404, 'x', flavor), 'refused', 'answered 404'],
    ['has too much to do', says(429, 'x', flavor), 'unreachable', 'answered 429'],
    ['sends elsewhere', says(302, '', { ...flavor, location: 'http://x' }), 'refused', '302'],
    ['never ends', says(200, 'a'.repeat(100_001), flavor), 'unreachable', 'does not answer'],
    ['ends at once', (_, response) => response.destroy(), 'unreachable', 'does not answer'],
  ])('that %s gives none', async (_, how, kind, says) => {
    answer = how
    const problem = await problemOf(google())
    expect(problem.kind).toBe(kind)
    expect(problem.message).toContain(says)
    expect(asked).toHaveLength(1)
  })

  test.each([
    'metadata.example.com',
    '10.0.0.1',
    '192.0.2.1:80',
    'x@127.0.0.1.example',
    '[2001:db8::1]',
  ])('is no machine of others: %s', async (other) => {
    expect(await problemOf(google({ GCE_METADATA_HOST: other }))).toMatchObject({
      kind: 'configuration',
    })
  })
})

describe('Azure', () => {
  const identity = { kind: 'azure', resource: 'api://db', clientId: 'one' } as const

  test('has a metadata service on its machines', async () => {
    const opaque = { access_token: 'opaque', expires_on: String(now / 1_000 + 60) }
    answer = says(200, opaque)
    const environment = { AZURE_POD_IDENTITY_AUTHORITY_HOST: `http://${host}/` }
    expect(await obtain(identity, environment)).toMatchObject({
      token: 'opaque',
      expiresAt: now + 60_000,
    })
    const url = new URL(asked[0]?.url ?? '', `http://${host}`)
    expect(url.pathname).toBe('/metadata/identity/oauth2/token')
    expect(Object.fromEntries(url.searchParams)).toEqual({
      'api-version': '2018-02-01',
      resource: 'api://db',
      client_id: 'one',
    })
    expect(asked[0]?.headers['metadata']).toBe('true')
  })

  test('may be told that there is no identity, or nothing of use', async () => {
    const environment = { AZURE_POD_IDENTITY_AUTHORITY_HOST: `http://${host}` }
    answer = says(400, { error: 'invalid_request' })
    expect(await problemOf(obtain(identity, environment))).toMatchObject({ kind: 'refused' })
    answer = says(200, 'x')
    expect(await problemOf(obtain(identity, environment))).toMatchObject({ kind: 'unreachable' })
  })

  test('takes the token of Kubernetes in place of a secret', async () => {
    const file = join(folder, 'federated')
    await writeFile(file, 'of-kubernetes')
    let taken: TakenForm | undefined
    secureAnswer = (one, response) => {
      taken = one
      response.end(JSON.stringify({ access_token: token, expires_in: 60 }))
    }
    const environment = {
      AZURE_FEDERATED_TOKEN_FILE: file,
      AZURE_TENANT_ID: 'tenant',
      AZURE_CLIENT_ID: 'other',
      AZURE_AUTHORITY_HOST: new URL(secure.url).origin,
    }
    expect((await obtain({ kind: 'azure', resource: 'api://db' }, environment)).token).toBe(token)
    expect(Object.fromEntries(taken?.form ?? [])).toEqual({
      grant_type: 'client_credentials',
      client_id: 'other',
      scope: 'api://db/.default',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: 'of-kubernetes',
    })
    const without = { AZURE_FEDERATED_TOKEN_FILE: file, AZURE_TENANT_ID: '../x' }
    expect(await problemOf(obtain(identity, without))).toMatchObject({ kind: 'configuration' })
  })
})
