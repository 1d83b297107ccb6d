// Two issuers whose keys have the same ids: a token verifies with the keys of its own issuer alone.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JWK } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answers } from '../../demo/answers.ts'
import { type Authority, createAuthority } from '../../demo/certificates.ts'
import { generateSigningKey, type IdentityProvider, startProvider } from '../../demo/provider.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { errorFields, WireClient } from '../support/wire-client.ts'

/** An issuer with one key, of an id that the other issuer has too. */
interface Issuer {
  readonly provider: IdentityProvider
  readonly key: JWK
}

let stack: Stack
let folder: string
let ours: Issuer
let theirs: Issuer

const kid = 'key-1'

/** Publishes its key before anybody has fetched another one. */
async function startIssuer(authority: Authority): Promise<Issuer> {
  const provider = await startProvider({ tls: await authority.issue({ commonName: 'provider' }) })
  const key = { ...(await generateSigningKey('RS256')), kid }
  const { kty, n, e, alg, use } = key
  provider.intercept('/jwks', answers.json({ keys: [{ kty, n, e, alg, use, kid }] }))
  return { provider, key }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-issuers-'))
  const authority = await createAuthority('the issuers')
  const file = join(folder, 'issuers-ca.crt')
  await writeFile(file, authority.certificate)
  ours = await startIssuer(authority)
  theirs = await startIssuer(authority)
  stack = await Stack.start({
    configure: (config) => {
      const people = config.integrations['people']!
      config.integrations = {
        ours: { ...people, issuer: ours.provider.issuer, custom_ca: file },
        theirs: { ...people, issuer: theirs.provider.issuer, custom_ca: file },
      }
      const { upstream } = config.databases['sandbox']!
      config.databases = {
        system: { integrations: ['ours', 'theirs'], primary: 'ours' },
        sandbox: { upstream },
        only_ours: { integrations: ['ours'], upstream },
        only_theirs: { integrations: ['theirs'], upstream },
      }
      const databases = ['only_ours', 'only_theirs']
      for (const name of databases) {
        config.databases[name]!['upstream'] = {
          ...(upstream as Record<string, unknown>),
          database: 'sandbox',
        }
      }
    },
  })
})

afterAll(async () => {
  await Promise.all([
    stack[Symbol.asyncDispose](),
    ours.provider[Symbol.asyncDispose](),
    theirs.provider[Symbol.asyncDispose](),
    rm(folder, { recursive: true, force: true }),
  ])
})

async function token(
  { provider, key }: Issuer,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  // The authorized party and the issuer are what picks the integration.
  return provider.mintIdToken('alice', { azp: 'portcullis-cli', ...changes }, { key })
}

/** R where the client is let in, else its SQLSTATE. */
async function outcomeOf(its: string, database = 'sandbox', options = ''): Promise<string> {
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  const answer = await client.logIn({ user: 'app_readonly', database, options }, its)
  client.destroy()
  return answer.type === 'E' ? errorFields(answer).sqlstate : answer.type
}

async function expectReason(reason: string): Promise<void> {
  await until(`the record of ${reason}`, async () => {
    const failures = (await stack.audit()).filter(({ status }) => status === 'Failure')
    return failures.at(-1)?.status_detail === reason
  })
}

describe('two issuers with the same key id', () => {
  test('have their tokens verified, in any order and again', async () => {
    const tokens = [await token(ours), await token(theirs), await token(ours), await token(theirs)]
    for (const one of [...tokens, ...tokens.toReversed()]) expect(await outcomeOf(one)).toBe('R')
    const both = [ours.provider.issuer, theirs.provider.issuer]
    await until('the records of both', async () => {
      const admitted = (await stack.audit()).filter(
        ({ activity_id: activity, status }) => activity === 1 && status === 'Success',
      )
      const issuers = admitted.map(({ unmapped }) => String(unmapped.portcullis['issuer']))
      return issuers.length === 8 && both.every((issuer) => issuers.includes(issuer))
    })
  })

  test.each([
    ['the first, with a key of the second', () => ours, () => theirs],
    ['the second, with a key of the first', () => theirs, () => ours],
  ])('have no token verified that says it is of %s', async (_, named, signing) => {
    const forged = await token(signing(), { iss: named().provider.issuer })
    expect(await outcomeOf(forged)).toBe('28P01')
    await expectReason('token-signature')
  })

  test.each([
    ['only_theirs', '', () => ours],
    ['only_ours', '', () => theirs],
    ['sandbox', '-c identityprovider=theirs', () => ours],
    ['sandbox', '-c identityprovider=ours', () => theirs],
  ])('do not let in the other’s token at %s with "%s"', async (database, options, issuer) => {
    const genuine = await token(issuer())
    // Where it is at home it is good, and being remembered there must not help it elsewhere.
    expect(await outcomeOf(genuine)).toBe('R')
    expect(await outcomeOf(genuine, database, options)).toBe('28P01')
    await expectReason('token-issuer')
  })
})
