import { composeUpstream } from '../compose-rules.ts'
import type { Config } from '../config/index.ts'
import { assessAuthorities, assessChain } from '../identity/assess-certificates.ts'
import { type Finding, Findings } from '../identity/finding.ts'
import { peerCertificates } from '../identity/peer-certificates.ts'
import type { ProbeOptions } from '../identity/probe-provider.ts'
import { printable, type Reason, reasons, Refusal } from '../refusal.ts'
import { ScramKeyCache } from '../sasl/scram-key-cache.ts'
import { readAuthority } from '../upstream/certificate-authority.ts'
import { where } from '../upstream/endpoint.ts'
import { UpstreamNetwork } from '../upstream/network.ts'
import type { UpstreamAccess } from '../upstream/open-session.ts'
import { probeRole, reachUpstream } from '../upstream/probe-upstream.ts'
import type { UpstreamHost, UpstreamTarget } from '../upstream/target.ts'
import { inspectAuthorities } from './authorities.ts'
import { inTurns } from './in-turns.ts'
import { hasOwnRolesAlone, inspectProvisioner } from './provisioner.ts'

type Upstream = NonNullable<Config['databases'][string]['upstream']>

/** A role that somebody may get, and whether it may be a superuser. */
interface WantedRole {
  readonly role: string
  readonly allowsSuperuser: boolean
  readonly mayReplicate: boolean
}

const maxScramKeys = 1_000

export async function inspectDatabases(
  config: Config,
  options: ProbeOptions,
): Promise<readonly Finding[]> {
  const access = { keys: new ScramKeyCache(maxScramKeys), network: new UpstreamNetwork() }
  const wanted = rolesOfGroups(config)
  const databases = Object.entries(config.databases)
  const found = await inTurns(databases, async ([name, { upstream }]) =>
    upstream === undefined ? [] : inspectDatabase(name, upstream, config, wanted, access, options),
  )
  return found.flat()
}

/** Two groups may have one role: one that may be a superuser is enough for it to log in. */
function rolesOfGroups({ groups, connectivity_pools: pools }: Config): readonly WantedRole[] {
  const mayReplicate = Object.values(pools).some((pool) => pool.allow_replication)
  const roles = new Map<string, boolean>()
  for (const { role, allow_superuser: allowed } of Object.values(groups)) {
    roles.set(role, allowed || roles.get(role) === true)
  }
  return [...roles].map(([role, allowsSuperuser]) => ({
    role,
    allowsSuperuser,
    mayReplicate: mayReplicate || allowsSuperuser,
  }))
}

async function inspectDatabase(
  name: string,
  upstream: Upstream,
  config: Config,
  wanted: readonly WantedRole[],
  access: UpstreamAccess,
  options: ProbeOptions,
): Promise<readonly Finding[]> {
  const findings = new Findings(`database ${printable(name)}`)
  const { ca } = upstream
  const { now, describe } = options
  const isUsable = ca === undefined || inspectAuthorities(ca, 'ca', findings, now(), describe)
  const canSign = inspectOwnAuthority(upstream, findings, options)
  // Nobody need be able to log in as the role of a group, where everybody has a role of their own.
  const roles = hasOwnRolesAlone(config, name) ? [] : rolesToTry(upstream, wanted, findings)
  if (!isUsable || !canSign || options.isOffline) return findings.all
  const target = composeUpstream(upstream)
  const tried = await inTurns(target.hosts, async (host) =>
    inspectHost(name, target, host, roles, access, options),
  )
  const hasServer = tried.some((found) => found.some(isReached))
  const provisioner = hasServer
    ? await inspectProvisioner(name, config, upstream, target, options)
    : []
  return [...findings.all, ...tried.flat(), ...provisioner]
}

function isReached({ check, verdict }: Finding): boolean {
  return check === 'server' && verdict === 'ok'
}

/** Each of several, since each may be the only one some day. */
async function inspectHost(
  name: string,
  target: UpstreamTarget,
  host: UpstreamHost,
  roles: readonly WantedRole[],
  access: UpstreamAccess,
  options: ProbeOptions,
): Promise<readonly Finding[]> {
  const findings = new Findings(`database ${printable(name)}`)
  if (!(await isReachable(target, host, access, findings, options))) return findings.all
  const tried = await inTurns(roles, async (one) => {
    const its = new Findings(`database ${printable(name)}`)
    await tryRole(target, host, one, access, its, options)
    return its.all
  })
  return [...findings.all, ...tried.flat()]
}

/** What signs the certificates that Portcullis logs in with. Returns false where it cannot be used. */
function inspectOwnAuthority(
  { auth }: Upstream,
  findings: Findings,
  { now, describe }: ProbeOptions,
): boolean {
  if (auth.method !== 'certificate') return true
  try {
    const files = { certificate: auth.ca_certificate, key: auth.ca_key }
    const { certificate } = readAuthority(files)
    const remedy =
      'make a new one with `portcullis ca init`, and let the server trust both for a while'
    assessAuthorities([certificate], 'auth.ca_certificate', now(), findings, remedy)
    return true
  } catch (error) {
    const remedy = 'make both files with `portcullis ca init`, readable for this user alone'
    findings.problem('auth.ca_key', describe(error), remedy)
    return false
  }
}

/** The roles that Portcullis can log in as. That a group's role is not among them may be meant. */
function rolesToTry(
  { auth }: Upstream,
  wanted: readonly WantedRole[],
  findings: Findings,
): readonly WantedRole[] {
  if (auth.method !== 'password') {
    // There is no token here to pass on.
    return auth.method === 'token' ? [] : wanted
  }
  for (const { role } of wanted.filter((one) => !Object.hasOwn(auth.passwords, one.role))) {
    findings.warning(
      `role ${printable(role)}`,
      'a group has this role, and there is no password of it: its logins here are refused',
      'add it to `auth.passwords`, if it is to be used here',
    )
  }
  return Object.keys(auth.passwords).map(
    (role) =>
      wanted.find((one) => one.role === role) ?? {
        role,
        allowsSuperuser: false,
        mayReplicate: false,
      },
  )
}

async function isReachable(
  target: UpstreamTarget,
  host: UpstreamHost,
  { network }: UpstreamAccess,
  findings: Findings,
  options: ProbeOptions,
): Promise<boolean> {
  try {
    await reachUpstream(target, host, network, (socket) => {
      findings.ok('server', `${where(host)} answers, with tls: ${target.tls}`)
      const chain = target.tls.startsWith('verify') ? peerCertificates(socket) : []
      if (chain.length > 0) {
        assessChain(chain, options.now(), findings, 'renew the certificate of the server')
      }
    })
    return true
  } catch (error) {
    const [told, remedy] = describeFailure(error, options)
    findings.problem('server', told, remedy)
    return false
  }
}

async function tryRole(
  target: UpstreamTarget,
  host: UpstreamHost,
  { role, allowsSuperuser, mayReplicate }: WantedRole,
  access: UpstreamAccess,
  findings: Findings,
  options: ProbeOptions,
): Promise<void> {
  const which = target.hosts.length > 1 ? ` at ${where(host)}` : ''
  const check = `role ${printable(role)}${which}`
  try {
    const { isSuperuser, isReplication } = await probeRole(target, host, role, access)
    if (isSuperuser && !allowsSuperuser) {
      findings.problem(
        check,
        'it is a superuser, and refused',
        'name a role with fewer rights, or set `allow_superuser: true` for the group if it is meant',
      )
    } else if (isReplication === true && !mayReplicate) {
      findings.warning(
        check,
        'it has the attribute REPLICATION, by which all data can be read',
        'take the attribute from it; if it is meant, set `allow_superuser: true` for the group, or `allow_replication` for a pool',
      )
    } else {
      findings.ok(check, 'logs in')
    }
  } catch (error) {
    const [told, remedy] = describeFailure(error, options)
    findings.problem(check, told, remedy)
  }
}

const remedies: Partial<Readonly<Record<Reason, string>>> = {
  'upstream-unreachable':
    'see whether the server is up and lets this machine connect, or correct `upstream`',
  'upstream-authentication':
    'correct `upstream.auth`, or see to the role (it needs LOGIN) and to pg_hba.conf',
}

function describeFailure(error: unknown, { describe }: ProbeOptions): readonly [string, string] {
  if (!(error instanceof Refusal)) throw error
  const cause = error.cause === undefined ? [] : [describe(error.cause)]
  const { meaning, remedy } = reasons[error.reason]
  const told = [error.logDetail ?? [], cause].flat().join(': ')
  return [told === '' ? meaning : printable(told), remedies[error.reason] ?? remedy]
}
