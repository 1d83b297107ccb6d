// A login by a password that is never here: the client and the server prove to each other that they know
// it, by SCRAM-SHA-256, and what they say is passed on (PostgreSQL documentation, 54.3).
import { Refusal } from '../refusal.ts'
import { scramMechanism } from '../sasl/scram.ts'
import {
  maxScramMessageBytes,
  readRelayedFinal,
  type RelayedFirst,
  readRelayedFirst,
} from '../sasl/scram-relay.ts'
import type { ScramRelay } from '../upstream/answer-authentication.ts'
import { readSaslInitialResponse, readSaslResponse } from '../wire/sasl-response.ts'
import {
  authenticationSasl,
  authenticationSaslContinue,
  authenticationSaslFinal,
} from '../wire/write-backend.ts'
import { admitRelay } from './admit-password.ts'
import { type RelayAdmission } from './attempt.ts'
import { type Conversation, timed } from './conversation.ts'
import { type Login, readProof } from './login.ts'
import type { Rules } from './services.ts'

/**
 * Offers SCRAM-SHA-256 and takes the client's first message. The server is not asked yet: an offer that
 * nobody answers, such as to a client that has to ask for the password first, costs it no connection.
 */
export async function authenticateByRelay(login: Login): Promise<RelayAdmission> {
  const { conversation, attempt, pool, greeting, rules, services } = login
  const admission = admitRelay(attempt, pool)
  conversation.socket.write(Buffer.concat([greeting, authenticationSasl([scramMechanism])]))
  const askedAt = performance.now()
  const { mechanism, response } = await timed(services.observer, 'credential', async () =>
    readProof(conversation, rules.timeouts.authenticationMs, (bytes) =>
      readSaslInitialResponse(bytes, maxScramMessageBytes),
    ),
  )
  conversation.credentialMs = performance.now() - askedAt
  attempt.facts.credential = 'password'
  if (mechanism !== scramMechanism) throw new Refusal('sasl-mechanism')
  return { ...admission, first: readFirst(response) }
}

/** It is the client that begins: without a response there is no message of SCRAM yet. */
function readFirst(response: Buffer | undefined): RelayedFirst {
  const step = readRelayedFirst(response ?? Buffer.alloc(0))
  switch (step.next) {
    case 'relay':
      return step.first
    case 'authorization-identity':
      throw new Refusal('authorization-identity')
    case 'malformed':
      throw malformed('client-first-message')
  }
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
      if (proof === undefined) throw malformed('client-final-message')
      return proof
    },
    conclude: (proof) => {
      socket.write(authenticationSaslFinal(proof))
    },
  }
}

function malformed(logDetail: string): Refusal {
  return new Refusal('malformed-scram', { logDetail })
}
