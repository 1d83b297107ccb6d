// Carries out what defines the catalog.
import {
  ConsoleError,
  type Answer,
  type Column,
  type ConsoleNotice,
  type Table,
} from '../answer.ts'
import type { CatalogAuthor, CatalogHome, WrittenMap } from '../catalog-home.ts'
import { printStatement } from '../grammar/print.ts'
import type { Count, ObjectKind, SettingStatement, ShowStatement } from '../grammar/statement.ts'
import type { ConsoleUser } from '../order.ts'
import { notice } from './faults.ts'
import { plan } from './plan.ts'
import type { ChangingStatement } from './planned.ts'
import { createAllColumns, createColumns, showCreate, showCreateAll } from './show-create.ts'
import { settingColumns, settingsColumns, showSetting, showSettings } from './show-settings.ts'
import { catalogTopics, type CatalogTopicName } from './show-topics.ts'

export interface DefinitionContext {
  readonly user: ConsoleUser
  readonly position: number
  readonly services: { readonly catalog: CatalogHome }
}

export type ShowingStatement =
  | Extract<SettingStatement, { kind: 'show cluster setting' | 'show cluster settings' }>
  | Extract<ShowStatement, { kind: 'show create' | 'show create all' }>

/** Changes the catalog. Throws ConsoleError, with the position of the statement. */
export async function define(
  statement: ChangingStatement,
  context: DefinitionContext,
): Promise<Answer> {
  const { user, position, services } = context
  let notices: readonly ConsoleNotice[] = []
  try {
    const what = printStatement(statement)
    const change = await services.catalog.change(authorOf(user), what, (tree) => {
      const planned = plan(statement, tree)
      notices = planned.notices
      return planned.edits
    })
    const remarks =
      change === 'unchanged'
        ? notices.length === 0
          ? [notice('nothing changes: the catalog is like that already')]
          : []
        : change.notices.map((message) => notice(message))
    return { tag: tagOf(statement), notices: [...notices, ...remarks] }
  } catch (error) {
    throw placed(error, position)
  }
}

/** Shows what the catalog is made of. */
export function showDefinition(statement: ShowingStatement, context: DefinitionContext): Answer {
  try {
    return { tag: 'SHOW', table: tableOf(statement, context.services.catalog.state.tree) }
  } catch (error) {
    throw placed(error, context.position)
  }
}

/** Shows what stands in the catalog, of it as many rows as the statement wants. */
export function showCatalogTopic(
  topic: CatalogTopicName,
  limit: Count | undefined,
  { position, services }: DefinitionContext,
): Answer {
  if (limit?.kind === 'placeholder') {
    const message = `there is no count in the place of $${limit.number}`
    throw new ConsoleError({ sqlstate: '22023', message, position })
  }
  const { columns, rows } = catalogTopics[topic]
  return {
    tag: 'SHOW',
    table: { columns, rows: rows(services.catalog.state.tree).slice(0, limit?.value) },
  }
}

/** Known without the catalog. */
export function definitionColumns(statement: ShowingStatement): readonly Column[] {
  switch (statement.kind) {
    case 'show cluster setting':
      return settingColumns(statement.name)
    case 'show cluster settings':
      return settingsColumns
    case 'show create':
      return createColumns
    case 'show create all':
      return createAllColumns
  }
}

function tableOf(statement: ShowingStatement, tree: WrittenMap): Table {
  switch (statement.kind) {
    case 'show cluster setting':
      return showSetting(tree, statement.name)
    case 'show cluster settings':
      return showSettings(tree)
    case 'show create':
      return showCreate(tree, statement.object, statement.name)
    case 'show create all':
      return showCreateAll(tree)
  }
}

function placed(error: unknown, position: number): unknown {
  if (!(error instanceof ConsoleError)) return error
  return new ConsoleError({ ...error.fault, position: error.fault.position ?? position })
}

function authorOf({ name, session, address, issuer, subject }: ConsoleUser): CatalogAuthor {
  return { name, by: 'console', session, address, issuer, subject }
}

const kinds: Readonly<Record<ObjectKind, string>> = {
  database: 'DATABASE',
  group: 'GROUP',
  'sso integration': 'SSO INTEGRATION',
  connectivity_pool: 'CONNECTIVITY_POOL',
}

function tagOf(statement: ChangingStatement): string {
  switch (statement.kind) {
    case 'create':
      return `CREATE ${kinds[statement.object]}`
    case 'create pool':
      return `CREATE ${kinds.connectivity_pool}`
    case 'set properties':
    case 'reset properties':
      return `ALTER ${kinds[statement.object]}`
    case 'drop':
      return `DROP ${kinds[statement.object]}`
    case 'set integration':
    case 'assign integration':
    case 'remove integration':
      return 'ALTER DATABASE'
    case 'add participant':
    case 'alter participant':
    case 'drop participant':
      return `ALTER ${kinds.connectivity_pool}`
    case 'grant':
      return 'GRANT'
    case 'revoke':
      return 'REVOKE'
    case 'set cluster setting':
    case 'reset cluster setting':
      return 'SET CLUSTER SETTING'
  }
}
