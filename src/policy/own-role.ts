// Roles of identities' own: where `provisioning` is on, a role that an identity is by its name is made for
// it, and for nobody else.
import { printable } from '../refusal.ts'
import type { Catalog, Group, Provisioning } from './catalog.ts'

/** What has to be done about the role before anybody logs in as it. */
export interface Provision extends Provisioning {
  /** The roles of its groups. */
  readonly memberOf: readonly string[]
}

export function provisionOf(provisioning: Provisioning, groups: readonly Group[]): Provision {
  const memberOf = [...new Set(groups.map(({ role }) => role))].sort()
  return { ...provisioning, memberOf }
}

/** Words that PostgreSQL keeps for itself where a role is named. */
const keptWords: ReadonlySet<string> = new Set(['public', 'none'])

/**
 * Whether a name can be that of somebody's own role: not what a group is, whoever is in it, and nothing
 * that looks like another name.
 */
export function canBeOwn(role: string, { groups }: Catalog): boolean {
  if (keptWords.has(role) || printable(role) !== role) return false
  return ![...groups.values()].some((group) => group.role === role)
}

/** Roles are those of a server, and several databases may be on one. */
export function isProvisioner(role: string, { databases }: Catalog): boolean {
  return [...databases.values()].some(({ provisioner }) => provisioner === role)
}
