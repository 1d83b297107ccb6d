import { listed } from '../identity/shown.ts'
import type { Principal } from '../identity/verify-token.ts'
import type { Reason } from '../refusal.ts'
import type { Catalog, Group, Integration } from './catalog.ts'
import type { Decision, Step } from './decision.ts'
import { mapPrincipal, type OpenRule } from './identity-map.ts'
import { type Condition, describeRule, openTo } from './open-rules.ts'
import { isRoleName } from './role-name.ts'

export interface AccessRequest {
  /** The role asked for, or undefined for a token-type user: `id_token` takes the first group's role. */
  readonly user: string | undefined
  readonly database: string
}

export type Identity = Pick<Principal, 'issuer' | 'names' | 'groups'>

/** Decides which role a verified identity is, if any. Pure: the same arguments, the same decision. */
export function decide(
  request: AccessRequest,
  principal: Identity,
  integration: Integration,
  catalog: Catalog,
): Decision {
  const steps: Step[] = []
  const check = (name: string, compared: string, passed: boolean): boolean => {
    steps.push({ check: name, compared, passed })
    return passed
  }
  const groups = groupsOf(principal, integration, catalog)
  const groupNames = groups.map((group) => group.name)
  const denied = (reason: Reason): Decision => ({
    outcome: 'denied',
    reason,
    groups: groupNames,
    steps,
  })

  const blocked = principal.groups.filter((value) => integration.blockedGroups.has(value))
  if (blocked.length > 0) {
    check('blocked groups', list(blocked), false)
    return denied('group-blocked')
  }
  const own = rolesOf(principal, integration, catalog)
  const mapping = `${listed(principal.names)} -> ${own === undefined ? 'no match' : list(shown(own))}`
  check('principal', mapping, own !== undefined)
  if (own === undefined) return denied('principal-unmapped')
  const found = `claim: ${list(principal.groups)}; groups: ${list(groupNames)}`
  const hasAny = groups.length > 0 || own.users.length > 0 || own.open.length > 0
  if (!check('groups', found, hasAny)) return denied('no-group')

  const candidates = list([...shown(own), ...groups.map((group) => group.role)])
  const choice = chooseRole(request.user, own, groups)
  check('role', `${request.user ?? 'the first group'} among ${candidates}`, choice !== undefined)
  if (choice === undefined) return denied('role-not-allowed')
  if (!check('reserved role', choice.role, choice.allowsSuperuser || !isReserved(choice.role))) {
    return denied('role-reserved')
  }
  // Last, so that whoever has no right here does not learn which databases there are.
  const exists = catalog.databases.get(request.database)?.hasUpstream === true
  if (!check('database', request.database, exists)) return denied('unknown-database')
  return { outcome: 'granted', ...choice, groups: groupNames, steps }
}

/** The default group and every group that a value of the claim is mapped to, the highest rank first. */
function groupsOf(principal: Identity, integration: Integration, catalog: Catalog): Group[] {
  const names = new Set<string>()
  for (const value of principal.groups) {
    const name = integration.groupMappings.get(value)
    if (name !== undefined) names.add(name)
  }
  if (integration.defaultGroup !== undefined) names.add(integration.defaultGroup)
  return [...names]
    .map((name) => catalog.groups.get(name))
    .filter((group) => group !== undefined)
    .sort((a, b) => b.rank - a.rank || a.name.localeCompare(b.name, 'en'))
}

/** The roles that a principal may be by its own names: by their names, and by rules for those asked for. */
interface OwnRoles {
  readonly users: readonly string[]
  readonly open: readonly OpenRule[]
}

/** In the order of the names; undefined where a rule says of each name that it is nobody. */
function rolesOf(
  { issuer, names }: Identity,
  integration: Integration,
  catalog: Catalog,
): OwnRoles | undefined {
  const roles = names
    .map((name) => rolesOfName(name, issuer, integration, catalog))
    .filter((some) => some !== undefined)
  if (roles.length === 0) return undefined
  const users = new Set(roles.flatMap((one) => one.users))
  return { users: [...users].filter(isRoleName), open: roles.flatMap((one) => one.open) }
}

function rolesOfName(
  wholeName: string,
  issuer: string,
  integration: Integration,
  catalog: Catalog,
): OwnRoles | undefined {
  let name = wholeName
  if (integration.principalPattern !== undefined) {
    const matcher = integration.principalPattern.matcher(name)
    if (!matcher.find()) return undefined
    name = matcher.group(1) ?? ''
    if (name === '') return undefined
  }
  const mapped = mapPrincipal(catalog.identityMap, issuer, name)
  if (mapped.kind === 'mapped') {
    return mapped.users.length > 0 || mapped.open.length > 0 ? mapped : undefined
  }
  // A name that somebody chose at the provider must not name a role by accident.
  const mayBeRole = integration.mapsPrincipal || integration.principalPattern !== undefined
  return { users: mayBeRole ? [name] : [], open: [] }
}

function shown({ users, open }: OwnRoles): string[] {
  return [...users, ...open.map(describeRule)]
}

interface Choice {
  readonly role: string
  readonly allowsSuperuser: boolean
  readonly condition?: Condition
}

function chooseRole(
  user: string | undefined,
  { users, open }: OwnRoles,
  groups: readonly Group[],
): Choice | undefined {
  const group = groups.find((one) => user === undefined || one.role === user)
  if (group !== undefined) return { role: group.role, allowsSuperuser: group.allowsSuperuser }
  if (user === undefined) {
    // Only roles with a name: a rule for any of them is no choice of one.
    const [first, ...others] = users
    if (first === undefined || others.length > 0) return undefined
    return { role: first, allowsSuperuser: false }
  }
  if (users.includes(user)) return { role: user, allowsSuperuser: false }
  const condition = openTo(user, open)
  return condition && { role: user, allowsSuperuser: false, condition }
}

/** Roles that PostgreSQL has for itself; superusers of other names are found at the upstream's login. */
function isReserved(role: string): boolean {
  return role.startsWith('pg_') || role === 'postgres'
}

/** For a step: a token may bring thousands of names. */
const mostListed = 20

function list(names: readonly string[]): string {
  if (names.length === 0) return '(none)'
  const more = names.length > mostListed ? ` and ${names.length - mostListed} more` : ''
  return `${names.slice(0, mostListed).join(', ')}${more}`
}
