import { listed } from '../identity/shown.ts'
import type { Reason } from '../refusal.ts'
import type { Catalog, ConsoleRight, Integration } from './catalog.ts'
import { checkPoolGroups, groupsOf, type Identity, list, rolesOf, shown } from './decide.ts'
import type { Step } from './decision.ts'

export type ConsoleDecision = {
  /** Groups of the catalog that the identity is in. */
  readonly groups: readonly string[]
  readonly steps: readonly Step[]
} & (
  | { readonly outcome: 'granted'; readonly right: ConsoleRight }
  | { readonly outcome: 'denied'; readonly reason: Reason }
)

/**
 * Decides what a verified identity may at the SQL console: its groups say so. A role it needs none, but
 * where a rule says of its names that it is nobody, it is nobody here too.
 */
export function decideConsole(
  principal: Identity,
  integration: Integration,
  catalog: Catalog,
): ConsoleDecision {
  const steps: Step[] = []
  const check = (name: string, compared: string, passed: boolean): boolean => {
    steps.push({ check: name, compared, passed })
    return passed
  }
  const groups = groupsOf(principal, integration, catalog).map(({ name }) => name)
  const denied = (reason: Reason): ConsoleDecision => ({
    outcome: 'denied',
    reason,
    groups,
    steps,
  })

  const blocked = principal.groups.filter((value) => integration.blockedGroups.has(value))
  if (blocked.length > 0) {
    check('blocked groups', list(blocked), false)
    return denied('group-blocked')
  }
  const own = rolesOf(principal, integration, catalog)
  const mapping = `${listed(principal.names)} -> ${own === undefined ? 'no match' : list(shown(own))}`
  if (!check('principal', mapping, own !== undefined)) return denied('principal-unmapped')
  const { requiresGroups } = integration
  if (requiresGroups && !check('some group', list(principal.groups), principal.groups.length > 0)) {
    return denied('no-group')
  }
  check('groups', `claim: ${list(principal.groups)}; groups: ${list(groups)}`, true)
  const allowed = checkPoolGroups(groups, catalog)
  if (allowed !== undefined) steps.push(allowed)
  if (allowed?.passed === false) return denied('group-not-allowed')
  const { adminGroups, statsGroups } = catalog.console
  const right = groups.some((name) => adminGroups.has(name))
    ? 'admin'
    : groups.some((name) => statsGroups.has(name))
      ? 'stats'
      : undefined
  const open = `${list(groups)} among ${list([...adminGroups])} (admin), ${list([...statsGroups])} (stats)`
  check('console', open, right !== undefined)
  if (right === undefined) return denied('console-not-allowed')
  return { outcome: 'granted', right, groups, steps }
}
