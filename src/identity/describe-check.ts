import { printable } from '../refusal.ts'
import { readClaim } from './claims.ts'
import { authorizedParty, isRecord, type UnverifiedToken } from './token-shape.ts'
import { quoted } from './shown.ts'
import { classify, notAnAccessToken } from './token-kind.ts'
import type { TokenCheck } from './token-check.ts'
import { ownAudiences, type TokenRules } from './token-rules.ts'

/** What a check of a token compares, in words. It says nothing about the outcome. */
export function describeCheck(
  check: TokenCheck,
  { header, claims }: UnverifiedToken,
  rules: TokenRules,
  now: Date,
): string {
  const described = (name: string): string =>
    `${printable(name)} ${quoted(readClaim(claims, name))}`
  switch (check) {
    case 'decryption':
      return `alg ${quoted(header['alg'])}, enc ${quoted(header['enc'])}, kid ${quoted(header['kid'])} among our keys`
    case 'introspection':
      return `the provider says that it is active: ${rules.introspection?.endpoint ?? 'the introspection_endpoint of the discovery document'}`
    case 'format':
      return 'three segments of base64url, header and claims are JSON objects'
    case 'algorithm':
      return `alg ${quoted(header['alg'])} among ${rules.algorithms.join(', ')}`
    case 'keys':
      return `the key set of ${rules.keys.issuer}`
    case 'issuer':
      return `iss ${quoted(claims['iss'])}, issuer "${rules.keys.issuer}"`
    case 'signature':
      return `kid ${quoted(header['kid'])} among the keys of the issuer`
    case 'audience':
      return `aud ${quoted(claims['aud'])} among ${quoted(ownAudiences(rules))}${rules.allowsNoAudience === true ? ', or none' : ''}`
    case 'times':
      return describeTimes(claims, rules, now)
    case 'type':
      return `typ ${quoted(header['typ'])}`
    case 'kind':
      return describeKind(header, claims, rules)
    case 'other audiences':
      return `aud ${quoted(claims['aud'])}, none but ${quoted(ownAudiences(rules))}`
    case 'authorized party':
      return rules.clientId === undefined
        ? 'the integration has no client_id'
        : `azp ${quoted(authorizedParty(claims))}, client_id "${rules.clientId}"`
    case 'required claims': {
      const names = rules.requiredClaims.map(({ name }) => name)
      return [...names, ...(rules.requiredAcr.length > 0 ? ['acr'] : [])].map(described).join('; ')
    }
    case 'sender constraint':
      return describeBinding(claims, rules)
    case 'userinfo':
      return 'groups of the token, or of userinfo where it has no groups claim'
    case 'principal claim':
      return described(rules.principalClaim)
  }
}

function describeKind(
  header: Readonly<Record<string, unknown>>,
  claims: Readonly<Record<string, unknown>>,
  { kinds }: TokenRules,
): string {
  // What the provider was asked about is an access token, or the provider says otherwise.
  const because = 'alg' in header ? undefined : notAnAccessToken(claims)
  const found = 'alg' in header ? classify(header['typ'], claims) : { kind: undefined, because }
  const kind = found.kind ?? found.because ?? 'access_token'
  return `${kind} among ${[...kinds].join(', ')}`
}

function describeBinding(
  { cnf }: Readonly<Record<string, unknown>>,
  { requireSenderConstraint }: TokenRules,
): string {
  const binding = isRecord(cnf)
    ? Object.keys(cnf)
        .map((name) => `${printable(name)} ${quoted(cnf[name])}`)
        .join('; ')
    : quoted(cnf)
  return `cnf ${binding}, ${requireSenderConstraint ? 'required' : 'not required'}`
}

function describeTimes(
  claims: Readonly<Record<string, unknown>>,
  rules: TokenRules,
  now: Date,
): string {
  const told = (['exp', 'nbf', 'iat'] as const)
    .filter((name) => name === 'exp' || claims[name] !== undefined)
    .map((name) => `${name} ${describeTime(claims[name], now)}`)
  const { leewayMs, maxTokenAgeMs } = rules
  const limit = maxTokenAgeMs === undefined ? '' : `; at most ${maxTokenAgeMs / 1_000} s old`
  return `${told.join('; ')}${limit}; leeway ${leewayMs / 1_000} s`
}

export function describeTime(value: unknown, now: Date): string {
  const at = new Date(typeof value === 'number' ? value * 1_000 : Number.NaN)
  if (Number.isNaN(at.getTime())) return quoted(value)
  const seconds = Math.round((at.getTime() - now.getTime()) / 1_000)
  const distance = describeDuration(Math.abs(seconds))
  return `${at.toISOString()} (${seconds < 0 ? `${distance} ago` : `in ${distance}`})`
}

const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const

/** The two largest units of a duration. */
function describeDuration(seconds: number): string {
  const first = units.findIndex(([, size]) => seconds >= size)
  if (first === -1) return '0 s'
  let rest = seconds
  return units
    .slice(first, first + 2)
    .map(([name, size]) => {
      const count = Math.floor(rest / size)
      rest %= size
      return `${count} ${name}`
    })
    .join(' ')
}
