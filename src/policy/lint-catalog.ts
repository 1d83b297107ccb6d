// What a catalog says in vain, or what it refuses by being as it is. Pure: no token is looked at.
import { type Finding, Findings } from '../identity/finding.ts'
import { isSameIssuer, withoutTrailingSlash } from '../identity/issuer-name.ts'
import { printable } from '../refusal.ts'
import { type Catalog, type Database, type Integration, systemScope } from './catalog.ts'
import { isReserved } from './decide.ts'
import { lintPools } from './lint-pools.ts'

/** `withGroupClaims` are the integrations that look for groups in a token at all. */
export function lintCatalog(
  catalog: Catalog,
  withGroupClaims: ReadonlySet<string>,
): readonly Finding[] {
  return [
    ...[...catalog.integrations.values()].flatMap((one) =>
      lintIntegration(one, catalog, withGroupClaims.has(one.name)),
    ),
    ...lintIdentityMap(catalog),
    ...lintGroups(catalog, withGroupClaims),
    ...[...catalog.databases.values()].flatMap((one) => lintScope(one, catalog)),
    ...[...catalog.databases.values()].flatMap((one) => lintOwnRoles(one, catalog)),
    ...lintPools(catalog.pools.all),
  ]
}

function lintIntegration(
  integration: Integration,
  catalog: Catalog,
  hasGroupClaims: boolean,
): readonly Finding[] {
  const findings = new Findings(`integration ${integration.name}`)
  if (!integration.isEnabled) return []
  if (!canBeRole(integration, catalog, hasGroupClaims)) {
    findings.problem(
      'roles',
      'nobody gets a role by it: there is no default group, no mapped group and no mapped principal',
      'set `default_group`, `groups_claim_ids` with `groups_claim_mappings`, or map principals',
    )
  }
  if (integration.groupMappings.size > 0 && !hasGroupClaims) {
    findings.warning(
      'groups_claim_mappings',
      'nothing is mapped by it without `groups_claim_ids`',
      'set `groups_claim_ids` to the claims that list groups',
    )
  }
  const blocked = [...integration.groupMappings.keys()].filter((value) =>
    integration.blockedGroups.has(value),
  )
  if (blocked.length > 0) {
    findings.warning(
      'groups_claim_mappings',
      `${few(blocked)} refuses the login by \`blocked_groups\`, so the mapping is without effect`,
      'remove it from one of the two',
    )
  }
  lintReach(integration, catalog, findings)
  return findings.all
}

function canBeRole(integration: Integration, catalog: Catalog, hasGroupClaims: boolean): boolean {
  return (
    integration.defaultGroup !== undefined ||
    (integration.groupMappings.size > 0 && hasGroupClaims) ||
    canBeNamed(integration, catalog)
  )
}

/** Which databases an integration opens. */
function lintReach({ name }: Integration, { databases }: Catalog, findings: Findings): void {
  const scopes = [...databases.values()].filter((one) => one.integrations.includes(name))
  if (scopes.length === 0) {
    findings.warning(
      'databases',
      'it opens no database',
      `list it in \`integrations\` of a database, or of \`${systemScope}\``,
    )
  }
  const [first, ...others] = scopes
  if (first?.name !== systemScope || others.length > 0 || first.hasUpstream) return
  const fallsBack = [...databases.values()].some(
    (one) => one.hasUpstream && one.integrations.length === 0,
  )
  if (fallsBack) return
  findings.warning(
    'databases',
    `it is listed in \`${systemScope}\` alone, and every database has integrations of its own`,
    `list it in \`integrations\` of a database; as it is, only users such as id_token@${systemScope} get there`,
  )
}

function lintIdentityMap({ identityMap, integrations }: Catalog): readonly Finding[] {
  const findings = new Findings('identity map')
  const issuers = [...integrations.values()].map(({ issuer }) => withoutTrailingSlash(issuer))
  const unknown = [...identityMap.keys()].filter((issuer) => !issuers.includes(issuer))
  for (const issuer of unknown) {
    findings.warning(
      'issuer',
      `no integration has the issuer ${printable(issuer)}, so its lines map nobody`,
      'correct the first field of these lines: it is the `issuer` of an integration',
    )
  }
  return findings.all
}

function lintGroups(catalog: Catalog, withGroupClaims: ReadonlySet<string>): readonly Finding[] {
  const enabled = [...catalog.integrations.values()].filter(({ isEnabled }) => isEnabled)
  // There the groups of a token are ours by their names, whichever there are.
  const isByName = enabled.some(
    ({ name, dialect }) => dialect === 'cockroachdb' && withGroupClaims.has(name),
  )
  const used = new Set(
    enabled.flatMap(({ name, defaultGroup, groupMappings }) => [
      ...(defaultGroup === undefined ? [] : [defaultGroup]),
      ...(withGroupClaims.has(name) ? groupMappings.values() : []),
    ]),
  )
  return [...catalog.groups.values()].flatMap(({ name, role, allowsSuperuser }) => {
    const findings = new Findings(`group ${printable(name)}`)
    if (!isByName && !used.has(name)) {
      findings.warning(
        'members',
        'nobody is in it: no integration that is enabled leads to it',
        'name it in `default_group` or `groups_claim_mappings`, or remove it',
      )
    }
    if (isReserved(role, { dialect: 'portcullis' }) && !allowsSuperuser) {
      findings.problem(
        'role',
        `the role ${printable(role)} is PostgreSQL's own, and refused`,
        'name another role, or set `allow_superuser: true` if it is meant',
      )
    }
    return findings.all
  })
}

/** How an integration is chosen among those of one database. */
function lintScope(scope: Database, { integrations }: Catalog): readonly Finding[] {
  const findings = new Findings(`database ${printable(scope.name)}`)
  const candidates = scope.integrations
    .map((name) => integrations.get(name))
    .filter((one) => one !== undefined)
  const primary = candidates.find(({ name }) => name === scope.primary)
  if (primary !== undefined && !primary.isEnabled) {
    findings.warning(
      'primary',
      `its primary integration ${primary.name} is switched off: who chooses no other is refused`,
      'make another one `primary`, or enable it',
    )
  }
  if (scope.selection === 'primary') return findings.all
  for (const one of candidates) {
    const twin = candidates.find((other) => other !== one && fitsWherever(other, one))
    if (one === primary || twin === undefined) continue
    findings.warning(
      'integrations',
      `no token chooses ${one.name}: each that would is as well one for ${twin.name}`,
      `give them a \`client_id\` each; as it is, only \`identityprovider=${one.name}\` leads there`,
    )
  }
  return findings.all
}

/** Whether somebody may be a role that was made for somebody else. */
function lintOwnRoles({ name, integrations: own }: Database, catalog: Catalog): readonly Finding[] {
  const findings = new Findings(`database ${printable(name)}`)
  const candidates = own
    .flatMap((one) => catalog.integrations.get(one) ?? [])
    .filter(({ isEnabled }) => isEnabled)
  const maker = candidates.find(({ provisioning }) => provisioning !== undefined)
  if (maker === undefined) return []
  for (const one of candidates) {
    if (one.provisioning !== undefined || !canBeNamed(one, catalog)) continue
    findings.warning(
      'provisioning',
      `who comes by ${one.name} may be a role by name, also one that was made for somebody who comes by ${maker.name}`,
      `enable \`provisioning\` for ${one.name} as well, or map its principals to other names`,
    )
  }
  return findings.all
}

/** Whether a principal of it can be a role that no group has. */
function canBeNamed(
  { mapsPrincipal, principalPattern, issuer }: Integration,
  { identityMap }: Catalog,
): boolean {
  return (
    mapsPrincipal || principalPattern !== undefined || identityMap.has(withoutTrailingSlash(issuer))
  )
}

/**
 * Whether every token that one integration would be chosen for fits the other as well. Those of CockroachDB's
 * settings are chosen by other rules.
 */
function fitsWherever(other: Integration, one: Integration): boolean {
  return (
    [one, other].every(({ dialect }) => dialect === 'portcullis') &&
    isSameIssuer(other.issuer, one.issuer) &&
    (other.clientId === undefined || other.clientId === one.clientId)
  )
}

const mostNamed = 5

function few(values: readonly string[]): string {
  const more = values.length > mostNamed ? ` and ${values.length - mostNamed} more` : ''
  const named = values.slice(0, mostNamed).map((value) => `"${printable(value)}"`)
  return `${named.join(', ')}${more}`
}
