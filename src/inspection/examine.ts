// What `portcullis doctor` finds out: which ways to the databases of a configuration lead around Portcullis.
import { composeUpstream } from '../compose-rules.ts'
import type { Config } from '../config/index.ts'
import { printable } from '../refusal.ts'
import { explain } from '../telemetry/log.ts'
import { isSocketHost, where } from '../upstream/endpoint.ts'
import { knock } from '../upstream/knock.ts'
import type { UpstreamHost } from '../upstream/target.ts'
import { type DoctorFinding, files } from './doctor-finding.ts'
import { contextOf, examineCertificates } from './examine-certificates.ts'
import { type Administrator, lookInside } from './examine-inside.ts'
import { describeAnswer, type ExaminedRole, type Examination, examineRole } from './examine-role.ts'
import { inTurns } from './in-turns.ts'

export interface DoctorOptions {
  /** Names in the catalog; none: all. */
  readonly databases: readonly string[]
  readonly administrator: Administrator | undefined
  readonly isOutside: boolean
  /** After this nothing new is tried. */
  readonly timeoutMs: number
}

const maxRoles = 50
const maxSuperusers = 10

export async function examine(
  config: Config,
  options: DoctorOptions,
): Promise<readonly DoctorFinding[]> {
  const endMs = performance.now() + options.timeoutMs
  const chosen = Object.entries(config.databases).filter(
    ([name]) => options.databases.length === 0 || options.databases.includes(name),
  )
  const places = chosen.flatMap(([name, { upstream }]) =>
    upstream === undefined ? [] : upstream.hosts.map((host) => ({ name, upstream, host })),
  )
  const found = await inTurns(places, async ({ name, upstream, host }) =>
    examineServer(name, upstream, host, config, options, endMs),
  )
  return found.flat()
}

type Upstream = Examination['upstream']

async function examineServer(
  name: string,
  upstream: Upstream,
  host: UpstreamHost,
  config: Config,
  { administrator, isOutside }: DoctorOptions,
  endMs: number,
): Promise<readonly DoctorFinding[]> {
  const { database } = upstream
  const about = `database "${printable(name)}" (${printable(database)} at ${where(host)})`
  if (isSocketHost(host.host)) {
    const answer = 'not tried: nobody comes to a Unix socket over a network'
    return [{ about, tried: 'every role', verdict: 'note', answer, fix: [] }]
  }
  let examination: Examination
  try {
    // The certificates that are shown here are made here: the authority's key is not needed for the rest.
    const target = {
      ...composeUpstream({ ...upstream, auth: { method: 'trust' } }),
      hosts: [host],
      wantedSession: 'any' as const,
    }
    const relaysPasswords = Object.values(config.connectivity_pools).some((one) => !one.require_sso)
    examination = { about, upstream, target, relaysPasswords, isOutside }
  } catch (error) {
    return [{ about, tried: 'its files', verdict: 'unknown', answer: explain(error), fix: [] }]
  }
  const inside =
    administrator === undefined ? undefined : await lookInside(examination, administrator)
  const roles = rolesOf(config, upstream, inside?.superusers ?? [], administrator?.user)
  const within = async (
    tried: string,
    work: () => Promise<readonly DoctorFinding[]>,
  ): Promise<readonly DoctorFinding[]> => {
    if (performance.now() < endMs) return work()
    const answer = 'not tried: the time is up'
    return [{ about, tried, verdict: 'unknown', answer, fix: [] }]
  }
  const findings = [
    ...(await within('old TLS', async () => [await tryOldTls(examination)])),
    ...(
      await inTurns(roles.slice(0, maxRoles), async (one) =>
        within(`role "${printable(one.role)}"`, async () => [
          ...(await examineRole(examination, one)),
          ...(await examineCertificates(examination, one, roles)),
        ]),
      )
    ).flat(),
    ...(inside?.findings(roles) ?? [notInside(about)]),
  ]
  const left = roles.length - maxRoles
  if (left <= 0) return findings
  const answer = `${left} roles were not tried: ${maxRoles} are, for each database`
  return [...findings, { about, tried: 'every role', verdict: 'unknown', answer, fix: [] }]
}

/** As whom it is tried: the roles of sessions, those that may have a password, and those that may do anything. */
function rolesOf(
  { groups, connectivity_pools: pools }: Config,
  { auth, provisioner }: Upstream,
  superusers: readonly string[],
  operator: string | undefined,
): readonly ExaminedRole[] {
  const roles = new Map<string, ExaminedRole['kind']>()
  const add = (kind: ExaminedRole['kind'], names: readonly string[]): void => {
    for (const name of names) if (!roles.has(name)) roles.set(name, kind)
  }
  add(
    'password',
    Object.values(pools).flatMap((pool) => pool.password_users),
  )
  add(
    'session',
    Object.values(groups).map(({ role }) => role),
  )
  if (auth.method === 'password') add('session', Object.keys(auth.passwords))
  if (provisioner !== undefined) {
    add(provisioner.password === undefined ? 'session' : 'password', [provisioner.role])
  }
  if (operator !== undefined) add('operator', [operator])
  add('reserved', ['postgres', ...superusers.slice(0, maxSuperusers)])
  return [...roles].map(([role, kind]) => ({ role, kind }))
}

/** TLS 1.0 and 1.1 (RFC 8996). */
async function tryOldTls(examination: Examination): Promise<DoctorFinding> {
  const { about, upstream, target } = examination
  const secureContext = contextOf(upstream, {
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    // What is that old is not spoken at the usual level.
    ciphers: 'DEFAULT@SECLEVEL=0',
  })
  const encrypted = target.tls === 'disable' ? { ...target, tls: 'require' as const } : target
  const answer = await knock(encrypted, { role: 'postgres', isCleartext: false, secureContext })
  const finding = { about, tried: 'TLS 1.0 and 1.1', answer: describeAnswer(answer), fix: [] }
  switch (answer.kind) {
    case 'closed':
      return { ...finding, verdict: 'closed' }
    case 'no-tls':
    case 'unknown':
      return { ...finding, verdict: 'unknown' }
    // Whatever it says, it says it over the old version.
    case 'admitted':
    case 'asks':
    case 'refused': {
      const fix = [files.settings, "ssl_min_protocol_version = 'TLSv1.2'"]
      return { ...finding, verdict: 'hole', answer: 'the server speaks it', fix }
    }
  }
}

function notInside(about: string): DoctorFinding {
  return {
    about,
    tried: 'pg_hba.conf for every address, and passwords of roles',
    verdict: 'note',
    answer: 'not looked at: only --user, a role that may read them, can',
    fix: [],
  }
}
