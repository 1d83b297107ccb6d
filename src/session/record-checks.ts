// What the verification of a token checks, among the steps of a login.
import { describeCheck } from '../identity/describe-check.ts'
import type { TokenCheck } from '../identity/token-check.ts'
import type { TokenRules } from '../identity/token-rules.ts'
import { isEncrypted, readUnverified } from '../identity/token-shape.ts'
import type { Principal } from '../identity/verify-token.ts'
import type { Step } from '../policy/decision.ts'
import type { TokenVerifier, TokenVerifiers } from './admit-token.ts'
import type { LoginSteps } from './login-steps.ts'

interface Verifier {
  readonly rules: TokenRules
  verify: (
    token: string,
    now: Date,
    checking?: (check: TokenCheck) => void,
  ) => ReturnType<TokenVerifier['verify']>
  readonly introspected?: TokenVerifier['introspected']
}

/** The same verifiers, with what they check among the steps. */
export function recordChecks(
  tokens: Pick<ReadonlyMap<string, Verifier>, 'get'>,
  { add }: LoginSteps,
): TokenVerifiers {
  return {
    get: (integration) => {
      const verifier = tokens.get(integration)
      if (verifier === undefined) return undefined
      const { rules, introspected } = verifier
      return {
        verify: async (token, now) => {
          const begun: TokenCheck[] = []
          return recorded(
            async () => verifier.verify(token, now, (check) => begun.push(check)),
            (passed) => {
              add(() => describe(begun, token, rules, now, passed))
            },
          )
        },
        introspected: introspected && {
          verify: async (token, now) =>
            recorded(
              async () => introspected.verify(token, now),
              (passed) => {
                add(() => describe(['introspection'], '', rules, now, passed))
              },
            ),
        },
      }
    },
  }
}

async function recorded(
  verify: () => Promise<Principal>,
  record: (passed: boolean) => void,
): Promise<Principal> {
  try {
    const principal = await verify()
    record(true)
    return principal
  } catch (error) {
    record(false)
    throw error
  }
}

/** The last check that was begun is the one that failed. */
function describe(
  checks: readonly TokenCheck[],
  token: string,
  rules: TokenRules,
  now: Date,
  passed: boolean,
): readonly Step[] {
  if (checks.length === 0) {
    return [{ check: 'signature', compared: 'the same token as a moment ago', passed }]
  }
  const told = readUnverified(token) ?? { header: {}, claims: {} }
  return checks.map((check, index) => ({
    check,
    // What is inside is known to nobody any more.
    compared: isEncrypted(token) ? 'of an encrypted token' : describeCheck(check, told, rules, now),
    passed: passed || index < checks.length - 1,
  }))
}
