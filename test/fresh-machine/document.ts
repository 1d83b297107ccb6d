// docs/clients.md as something to be done: its commands by the scenario that stands above each of them.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../../tools/run.ts'

export interface Block {
  /** Of the comment above it. */
  readonly scenario: string
  readonly language: string
  readonly text: string
  readonly line: number
}

export interface Field {
  readonly name: string
  /** What stands in the row, by the heads of the columns. */
  readonly cells: Readonly<Record<string, string>>
}

const fence =
  /^(?:<!-- fresh-machine: (?<scenario>[^\n]+) -->\n)?```(?<language>\w*)\n(?<text>.*?)^```$/gms

export async function readGuide(): Promise<string> {
  const text = await readFile(join(root, 'docs', 'clients.md'), 'utf8')
  const [guide, drivers] = text.split('\n## Drivers\n')
  if (guide === undefined || drivers === undefined)
    throw new Error('docs/clients.md has no drivers')
  return guide
}

/** Every block between fences; those that nobody runs have the scenario ''. */
export function blocksOf(guide: string): readonly Block[] {
  return [...guide.matchAll(fence)].map(({ groups, index }) => ({
    scenario: groups?.['scenario'] ?? '',
    language: groups?.['language'] ?? '',
    text: groups?.['text'] ?? '',
    line: guide.slice(0, index).split('\n').length,
  }))
}

/** The table below the comment of that name. */
export function fieldsOf(guide: string, scenario: string): readonly Field[] {
  const [, rest] = guide.split(`<!-- fresh-machine: ${scenario} -->\n`)
  const [table] = (rest ?? '').split('\n\n')
  const [head = [], , ...rows] = (table ?? '').split('\n').map(cellsOf)
  return rows.map((cells) => ({
    name: cells[0] ?? '',
    cells: Object.fromEntries(head.map((title, index) => [title, cells[index] ?? ''])),
  }))
}

function cellsOf(row: string): readonly string[] {
  const cells = row.split('|').slice(1, -1)
  return cells.map((cell) => cell.trim().replaceAll('`', ''))
}

/** The machine on which it is done. */
export function nameOf({ scenario }: Block): string {
  return scenario.split(',')[0] ?? ''
}

/** A block that is to be a file there has no command in it. */
export function fileOf({ scenario }: Block): string | undefined {
  return /, has (.+)$/.exec(scenario)?.[1]
}
