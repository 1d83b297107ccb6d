import { printable, Refusal } from '../refusal.ts'
import { ConnectionLost } from '../wire/packet-reader.ts'
import { type ErrorFields, fatalError } from '../wire/write-backend.ts'
import { closeWith } from './close-with.ts'
import { cockroachError } from './cockroach-texts.ts'
import type { Conversation } from './conversation.ts'
import type { SessionFacts, SessionObserver } from './observer.ts'

/** Turns whatever ended a login into one answer to the client and one event for the observer. */
export function refuse(
  conversation: Conversation,
  error: unknown,
  observer: SessionObserver,
): void {
  const { socket, reader, facts, entry } = conversation
  reader.release()
  if (error instanceof ConnectionLost) {
    observer.abandoned(facts)
    socket.destroy()
    return
  }
  const refusal = toRefusal(error)
  const told = errorFor(refusal, facts)
  const isSilent = refusal.reason === 'tls-failed' || entry.place.isSilenced
  if (!isSilent && refusal.errorResponse === undefined) facts.told = told
  if (refusal.reason === 'oauth-discovery') observer.discovered(facts)
  else observer.refused(facts, refusal)
  if (isSilent) {
    socket.destroy()
    return
  }
  closeWith(socket, refusal.errorResponse ?? fatalError(told))
}

export function toRefusal(error: unknown): Refusal {
  return error instanceof Refusal ? error : new Refusal('internal-error', { cause: error })
}

/** What a client reads of its refusal. */
export function errorFor(refusal: Refusal, facts: SessionFacts): ErrorFields {
  const session = {
    user: facts.requested?.user ?? '',
    database: facts.requested?.database ?? '',
    address: facts.peer.address,
    pool: facts.pool ?? '',
    principal: facts.identity?.principal ?? '',
  }
  // Before a token is verified nobody has shown a right to details, and what is amiss behind us is no
  // client's business: the log has it, and this is where.
  const reference = `The log of the gateway has more under session ${facts.id}.`
  const vague = refusal.isVague ? reference : undefined
  if (facts.dialect === 'cockroachdb') {
    const names = `[${session.principal}]`
    const theirs = cockroachError(refusal, { names, ...session }, vague)
    if (theirs !== undefined) return theirs
  }
  const detail = refusal.clientDetail ?? vague
  const isBearer = facts.authMethod === 'oauthbearer' && refusal.sqlstate === '28P01'
  return {
    ...(isBearer
      ? {
          sqlstate: '28000',
          message: `OAuth bearer authentication failed for user "${printable(session.user)}"`,
        }
      : { sqlstate: refusal.sqlstate, message: refusal.messageFor(session) }),
    detail,
    hint: refusal.hint,
  }
}
