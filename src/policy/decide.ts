import { listed } from '../identity/shown.ts'
import type { Principal } from '../identity/verify-token.ts'
import type { Reason } from '../refusal.ts'
import type { Catalog, Group, Integration } from './catalog.ts'
import type { Decision, Step } from './decision.ts'
import { mapPrincipal } from './identity-map.ts'

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
  const users = usersOf(principal, integration, catalog)?.filter(isRoleName)
  const mapping = `${listed(principal.names)} -> ${users === undefined ? 'no match' : list(users)}`
  check('principal', mapping, users !== undefined)
  if (users === undefined) return denied('principal-unmapped')
  const found = `claim: ${list(principal.groups)}; groups: ${list(groupNames)}`
  if (!check('groups', found, groups.length > 0 || users.length > 0)) return denied('no-group')

  const candidates = list([...users, ...groups.map((group) => group.role)])
  const choice = chooseRole(request.user, users, groups)
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

/**
 * The roles that a principal may be by its own names, in their order; undefined where a rule says of
 * each name that it is nobody.
 */
function usersOf(
  { issuer, names }: Identity,
  integration: Integration,
  catalog: Catalog,
): readonly string[] | undefined {
  const users = names
    .map((name) => usersOfName(name, issuer, integration, catalog))
    .filter((some) => some !== undefined)
  return users.length === 0 ? undefined : [...new Set(users.flat())]
}

function usersOfName(
  wholeName: string,
  issuer: string,
  integration: Integration,
  catalog: Catalog,
): readonly string[] | undefined {
  let name = wholeName
  if (integration.principalPattern !== undefined) {
    const matcher = integration.principalPattern.matcher(name)
    if (!matcher.find()) return undefined
    name = matcher.group(1) ?? ''
    if (name === '') return undefined
  }
  const mapped = mapPrincipal(catalog.identityMap, issuer, name)
  if (mapped.kind === 'mapped') return mapped.users.length > 0 ? mapped.users : undefined
  // A name that somebody chose at the provider must not name a role by accident.
  const mayBeRole = integration.mapsPrincipal || integration.principalPattern !== undefined
  return mayBeRole ? [name] : []
}

interface Choice {
  readonly role: string
  readonly allowsSuperuser: boolean
}

function chooseRole(
  user: string | undefined,
  users: readonly string[],
  groups: readonly Group[],
): Choice | undefined {
  const group = groups.find((one) => user === undefined || one.role === user)
  if (group !== undefined) return { role: group.role, allowsSuperuser: group.allowsSuperuser }
  const [first, ...others] = users
  const isUnambiguous = user === undefined && first !== undefined && others.length === 0
  if (isUnambiguous) return { role: first, allowsSuperuser: false }
  return user !== undefined && users.includes(user)
    ? { role: user, allowsSuperuser: false }
    : undefined
}

/** PostgreSQL cuts a longer name, and what is left of it may be somebody else's. */
function isRoleName(name: string): boolean {
  return Buffer.byteLength(name) <= 63
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
