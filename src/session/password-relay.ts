// A login by a password that is never here: the client and the server prove to each other that they know
// it, by SCRAM-SHA-256, and what they say is passed on (PostgreSQL documentation, 54.3).
import { maxScramMessageBytes, readRelayedFinal } from '../sasl/scram-relay.ts'
import type { ScramRelay } from '../upstream/answer-authentication.ts'
import { readSaslResponse } from '../wire/sasl-response.ts'
import { authenticationSaslContinue, authenticationSaslFinal } from '../wire/write-backend.ts'
import { admitRelay } from './admit-password.ts'
import { type RelayAdmission } from './attempt.ts'
import { beginScram, malformedScram } from './begin-scram.ts'
import type { Conversation } from './conversation.ts'
import { type Login, readProof } from './login.ts'
import type { Rules } from './services.ts'

/**
 * Offers SCRAM-SHA-256 and takes the client's first message. The server is not asked yet: an offer that
 * nobody answers, such as to a client that has to ask for the password first, costs it no connection.
 */
export async function authenticateByRelay(login: Login): Promise<RelayAdmission> {
  const { attempt, pool, rules } = login
  const admission = admitRelay(attempt, pool)
  return { ...admission, first: await beginScram(login, rules.timeouts.authenticationMs) }
}

/** The client as the server's other side of the exchange. */
export function relayTo(
  conversation: Conversation,
  { first, hint }: RelayAdmission,
  rules: Rules,
): ScramRelay {
  const { socket } = conversation
  return {
    first,
    hint,
    prove: async (challenge, limitMs) => {
      const askedAt = performance.now()
      socket.write(authenticationSaslContinue(challenge.message))
      // One limit for both messages of the client.
      const ownLimitMs = Math.max(0, rules.timeouts.authenticationMs - conversation.credentialMs)
      const bytes = await readProof(conversation, Math.min(limitMs, ownLimitMs), (unread) =>
        readSaslResponse(unread, maxScramMessageBytes),
      )
      conversation.credentialMs += performance.now() - askedAt
      const proof = readRelayedFinal(bytes, first, challenge)
      if (proof === undefined) throw malformedScram('client-final-message')
      return proof
    },
    conclude: (proof) => {
      socket.write(authenticationSaslFinal(proof))
    },
  }
}
