import type { Catalog, Integration } from './catalog.ts'
import { folded } from './cockroach-users.ts'

/**
 * The values of groups claims by which anything is decided for identities of an integration: what it maps or
 * blocks and, in the dialect of CockroachDB, the names of groups. Every other value changes nothing.
 */
export function usefulGroups(
  { groupMappings, blockedGroups, dialect }: Integration,
  { groups }: Pick<Catalog, 'groups'>,
): ReadonlySet<string> {
  const namesakes = dialect === 'cockroachdb' ? [...groups.keys()].map(folded) : []
  return new Set([...groupMappings.keys(), ...blockedGroups, ...namesakes])
}

/** What of its groups is worth to be kept of an identity. */
export function keepUsefulGroups(
  values: readonly string[],
  integration: Integration,
  catalog: Pick<Catalog, 'groups'>,
): readonly string[] {
  const useful = usefulGroups(integration, catalog)
  const known = (value: string): string | undefined => {
    if (useful.has(value)) return value
    const name = folded(value)
    return integration.dialect === 'cockroachdb' && useful.has(name) ? name : undefined
  }
  return [...new Set(values.map(known).filter((value) => value !== undefined))]
}
