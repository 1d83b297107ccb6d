// The steps of a login that a client makes, as `portcullis explain` has those of one that nobody makes: for
// whoever asks afterwards why it was refused.
import { describeCheck } from '../identity/describe-check.ts'
import type { TokenCheck } from '../identity/token-check.ts'
import type { TokenRules } from '../identity/token-rules.ts'
import { isEncrypted, readUnverified } from '../identity/token-shape.ts'
import type { Principal } from '../identity/verify-token.ts'
import type { Step } from '../policy/decision.ts'
import type { TokenVerifier, TokenVerifiers } from './admit-token.ts'

/** No login has so many: whoever makes us compare more sees the first ones. */
const maxParts = 64

export class LoginSteps {
  /** What takes time to say is said only where somebody is refused. */
  #parts: (Step | (() => readonly Step[]))[] = []

  readonly add = (part: Step | (() => readonly Step[])): void => {
    if (this.#parts.length < maxParts) this.#parts.push(part)
  }

  read(): readonly Step[] {
    return this.#parts.flatMap((part) => (typeof part === 'function' ? part() : part))
  }

  /** Whoever is let in is not asked about any more: what is remembered here may hold a token. */
  forget(): void {
    this.#parts = []
  }
}

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
