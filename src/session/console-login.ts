// How a client proves itself at the SQL console.
import type { AuthMethod, Pool } from '../policy/catalog.ts'
import { printable, Refusal } from '../refusal.ts'
import { askForPassword } from './ask-for-password.ts'
import { type Attempt, type ConsoleAdmission, type Entrance, fail } from './attempt.ts'
import { authenticateByBearer, type BearerLogin } from './bearer-exchange.ts'
import { authenticateBySecret } from './console-secret.ts'
import { relayMethod } from './enter-pool.ts'
import { readCredential } from './read-credential.ts'
import type { ListenerAddress } from './services.ts'

export async function authenticateAtConsole(
  login: BearerLogin,
  listener: ListenerAddress,
): Promise<Entrance> {
  const { attempt, pool, greeting, verify } = login
  const bySocket = admitSocket(attempt, listener)
  if (bySocket !== undefined) return { ...bySocket, greeting }
  const method = chooseConsoleMethod(attempt, pool)
  if (method === relayMethod) return authenticateBySecret(login)
  if (method === 'oauthbearer') return authenticateByBearer(login)
  const { kind, text } = readCredential(attempt, await askForPassword(login))
  if (kind === 'token') return verify(text)
  return refuseClearPassword(attempt)
}

/** Nobody has a password that is sent in the clear here. */
export function refuseClearPassword(attempt: Attempt): never {
  fail(attempt, 'password', 'the console takes none in the clear', 'wrong-password')
}

/**
 * Whoever can open the socket, whose mode is its gate: the owner of the process, or root. What user it says it
 * is proves nothing, so that it is none. One that wants to prove itself is let do so.
 */
export function admitSocket(
  { intent, catalog, report }: Attempt,
  { isUnixSocket }: Pick<ListenerAddress, 'isUnixSocket'>,
): ConsoleAdmission | undefined {
  const { unixSocket: right, users } = catalog.console
  if (!isUnixSocket || right === undefined) return undefined
  const wantsProof =
    intent.declaresToken || intent.authMethod !== undefined || users.has(intent.user)
  if (wantsProof) return undefined
  report?.({ check: 'console', compared: `by the Unix socket: ${right}`, passed: true })
  const guest = { name: 'unix', right, by: 'socket' } as const
  return { kind: 'console', intent, guest, subject: undefined }
}

/**
 * As the client wishes; else a user of the console is asked for the proof of its secret, and everybody else
 * for a token, by the first way of the pool.
 */
export function chooseConsoleMethod(
  { intent, catalog, facts, report }: Attempt,
  { authMethods }: Pool,
): AuthMethod {
  const { user, authMethod: wanted, declaresToken } = intent
  const ofTokens = authMethods.filter((one) => one !== relayMethod)
  const possible = declaresToken ? ofTokens : [...ofTokens, relayMethod]
  const usual = catalog.console.users.has(user) && !declaresToken ? relayMethod : possible[0]
  const chosen = wanted === undefined ? usual : possible.find((one) => one === wanted)
  if (chosen !== undefined) {
    facts.authMethod = chosen
    return chosen
  }
  const missing = wanted ?? 'cleartext'
  const compared = `${printable(missing)} among ${possible.join(', ')}`
  report?.({ check: 'authentication method', compared, passed: false })
  throw new Refusal('auth-method-unavailable', { values: { method: missing } })
}
