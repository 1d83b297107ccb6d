import { randomUUID } from 'node:crypto'
import { Refusal } from '../refusal.ts'
import type { EndReason, SessionEnd, SessionFacts, SessionObserver } from '../session/observer.ts'
import { openAuditTrail, type TrailOptions } from './audit-trail.ts'
import { redact } from './safe-line.ts'

export interface Audit extends SessionObserver {
  /** For rotation: rename the file, then call this. */
  reopen(): void
  /**
   * Where no session may be without its record: resolves when that of its admission is out, in place of
   * `admitted`. Throws a Refusal where it cannot be written now; should it be written later all the
   * same, that of the refusal comes behind it.
   */
  readonly recordAdmission: ((session: SessionFacts) => Promise<void>) | undefined
  /** Resolves once it is recorded; where nothing may be without its record, rejects if it cannot be. */
  recordAct(act: AdministrativeAct): Promise<void>
  /** Whether sessions are refused because records cannot be written. */
  readonly isRefusing: boolean
  flush(): Promise<void>
  /** Resolves when every record is written, or known to be lost. */
  close(): Promise<void>
}

/** What somebody at the console does. It crosses the channel between processes. */
export interface AdministrativeAct {
  /** One word for it, such as `kill`. */
  readonly act: string
  readonly by: string
  /** How they came in. */
  readonly way: string
  /** Theirs at the console. */
  readonly session: string
  readonly address: string
  readonly issuer: string | undefined
  readonly subject: string | undefined
  /** Which sessions are meant. */
  readonly criteria: Readonly<Record<string, unknown>>
  /** ISO 8601. */
  readonly until?: string | undefined
}

export type AuditOptions = TrailOptions

/**
 * Writes one line for each login decision and one for each end of a session, as OCSF Authentication. A
 * sink that fails loses records and counts them; it stops neither sessions nor the process, and logins
 * only where `onFailure` says so. Throws when the file cannot be opened.
 */
export function createAudit(options: AuditOptions): Audit {
  const trail = openAuditTrail(options)

  function record(session: SessionFacts, event: AuthenticationEvent): void {
    trail.write(toRecord(options, session, event))
  }

  async function recordAdmission(session: SessionFacts): Promise<void> {
    if (await trail.writeThrough(toRecord(options, session, admission))) return
    throw new Refusal('audit-unavailable')
  }

  async function recordAct(act: AdministrativeAct): Promise<void> {
    const written = toActRecord(options, act)
    if (!trail.isStrict) trail.write(written)
    else if (!(await trail.writeThrough(written))) throw new Refusal('audit-unavailable')
  }

  return {
    opened() {},
    stage() {},
    recordAct,
    admitted(session) {
      if (!trail.isStrict) record(session, admission)
    },
    refused(session, refusal) {
      record(session, {
        activity: 'Logon',
        status: 'Failure',
        code: refusal.sqlstate,
        detail: refusal.reason,
        refusal,
      })
    },
    abandoned() {},
    discovered() {},
    cancelled() {},
    ended(session, end) {
      record(session, {
        activity: 'Logoff',
        status: 'Success',
        code: endCodes[end.reason],
        detail: end.reason,
        end,
      })
    },
    recordAdmission: trail.isStrict ? recordAdmission : undefined,
    get isRefusing() {
      return trail.isRefusing
    },
    reopen() {
      trail.reopen()
    },
    flush: async () => trail.flush(),
    close: async () => trail.close(),
  }
}

const admission = { activity: 'Logon', status: 'Success', code: '00000' } as const

/** What the client was told; who went by itself was told nothing. */
const endCodes = {
  'client-closed': '00000',
  'client-lost': '00000',
  'upstream-closed': '00000',
  'upstream-lost': '00000',
  drain: '57P01',
  'token-expired': '57P01',
  'session-lifetime': '57P01',
  idle: '57P05',
  'idle-in-transaction': '25P03',
  killed: '57P01',
  revoked: '57P01',
  'logged-out': '57P01',
} satisfies Record<EndReason, string>

interface AuthenticationEvent {
  readonly activity: 'Logon' | 'Logoff'
  readonly status: 'Success' | 'Failure'
  /** SQLSTATE */
  readonly code: string
  readonly detail?: string
  readonly refusal?: Refusal
  readonly end?: SessionEnd
}

/** The oldest schema version that has every attribute below, hence the one that most readers know. */
const schemaVersion = '1.1.0'
const categoryUid = 3
const classUid = 3002
const activityIds = { Logon: 1, Logoff: 2 } as const
const statusIds = { Success: 1, Failure: 2 } as const
const severityIds = { Informational: 1, Low: 2, Medium: 3 } as const
const authProtocolIds = { Unknown: 0, OpenID: 4, Other: 99 } as const
const networkLogon = 3

function toRecord(
  { node, version }: AuditOptions,
  session: SessionFacts,
  event: AuthenticationEvent,
): unknown {
  const { id, openedAt, peer, listener, pool, tls, requested, credential, identity } = session
  const { standsFor } = session
  const { activity, status, end } = event
  const now = Date.now()
  const severity = severityOf(session, event)
  const isLogoff = activity === 'Logoff'
  const isLocal = listener.address.startsWith('/')

  return {
    class_uid: classUid,
    class_name: 'Authentication',
    category_uid: categoryUid,
    category_name: 'Identity & Access Management',
    activity_id: activityIds[activity],
    activity_name: activity,
    type_uid: classUid * 100 + activityIds[activity],
    type_name: `Authentication: ${activity}`,
    time: now,
    start_time: (standsFor?.since ?? openedAt).getTime(),
    ...(isLogoff && { end_time: now, duration: end?.durationMs }),
    ...(standsFor && { end_time: now, count: standsFor.count }),
    severity_id: severityIds[severity],
    severity,
    status_id: statusIds[status],
    status,
    status_code: event.code,
    status_detail: event.detail,
    message: messageOf(event),
    metadata: {
      version: schemaVersion,
      product: { name: 'Portcullis', vendor_name: 'Portcullis', version },
      log_name: 'audit',
      uid: randomUUID(),
      correlation_uid: id,
    },
    user: {
      // Before the token is verified, all that is known is whom the client asked to be.
      name: identity?.principal ?? (requested === undefined ? 'unknown' : cut(requested.user)),
      uid: identity?.subject,
      groups: identity?.groups.map((name) => ({ name })),
      type_id: identity === undefined ? 0 : 1,
    },
    ...toAuthProtocol(credential),
    logon_type_id: networkLogon,
    logon_type: 'Network',
    is_remote: !isLocal,
    is_cleartext: credential === undefined ? undefined : tls === undefined,
    // A Unix socket has names in place of addresses.
    src_endpoint: isLocal ? { name: peer.address } : { ip: peer.address, port: peer.port },
    dst_endpoint: {
      ...(!isLocal && { ip: listener.address }),
      port: listener.port,
      name: node,
      svc_name: 'postgresql',
    },
    service: { name: pool ?? 'portcullis' },
    session: {
      uid: id,
      created_time: openedAt.getTime(),
      expiration_time: identity?.expiresAt.getTime(),
      expiration_reason: end?.reason,
      issuer: identity?.issuer,
      credential_uid: identity?.tokenIdHash,
      is_remote: !isLocal,
    },
    unmapped: { portcullis: toUnmapped(session, event) },
  }
}

const actClassUid = 6003
const otherActivity = 99

/** As OCSF API Activity: an operation of the console, and who called it. */
function toActRecord({ node, version }: AuditOptions, act: AdministrativeAct): unknown {
  const { by, way, session, address, issuer, subject, criteria, until } = act
  return {
    class_uid: actClassUid,
    class_name: 'API Activity',
    category_uid: 6,
    category_name: 'Application Activity',
    activity_id: otherActivity,
    activity_name: act.act,
    type_uid: actClassUid * 100 + otherActivity,
    type_name: 'API Activity: Other',
    time: Date.now(),
    severity_id: severityIds.Medium,
    severity: 'Medium',
    status_id: 0,
    message: `console: ${act.act}`,
    metadata: {
      version: schemaVersion,
      product: { name: 'Portcullis', vendor_name: 'Portcullis', version },
      log_name: 'audit',
      uid: randomUUID(),
      correlation_uid: session,
    },
    actor: { user: { name: cut(by), uid: subject }, session: { uid: session, issuer } },
    api: { operation: act.act, service: { name: 'console' } },
    src_endpoint: address === 'unix' ? { name: address } : { ip: address },
    dst_endpoint: { name: node },
    unmapped: { portcullis: { way, criteria, until } },
  }
}

function toUnmapped(session: SessionFacts, { refusal, end }: AuthenticationEvent): unknown {
  const {
    pool,
    tls,
    requested,
    credential,
    integration,
    identity,
    role,
    console,
    exchanged,
    provisioned,
    upstreamProcessId,
    standsFor,
  } = session
  return {
    issuer: identity?.issuer,
    subject: identity?.subject,
    principal: identity?.principal,
    groups: identity?.groups,
    token_id_hash: identity?.tokenIdHash,
    made_of_token_id_hash: identity?.madeOfTokenIdHash,
    actors: toList(identity?.actors),
    role,
    console: console && { right: console.right, by: console.by, name: cut(console.name) },
    ...(requested && {
      database: cut(requested.database),
      requested_user: cut(requested.user),
      application_name: cut(requested.applicationName),
    }),
    ...(session.listener.address.startsWith('/') && {
      peer: session.peer.address,
      unix_socket: session.listener.address,
    }),
    pool,
    catalog_version: session.catalogVersion,
    integration,
    credential,
    credential_unwrapped: session.isUnwrapped,
    auth_method: session.authMethod,
    password_travelled: session.password?.travelled,
    break_glass: session.password?.isBreakGlass === true ? true : undefined,
    sign_in_flow: session.signInFlow,
    browser_address: session.browserAddress,
    tls_version: tls?.version,
    tls_cipher: tls?.cipher,
    client_certificate: tls?.certificate && {
      sha256: tls.certificate.thumbprint,
      subject: tls.certificate.subject,
    },
    provisioned,
    upstream_token_id_hash: exchanged?.tokenIdHash,
    upstream_actors: toList(exchanged?.actors),
    upstream_backend_pid: upstreamProcessId,
    ...(standsFor && {
      addresses: Object.fromEntries(standsFor.addresses),
      other_addresses: standsFor.otherAddresses,
    }),
    reason: refusal?.reason,
    fault: refusal?.fault,
    log_detail: refusal?.logDetail,
    end_reason: end?.reason,
    bytes_from_frontend: end?.bytesFromFrontend,
    bytes_from_upstream: end?.bytesFromUpstream,
    duration_ms: end?.durationMs,
  }
}

function toList(names: readonly string[] | undefined): readonly string[] | undefined {
  return names?.length === 0 ? undefined : names
}

/**
 * Somebody genuine who may not, somebody who is not, and somebody who is excepted from single sign-on are
 * worth a look; a broken network is not.
 */
function severityOf(
  { password }: SessionFacts,
  { activity, refusal }: AuthenticationEvent,
): keyof typeof severityIds {
  if (refusal === undefined) {
    return activity === 'Logon' && password?.isBreakGlass === true ? 'Medium' : 'Informational'
  }
  if (refusal.fault === 'policy') return 'Medium'
  const isSuspect =
    refusal.reason === 'token-signature' ||
    refusal.reason === 'token-algorithm' ||
    refusal.reason === 'token-sender-constraint' ||
    refusal.reason === 'throttled' ||
    refusal.reason === 'early-data'
  return isSuspect ? 'Medium' : 'Low'
}

function messageOf({ refusal, end }: AuthenticationEvent): string {
  if (refusal !== undefined) return `session refused: ${refusal.reason}`
  return end === undefined ? 'session admitted' : `session ended: ${end.reason}`
}

function toAuthProtocol(credential: SessionFacts['credential']): object {
  switch (credential) {
    case 'token':
      return { auth_protocol_id: authProtocolIds.OpenID, auth_protocol: 'OpenID' }
    case 'session-token':
      return { auth_protocol_id: authProtocolIds.Other, auth_protocol: 'Portcullis session token' }
    case 'password':
      return { auth_protocol_id: authProtocolIds.Other, auth_protocol: 'PostgreSQL password' }
    case undefined:
      return { auth_protocol_id: authProtocolIds.Unknown, auth_protocol: 'Unknown' }
  }
}

const longestValue = 256

/** For what a client sent unverified. Redacted first: a part of a token would no longer look like one. */
function cut(value: string): string {
  const redacted = redact(value)
  return redacted.length <= longestValue ? redacted : `${redacted.slice(0, longestValue)}...`
}
