// What a genuine token with hostile claims costs at most. Everybody who is logged in waits for it: what is
// measured is the CPU time of this thread, so that a busy machine does not count, and the best of several.
import { RE2JS } from 're2js'
import { describe, expect, test } from 'vitest'
import type { TokenRules } from '../../src/identity/token-rules.ts'
import { readUnverified } from '../../src/identity/token-shape.ts'
import { verifyToken } from '../../src/identity/verify-token.ts'
import { decide } from '../../src/policy/decide.ts'
import { Refusal } from '../../src/refusal.ts'
import {
  goodClaims,
  issuer,
  type Json,
  keysOf,
  makeToken,
  now,
  signingKey,
  signToken,
  tokenRules,
  toJwk,
} from '../unit/identity/tokens.ts'
import { catalogOf, database, group, integration } from '../unit/policy/catalogs.ts'

const mostMs = 50
const key = signingKey('one')
const keys = keysOf([toJwk(key)])
const groupsClaim = 'https://example.com/groups'

/** Each would keep a backtracking engine busy for longer than the universe has. */
const catastrophic = [
  '(a+)+$',
  '^(([a-z])+.)+[A-Z]([a-z])+$',
  '(.*a){20}',
  '^(a|aa)+$',
  '(x+x+)+y',
  '([a-zA-Z]+)*$',
  '(a|a?)+$',
  '^(?:.*,){15}P',
  '(?:a{1,15}){1,15}b',
  '(?:.*a.{20}){5}c',
  '(?:.*[\\p{L}].{30}){3}c',
  '(.*a){90}',
] as const

const sixtyKilobytes = `${'a'.repeat(60_000)}!`
const longestName = `${'a'.repeat(254)}!`
/** As many bytes as the names of one principal may have. */
const names = Array.from({ length: 8 }, (_, i) => `${'a'.repeat(250)}!${i}`)

/** Letters in no order: a machine of states that meets none of them twice. */
function shuffled(length: number, letters: string): string {
  let seed = 7
  return Array.from({ length }, () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return letters[Math.floor((seed / 2 ** 31) * letters.length)]
  }).join('')
}

const cyrillic = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => 0x400 + i))
const thousands = (text: string): readonly string[] => text.match(/.{1,1000}/g) ?? []
const longClaims: readonly unknown[] = [
  sixtyKilobytes,
  thousands(sixtyKilobytes),
  shuffled(60_000, 'ab'),
  thousands(shuffled(60_000, 'ab')),
  thousands(shuffled(30_000, cyrillic)),
]

const ordinary = Array.from({ length: 30 }, (_, i) => `${issuer} /^(.*)@team-${i}\\.example$ \\1`)
const identityMap = [
  ...catastrophic.map((pattern) => `${issuer} "/${pattern.replaceAll('"', '""')}" nobody`),
  ...ordinary,
].join('\n')

const catalog = catalogOf({
  identityMap,
  groups: [group('readonly', 'app_readonly')],
  databases: [database('sandbox')],
})
const mapped = integration('sso', { defaultGroup: 'readonly' })

/** The least CPU time of several runs, in milliseconds, and what came of the login. */
async function costOf(
  token: string,
  demands: Partial<TokenRules> = {},
  its = mapped,
): Promise<{ ms: number; outcome: string }> {
  const rules = tokenRules(keys, demands)
  let ms = Infinity
  let outcome = ''
  for (let run = 0; run < 5; run++) {
    const before = process.threadCpuUsage()
    outcome = await logIn(token, rules, its)
    const { user, system } = process.threadCpuUsage(before)
    ms = Math.min(ms, (user + system) / 1_000)
  }
  return { ms, outcome }
}

async function logIn(token: string, rules: TokenRules, its: typeof mapped): Promise<string> {
  try {
    readUnverified(token)
    const principal = await verifyToken(token, rules, now)
    const decision = decide({ user: 'app_readonly', database: 'sandbox' }, principal, its, catalog)
    return decision.outcome === 'granted' ? 'granted' : decision.reason
  } catch (error) {
    if (error instanceof Refusal) return error.reason
    throw error
  }
}

describe('a catastrophic expression stalls nothing', () => {
  test.each(catastrophic)('%s in required_claims, and a claim of sixty kilobytes', async (text) => {
    const requiredClaims = [{ name: 'x', expected: RE2JS.compile(text) }]
    for (const x of longClaims) {
      const { ms } = await costOf(makeToken(key, { x }), { requiredClaims })
      expect(ms).toBeLessThan(mostMs)
    }
  })

  test.each(catastrophic)('%s as principal_regex, and the longest names', async (text) => {
    const its = integration('sso', { pattern: text.includes('(?') ? `(${text})` : text })
    for (const value of [longestName, names]) {
      const token = makeToken(key, { names: value })
      const { ms, outcome } = await costOf(token, { principalClaim: 'names' }, its)
      expect(['principal-unmapped', 'role-not-allowed', 'no-group']).toContain(outcome)
      expect(ms).toBeLessThan(mostMs)
    }
  })

  test('all of them in the identity map, beside thirty others, and as many names as may be', async () => {
    const token = makeToken(key, { names })
    const { ms, outcome } = await costOf(token, { principalClaim: 'names' })
    expect(outcome).toBe('granted')
    expect(ms).toBeLessThan(mostMs)
  })
})

const plain = JSON.stringify(goodClaims)
const within = (member: string): string => `{${member},${plain.slice(1)}`
const brackets = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
const header = { alg: 'ES256', kid: 'one' }
const claimsOf = (claims: Json): string => makeToken(key, claims)

describe('a token stalls nothing', () => {
  test.each<[string, string, string]>([
    [
      'with ten thousand groups',
      claimsOf({ [groupsClaim]: Array.from({ length: 10_000 }, (_, i) => `group-${i}`) }),
      'granted',
    ],
    [
      'with ten thousand groups in one text',
      claimsOf({ [groupsClaim]: Array.from({ length: 10_000 }, (_, i) => `g${i}`).join(',') }),
      'granted',
    ],
    ['a thousand levels deep', signToken(header, within(`"x":${brackets(1_000)}`), key), 'granted'],
    [
      'twenty thousand levels deep',
      signToken(header, within(`"x":${brackets(20_000)}`), key),
      'granted',
    ],
    [
      'with the same name six thousand times',
      signToken(header, within('"x":1,'.repeat(6_000) + '"x":1'), key),
      'token-malformed',
    ],
    [
      'with eight thousand names',
      claimsOf(Object.fromEntries(Array.from({ length: 8_000 }, (_, i) => [`n${i}`, 1]))),
      'granted',
    ],
    [
      'with ten thousand audiences',
      claimsOf({ aud: Array.from({ length: 10_000 }, (_, i) => `a${i}`) }),
      'token-audience',
    ],
    [
      'with ten thousand subjects',
      claimsOf({ sub: Array.from({ length: 10_000 }, (_, i) => `a${i}`) }),
      'token-claim',
    ],
    [
      'with numbers beyond every date',
      claimsOf({ exp: 1e308, iat: -1e308, nbf: -1e308 }),
      'granted',
    ],
    [
      'with sixty kilobytes of header',
      signToken({ ...header, x: sixtyKilobytes }, plain, key),
      'granted',
    ],
    [
      'with sixty kilobytes of key id',
      signToken({ ...header, kid: sixtyKilobytes }, plain, key),
      'token-unknown-key',
    ],
    [
      'with sixty kilobytes of type',
      signToken({ ...header, typ: sixtyKilobytes }, plain, key),
      'token-type',
    ],
    [
      'with sixty kilobytes of algorithm',
      signToken({ alg: sixtyKilobytes }, plain, key),
      'token-algorithm',
    ],
    [
      'with sixty kilobytes of escapes',
      signToken(header, within(`"x":"${'\\u0061'.repeat(10_000)}"`), key),
      'granted',
    ],
    ['with a subject of sixty kilobytes', claimsOf({ sub: sixtyKilobytes }), 'token-claim'],
    ['of sixty thousand dots', '.'.repeat(60_000), 'token-malformed'],
    ['of sixty kilobytes of nothing', `eyJ${'a'.repeat(60_000)}`, 'token-malformed'],
  ])('%s', async (_, token, expected) => {
    const { ms, outcome } = await costOf(token)
    expect(outcome).toBe(expected)
    expect(ms).toBeLessThan(mostMs)
  })
})
