// PgBouncer's commands.
import type { Keyword } from './keywords.ts'
import { readCount, readCriteria, startsCriteria } from './read-governance.ts'
import type { Reader } from './reader.ts'
import type { GovernanceStatement, PoolerStatement } from './statement.ts'

export const poolerCommands = {
  PAUSE: (reader) => ({ kind: 'pause', database: readOptionalName(reader) }),
  RESUME: (reader) => ({ kind: 'resume', database: readOptionalName(reader) }),
  RECONNECT: (reader) => ({ kind: 'reconnect', database: readOptionalName(reader) }),
  WAIT_CLOSE: (reader) => ({ kind: 'wait close', database: readOptionalName(reader) }),
  ENABLE: (reader) => ({ kind: 'enable', database: reader.name() }),
  DISABLE: (reader) => ({ kind: 'disable', database: reader.name() }),
  KILL: (reader) => {
    // A database of such a name stands in quotes.
    if (startsCriteria(reader)) return { kind: 'kill sessions', criteria: readCriteria(reader) }
    return { kind: 'kill', database: readOptionalName(reader) }
  },
  KILL_CLIENT: (reader) => ({ kind: 'kill client', id: readCount(reader, 'the id of a client') }),
  SUSPEND: () => ({ kind: 'suspend' }),
  RELOAD: () => ({ kind: 'reload' }),
  SHUTDOWN: (reader) => ({ kind: 'shutdown', waits: readWaits(reader) }),
} as const satisfies Partial<
  Readonly<Record<Keyword, (reader: Reader) => PoolerStatement | GovernanceStatement>>
>

function readOptionalName(reader: Reader): string | undefined {
  return reader.isAtEnd() ? undefined : reader.name()
}

function readWaits(reader: Reader): 'no' | 'for servers' | 'for clients' {
  if (reader.take('WAIT_FOR_SERVERS')) return 'for servers'
  return reader.take('WAIT_FOR_CLIENTS') ? 'for clients' : 'no'
}
