import { randomUUID } from 'node:crypto'
import { composeProvisioner } from '../compose-rules.ts'
import type { Config } from '../config/index.ts'
import { Findings, type Finding } from '../identity/finding.ts'
import type { ProbeOptions } from '../identity/probe-provider.ts'
import { systemScope } from '../policy/catalog.ts'
import { printable, Refusal } from '../refusal.ts'
import type { Provisioner } from '../upstream/provisioner.ts'
import type { UpstreamTarget } from '../upstream/target.ts'

type Upstream = NonNullable<Config['databases'][string]['upstream']>
type Integration = Config['integrations'][string]

/** Has the provisioner make a role and grant it those of the groups, and takes all of it back. */
export async function inspectProvisioner(
  name: string,
  config: Config,
  upstream: Upstream,
  target: UpstreamTarget,
  { describe }: ProbeOptions,
): Promise<readonly Finding[]> {
  const provisioner = composeProvisioner(upstream, target)
  if (provisioner === undefined) return []
  const findings = new Findings(`database ${printable(name)}`)
  const check = `provisioner ${printable(provisioner.role)}`
  try {
    const roles = rolesOf(integrationsOf(config, name), config)
    const existing = await provisioner.existing(roles)
    for (const role of roles) {
      if (existing.has(role)) await tryGroup(provisioner, role, findings)
      else {
        const remedy = 'make it, without LOGIN, and grant it to the provisioner WITH ADMIN OPTION'
        findings.warning(
          `role ${printable(role)}`,
          'a group has this role, and it does not exist: nobody becomes a member of it',
          remedy,
        )
      }
    }
    if (!findings.all.some(({ verdict }) => verdict === 'problem')) {
      findings.ok(check, `makes roles as members of ${existing.size} of ${roles.length} groups`)
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const cause = error.cause === undefined ? [] : [describe(error.cause)]
    const told = [error.logDetail ?? error.reason, cause].flat().join(': ')
    findings.problem(check, printable(told), 'see docs/provisioning.md for what it needs')
  } finally {
    provisioner.close()
  }
  return findings.all
}

async function tryGroup(provisioner: Provisioner, role: string, findings: Findings): Promise<void> {
  try {
    await provisioner.rehearse({
      role: `portcullis check ${randomUUID()}`,
      issuer: 'https://issuer.invalid',
      subject: 'portcullis check',
      memberOf: [role],
      sync: 'granted',
      connectionLimit: undefined,
    })
  } catch (error) {
    if (!(error instanceof Refusal) || error.reason === 'provisioning-unavailable') throw error
    findings.problem(
      `role ${printable(role)}`,
      printable(error.logDetail ?? error.reason),
      'grant it to the provisioner: GRANT ... TO ... WITH ADMIN TRUE, INHERIT FALSE, SET FALSE',
    )
  }
}

/** Whether whoever logs in there is always a role that was made for them. */
export function hasOwnRolesAlone(config: Config, database: string): boolean {
  const integrations = integrationsOf(config, database)
  return integrations.length > 0 && integrations.every(({ provisioning }) => provisioning.enabled)
}

function integrationsOf({ databases, integrations }: Config, name: string): readonly Integration[] {
  const own = databases[name]?.integrations ?? []
  const scope = own.length > 0 ? own : (databases[systemScope]?.integrations ?? [])
  return scope.flatMap((one) => integrations[one] ?? []).filter(({ enabled }) => enabled)
}

/** Those that somebody may become a member of. */
function rolesOf(integrations: readonly Integration[], { groups }: Config): readonly string[] {
  const names = integrations
    .filter(({ provisioning }) => provisioning.enabled)
    .flatMap(({ default_group: usual, groups_claim_mappings: mapped }) => [
      ...(usual === undefined ? [] : [usual]),
      ...Object.values(mapped),
    ])
  return [...new Set(names.flatMap((name) => groups[name]?.role ?? []))].sort()
}
