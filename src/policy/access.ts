// Which databases and roles are open to an identity, before it asks for one. Whatever is listed, each login is
// decided on for itself.
import { withoutTrailingSlash } from '../identity/issuer-name.ts'
import type { Reason } from '../refusal.ts'
import { type Catalog, type ConsoleRight, type Integration, systemScope } from './catalog.ts'
import { decide, groupsOf, type Identity, rolesOf } from './decide.ts'
import { decideConsole } from './decide-console.ts'
import type { Decision } from './decision.ts'
import type { IdentityMap, Line } from './identity-map.ts'
import { describeRule } from './open-rules.ts'
import { resolveIntegration } from './resolve-integration.ts'

/** What is open to an identity where it comes by one integration. */
export interface Access {
  readonly databases: readonly OpenDatabase[]
  /** Undefined where the console is closed to it. */
  readonly console: ConsoleRight | undefined
  /** Whether there is more than is listed. */
  readonly isCut: boolean
}

export interface OpenDatabase extends OpenRoles {
  readonly database: string
}

interface OpenRoles {
  /** Those with a name: first what a login gets that asks for none, where there is such a role. */
  readonly roles: readonly string[]
  readonly hasDefault: boolean
  /** Rules that open roles without naming them, as somebody reads them. */
  readonly rules: readonly string[]
}

export const mostListedDatabases = 200
export const mostListedRoles = 30

/** Of a catalog as a pool leaves it (`withinPool`) only what is open by that pool. */
export function accessOf(identity: Identity, integration: Integration, catalog: Catalog): Access {
  const rules = { ...catalog, identityMap: remembering(catalog.identityMap, identity.issuer) }
  // Of a database nothing else makes a difference to who is let in.
  const byProvisioner = new Map<boolean, OpenRoles & { readonly isCut: boolean }>()
  const databases: OpenDatabase[] = []
  let isCut = false
  for (const { name, hasUpstream, provisioner } of catalog.databases.values()) {
    if (!hasUpstream || !isInScope(name, integration, catalog)) continue
    const key = provisioner !== undefined
    const open = byProvisioner.get(key) ?? rolesAt(name, identity, integration, rules)
    byProvisioner.set(key, open)
    const { roles, hasDefault, rules: byRule } = open
    if (roles.length === 0 && byRule.length === 0) continue
    isCut ||= open.isCut || databases.length === mostListedDatabases
    if (databases.length === mostListedDatabases) break
    databases.push({ database: name, roles, hasDefault, rules: byRule })
  }
  return { databases, console: consoleRight(identity, integration, rules), isCut }
}

/** The same of one database, however many there are; undefined where it is closed to the identity. */
export function accessAt(
  database: string,
  identity: Identity,
  integration: Integration,
  catalog: Catalog,
): OpenDatabase | undefined {
  const hasUpstream = catalog.databases.get(database)?.hasUpstream === true
  if (!hasUpstream || !isInScope(database, integration, catalog)) return undefined
  const { roles, hasDefault, rules } = rolesAt(database, identity, integration, catalog)
  return roles.length + rules.length > 0 ? { database, roles, hasDefault, rules } : undefined
}

/** Whether there is anywhere that the identity could log in. */
export function isOpenAnywhere({ databases, console }: Access): boolean {
  return databases.length > 0 || console !== undefined
}

function isInScope(database: string, { name }: Integration, catalog: Catalog): boolean {
  const asked = { database, qualifier: undefined, identityProvider: name, claimed: undefined }
  return resolveIntegration(catalog, asked).outcome === 'resolved'
}

function rolesAt(
  database: string,
  identity: Identity,
  integration: Integration,
  catalog: Catalog,
): OpenRoles & { readonly isCut: boolean } {
  const decided = (user: string | undefined): Decision =>
    decide({ user, database }, identity, integration, catalog)
  const first = decided(undefined)
  const own = rolesOf(identity, integration, catalog)
  const rules = isNobody(first) ? [] : [...new Set((own?.open ?? []).map(describeRule))]
  const usual = first.outcome === 'granted' ? [first.role] : []
  const others = [
    ...groupsOf(identity, integration, catalog).map(({ role }) => role),
    ...(own?.users ?? []),
  ].filter((role) => !usual.includes(role))
  const candidates = [...new Set(others)].slice(0, mostListedRoles)
  const granted = candidates.filter((role) => decided(role).outcome === 'granted')
  // What only rules open needs some group as any other role does.
  const needsGroup = integration.requiresGroups && identity.groups.length === 0
  return {
    roles: [...usual, ...granted],
    hasDefault: usual.length > 0,
    rules: needsGroup ? [] : rules.slice(0, mostListedRoles),
    isCut: new Set(others).size > mostListedRoles || rules.length > mostListedRoles,
  }
}

/** Whether nobody of these names and groups is let in, whichever role is asked for. */
function isNobody(decision: Decision): boolean {
  return decision.outcome === 'denied' && wholesale.has(decision.reason)
}

const wholesale: ReadonlySet<Reason> = new Set([
  'group-blocked',
  'principal-unmapped',
  'group-not-allowed',
])

function consoleRight(
  identity: Identity,
  integration: Integration,
  catalog: Catalog,
): ConsoleRight | undefined {
  // Only the integrations of the database `system` are the console's.
  const its = catalog.databases.get(systemScope)?.integrations ?? []
  if (!integration.isEnabled || !its.includes(integration.name)) return undefined
  const decision = decideConsole(identity, integration, catalog)
  return decision.outcome === 'granted' ? decision.right : undefined
}

/** The same map, in which a name is compared once with each line however often it is decided on. */
function remembering(map: IdentityMap, issuer: string): IdentityMap {
  const key = withoutTrailingSlash(issuer)
  const lines = map.get(key)
  return lines === undefined ? map : new Map([[key, lines.map(remembered)]])
}

function remembered({ matches }: Line): Line {
  const known = new Map<string, ReturnType<Line['matches']>>()
  return {
    matches: (principal) => {
      if (!known.has(principal)) known.set(principal, matches(principal))
      return known.get(principal)
    },
  }
}
