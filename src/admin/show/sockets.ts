// CLIENTS, SERVERS and SOCKETS. Each session is one of both: nobody shares a connection.
import type { SessionSummary } from '../../session/session-summary.ts'
import type { ConsoleFleet } from '../console-fleet.ts'
import { clientPointer, serverPointer, sessionNumber } from './session-number.ts'
import { columns, moment, type Row, type Shown, type Topic } from './topic.ts'

const socketColumns = columns(
  'type',
  'user',
  'database',
  'replication',
  'state',
  'addr',
  ['port', 'int4'],
  'local_addr',
  ['local_port', 'int4'],
  'connect_time',
  'request_time',
  ['wait', 'int4'],
  ['wait_us', 'int4'],
  ['close_needed', 'int4'],
  'ptr',
  'link',
  ['remote_pid', 'int4'],
  'tls',
  'application_name',
  ['prepared_statements', 'int4'],
  ['id', 'int8'],
)

const bufferColumns = columns(
  ['recv_pos', 'int4'],
  ['pkt_pos', 'int4'],
  ['pkt_remain', 'int4'],
  ['send_pos', 'int4'],
  ['send_remain', 'int4'],
  ['pkt_avail', 'int4'],
  ['send_avail', 'int4'],
)
const emptyBuffers: Row = bufferColumns.map(() => 0)

export const clients: Topic = {
  columns: socketColumns,
  show: async (fleet, limit) => sockets(fleet, limit, (one) => [clientRow(one)]),
}

export const servers: Topic = {
  columns: socketColumns,
  show: async (fleet, limit) => sockets(fleet, limit, serverRows),
}

/** Nothing waits in a buffer that is told of here: what is not taken is not read. */
export const allSockets: Topic = {
  columns: [...socketColumns, ...bufferColumns],
  show: async (fleet, limit) =>
    sockets(fleet, limit, (one) =>
      [clientRow(one), ...serverRows(one)].map((row) => [...row, ...emptyBuffers]),
    ),
}

async function sockets(
  fleet: ConsoleFleet,
  limit: number,
  toRows: (session: SessionSummary) => readonly Row[],
): Promise<Shown> {
  const { sessions, total, unanswered } = await fleet.sessions({ selector: {}, limit })
  const rows = sessions.flatMap(toRows)
  return { rows, unanswered, total: total > sessions.length ? total : undefined }
}

function clientRow(session: SessionSummary): Row {
  const { address, port, listener } = session
  const link = session.server === undefined ? '' : serverPointer(session.session)
  return [
    'C',
    ...whose(session),
    ...[address, port, listener.address, listener.port],
    ...since(session),
    ...[clientPointer(session.session), link, 0, session.tls ?? ''],
    ...[session.application ?? '', 0, sessionNumber(session.session)],
  ]
}

function serverRows(session: SessionSummary): readonly Row[] {
  const { server, processId } = session
  if (server === undefined) return []
  return [
    [
      'S',
      ...whose(session),
      ...[server.address, server.port, null, server.localPort ?? 0],
      ...since(session),
      ...[serverPointer(session.session), clientPointer(session.session), processId ?? 0, ''],
      ...[session.application ?? '', 0, sessionNumber(session.session)],
    ],
  ]
}

function whose({ role, user, database }: SessionSummary): Row {
  return [role ?? user ?? '', database ?? '', 'none', 'active']
}

function since({ since: at, activity }: SessionSummary): Row {
  const openedAt = moment(Date.parse(at))
  const { askedAtMs } = activity ?? {}
  return [openedAt, askedAtMs === undefined ? openedAt : moment(askedAtMs), 0, 0, 0]
}
