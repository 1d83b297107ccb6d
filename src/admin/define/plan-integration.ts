// ALTER DATABASE ... SET, ALTER and REMOVE SSO INTEGRATION.
import { ConsoleError } from '../answer.ts'
import type { WrittenMap } from '../catalog-home.ts'
import { printName } from '../grammar/print.ts'
import {
  addIntegration,
  assignedTo,
  inherits,
  makePrimary,
  removeIntegration,
} from './database-integrations.ts'
import { didYouMean, nameOf, neededBy, notice, warning } from './faults.ts'
import { nothing, type Of, type Plan } from './planned.ts'
import { get, system } from './sections.ts'
import { textAt } from './tree.ts'

/** Assigns it, too. */
export function planPrimary(statement: Of<'set integration'>, tree: WrittenMap): Plan {
  const { database, integration } = statement
  get(tree, 'database', database)
  get(tree, 'sso integration', integration)
  const added = addIntegration(tree, database, integration)
  const isPrimary = textAt(tree, 'databases', database, 'primary') === integration
  const edits = added.filter(({ path }) => path.at(-1) !== 'primary')
  return {
    edits: isPrimary ? edits : [...edits, makePrimary(database, integration)],
    notices: aboutInheritance(tree, database),
  }
}

export function planAssign(statement: Of<'assign integration'>, tree: WrittenMap): Plan {
  const { database, integration } = statement
  get(tree, 'database', database)
  get(tree, 'sso integration', integration)
  const { names, primary } = assignedTo(tree, database)
  if (names.includes(integration)) {
    const hint =
      primary === integration
        ? `It is the primary one. Another one becomes that by ALTER DATABASE ${printName(database)} SET SSO INTEGRATION name.`
        : undefined
    const message = `${nameOf('sso integration', integration)} is already assigned to database "${database}"`
    return { ...nothing, notices: [notice(message, hint)] }
  }
  const isOnlyOne =
    names.length === 0
      ? [
          notice(
            `${nameOf('sso integration', integration)} is the primary one of database "${database}", since there is no other`,
          ),
        ]
      : []
  return {
    edits: addIntegration(tree, database, integration),
    notices: [...isOnlyOne, ...aboutInheritance(tree, database)],
  }
}

export function planRemove(statement: Of<'remove integration'>, tree: WrittenMap): Plan {
  const { database } = statement
  get(tree, 'database', database)
  const { names, primary } = assignedTo(tree, database)
  const integration = statement.integration ?? theOnlyOne(database, names)
  if (!names.includes(integration)) {
    throw new ConsoleError({
      sqlstate: '42704',
      message: `${nameOf('sso integration', integration)} is not assigned to database "${database}"`,
      hint: didYouMean(integration, names),
    })
  }
  if (names.length > 1 && primary === integration) {
    const others = names.filter((name) => name !== integration).map(printName)
    throw neededBy(
      `cannot remove the primary SSO integration of database "${database}"`,
      [`Assigned besides it: ${others.join(', ')}.`],
      `Choose another one first: ALTER DATABASE ${printName(database)} SET SSO INTEGRATION ${others[0] ?? ''}.`,
    )
  }
  return {
    edits: removeIntegration(tree, database, integration),
    notices: names.length === 1 ? aboutTheLast(tree, database) : [],
  }
}

function theOnlyOne(database: string, names: readonly string[]): string {
  const [first, ...others] = names
  if (first === undefined) {
    const message = `database "${database}" has no SSO integration of its own`
    throw new ConsoleError({ sqlstate: '42704', message })
  }
  if (others.length === 0) return first
  throw new ConsoleError({
    sqlstate: '42P09',
    message: `database "${database}" has several SSO integrations`,
    hint: `Say which one: ${names.map(printName).join(', ')}.`,
  })
}

function aboutInheritance(tree: WrittenMap, database: string): Plan['notices'] {
  if (!inherits(tree, database) || assignedTo(tree, database).names.length > 0) return []
  const message = `database "${database}" has SSO integrations of its own now, and no longer those of "${system}"`
  return [notice(message, 'ALTER DATABASE ... REMOVE SSO INTEGRATION takes it back.')]
}

function aboutTheLast(tree: WrittenMap, database: string): Plan['notices'] {
  if (database === system) {
    return [warning('databases without SSO integrations of their own have none now')]
  }
  const message = inherits(tree, database)
    ? `database "${database}" is open to the SSO integrations of "${system}" now`
    : `database "${database}" has no SSO integration now`
  return [warning(message)]
}
