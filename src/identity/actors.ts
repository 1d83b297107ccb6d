import type { JWTPayload } from 'jose'
import { printable } from '../refusal.ts'
import { isRecord } from './token-shape.ts'

/** A longer chain is a mistake or mischief: the rest of it is left out. */
const mostActors = 10

/**
 * Who acts for the subject of a token, and for whom that one acts (RFC 8693, 4.1): the outermost, which is
 * the current one, first. For the record alone: no access is decided by it.
 */
export function readActors({ act }: JWTPayload): readonly string[] {
  const actors: string[] = []
  let actor: unknown = act
  while (isRecord(actor) && actors.length < mostActors) {
    const { sub } = actor
    actors.push(typeof sub === 'string' ? printable(sub) : '(unnamed)')
    actor = actor['act']
  }
  return actors
}
