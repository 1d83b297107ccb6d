// Which node listens where.
import type { ConsoleNotice } from '../answer.ts'
import type { WrittenMap } from '../catalog-home.ts'
import { printName } from '../grammar/print.ts'
import { nameOf, notice, warning } from './faults.ts'
import { at, entriesAt, flagAt, isReference, listAt, textAt } from './tree.ts'

/** undefined where the file leaves it to the environment. */
function thisNode(tree: WrittenMap): string | undefined {
  const node = textAt(tree, 'node')
  return node === undefined || isReference(node) ? undefined : node
}

/** Where a pool listens from now on. Somebody who copies the name of a node is told why nothing listens. */
export function aboutListeners(
  tree: WrittenMap,
  pool: string,
  nodes: readonly string[],
  isEnabled = true,
): readonly ConsoleNotice[] {
  const node = thisNode(tree)
  if (node === undefined || !isEnabled) return []
  if (nodes.some((one) => one === node || isReference(one))) {
    return hasDefaultPool(tree, node) ? [aboutDefaultPool(node)] : []
  }
  const shown = [...new Set(nodes)].map(printName).join(', ')
  return [
    notice(
      `${nameOf('connectivity_pool', pool)} has no participant on this node, "${node}"`,
      `It listens on ${shown}. A participant of this node is added by ALTER CONNECTIVITY_POOL ${printName(pool)} ADD PARTICIPANT (NODE ${printName(node)} ...).`,
    ),
  ]
}

/** A node has it while no pool that is enabled has a participant there. */
function hasDefaultPool(tree: WrittenMap, node: string): boolean {
  const section = at(tree, 'default_pool')
  if (section === null || section === false || section === 'false') return false
  return !entriesAt(tree, 'connectivity_pools').some(([name, pool]) => {
    if (name === defaultPool(node)) return true
    if (flagAt(pool, 'enabled') === false) return false
    return listAt(pool, 'participants').some((one) => textAt(one, 'node') === node)
  })
}

function defaultPool(node: string): string {
  return `${node}_default`
}

function aboutDefaultPool(node: string): ConsoleNotice {
  return warning(
    `the listener of the default pool "${defaultPool(node)}" is closed: the node has a pool of its own now`,
    'Sessions that came in by it stay, this one too if it did. The next ones come in by the new pool.',
  )
}
