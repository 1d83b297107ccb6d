// ALTER ... SET and RESET of properties.
import type { ConsoleNotice } from '../answer.ts'
import type { WrittenMap } from '../catalog-home.ts'
import type { Assignment } from '../grammar/value.ts'
import { assign } from './assign.ts'
import { doesNotExist, notice, warning } from './faults.ts'
import { aboutListeners } from './listeners.ts'
import { nothing, type Of, type Plan } from './planned.ts'
import { find, get, pathOf, tables } from './sections.ts'
import { at, listAt, textAt } from './tree.ts'

export function planSet(statement: Of<'set properties'>, tree: WrittenMap): Plan {
  const { object, name, properties } = statement
  if (isSkipped(statement, tree)) return skipping(statement)
  const present = get(tree, object, name)
  const { edits, lookalikes } = assign(properties, tables[object], present, pathOf(object, name))
  const opens = properties.some((one) => isTrue(one, 'enabled')) && object === 'connectivity_pool'
  const nodes = listAt(present, 'participants').map((one) => textAt(one, 'node') ?? '')
  const listeners = opens ? aboutListeners(tree, name, nodes) : []
  return { edits, notices: [...aboutReferences(lookalikes), ...listeners] }
}

function isTrue({ name, value }: Assignment, property: string): boolean {
  return name === property && value.kind === 'boolean' && value.value
}

export function planReset(statement: Of<'reset properties'>, tree: WrittenMap): Plan {
  const { object, name, properties } = statement
  if (isSkipped(statement, tree)) return skipping(statement)
  const present = get(tree, object, name)
  const edits = properties
    .filter((property) => at(present, property) !== undefined)
    .map((property) => ({ kind: 'remove', path: [...pathOf(object, name), property] }) as const)
  return { ...nothing, edits }
}

type Alteration = Of<'set properties' | 'reset properties'>

function isSkipped({ ifExists, object, name }: Alteration, tree: WrittenMap): boolean {
  return ifExists && find(tree, object, name) === undefined
}

function skipping({ object, name }: Alteration): Plan {
  return { ...nothing, notices: [notice(`${doesNotExist(object, name)}, skipping`)] }
}

/** What the file would read as a reference is text where a statement has it: nobody reads files through us. */
export function aboutReferences(properties: readonly string[]): readonly ConsoleNotice[] {
  return [...new Set(properties)].map((name) =>
    warning(
      `the text of "${name}" is taken as it stands, and not as a reference`,
      'References to files and variables are written in the file of the catalog.',
    ),
  )
}
