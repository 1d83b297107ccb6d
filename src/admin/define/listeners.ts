// Which node listens where.
import type { ConsoleNotice } from '../answer.ts'
import type { WrittenMap } from '../catalog-home.ts'
import { printName } from '../grammar/print.ts'
import { nameOf, notice } from './faults.ts'
import { isReference, textAt } from './tree.ts'

/** undefined where the file leaves it to the environment. */
export function thisNode(tree: WrittenMap): string | undefined {
  const node = textAt(tree, 'node')
  return node === undefined || isReference(node) ? undefined : node
}

/** Somebody who copies the name of a node is told why nothing listens. */
export function aboutListeners(
  tree: WrittenMap,
  pool: string,
  nodes: readonly string[],
): readonly ConsoleNotice[] {
  const node = thisNode(tree)
  if (node === undefined || nodes.some((one) => one === node || isReference(one))) return []
  const shown = [...new Set(nodes)].map(printName).join(', ')
  return [
    notice(
      `${nameOf('connectivity_pool', pool)} has no participant on this node, "${node}"`,
      `It listens on ${shown}. A participant of this node is added by ALTER CONNECTIVITY_POOL ${printName(pool)} ADD PARTICIPANT (NODE ${printName(node)} ...).`,
    ),
  ]
}
