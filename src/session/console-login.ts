// How a client proves itself at the SQL console: by a token, however it is asked for.
import { Refusal } from '../refusal.ts'
import type { Attempt, Entrance } from './attempt.ts'
import { fail } from './attempt.ts'
import { askForPassword } from './ask-for-password.ts'
import { authenticateByBearer, type BearerLogin } from './bearer-exchange.ts'
import { relayMethod } from './enter-pool.ts'
import type { AuthMethod, Pool } from '../policy/catalog.ts'
import { readCredential } from './read-credential.ts'

export async function authenticateAtConsole(login: BearerLogin): Promise<Entrance> {
  const { attempt, pool, verify } = login
  const method = chooseConsoleMethod(attempt, pool)
  attempt.facts.authMethod = method
  if (method === 'oauthbearer') return authenticateByBearer(login)
  const { kind, text } = readCredential(attempt, await askForPassword(login))
  if (kind === 'token') return verify(text)
  // Nobody has a password that is sent in the clear here.
  fail(attempt, 'password', 'the console takes none in the clear', 'wrong-password')
}

/** The first way of the pool to ask for a token, or that which the client wishes. */
export function chooseConsoleMethod({ intent }: Attempt, { authMethods }: Pool): AuthMethod {
  const { authMethod: wanted } = intent
  const possible = authMethods.filter((one) => one !== relayMethod)
  const chosen = wanted === undefined ? possible[0] : possible.find((one) => one === wanted)
  if (chosen !== undefined) return chosen
  throw new Refusal('auth-method-unavailable', { values: { method: wanted ?? 'cleartext' } })
}
