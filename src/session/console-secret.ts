// A login at the SQL console by a secret that is there for when single sign-on is not: SCRAM-SHA-256.
import { randomBytes } from 'node:crypto'
import type { Pool } from '../policy/catalog.ts'
import { Refusal } from '../refusal.ts'
import { maxScramMessageBytes, readRelayedFinal, type RelayedFirst } from '../sasl/scram-relay.ts'
import {
  deriveVerifier,
  type ScramSecret,
  type ScramVerifier,
  serverFinal,
  serverFirst,
  verifierOfNobody,
} from '../sasl/scram-server.ts'
import { readSaslResponse } from '../wire/sasl-response.ts'
import { authenticationSaslContinue, authenticationSaslFinal } from '../wire/write-backend.ts'
import { type Attempt, type ConsoleAdmission, fail } from './attempt.ts'
import { beginScram, malformedScram } from './begin-scram.ts'
import { type Login, readProof } from './login.ts'
import { Patience } from './patience.ts'
import { refuseDenied } from './refuse-denied.ts'
import type { SessionServices } from './services.ts'
import { takesPasswordOf, takesPasswords } from './takes-password.ts'
import { consoleGuessOf, tryCredential } from './try-credential.ts'

const nonceBytes = 18

export async function authenticateBySecret(login: Login): Promise<ConsoleAdmission> {
  const { conversation, attempt, pool, rules, services } = login
  const { facts, intent } = attempt
  enterBySecret(attempt, pool)
  const patience = new Patience(rules.timeouts.authenticationMs)
  const first = await beginScram(login, patience)
  const guess = consoleGuessOf(facts, intent.user, rules.limits)
  return tryCredential(services, guess, async () => {
    const askedAt = performance.now()
    await prove(login, first, patience)
    conversation.credentialMs += performance.now() - askedAt
    return admitSecret(attempt, pool)
  })
}

/** Whether a secret may be used at all, before anything is said of one. */
export function enterBySecret(attempt: Attempt, pool: Pool): void {
  const { intent } = attempt
  if (!takesPasswordOf(pool, intent.user)) {
    fail(attempt, 'password', `pool ${pool.name} requires single sign-on`, 'sso-required')
  }
  // A denial of the role of that name is meant for whoever calls itself so.
  refuseDenied(attempt, intent.user)
}

/** What somebody who has proved the secret may. */
export function admitSecret(attempt: Attempt, pool: Pool): ConsoleAdmission {
  const { intent, facts, catalog } = attempt
  const right = catalog.console.users.get(intent.user)
  if (right === undefined) fail(attempt, 'console', `no user ${intent.user}`, 'wrong-password')
  attempt.report?.({ check: 'console', compared: `user ${intent.user}: ${right}`, passed: true })
  facts.password = { travelled: 'proved', isBreakGlass: !takesPasswords(pool) }
  const guest = { name: intent.user, right, by: 'secret' } as const
  return { kind: 'console', intent, guest, subject: undefined }
}

async function prove(login: Login, first: RelayedFirst, patience: Patience): Promise<void> {
  const { conversation, attempt, rules, services } = login
  const { socket } = conversation
  const verifier = await verifierFor(
    attempt.intent.user,
    rules.consoleSecrets,
    services.credentialKey,
  )
  const challenge = serverFirst(first, verifier, randomBytes(nonceBytes).toString('base64'))
  socket.write(authenticationSaslContinue(challenge.message))
  const bytes = await readProof(conversation, patience, (unread) =>
    readSaslResponse(unread, maxScramMessageBytes),
  )
  const final = readRelayedFinal(bytes, first, challenge)
  if (final === undefined) throw malformedScram('client-final-message')
  const proof = serverFinal(first, challenge, final, verifier)
  if (proof === undefined || !rules.consoleSecrets.has(attempt.intent.user)) {
    throw new Refusal('wrong-password')
  }
  socket.write(authenticationSaslFinal(proof))
}

async function verifierFor(
  name: string,
  secrets: ReadonlyMap<string, ScramSecret>,
  key: SessionServices['credentialKey'],
): Promise<ScramVerifier> {
  const secret = secrets.get(name)
  if (secret === undefined) return verifierOfNobody(name, key)
  return secret.kind === 'verifier' ? secret.verifier : deriveVerifier(secret.password, name, key)
}
