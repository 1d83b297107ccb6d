// What a server is among several, and whether it is one that is wanted (`target_session_attrs` of libpq).
import { Refusal } from '../refusal.ts'
import type { Frame } from '../wire/frame.ts'
import { queryMessage } from '../wire/write-frontend.ts'
import { readBooleans } from './read-answer.ts'
import type { TargetSession } from './target.ts'

export interface ServerState {
  readonly isStandby: boolean
  /** Whether transactions begin read-only, on a standby or not. */
  readonly isReadOnly: boolean
}

/** `prefer-standby` takes every server, and a standby first. */
export function isWanted(wanted: TargetSession, { isStandby, isReadOnly }: ServerState): boolean {
  switch (wanted) {
    case 'any':
    case 'prefer-standby':
      return true
    case 'read-write':
      return !isStandby && !isReadOnly
    case 'read-only':
      return isStandby || isReadOnly
    case 'primary':
      return !isStandby
    case 'standby':
      return isStandby
  }
}

/** Whether there can be no better server. */
export function isPreferred(wanted: TargetSession, state: ServerState): boolean {
  return wanted === 'prefer-standby' ? state.isStandby : isWanted(wanted, state)
}

/** PostgreSQL 14 and newer say it unasked. Undefined where the server did not. */
export function stateFrom(statuses: ReadonlyMap<string, string>): ServerState | undefined {
  const standby = statuses.get('in_hot_standby')
  const readOnly = statuses.get('default_transaction_read_only')
  if (standby === undefined || readOnly === undefined) return undefined
  return { isStandby: standby === 'on', isReadOnly: readOnly === 'on' }
}

/** Every name is qualified: the session has whatever `search_path` the role or the client chose. */
const stateQuery = `SELECT pg_catalog.pg_is_in_recovery(),
  pg_catalog.current_setting('transaction_read_only') OPERATOR(pg_catalog.=) 'on'`

/** Asks an older server. Returns ParameterStatus messages that came meanwhile, too. */
export async function askState(
  next: () => Promise<Frame>,
  send: (message: Buffer) => void,
): Promise<{ readonly state: ServerState; readonly statuses: Buffer }> {
  send(queryMessage(stateQuery))
  const { values, statuses } = await readBooleans(next, 'what it is')
  const [isStandby, isReadOnly] = values
  if (isStandby === undefined || isReadOnly === undefined) {
    throw new Refusal('upstream-protocol', { logDetail: 'no answer about what the server is' })
  }
  return { state: { isStandby, isReadOnly }, statuses }
}
