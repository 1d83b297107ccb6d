// A session token for whoever is signed in on the pages, and the record of it.
import { randomBytes } from 'node:crypto'
import type {
  IssuedSessionToken,
  SessionTokenBounds,
  SessionTokens,
} from '../../identity/session-token.ts'
import type { WebServices } from '../services.ts'
import type { Visitor } from '../visitor.ts'

/** Throws `UnfitForSessionToken`; rejects where there has to be a record, and none can be kept. */
export async function giveToken(
  { session }: Visitor,
  bounds: SessionTokenBounds,
  address: string,
  tokens: SessionTokens,
  { now, tell }: Pick<WebServices, 'now' | 'tell'>,
): Promise<IssuedSessionToken> {
  const { id, identity } = session
  const issued = await tokens.issue({ identity, bounds }, now())
  await tell({
    id: randomBytes(9).toString('base64url'),
    kind: 'token',
    reason: undefined,
    ...{ address, identity },
    integration: identity.integration,
    session: id,
  })
  return issued
}
