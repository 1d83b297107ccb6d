// SET and RESET of cluster settings.
import type { CatalogEdit, WrittenMap } from '../catalog-home.ts'
import { clusterSettings } from '../grammar/properties.ts'
import { assign } from './assign.ts'
import { keysOf } from './cluster-settings.ts'
import { aboutReferences } from './plan-properties.ts'
import { nothing, type Of, type Plan } from './planned.ts'
import { at } from './tree.ts'

/** A setting that has an older name stands in the file under the one that it has there already. */
export function planSetSetting({ name, value }: Of<'set cluster setting'>, tree: WrittenMap): Plan {
  const present = at(tree, 'settings')
  const key = keysOf(name).find((one) => at(present, one) !== undefined) ?? name
  const assignments = [{ name: key, value }]
  const { edits, lookalikes } = assign(assignments, clusterSettings, present, ['settings'])
  return { edits, notices: aboutReferences(lookalikes) }
}

export function planResetSetting({ name }: Of<'reset cluster setting'>, tree: WrittenMap): Plan {
  const edits = keysOf(name)
    .filter((key) => at(tree, 'settings', key) !== undefined)
    .map((key): CatalogEdit => ({ kind: 'remove', path: ['settings', key] }))
  return { ...nothing, edits }
}
