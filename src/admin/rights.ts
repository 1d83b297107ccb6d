// Who may give which statement. Every kind is named, so that a new one is open to nobody by accident.
import { ConsoleError } from './answer.ts'
import { isSessionParameter } from './console/parameters.ts'
import type { ShowTopic } from './grammar/show-topics.ts'
import type { Statement } from './grammar/statement.ts'
import type { ConsoleRight, ConsoleUser } from './order.ts'

const rights: Readonly<Record<Statement['kind'], ConsoleRight>> = {
  create: 'admin',
  'create pool': 'admin',
  'set properties': 'admin',
  'reset properties': 'admin',
  drop: 'admin',
  'set integration': 'admin',
  'assign integration': 'admin',
  'remove integration': 'admin',
  'add participant': 'admin',
  'alter participant': 'admin',
  'drop participant': 'admin',
  grant: 'admin',
  revoke: 'admin',
  'rollback catalog': 'admin',
  'set cluster setting': 'admin',
  'reset cluster setting': 'admin',
  'show cluster setting': 'stats',
  'show cluster settings': 'stats',
  show: 'stats',
  'show create': 'stats',
  'show create all': 'stats',
  'show parameter': 'stats',
  // PgBouncer's CVE-2026-6667: KILL_CLIENT was open to whoever could look.
  'kill sessions': 'admin',
  'kill client': 'admin',
  'revoke sessions': 'admin',
  'restore sessions': 'admin',
  // It says of a token, or of claims, what they would open.
  'explain login': 'admin',
  pause: 'admin',
  resume: 'admin',
  disable: 'admin',
  enable: 'admin',
  reconnect: 'admin',
  kill: 'admin',
  'wait close': 'admin',
  suspend: 'admin',
  reload: 'admin',
  shutdown: 'admin',
  'set parameter': 'admin',
  'reset parameter': 'admin',
  select: 'stats',
  begin: 'stats',
  commit: 'stats',
  rollback: 'stats',
  'set transaction': 'stats',
  deallocate: 'stats',
  discard: 'stats',
  'unlisten all': 'stats',
  'close all': 'stats',
}

/** As at PgBouncer: what the process has open is its administrator's business. */
const adminTopics: ReadonlySet<ShowTopic> = new Set(['FDS'])

export function neededRight(statement: Statement): ConsoleRight {
  switch (statement.kind) {
    case 'show':
      return adminTopics.has(statement.topic) ? 'admin' : rights.show
    case 'set parameter':
    case 'reset parameter':
      // Of the session itself everybody may; any other is one of Portcullis.
      return isSessionParameter(statement.name) ? 'stats' : rights[statement.kind]
    default:
      return rights[statement.kind]
  }
}

/** Throws where somebody may not give a statement. */
export function checkRight(
  statement: Statement,
  { right }: Pick<ConsoleUser, 'right'>,
  position: number,
): void {
  if (right === 'admin' || neededRight(statement) === right) return
  throw new ConsoleError({
    sqlstate: '42501',
    message: 'permission denied: this statement is for administrators of the console',
    hint: 'Ask the administrator for a group of console.admin_groups.',
    position,
  })
}
