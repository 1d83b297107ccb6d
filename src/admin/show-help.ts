import type { Answer, Column } from './answer.ts'
import { reference, referenceParts } from './grammar/reference.ts'
import { showTopics } from './grammar/show-topics.ts'

export const helpColumns: readonly Column[] = [
  { name: 'topic', type: 'text' },
  { name: 'syntax', type: 'text' },
  { name: 'does', type: 'text' },
]

/** One row for each form of a statement, and behind them what SHOW shows. */
export function showHelp(): Answer {
  const forms = Object.values(reference).flatMap(({ part, syntax, does }) =>
    syntax.map((form) => [referenceParts[part], form, withoutMarks(does)]),
  )
  const topics = Object.entries(showTopics).map(([name, shows]) => [
    referenceParts.show,
    `SHOW ${name}`,
    `Shows ${shows}.`,
  ])
  return { tag: 'SHOW', table: { columns: helpColumns, rows: [...forms, ...topics] } }
}

/** The text is that of docs/console.md. */
function withoutMarks(text: string): string {
  return text.replaceAll('`', '').replaceAll(/\[([^\]]*)\]\([^)]*\)/g, 'docs/$1')
}
