// The beginning of SCRAM-SHA-256 with a client, whoever looks at its proof afterwards.
import { Refusal } from '../refusal.ts'
import { scramMechanism } from '../sasl/scram.ts'
import { maxScramMessageBytes, type RelayedFirst, readRelayedFirst } from '../sasl/scram-relay.ts'
import { readSaslInitialResponse } from '../wire/sasl-response.ts'
import { authenticationSasl } from '../wire/write-backend.ts'
import { timed } from './conversation.ts'
import { type Login, readProof } from './login.ts'
import type { Patience } from './patience.ts'

/** Offers the mechanism and takes the client's first message. */
export async function beginScram(
  { conversation, attempt, greeting, services }: Login,
  limit: number | Patience,
): Promise<RelayedFirst> {
  conversation.socket.write(Buffer.concat([greeting, authenticationSasl([scramMechanism])]))
  const askedAt = performance.now()
  const { mechanism, response } = await timed(
    services.observer,
    conversation.facts,
    'credential',
    async () =>
      readProof(conversation, limit, (bytes) =>
        readSaslInitialResponse(bytes, maxScramMessageBytes),
      ),
  )
  conversation.credentialMs = performance.now() - askedAt
  attempt.facts.credential = 'password'
  if (mechanism !== scramMechanism) throw new Refusal('sasl-mechanism')
  return readFirst(response)
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
      throw malformedScram('client-first-message')
  }
}

export function malformedScram(logDetail: string): Refusal {
  return new Refusal('malformed-scram', { logDetail })
}
