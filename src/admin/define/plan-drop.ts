// DROP. Nothing goes that something else needs, and nobody gets in by what goes.
import type { CatalogEdit, WrittenMap } from '../catalog-home.ts'
import { printName } from '../grammar/print.ts'
import { assignedTo, inherits, removeIntegration } from './database-integrations.ts'
import { dependentsOfDatabase, dependentsOfGroup, dependentsOfIntegration } from './dependents.ts'
import { doesNotExist, nameOf, neededBy, notice } from './faults.ts'
import { grantsOnDatabase } from './plan-grant.ts'
import { nothing, type Of, type Plan } from './planned.ts'
import { namesOf, pathOf, sections, system } from './sections.ts'
import { at, entriesAt } from './tree.ts'
import { unknown } from './faults.ts'

export function planDrop(statement: Of<'drop'>, tree: WrittenMap): Plan {
  const { object, name, ifExists } = statement
  if (at(tree, sections[object], name) === undefined) {
    if (!ifExists) throw unknown(object, name, namesOf(tree, object))
    return { ...nothing, notices: [notice(`${doesNotExist(object, name)}, skipping`)] }
  }
  const removed: CatalogEdit = { kind: 'remove', path: pathOf(object, name) }
  switch (object) {
    case 'group':
      refuse(statement, dependentsOfGroup(tree, name))
      return { ...nothing, edits: [removed] }
    case 'sso integration':
      return dropIntegration(statement, tree, removed)
    case 'database': {
      if (name === system) refuse(statement, usersOfSystem(tree))
      refuse(statement, dependentsOfDatabase(tree, name))
      const { edits, groups } = grantsOnDatabase(tree, name)
      const notices = groups.map((group) =>
        notice(`the privileges of ${nameOf('group', group)} on it are gone with it`),
      )
      return { edits: [...edits, removed], notices }
    }
    case 'connectivity_pool':
      return { ...nothing, edits: [removed] }
  }
}

function refuse({ object, name }: Of<'drop'>, reasons: readonly string[], hint?: string): void {
  if (reasons.length === 0) return
  const message = `cannot drop ${nameOf(object, name)} because other objects depend on it`
  throw neededBy(message, reasons, hint)
}

function usersOfSystem(tree: WrittenMap): readonly string[] {
  return assignedTo(tree, system).names.map(
    (integration) => `SSO integration "${integration}" is assigned to it`,
  )
}

/** A primary integration is chosen by somebody, and a database is opened to others by somebody. */
function dropIntegration(statement: Of<'drop'>, tree: WrittenMap, removed: CatalogEdit): Plan {
  const { name } = statement
  refuse(statement, dependentsOfIntegration(tree, name))
  const users = entriesAt(tree, 'databases')
    .map(([database]) => ({ database, ...assignedTo(tree, database) }))
    .filter(({ names }) => names.includes(name))
  const [first] = users.filter(({ names, primary }) => names.length > 1 && primary === name)
  if (first !== undefined) {
    const other = first.names.find((one) => one !== name) ?? ''
    refuse(
      statement,
      [`it is the primary one of database "${first.database}", which has others`],
      `Choose another one first: ALTER DATABASE ${printName(first.database)} SET SSO INTEGRATION ${printName(other)}.`,
    )
  }
  const keepsSystem = assignedTo(tree, system).names.some((one) => one !== name)
  const opened = users.filter(
    ({ database, names }) => names.length === 1 && keepsSystem && inherits(tree, database),
  )
  refuse(
    statement,
    opened.map(
      ({ database }) =>
        `database "${database}" has no other, and would be open to the SSO integrations of "${system}"`,
    ),
    'Say so first: ALTER DATABASE ... REMOVE SSO INTEGRATION.',
  )
  return {
    ...nothing,
    edits: [...users.flatMap(({ database }) => removeIntegration(tree, database, name)), removed],
  }
}
