// SESSIONS and IDENTITIES: who is in.
import type { SessionSummary } from '../../session/session-summary.ts'
import { sessionNumber } from './session-number.ts'
import { columns, milliseconds, type Row, type Topic } from './topic.ts'

export const sessions: Topic = {
  columns: columns(
    'session',
    ['id', 'int8'],
    'principal',
    'issuer',
    'subject',
    ['groups', 'text[]'],
    'user',
    'role',
    'database',
    'pool',
    'integration',
    'address',
    ['port', 'int4'],
    'tls',
    'application_name',
    'state',
    ['since', 'timestamptz'],
    ['until', 'timestamptz'],
    ['last_request', 'timestamptz'],
    ['queries', 'int8'],
    ['transactions', 'int8'],
    ['bytes_received', 'int8'],
    ['bytes_sent', 'int8'],
    'server',
    ['server_pid', 'int4'],
    ['catalog_version', 'int8'],
    'replica',
  ),
  show: async (fleet, limit) => {
    const list = await fleet.sessions({ selector: {}, limit })
    const { unanswered, total } = list
    return { rows: list.sessions.map(sessionRow), unanswered, total }
  },
}

function sessionRow(one: SessionSummary): Row {
  const { activity, server } = one
  return [
    ...[one.session, sessionNumber(one.session)],
    ...[one.principal ?? null, one.issuer ?? null, one.subject ?? null, one.groups],
    ...[one.user ?? null, one.role ?? null, one.database ?? null, one.pool ?? null],
    ...[one.integration ?? null, one.address, one.port, one.tls ?? null, one.application ?? null],
    ...[activity?.standing ?? null, milliseconds(one.since), milliseconds(one.until)],
    activity?.askedAtMs === undefined ? null : Math.round(activity.askedAtMs),
    ...[activity?.queries ?? 0, activity?.transactions ?? 0],
    ...[activity?.bytesFromFrontend ?? 0, activity?.bytesFromUpstream ?? 0],
    server === undefined ? null : `${server.host}:${server.port}`,
    ...[one.processId ?? null, one.catalogVersion ?? null, one.replica ?? null],
  ]
}

export const identities: Topic = {
  columns: columns(
    'issuer',
    'subject',
    'principal',
    ['sessions', 'int4'],
    ['roles', 'text[]'],
    ['groups', 'text[]'],
    ['databases', 'text[]'],
    ['first', 'timestamptz'],
    ['last', 'timestamptz'],
  ),
  show: async (fleet) => {
    const list = await fleet.sessions({ selector: {}, limit: Number.MAX_SAFE_INTEGER })
    const known = list.sessions.filter(({ subject }) => subject !== undefined)
    const groups = Map.groupBy(known, ({ issuer, subject }) => JSON.stringify([issuer, subject]))
    return { rows: [...groups.values()].map(identityRow), unanswered: list.unanswered }
  },
}

/** The sessions are those of one identity, the oldest first. */
function identityRow(all: readonly SessionSummary[]): Row {
  const [first] = all
  const last = all.at(-1)
  const distinct = (read: (one: SessionSummary) => readonly string[]): readonly string[] => [
    ...new Set(all.flatMap(read)),
  ]
  return [
    ...[first?.issuer ?? null, first?.subject ?? null, last?.principal ?? null, all.length],
    distinct(({ role }) => (role === undefined ? [] : [role])),
    distinct((one) => one.groups),
    distinct(({ database }) => (database === undefined ? [] : [database])),
    ...[milliseconds(first?.since), milliseconds(last?.since)],
  ]
}
