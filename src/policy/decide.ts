import { listed } from '../identity/shown.ts'
import type { Principal } from '../identity/verify-token.ts'
import type { Reason } from '../refusal.ts'
import type { Catalog, Group, Integration } from './catalog.ts'
import { folded, isReservedThere } from './cockroach-users.ts'
import type { Decision, Step } from './decision.ts'
import { mapPrincipal, type OpenRule } from './identity-map.ts'
import { type Condition, describeRule, openTo } from './open-rules.ts'
import { canBeOwn, isProvisioner, provisionOf } from './own-role.ts'
import { isRoleName } from './role-name.ts'
import { allowsDatabase } from './within-pool.ts'

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
  const isCockroach = integration.dialect === 'cockroachdb'
  const groups = groupsOf(principal, integration, catalog)
  const groupNames = groups.map((group) => group.name)
  const denied = (reason: Reason, openRoles: readonly string[] = []): Decision => ({
    outcome: 'denied',
    reason,
    openRoles,
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
  const isNamed = own !== undefined && !(isCockroach && shown(own).length === 0)
  check('principal', mapping, isNamed)
  if (!isNamed) return denied('principal-unmapped')
  const found = `claim: ${list(principal.groups)}; groups: ${list(groupNames)}`
  const hasAny = groups.length > 0 || own.users.length > 0 || own.open.length > 0
  if (!check('groups', found, hasAny)) return denied('no-group')

  const allowed = checkPoolGroups(groupNames, catalog)
  if (allowed !== undefined) steps.push(allowed)
  if (allowed?.passed === false) return denied('group-not-allowed')
  const candidates = list([...shown(own), ...groups.map((group) => group.role)])
  const { provisioning } = integration
  // Without a user a role of one's own goes before those of the groups.
  const mayTakeFirst = provisioning === undefined || request.user !== undefined
  const choice = isCockroach
    ? chooseRoleThere(request.user, own, groups)
    : chooseRole(request.user, own, mayTakeFirst ? groups : [])
  const asked = request.user ?? (isCockroach || !mayTakeFirst ? 'the only name' : 'the first group')
  check('role', `${asked} among ${candidates}`, choice !== undefined)
  if (choice === undefined) {
    // CockroachDB has no word for it.
    const open = isCockroach ? [] : openRoles(own.users, groups, integration)
    return denied('role-not-allowed', open)
  }
  const isOpen = choice.allowsSuperuser || !isReserved(choice.role, integration)
  const isOurs = isProvisioner(choice.role, catalog)
  if (!check('reserved role', choice.role, isOpen && !isOurs)) return denied('role-reserved')
  const provision =
    provisioning !== undefined && choice.isOwnName ? provisionOf(provisioning, groups) : undefined
  if (provision !== undefined) {
    const { role } = choice
    const compared = `${role} as a member of ${list(provision.memberOf)}`
    const [refused] = groups.filter((group) => !mayBeGranted(group, integration, catalog))
    const isPossible = canBeOwn(role, catalog) && groups.length > 0 && refused === undefined
    if (!check('own role', compared, isPossible)) {
      return denied(groups.length > 0 ? 'role-reserved' : 'no-group')
    }
  }
  const { requiresGroups } = integration
  if (requiresGroups && !check('some group', list(principal.groups), principal.groups.length > 0)) {
    return denied('no-group')
  }
  // Last, so that whoever has no right here does not learn which databases there are.
  const database = catalog.databases.get(request.database)
  const exists = database?.hasUpstream === true
  const provisioner = exists ? database.provisioner : undefined
  if (!check('database', sought(request.database, catalog), exists)) {
    return denied('unknown-database')
  }
  const { role, allowsSuperuser, condition } = choice
  const granted = { outcome: 'granted', role, allowsSuperuser, groups: groupNames, steps } as const
  if (provision === undefined) return { ...granted, ...(condition && { condition }) }
  if (!check('provisioner', provisioner ?? '(none)', provisioner !== undefined)) {
    return denied('provisioning-unavailable')
  }
  return { ...granted, provision }
}

/**
 * The default group and every group that a value of the claim is mapped to, the highest rank first. Between
 * equals the default group is last: a mapping is there to give somebody more than everybody has.
 */
export function groupsOf(principal: Identity, integration: Integration, catalog: Catalog): Group[] {
  const names = new Set<string>()
  for (const value of principal.groups) {
    const name = integration.groupMappings.get(value)
    if (name !== undefined) names.add(name)
  }
  if (integration.dialect === 'cockroachdb') {
    for (const name of namesakes(principal.groups, catalog)) names.add(name)
  }
  if (integration.defaultGroup !== undefined) names.add(integration.defaultGroup)
  return [...names]
    .map((name) => catalog.groups.get(name))
    .filter((group) => group !== undefined)
    .sort(
      (a, b) =>
        b.rank - a.rank ||
        Number(a.name === integration.defaultGroup) - Number(b.name === integration.defaultGroup) ||
        a.name.localeCompare(b.name, 'en'),
    )
}

/** CockroachDB knows no mapping of groups: one of the same name is the group. */
function namesakes(values: readonly string[], { groups }: Catalog): readonly string[] {
  const wanted = new Set(values.map(folded))
  return [...groups.keys()].filter((name) => wanted.has(folded(name)))
}

/** The roles that a principal may be by its own names: by their names, and by rules for those asked for. */
export interface OwnRoles {
  readonly users: readonly string[]
  readonly open: readonly OpenRule[]
}

/** In the order of the names; undefined where a rule says of each name that it is nobody. */
export function rolesOf(
  { issuer, names }: Identity,
  integration: Integration,
  catalog: Catalog,
): OwnRoles | undefined {
  const roles = names
    .map((name) => rolesOfName(name, issuer, integration, catalog))
    .filter((some) => some !== undefined)
  if (roles.length === 0) return undefined
  const given = roles.flatMap((one) => one.users)
  const users = new Set(integration.dialect === 'cockroachdb' ? given.map(folded) : given)
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

export function shown({ users, open }: OwnRoles): string[] {
  return [...users, ...open.map(describeRule)]
}

interface Choice {
  readonly role: string
  readonly allowsSuperuser: boolean
  /** Whether it is a name of the identity, rather than the role of a group or one that a rule opens. */
  readonly isOwnName: boolean
  readonly condition?: Condition
}

function chooseRole(
  user: string | undefined,
  { users, open }: OwnRoles,
  groups: readonly Group[],
): Choice | undefined {
  const group = groups.find((one) => user === undefined || one.role === user)
  if (group !== undefined) {
    return { role: group.role, allowsSuperuser: group.allowsSuperuser, isOwnName: false }
  }
  if (user === undefined) {
    // Only roles with a name: a rule for any of them is no choice of one.
    const [first, ...others] = users
    if (first === undefined || others.length > 0) return undefined
    return { role: first, allowsSuperuser: false, isOwnName: true }
  }
  if (users.includes(user)) return { role: user, allowsSuperuser: false, isOwnName: true }
  const condition = openTo(user, open)
  return condition && { role: user, allowsSuperuser: false, isOwnName: false, condition }
}

/** Whether membership in a group's role may be given away: not that of a reserved one that is not meant. */
function mayBeGranted(
  { role, allowsSuperuser }: Group,
  integration: Integration,
  catalog: Catalog,
): boolean {
  return (allowsSuperuser || !isReserved(role, integration)) && !isProvisioner(role, catalog)
}

/** What to ask for instead: the roles that have a name, the groups' before the identity's own. */
function openRoles(
  users: readonly string[],
  groups: readonly Group[],
  integration: Integration,
): readonly string[] {
  const ofGroups = groups.filter(
    ({ role, allowsSuperuser }) => allowsSuperuser || !isReserved(role, integration),
  )
  const ofNames = users.filter((user) => !isReserved(user, integration))
  return [...new Set([...ofGroups.map(({ role }) => role), ...ofNames])]
}

/** CockroachDB logs in by the user's own name: without a user it must have one alone. */
function chooseRoleThere(
  user: string | undefined,
  own: OwnRoles,
  groups: readonly Group[],
): Choice | undefined {
  if (user === undefined) return chooseRole(undefined, own, [])
  const isExact = groups.some((one) => one.role === user)
  const namesake = groups.find((one) => folded(one.role) === folded(user))
  const choice = chooseRole(isExact ? user : folded(user), own, groups)
  return choice ?? (namesake && chooseRole(namesake.role, own, groups))
}

/** Roles that PostgreSQL has for itself; superusers of other names are found at the upstream's login. */
export function isReserved(role: string, { dialect }: Pick<Integration, 'dialect'>): boolean {
  if (dialect === 'cockroachdb' && isReservedThere(role)) return true
  return role.startsWith('pg_') || role === 'postgres'
}

/** Whether the pool lets in who is in these groups; undefined where groups are nothing to it. */
export function checkPoolGroups(groups: readonly string[], { pool }: Catalog): Step | undefined {
  if (pool?.allowedGroups === undefined) return undefined
  const { name, allowedGroups: allowed } = pool
  return {
    check: 'pool groups',
    compared: `${list(groups)} among ${list([...allowed])} of pool ${name}`,
    passed: groups.some((group) => allowed.has(group)),
  }
}

/** For a step, which nobody but the operator sees: why there is no such database. */
function sought(database: string, { pool }: Catalog): string {
  if (pool === undefined || allowsDatabase(pool, database)) return database
  return `${database}, which pool ${pool.name} does not allow`
}

/** For a step: a token may bring thousands of names. */
const mostListed = 20

export function list(names: readonly string[]): string {
  if (names.length === 0) return '(none)'
  const more = names.length > mostListed ? ` and ${names.length - mostListed} more` : ''
  return `${names.slice(0, mostListed).join(', ')}${more}`
}
