import type { Reason } from '../refusal.ts'
import { type Catalog, type ConsoleRight, type Integration, systemScope } from './catalog.ts'
import { decideConsole } from './decide-console.ts'
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

/**
 * What a verified identity may on the pages for operators: what it may at the SQL console. An integration of
 * single databases makes nobody an operator of the gate; one of the pages alone is the gate's own.
 */
export function visitRight(
  identity: Identity,
  integration: Integration,
  catalog: Catalog,
): ConsoleRight | undefined {
  const { isEnabled, name } = integration
  const scopes = [...catalog.databases.values()].filter((one) => one.integrations.includes(name))
  const isOurs = scopes.length === 0 || scopes.some((scope) => scope.name === systemScope)
  if (!isEnabled || !isOurs) return undefined
  const decision = decideConsole(identity, integration, catalog)
  return decision.outcome === 'granted' ? decision.right : undefined
}
