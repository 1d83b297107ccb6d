// ALTER CONNECTIVITY_POOL ... ADD, ALTER and DROP PARTICIPANT.
import { ConsoleError } from '../answer.ts'
import type { Written, WrittenMap } from '../catalog-home.ts'
import { printName } from '../grammar/print.ts'
import { participantProperties } from '../grammar/properties.ts'
import type { Participant } from '../grammar/statement.ts'
import { assign, hasProperties, toWritten } from './assign.ts'
import { didYouMean, nameOf, neededBy } from './faults.ts'
import { aboutListeners } from './listeners.ts'
import { aboutReferences } from './plan-properties.ts'
import type { Of, Plan } from './planned.ts'
import { get, pathOf } from './sections.ts'
import { at, flagAt, isList, listAt, textAt } from './tree.ts'

export function planAdd({ pool, participant }: Of<'add participant'>, tree: WrittenMap): Plan {
  const present = get(tree, 'connectivity_pool', pool)
  const { value, lookalikes } = toWritten(participant.properties, participantProperties)
  const added = { node: participant.node, ...value }
  const list = at(present, 'participants')
  const path = participantsOf(pool)
  return {
    edits: [
      isList(list)
        ? { kind: 'set', path: [...path, list.length], value: added }
        : { kind: 'set', path, value: [added] },
    ],
    notices: [
      ...aboutReferences(lookalikes),
      ...aboutListeners(
        tree,
        pool,
        [participant.node, ...nodesOf(present)],
        flagAt(present, 'enabled') !== false,
      ),
    ],
  }
}

export function planAlterParticipant(statement: Of<'alter participant'>, tree: WrittenMap): Plan {
  const { pool, participant, changes } = statement
  const present = get(tree, 'connectivity_pool', pool)
  const index = indexOf(pool, present, participant)
  const { edits, lookalikes } = assign(
    changes,
    participantProperties,
    at(present, 'participants', index),
    [...participantsOf(pool), index],
  )
  return { edits, notices: aboutReferences(lookalikes) }
}

export function planDropParticipant(statement: Of<'drop participant'>, tree: WrittenMap): Plan {
  const { pool, participant } = statement
  const present = get(tree, 'connectivity_pool', pool)
  const index = indexOf(pool, present, participant)
  if (listAt(present, 'participants').length === 1) {
    throw neededBy(
      `cannot drop the last participant of ${nameOf('connectivity_pool', pool)}`,
      ['A pool without participants serves nobody.'],
      `Add another one first, or take the pool away: DROP CONNECTIVITY_POOL ${printName(pool)}.`,
    )
  }
  const left = nodesOf(present).filter((_, at) => at !== index)
  return {
    edits: [{ kind: 'remove', path: [...participantsOf(pool), index] }],
    notices: aboutListeners(tree, pool, left),
  }
}

function participantsOf(pool: string): readonly string[] {
  return [...pathOf('connectivity_pool', pool).map(String), 'participants']
}

function nodesOf(pool: Written): readonly string[] {
  return listAt(pool, 'participants').map((one) => textAt(one, 'node') ?? '')
}

function indexOf(pool: string, present: Written, { node, properties }: Participant): number {
  const nodes = nodesOf(present)
  const ofNode = listAt(present, 'participants')
    .map((one, index) => ({ one, index }))
    .filter(({ index }) => nodes[index] === node)
  const [first, ...others] = ofNode.filter(({ one }) =>
    hasProperties(one, properties, participantProperties),
  )
  const where = nameOf('connectivity_pool', pool)
  if (first === undefined) {
    const isNodeThere = ofNode.length > 0
    throw new ConsoleError({
      sqlstate: '42704',
      message: isNodeThere
        ? `no participant of node "${node}" in ${where} has these properties`
        : `${where} has no participant of node "${node}"`,
      hint: isNodeThere ? 'SHOW PARTICIPANTS lists them.' : didYouMean(node, [...new Set(nodes)]),
    })
  }
  if (others.length === 0) return first.index
  throw new ConsoleError({
    sqlstate: '42P09',
    message: `${where} has several such participants of node "${node}"`,
    hint: 'Say which one by more of its properties, such as (NODE name LISTEN_PORT 5432). SHOW PARTICIPANTS lists them.',
  })
}
