import type { Reason } from '../refusal.ts'
import type { Catalog, Integration } from './catalog.ts'
import { groupsOf, type Identity, rolesOf } from './decide.ts'

/**
 * Why a verified identity may not see its own pages; undefined where it may. Whoever has nothing here, neither a
 * role nor a group, is nobody whom we know.
 */
export function whyNoVisit(
  identity: Identity,
  integration: Integration,
  catalog: Catalog,
): Reason | undefined {
  if (!integration.isEnabled) return 'integration-disabled'
  const { groups } = identity
  if (groups.some((value) => integration.blockedGroups.has(value))) return 'group-blocked'
  const own = rolesOf(identity, integration, catalog)
  if (own === undefined) return 'principal-unmapped'
  if (integration.requiresGroups && groups.length === 0) return 'no-group'
  const isKnown = groupsOf(identity, integration, catalog).length > 0
  return isKnown || own.users.length > 0 || own.open.length > 0 ? undefined : 'no-group'
}
