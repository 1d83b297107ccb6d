// Audit records of what people do on the pages: signing in and out, as OCSF Authentication.
import { randomUUID } from 'node:crypto'

/** Nothing in it is a secret. */
export interface AuditedVisit {
  readonly id: string
  readonly kind:
    'sign-in' | 'step-up' | 'token' | 'renewal' | 'logout' | 'device' | 'exchange' | 'refresh'
  /** Undefined where it went well. */
  readonly reason: string | undefined
  readonly detail?: string | undefined
  readonly address: string
  readonly integration: string | undefined
  readonly session?: string | undefined
  readonly identity?:
    | {
        readonly issuer: string
        readonly subject: string
        readonly names: readonly string[]
        readonly groups: readonly string[]
        readonly expiresAt: number
      }
    | undefined
}

/** The oldest schema version that has every attribute below, hence the one that most readers know. */
const schemaVersion = '1.1.0'
const classUid = 3002
const openId = 4

export function toVisitRecord(
  { node, version }: { readonly node: string; readonly version: string },
  { id, kind, reason, detail, address, integration, session, identity }: AuditedVisit,
): unknown {
  const isLogoff = kind === 'logout'
  const activity = isLogoff ? 'Logoff' : 'Logon'
  const activityId = isLogoff ? 2 : 1
  const isDone = reason === undefined
  return {
    class_uid: classUid,
    class_name: 'Authentication',
    category_uid: 3,
    category_name: 'Identity & Access Management',
    activity_id: activityId,
    activity_name: activity,
    type_uid: classUid * 100 + activityId,
    type_name: `Authentication: ${activity}`,
    time: Date.now(),
    severity_id: isDone ? 1 : 2,
    severity: isDone ? 'Informational' : 'Low',
    status_id: isDone ? 1 : 2,
    status: isDone ? 'Success' : 'Failure',
    status_detail: reason,
    message: `pages: ${kind} ${isDone ? 'done' : 'refused'}`,
    metadata: {
      version: schemaVersion,
      product: { name: 'Portcullis', vendor_name: 'Portcullis', version },
      log_name: 'audit',
      uid: randomUUID(),
      correlation_uid: id,
    },
    user: {
      name: identity?.names.join(', ') ?? 'unknown',
      uid: identity?.subject,
      groups: identity?.groups.map((name) => ({ name })),
      type_id: identity === undefined ? 0 : 1,
    },
    auth_protocol_id: openId,
    auth_protocol: 'OpenID',
    logon_type_id: 3,
    logon_type: 'Network',
    is_remote: true,
    is_cleartext: false,
    src_endpoint: { ip: address },
    dst_endpoint: { name: node, svc_name: 'https' },
    service: { name: 'pages' },
    ...(session !== undefined && {
      session: {
        uid: session,
        issuer: identity?.issuer,
        expiration_time: identity?.expiresAt,
        is_remote: true,
      },
    }),
    unmapped: { portcullis: { way: 'pages', act: kind, integration, reason, detail } },
  }
}
