// What a token costs: verified for the first time, seen again within a minute, and beside it the library
// alone and the signature alone, on the same tokens in the same process.
import { createPublicKey, type KeyObject, verify, constants } from 'node:crypto'
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { KeyCache } from '../src/identity/key-cache.ts'
import { allowedTypes, tokenKinds, type TokenRules } from '../src/identity/token-rules.ts'
import { VerifiedTokens } from '../src/identity/verified-tokens.ts'
import { totalUs } from './process-usage.ts'
import type { Plan } from './sample.ts'

export const verifiedAlgorithms = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const
type Algorithm = (typeof verifiedAlgorithms)[number]

const issuer = 'https://issuer.example'
const audience = 'portcullis'
const tokensPerSecond = 100
const rememberedBytes = 64 * 1024 * 1024

export async function measureVerification({ rounds, seconds, record }: Plan): Promise<void> {
  const subjects = await Promise.all(
    verifiedAlgorithms.map(async (algorithm) => prepare(algorithm, seconds * tokensPerSecond)),
  )
  // The compiler has seen everything by then.
  for (const subject of subjects) await measure(subject)
  for (let round = 0; round < rounds; round++) {
    for (const subject of subjects) {
      record({
        scenario: 'verification',
        variant: subject.algorithm,
        system: 'portcullis-node',
        figures: await measure(subject),
      })
    }
  }
}

interface Subject {
  readonly algorithm: Algorithm
  readonly tokens: readonly string[]
  readonly rules: TokenRules
  readonly findKey: ReturnType<typeof createLocalJWKSet>
  readonly publicKey: KeyObject
}

/** Tokens that differ in their id alone, as a provider hands them out. */
async function prepare(algorithm: Algorithm, count: number): Promise<Subject> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm)
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: algorithm, use: 'sig' }
  const findKey = createLocalJWKSet({ keys: [jwk] })
  const tokens: string[] = []
  for (let i = 0; i < count; i++) {
    const claims = { azp: audience, email: 'alice@example.com', groups: ['engineering', 'on-call'] }
    tokens.push(
      await new SignJWT({ ...claims, jti: `token-${i}` })
        .setProtectedHeader({ alg: algorithm, typ: 'JWT', kid: 'one' })
        .setIssuer(issuer)
        .setSubject('auth0|alice')
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(privateKey),
    )
  }
  return {
    algorithm,
    tokens,
    rules: rulesOf(algorithm, findKey),
    findKey,
    publicKey: createPublicKey({ key: jwk, format: 'jwk' }),
  }
}

function rulesOf(algorithm: Algorithm, findKey: Subject['findKey']): TokenRules {
  return {
    integration: 'bench',
    keys: new KeyCache({
      issuer,
      fetch: async () => Promise.resolve({ issuer, findKey }),
      observer: { keysRefreshed() {}, unknownKey() {} },
    }),
    clientId: audience,
    additionalAudiences: [],
    strictAudiences: false,
    algorithms: [algorithm],
    allowedTypes: allowedTypes(['JWT', 'at+jwt', 'none']),
    kinds: new Set(tokenKinds),
    leewayMs: 30_000,
    maxTokenAgeMs: undefined,
    requiredClaims: [],
    requiredAcr: [],
    principalClaim: 'sub',
    groupsClaimIds: ['groups'],
    userinfoGroupsIds: ['groups'],
    dialect: 'portcullis',
    userinfo: undefined,
    introspection: undefined,
    decryptionKeys: undefined,
    requireSenderConstraint: false,
  }
}

async function measure({
  algorithm,
  tokens,
  rules,
  findKey,
  publicKey,
}: Subject): Promise<Readonly<Record<string, number>>> {
  const remembering = new VerifiedTokens(rules, rememberedBytes)
  const now = new Date()
  const firstUs = await cpuPerToken(tokens, async (token) => remembering.verify(token, now))
  const repeatedUs = await cpuPerToken(tokens, async (token) => remembering.verify(token, now))
  const joseUs = await cpuPerToken(tokens, async (token) =>
    jwtVerify(token, findKey, { issuer, audience, algorithms: [algorithm] }),
  )
  const signatureUs = await cpuPerToken(tokens, (token) => {
    verifySignature(algorithm, token, publicKey)
  })
  return { firstUs, repeatedUs, joseUs, signatureUs }
}

/** One after the other, as nothing else goes on: all threads of the process are counted. */
async function cpuPerToken(
  tokens: readonly string[],
  check: (token: string) => unknown,
): Promise<number> {
  const before = process.cpuUsage()
  for (const token of tokens) await check(token)
  const { user, system } = process.cpuUsage(before)
  return totalUs({ userUs: user, systemUs: system }) / tokens.length
}

function verifySignature(algorithm: Algorithm, token: string, key: KeyObject): void {
  const end = token.lastIndexOf('.')
  const isGenuine = verify(
    algorithm === 'EdDSA' ? null : `sha${algorithm.slice(2)}`,
    Buffer.from(token.slice(0, end)),
    {
      key,
      dsaEncoding: 'ieee-p1363',
      ...(algorithm.startsWith('PS') && {
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      }),
    },
    Buffer.from(token.slice(end + 1), 'base64url'),
  )
  if (!isGenuine) throw new Error(`a token signed ${algorithm} does not verify`)
}
