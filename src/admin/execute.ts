// Carries out a statement, in the process that has the catalog and all sessions.
import { printable } from '../refusal.ts'
import { type Answer, ConsoleError } from './answer.ts'
import type { CatalogHome } from './catalog-home.ts'
import { rollbackCatalog, showCatalog, showHistory } from './catalog/catalog-statements.ts'
import type { ConsoleFleet } from './console-fleet.ts'
import { define, showCatalogTopic, showDefinition } from './define/execute.ts'
import { isCatalogTopic } from './define/show-topics.ts'
import { explainLogin } from './govern/explain-login.ts'
import { killClient, killSessions, restoreSessions, revokeSessions } from './govern/govern.ts'
import { limitOf } from './govern/text.ts'
import { bindParameters } from './grammar/bind.ts'
import { parseStatements } from './grammar/parse.ts'
import { StatementError } from './grammar/statement-error.ts'
import type { Statement } from './grammar/statement.ts'
import type { ConsoleOrder, ConsoleReply, ConsoleUser } from './order.ts'
import { executePooler, type PoolerServices } from './pooler/execute-pooler.ts'
import { isWaiting, type Outcome, type WaitOrder } from './pooler/wait.ts'
import { checkRight } from './rights.ts'
import { showHelp } from './show-help.ts'
import { showTopic } from './show/topics.ts'

/** What statements are carried out with. */
export interface ConsoleServices extends PoolerServices {
  readonly catalog: CatalogHome
  readonly fleet: ConsoleFleet
}

/** Of one statement: who gave it, and where it stands in its text. */
export interface Context {
  readonly user: ConsoleUser
  /** In characters, from 1 on. */
  readonly position: number
  readonly services: ConsoleServices
  /** Where it was given before, and is waited for. */
  readonly order: WaitOrder
}

/** Never throws what is meant for whoever gave the order. */
export async function execute(
  order: ConsoleOrder,
  services: ConsoleServices,
): Promise<ConsoleReply> {
  try {
    const parsed = parseStatements(order.text)[order.index]
    if (parsed === undefined) throw new Error(`no statement ${order.index}`)
    const { position } = parsed
    const statement = bindParameters(parsed.statement, order.parameters)
    // Once more than where it was given: that is another process.
    checkRight(statement, order.user, position)
    const { user } = order
    const outcome = await carryOut(statement, { user, position, services, order })
    return isWaiting(outcome)
      ? { kind: 'waiting', ticket: outcome.ticket }
      : { kind: 'answer', answer: outcome }
  } catch (error) {
    if (error instanceof ConsoleError) return { kind: 'fault', fault: error.fault }
    if (!(error instanceof StatementError)) throw error
    const { sqlstate, message, hint, position } = error
    return { kind: 'fault', fault: { sqlstate, message, hint, position } }
  }
}

async function carryOut(statement: Statement, context: Context): Promise<Outcome> {
  const { services, user, position, order } = context
  switch (statement.kind) {
    // Each kind of statement has a folder beside this file.
    case 'create':
    case 'create pool':
    case 'set properties':
    case 'reset properties':
    case 'drop':
    case 'set integration':
    case 'assign integration':
    case 'remove integration':
    case 'add participant':
    case 'alter participant':
    case 'drop participant':
    case 'grant':
    case 'revoke':
    case 'set cluster setting':
    case 'reset cluster setting':
      return define(statement, context)
    case 'show cluster setting':
    case 'show cluster settings':
    case 'show create':
    case 'show create all':
      return showDefinition(statement, context)
    case 'show':
      return show(statement, context)
    case 'rollback catalog':
      return rollbackCatalog(services.catalog, statement.version, user, position)
    case 'kill sessions':
      return killSessions(statement, context)
    case 'kill client':
      return killClient(statement, context)
    case 'revoke sessions':
      return revokeSessions(statement, context)
    case 'restore sessions':
      return restoreSessions(statement, context)
    case 'explain login':
      return explainLogin(statement, context)
    case 'pause':
    case 'suspend':
    case 'resume':
    case 'kill':
    case 'enable':
    case 'disable':
    case 'reconnect':
    case 'wait close':
    case 'reload':
    case 'shutdown':
      return executePooler(statement, order, services)
    case 'set parameter':
    case 'reset parameter':
      throw notSetHere(statement.name, services.catalog, position)
    case 'select':
    case 'show parameter':
    case 'set transaction':
    case 'begin':
    case 'commit':
    case 'rollback':
    case 'deallocate':
    case 'discard':
    case 'unlisten all':
    case 'close all':
      throw new Error(`${statement.kind} is for the session itself`)
  }
}

async function show(
  { topic, limit }: Extract<Statement, { readonly kind: 'show' }>,
  context: Context,
): Promise<Answer> {
  const { services, position } = context
  if (topic === 'HELP') return showHelp()
  if (topic === 'CATALOG') return showCatalog(services.catalog)
  if (topic === 'HISTORY') return showHistory(services.catalog, limit)
  if (isCatalogTopic(topic)) return showCatalogTopic(topic, limit, context)
  return showTopic(topic, limitOf(limit, position), services.fleet)
}

/** What PgBouncer sets by `SET` is in the file here, where it outlives the process. */
function notSetHere(name: string, { state }: CatalogHome, position: number): ConsoleError {
  return new ConsoleError({
    sqlstate: '42704',
    message: `unrecognized configuration parameter "${printable(name)}"`,
    hint: `What is not of the catalog is set in ${state.file}, and RELOAD reads it. SHOW HELP lists the statements.`,
    position,
  })
}
