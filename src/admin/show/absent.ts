// What PgBouncer has and Portcullis has not: the columns are there, for tools that ask for them.
import { columns, type Topic } from './topic.ts'

const nothing = (): { readonly rows: readonly never[] } => ({ rows: [] })

/** Sockets are not handed on to another process. */
export const fds: Topic = {
  columns: columns(
    ['fd', 'int4'],
    'task',
    'user',
    'database',
    'addr',
    ['port', 'int4'],
    ['cancel', 'int8'],
    ['link', 'int4'],
    'client_encoding',
    'std_strings',
    'datestyle',
    'timezone',
    'password',
    'scram_client_key',
    'scram_server_key',
  ),
  show: nothing,
}

export const dnsZones: Topic = {
  columns: columns('zonename', ['serial', 'int8'], ['count', 'int4']),
  show: nothing,
}

export const peers: Topic = {
  columns: columns(['peer_id', 'int4'], 'host', ['port', 'int4'], ['pool_size', 'int4']),
  show: nothing,
}

export const peerPools: Topic = {
  columns: columns(
    ['peer_id', 'int4'],
    ['cl_active_cancel_req', 'int4'],
    ['cl_waiting_cancel_req', 'int4'],
    ['sv_active_cancel', 'int4'],
    ['sv_login', 'int4'],
  ),
  show: nothing,
}
