// What a guesser could repeat is tried no faster than the throttle lets it be: passwords of PostgreSQL, and
// opaque tokens. A token with a signature is no guess: nobody comes upon one by trying.
import { createHmac } from 'node:crypto'
import { folded } from '../policy/cockroach-users.ts'
import { blockOf } from '../policy/network.ts'
import { type Reason, Refusal } from '../refusal.ts'
import type { TokenVerifiers } from './admit-token.ts'
import type { Admission } from './attempt.ts'
import { askLedger } from './ask-ledger.ts'
import type { SessionFacts } from './observer.ts'
import type { SessionServices } from './services.ts'
import type { Guess, ThrottleSwitches } from './throttle.ts'

/** Refusals by which somebody learns that a credential is a wrong one, and nothing else of it. */
const failures: ReadonlySet<Reason> = new Set([
  'wrong-password',
  // Where PostgreSQL asks somebody else, as for LDAP, that is what a wrong password looks like.
  'upstream-authentication',
  'token-inactive',
])

export type Throttled = Pick<SessionServices, 'ledger' | 'credentialKey'>

/** Tries a credential by doing the work that shows whether it is right, as soon as that may be. */
export async function tryCredential<T>(
  { ledger }: Throttled,
  guess: Guess | undefined,
  work: () => Promise<T>,
): Promise<T> {
  if (guess === undefined) return work()
  const trial = ledger.tryCredential(guess)
  try {
    const verdict = await askLedger(trial.verdict)
    if (verdict.kind === 'throttled') throw throttled(verdict.retryMs)
    const result = await work()
    trial.settle('passed')
    return result
  } catch (error) {
    trial.settle(error instanceof Refusal && failures.has(error.reason) ? 'failed' : 'neither')
    throw error
  }
}

function throttled(retryMs: number): Refusal {
  return new Refusal('throttled', { values: { seconds: Math.ceil(retryMs / 1_000) } })
}

/** The password of an admission, if it has one. */
export function guessOf(
  { peer }: SessionFacts,
  admission: Admission,
  limits: ThrottleSwitches,
  key: Buffer,
): Guess | undefined {
  if (admission.kind === 'token' || !limits.throttled.has('password')) return undefined
  const user = userKey(admission.role)
  const password = admission.kind === 'password' ? admission.password : undefined
  const digest = password === undefined ? undefined : digestOf(key, ['password', user, password])
  return { address: addressKey(peer), kind: 'password', user, digest }
}

/** The secret of a user of the console, which is another than a role of the name. */
export function consoleGuessOf(
  { peer }: SessionFacts,
  name: string,
  limits: ThrottleSwitches,
): Guess | undefined {
  if (!limits.throttled.has('password')) return undefined
  const user = `console ${userKey(name)}`
  return { address: addressKey(peer), kind: 'password', user, digest: undefined }
}

/** The same verifiers, with what asks the provider about a token behind the throttle. */
export function throttleTokens(
  tokens: TokenVerifiers,
  { peer }: SessionFacts,
  limits: ThrottleSwitches,
  services: Throttled,
): TokenVerifiers {
  if (!limits.throttled.has('opaque-token')) return tokens
  return {
    get: (integration) => {
      const verifier = tokens.get(integration)
      const introspected = verifier?.introspected
      if (verifier === undefined || introspected === undefined) return verifier
      const guess = (token: string): Guess => ({
        address: addressKey(peer),
        kind: 'opaque-token',
        // Whoever guesses a token may name any user with it.
        user: integration,
        digest: digestOf(services.credentialKey, ['opaque-token', integration, token]),
      })
      return {
        verify: async (token, now) => verifier.verify(token, now),
        introspected: {
          verify: async (token, now) =>
            tryCredential(services, guess(token), async () => introspected.verify(token, now)),
        },
      }
    },
  }
}

/** All who come by Unix sockets are one. */
function addressKey({ address }: SessionFacts['peer']): string {
  return blockOf(address) ?? 'unix'
}

/** What PostgreSQL cuts a name to; what is behind that would be a new user for each guess at the same one. */
const longestName = 63

/** CockroachDB's users do not differ by case: no server's users are told apart more finely than here. */
function userKey(user: string): string {
  return folded(Buffer.from(user).subarray(0, longestName).toString())
}

/**
 * Tells one wrong credential from another, and is no more than that: whoever read it, with the key that it is
 * made by, would find it to fit one password in four thousand million.
 */
function digestOf(key: Buffer, parts: readonly string[]): number {
  return createHmac('sha256', key).update(JSON.stringify(parts)).digest().readInt32BE()
}
