import type { z } from 'zod'
import type { Path } from '../problem.ts'
import type { ExpandedTree } from '../expand-defaults.ts'
import { configSchema } from '../schema/index.ts'
import { database } from '../schema/database.ts'
import { group, integration } from '../schema/integration.ts'
import { participant, pool } from '../schema/pool.ts'
import { settingsSection } from '../schema/settings.ts'
import { isMapping } from '../mapping.ts'

/** A problem that is not yet placed in the file. */
export interface Finding {
  readonly path: Path
  readonly message: string
  /** Where the name itself is wrong, and not what stands behind it. */
  readonly isAboutKey?: boolean
}

/** The keys of a mapping that can be used; one with a problem of its own is not among them. */
type Readable<S extends z.ZodObject> = Partial<z.output<S>>

/**
 * The parts of a configuration that can be read, however wrong the rest is: all problems come out at
 * once, so the checks across entries cannot wait until every entry is right.
 */
export interface View {
  readonly root: Readable<typeof configSchema>
  readonly integrations: ReadonlyMap<string, Readable<typeof integration>>
  readonly groups: ReadonlyMap<string, Readable<typeof group>>
  readonly databases: ReadonlyMap<string, Readable<typeof database>>
  readonly pools: ReadonlyMap<string, PoolView>
  readonly settings: Readable<typeof settingsSection>
  /** Whether a value stands in a section of defaults. */
  readonly isInherited: (path: Path) => boolean
  /** A value as the file has it, where it has it: with its references, which may lead to secrets. */
  readonly written: (path: Path, otherwise: string) => string
}

export interface PoolView extends Readable<typeof pool> {
  readonly listeners: readonly Readable<typeof participant>[]
}

export function viewOf(tree: ExpandedTree): View {
  const { value } = tree
  return {
    root: readable(configSchema, value),
    integrations: readableEntries(integration, get(value, 'integrations')),
    groups: new Map(
      [...readableEntries(group, get(value, 'groups'))].map(([name, entry]) => [
        name,
        'role' in entry ? { ...entry, role: entry.role ?? name } : entry,
      ]),
    ),
    databases: readableEntries(database, get(value, 'databases')),
    pools: new Map(
      entriesOf(get(value, 'connectivity_pools')).map(([name, raw]) => [name, poolView(raw)]),
    ),
    settings: readable(settingsSection, get(value, 'settings') ?? {}),
    isInherited: (path) => tree.originOf(path) !== path,
    written: (path, otherwise) => tree.writtenAt(path) ?? otherwise,
  }
}

function poolView(raw: unknown): PoolView {
  const items = get(raw, 'participants')
  const listeners = Array.isArray(items) ? items.map((item) => readable(participant, item)) : []
  return { ...readable(pool, raw), listeners }
}

function readableEntries<S extends z.ZodObject>(schema: S, raw: unknown): Map<string, Readable<S>> {
  return new Map(entriesOf(raw).map(([name, entry]) => [name, readable(schema, entry)]))
}

function readable<S extends z.ZodObject>(schema: S, raw: unknown): Readable<S> {
  if (!isMapping(raw)) return {}
  const results = Object.entries(schema.shape).flatMap(([key, field]: [string, z.ZodType]) => {
    const { success, data } = field.safeParse(get(raw, key))
    return success ? [[key, data] as const] : []
  })
  // Each value has just been parsed by the field of that name.
  return Object.fromEntries(results) as Readable<S>
}

function entriesOf(raw: unknown): readonly [string, unknown][] {
  return isMapping(raw) ? Object.entries(raw) : []
}

function get(raw: unknown, key: string): unknown {
  return isMapping(raw) && Object.hasOwn(raw, key) ? raw[key] : undefined
}
