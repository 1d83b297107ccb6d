// CREATE. What is made is checked as a part of the whole catalog, by whoever keeps it.
import { ConsoleError } from '../answer.ts'
import type { WrittenMap } from '../catalog-home.ts'
import { participantProperties } from '../grammar/properties.ts'
import type { ObjectKind } from '../grammar/statement.ts'
import { toWritten } from './assign.ts'
import { alreadyExists, nameOf, notice } from './faults.ts'
import { addIntegration } from './database-integrations.ts'
import { aboutListeners } from './listeners.ts'
import { aboutReferences } from './plan-properties.ts'
import { nothing, type Of, type Plan } from './planned.ts'
import { pathOf, sections, system, tables } from './sections.ts'
import { at } from './tree.ts'

export function planCreate(statement: Of<'create'>, tree: WrittenMap): Plan {
  const { object, name, properties } = statement
  if (at(tree, sections[object], name) !== undefined) return existing(statement, object)
  const { value, lookalikes } = toWritten(properties, tables[object])
  if (object === 'database') checkUpstream(name, value, tree)
  const isIntegration = object === 'sso integration'
  const entry = isIntegration ? { protocol: 'oidc', ...value } : value
  return {
    edits: [
      { kind: 'set', path: pathOf(object, name), value: entry },
      ...(isIntegration ? addIntegration(tree, system, name) : []),
    ],
    notices: aboutReferences(lookalikes),
  }
}

export function planCreatePool(statement: Of<'create pool'>, tree: WrittenMap): Plan {
  const { name, properties, participants } = statement
  const kind = 'connectivity_pool'
  if (at(tree, sections[kind], name) !== undefined) return existing(statement, kind)
  if (participants.length === 0) {
    throw new ConsoleError({
      sqlstate: '42P17',
      message: `${nameOf(kind, name)} needs a participant`,
      hint: `Write PARTICIPANTS ((NODE name LISTEN_ADDRESS '0.0.0.0' LISTEN_PORT 5432)) at the end.`,
    })
  }
  const pool = toWritten(properties, tables[kind])
  const listeners = participants.map(({ node, properties: own }) => {
    const { value, lookalikes } = toWritten(own, participantProperties)
    return { value: { node, ...value }, lookalikes }
  })
  const value = { ...pool.value, participants: listeners.map((listener) => listener.value) }
  const lookalikes = [...pool.lookalikes, ...listeners.flatMap((listener) => listener.lookalikes)]
  return {
    edits: [{ kind: 'set', path: pathOf(kind, name), value }],
    notices: [
      ...aboutReferences(lookalikes),
      ...aboutListeners(
        tree,
        name,
        participants.map(({ node }) => node),
        pool.value['enabled'] !== false,
      ),
    ],
  }
}

function existing(
  { name, ifNotExists }: { readonly name: string; readonly ifNotExists: boolean },
  kind: ObjectKind,
): Plan {
  const message = alreadyExists(kind, name)
  if (ifNotExists) return { ...nothing, notices: [notice(`${message}, skipping`)] }
  throw new ConsoleError({ sqlstate: '42710', message })
}

/** A database without a server would be refused with less help. */
function checkUpstream(name: string, value: WrittenMap, tree: WrittenMap): void {
  if (name === system || value['upstream'] !== undefined) return
  if (at(tree, 'default_upstream') !== undefined) return
  throw new ConsoleError({
    sqlstate: '42P17',
    message: `${nameOf('database', name)} needs an upstream: its PostgreSQL server`,
    hint: `Write CREATE DATABASE ... upstream = {"host" = '10.0.0.5', "auth" = {"method" = 'certificate', ...}}, or have \`default_upstream\` in the file, which is for every database that has none.`,
  })
}
