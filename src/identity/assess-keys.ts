import { importJWK, type JWK } from 'jose'
import type { Findings } from './finding.ts'
import { shown as shownValue } from './shown.ts'

/** What a key of a key set is good for. */
interface Assessment {
  readonly shown: string
  /** Algorithms that it may verify; none if there is a fault, or if it is meant for something else. */
  readonly algorithms: readonly string[]
  readonly fault?: string
}

/** RFC 7518 3.3 and 3.5; shorter ones are refused when a token is verified. */
const leastRsaBits = 2_048
const mostShown = 10

const curves: Readonly<Record<string, string>> = {
  ES256: 'P-256',
  ES384: 'P-384',
  ES512: 'P-521',
  EdDSA: 'Ed25519',
}

/** Whether tokens can be verified with the keys of a set, and which of its keys are of no use. */
export async function assessKeys(
  keys: readonly JWK[],
  algorithms: readonly string[],
  findings: Findings,
): Promise<void> {
  const assessed = await Promise.all(keys.map(async (key) => assessKey(key, algorithms)))
  const usable = assessed.filter((one) => one.algorithms.length > 0)
  if (usable.length > 0) {
    const shown = usable.map((one) => `${one.shown} for ${one.algorithms.join(', ')}`)
    findings.ok('signing keys', list(shown))
  } else {
    findings.problem(
      'signing keys',
      `none of ${keys.length} keys can verify a token signed with ${algorithms.join(', ')}`,
      'let the provider publish its signing keys, or correct `algorithms`',
    )
  }
  const faulty = assessed.filter((one) => one.fault !== undefined)
  for (const { shown, fault } of faulty.slice(0, mostShown)) {
    findings.warning('signing keys', `${shown} ${fault ?? ''}`, 'let the provider replace this key')
  }
  const kids = usable.length > 1 ? keys.map(({ kid }) => kid) : []
  const repeated = kids.find((kid, index) => kid !== undefined && kids.indexOf(kid) !== index)
  if (repeated !== undefined) {
    findings.warning(
      'signing keys',
      `several keys have the kid "${shownValue(repeated)}", so tokens of either may be refused`,
      'let the provider give each key a kid of its own',
    )
  }
}

async function assessKey(key: JWK, accepted: readonly string[]): Promise<Assessment> {
  // The members of a key are whatever the provider says.
  const { kty, use, key_ops: operations, alg } = key
  const kid = key.kid === undefined ? '(no kid)' : `"${shownValue(key.kid)}"`
  const shown = `${kid} ${shownValue(key.crv ?? kty)}`
  const unusable = (fault?: string): Assessment =>
    fault === undefined ? { shown, algorithms: [] } : { shown, algorithms: [], fault }
  // Whoever reads the key set can sign with these.
  if (kty === 'oct') return unusable('is a secret key, which is published')
  if (key.d !== undefined) return unusable('is a private key, which is published')
  if (use !== undefined && use !== 'sig') return unusable()
  if (Array.isArray(operations) && !operations.includes('verify')) return unusable()
  const fitting = accepted.filter((one) => fits(one, key))
  const [first] = fitting
  if (first === undefined) {
    return unusable(`is for ${shownValue(alg ?? 'other algorithms')}, which is not accepted`)
  }
  try {
    const imported = await importJWK(key, first)
    const bits = modulusBits(imported)
    if (bits !== undefined && bits < leastRsaBits) return unusable(`has only ${bits} bits`)
    const size = bits === undefined ? '' : ` of ${bits} bits`
    return { shown: `${shown}${size}`, algorithms: fitting }
  } catch {
    return unusable('cannot be read')
  }
}

function fits(algorithm: string, { kty, crv, alg }: JWK): boolean {
  if (alg !== undefined && alg !== algorithm) return false
  if (/^[RP]S/.test(algorithm)) return kty === 'RSA'
  return kty === (algorithm === 'EdDSA' ? 'OKP' : 'EC') && crv === curves[algorithm]
}

function modulusBits(key: Awaited<ReturnType<typeof importJWK>>): number | undefined {
  if (key instanceof Uint8Array) return undefined
  const algorithm: object = key.algorithm
  return 'modulusLength' in algorithm && typeof algorithm.modulusLength === 'number'
    ? algorithm.modulusLength
    : undefined
}

function list(shown: readonly string[]): string {
  const more = shown.length > mostShown ? `; and ${shown.length - mostShown} more` : ''
  return `${shown.slice(0, mostShown).join('; ')}${more}`
}
