// What the catalog wants in each database, by server.
import type { Config } from '../config/index.ts'
import type { PrivilegeName } from './privileges.ts'

type Upstream = NonNullable<Config['databases'][string]['upstream']>

export interface WantedGrant {
  readonly group: string
  readonly privileges: readonly PrivilegeName[]
  readonly schemas: 'all' | readonly string[]
  readonly tables: 'all' | readonly string[]
}

/** A role whose privileges are looked after. */
export interface WantedRole {
  readonly role: string
  readonly groups: readonly string[]
  readonly grants: readonly WantedGrant[]
}

export interface WantedDatabase {
  /** Its names in the catalog: several may stand for one database of a server. */
  readonly names: readonly string[]
  readonly upstream: Upstream
  readonly roles: readonly WantedRole[]
  /** Whether sessions log in as the roles themselves, and not as roles of people who are members of them. */
  readonly rolesLogIn: boolean
  /** Who makes tables there; undefined: whoever is found to. */
  readonly owners: readonly string[] | undefined
}

export interface WantedOptions {
  /** Catalog names; none: all. */
  readonly databases: readonly string[]
  /** Whether databases in which nothing is granted count too, since something may have to go there. */
  readonly prune: boolean
}

export function wantedDatabases(
  { databases, groups, integrations }: Config,
  { databases: chosen, prune }: WantedOptions,
): readonly WantedDatabase[] {
  const enabled = Object.values(integrations).filter((one) => one.enabled)
  const rolesLogIn = enabled.length === 0 || enabled.some((one) => !one.provisioning.enabled)
  const servers = Map.groupBy(
    Object.entries(databases).flatMap(([name, { upstream, owners }]) =>
      upstream === undefined ? [] : [{ name, upstream, owners }],
    ),
    ({ upstream: { hosts, database } }) => JSON.stringify([hosts, database]),
  )
  return [...servers.values()].flatMap((entries): readonly WantedDatabase[] => {
    const [first] = entries
    const names = entries.map(({ name }) => name)
    if (first === undefined) return []
    if (chosen.length > 0 && !names.some((name) => chosen.includes(name))) return []
    const roles = rolesIn(names, groups).filter(({ grants }) => prune || grants.length > 0)
    if (roles.length === 0) return []
    const owners = entries.flatMap((entry) => entry.owners ?? [])
    return [
      {
        names,
        upstream: first.upstream,
        roles,
        rolesLogIn,
        owners: owners.length === 0 ? undefined : [...new Set(owners)].sort(),
      },
    ]
  })
}

/** Of several groups with one role, each adds to what the role may do. */
function rolesIn(names: readonly string[], groups: Config['groups']): readonly WantedRole[] {
  const managed = Object.entries(groups).filter(([, { grants }]) => grants !== undefined)
  const byRole = Map.groupBy(managed, ([, { role }]) => role)
  const roles = [...byRole].map(([role, entries]) => ({
    role,
    groups: entries.map(([group]) => group),
    grants: entries.flatMap(([group, { grants = [] }]) =>
      grants
        .filter(({ database }) => names.includes(database))
        .map(({ privileges, schemas, tables }) => ({ group, privileges, schemas, tables })),
    ),
  }))
  return roles.sort((a, b) => (a.role < b.role ? -1 : 1))
}
