// The columns that a statement answers with, known before it is carried out: drivers ask for them first.
import type { Column } from './answer.ts'
import { catalogColumns, historyColumns } from './catalog/catalog-statements.ts'
import { selectColumns } from './console/select.ts'
import { definitionColumns } from './define/execute.ts'
import { catalogTopics, isCatalogTopic } from './define/show-topics.ts'
import { explanationColumns } from './govern/explain-login.ts'
import type { ShowTopic } from './grammar/show-topics.ts'
import type { Statement } from './grammar/statement.ts'
import { fleetTopics, isFleetTopic } from './show/topics.ts'
import { helpColumns } from './show-help.ts'

const text = (name: string): Column => ({ name, type: 'text' })

/** Each topic has its columns here, as soon as there is something to show. */
const topicColumns: Partial<Readonly<Record<ShowTopic, readonly Column[]>>> = {
  CATALOG: catalogColumns,
  HELP: helpColumns,
  HISTORY: historyColumns,
}

/** Undefined where no rows come of it. */
export function columnsOf(statement: Statement): readonly Column[] | undefined {
  switch (statement.kind) {
    case 'select':
      return selectColumns(statement.items)
    case 'show parameter':
      return statement.name === 'all'
        ? [text('name'), text('setting'), text('description')]
        : [text(statement.name)]
    case 'show':
      if (isFleetTopic(statement.topic)) return fleetTopics[statement.topic].columns
      return isCatalogTopic(statement.topic)
        ? catalogTopics[statement.topic].columns
        : topicColumns[statement.topic]
    case 'show cluster setting':
    case 'show cluster settings':
    case 'show create':
    case 'show create all':
      return definitionColumns(statement)
    case 'explain login':
      return explanationColumns
    default:
      return undefined
  }
}
