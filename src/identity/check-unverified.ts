import { Refusal } from '../refusal.ts'
import { isSameIssuer } from './issuer-name.ts'
import { shown } from './shown.ts'
import type { CheckObserver } from './token-check.ts'
import type { TokenRules } from './token-rules.ts'
import { readUnverified, type UnverifiedToken } from './token-shape.ts'

/**
 * What can be refused before a signature is looked at, in the order of the dialect. Returns the issuer
 * that `iss` must be, byte for byte.
 */
export async function checkUnverified(
  unverified: UnverifiedToken,
  rules: TokenRules,
  checking: CheckObserver,
): Promise<string> {
  if (rules.dialect === 'cockroachdb') {
    // As it is configured: the spelling of the discovery document counts for nothing there.
    const { issuer } = rules.keys
    checkIssuer(unverified, issuer, checking)
    checking('keys')
    await rules.keys.current()
    checkAlgorithm(unverified, rules, checking)
    return issuer
  }
  // Before any key is looked up: made-up algorithms and issuers cost no request.
  checkAlgorithm(unverified, rules, checking)
  checking('keys')
  const { issuer } = await rules.keys.current()
  checkIssuer(unverified, issuer, checking)
  return issuer
}

/** As far as the dialect of CockroachDB comes without keys. */
export function checkBeforeKeys(token: string, { keys }: TokenRules): void {
  const unverified = readUnverified(token)
  if (unverified === undefined) throw new Refusal('token-malformed')
  checkIssuer(unverified, keys.issuer, () => {})
}

/** The same without the issuer's keys, and so without the issuer's own spelling of its name. */
export function checkIssuerOffline(
  unverified: UnverifiedToken,
  { keys, dialect }: TokenRules,
  checking: CheckObserver,
): string {
  const { iss } = unverified.claims
  // One slash is all that may differ from what is configured.
  const isSpelling = typeof iss === 'string' && isSameIssuer(iss, keys.issuer)
  const expected = dialect === 'portcullis' && isSpelling ? iss : keys.issuer
  checkIssuer(unverified, expected, checking)
  return expected
}

function checkIssuer({ claims }: UnverifiedToken, issuer: string, checking: CheckObserver): void {
  checking('issuer')
  const iss = shown(claims['iss'])
  if (claims['iss'] === issuer) return
  throw new Refusal('token-issuer', {
    values: { iss },
    logDetail: `iss ${iss}, expected ${issuer}`,
  })
}

function checkAlgorithm(
  { header }: UnverifiedToken,
  { algorithms }: TokenRules,
  checking: CheckObserver,
): void {
  checking('algorithm')
  const allowed: readonly unknown[] = algorithms
  if (allowed.includes(header['alg'])) return
  throw new Refusal('token-algorithm', { logDetail: `alg ${shown(header['alg'])}` })
}
