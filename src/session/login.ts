import type { Pool } from '../policy/catalog.ts'
import type { Taken } from '../wire/startup.ts'
import type { TokenVerifiers } from './admit-token.ts'
import type { Attempt } from './attempt.ts'
import { type Conversation, waitForClient } from './conversation.ts'
import type { Patience } from './patience.ts'
import type { Rules, SessionServices } from './services.ts'

/** A login that has found its pool, before the client is asked for its credential. */
export interface Login {
  readonly conversation: Conversation
  readonly attempt: Attempt
  readonly pool: Pool
  /** What is said of the protocol in front of everything else. */
  readonly greeting: Buffer
  readonly rules: Rules
  /** Its tokens' verifiers. */
  readonly tokens: TokenVerifiers
  readonly services: SessionServices
}

/** Reads what the client proves itself by, or a part of it. */
export async function readProof<T>(
  conversation: Conversation,
  limit: number | Patience,
  take: (bytes: Buffer) => Taken<T> | undefined,
): Promise<T> {
  return waitForClient(
    conversation,
    limit,
    'authentication-timeout',
    conversation.reader.read(take),
  )
}
