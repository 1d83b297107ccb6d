import { describe, expect, test } from 'vitest'
import { type FleetTopic, fleetTopics } from '../../../../src/admin/show/topics.ts'

/** What PgBouncer 1.18 answers with, read off its RowDescription; `int8` where it has numeric. */
const of118: Partial<Readonly<Record<FleetTopic, string>>> = {
  CLIENTS:
    'type user database state addr port:int4 local_addr local_port:int4 connect_time request_time wait:int4 wait_us:int4 close_needed:int4 ptr link remote_pid:int4 tls application_name',
  SERVERS:
    'type user database state addr port:int4 local_addr local_port:int4 connect_time request_time wait:int4 wait_us:int4 close_needed:int4 ptr link remote_pid:int4 tls application_name',
  POOLS:
    'database user cl_active:int4 cl_waiting:int4 cl_active_cancel_req:int4 cl_waiting_cancel_req:int4 sv_active:int4 sv_active_cancel:int4 sv_being_canceled:int4 sv_idle:int4 sv_used:int4 sv_tested:int4 sv_login:int4 maxwait:int4 maxwait_us:int4 pool_mode',
  USERS: 'name pool_mode',
  LISTS: 'list items:int4',
  STATS:
    'database total_xact_count:int8 total_query_count:int8 total_received:int8 total_sent:int8 total_xact_time:int8 total_query_time:int8 total_wait_time:int8 avg_xact_count:int8 avg_query_count:int8 avg_recv:int8 avg_sent:int8 avg_xact_time:int8 avg_query_time:int8 avg_wait_time:int8',
  STATS_TOTALS:
    'database xact_count:int8 query_count:int8 bytes_received:int8 bytes_sent:int8 xact_time:int8 query_time:int8 wait_time:int8',
  STATS_AVERAGES:
    'database xact_count:int8 query_count:int8 bytes_received:int8 bytes_sent:int8 xact_time:int8 query_time:int8 wait_time:int8',
  TOTALS: 'name value:int8',
  CONFIG: 'key value default changeable',
  VERSION: 'version',
  SOCKETS:
    'type user database state addr port:int4 local_addr local_port:int4 connect_time request_time wait:int4 wait_us:int4 close_needed:int4 ptr link remote_pid:int4 tls application_name recv_pos:int4 pkt_pos:int4 pkt_remain:int4 send_pos:int4 send_remain:int4 pkt_avail:int4 send_avail:int4',
  MEM: 'name size:int8 used:int8 free:int8 memtotal:int8',
  DNS_HOSTS: 'hostname ttl:int8 addrs',
  DNS_ZONES: 'zonename serial:int8 count:int4',
  DATABASES:
    'name host port:int4 database force_user pool_size:int4 min_pool_size:int4 pool_mode max_connections:int4 current_connections:int4 paused:int4 disabled:int4',
}

/** What 1.24 has in addition, behind the column that is named first. */
const of124: Partial<Readonly<Record<FleetTopic, string>>> = {
  CLIENTS:
    'type user database replication state addr port local_addr local_port connect_time request_time wait wait_us close_needed ptr link remote_pid tls application_name prepared_statements id',
  SERVERS:
    'type user database replication state addr port local_addr local_port connect_time request_time wait wait_us close_needed ptr link remote_pid tls application_name prepared_statements id',
  SOCKETS:
    'type user database replication state addr port local_addr local_port connect_time request_time wait wait_us close_needed ptr link remote_pid tls application_name prepared_statements id recv_pos pkt_pos pkt_remain send_pos send_remain pkt_avail send_avail',
  POOLS:
    'database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active sv_active_cancel sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us pool_mode load_balance_hosts',
  DATABASES:
    'name host port database force_user pool_size min_pool_size reserve_pool_size server_lifetime pool_mode load_balance_hosts max_connections current_connections max_client_connections current_client_connections paused disabled',
  USERS:
    'name pool_size reserve_pool_size pool_mode max_user_connections current_connections max_user_client_connections current_client_connections',
  STATS:
    'database total_server_assignment_count total_xact_count total_query_count total_received total_sent total_xact_time total_query_time total_wait_time total_client_parse_count total_server_parse_count total_bind_count avg_server_assignment_count avg_xact_count avg_query_count avg_recv avg_sent avg_xact_time avg_query_time avg_wait_time avg_client_parse_count avg_server_parse_count avg_bind_count',
  STATS_TOTALS:
    'database server_assignment_count xact_count query_count bytes_received bytes_sent xact_time query_time wait_time client_parse_count server_parse_count bind_count',
  CONFIG: 'key value default changeable',
  STATE: 'key value',
  PEERS: 'peer_id host port pool_size',
  PEER_POOLS: 'peer_id cl_active_cancel_req cl_waiting_cancel_req sv_active_cancel sv_login',
}

/** Older exporters know these names; they are behind all others. */
const added: Partial<Readonly<Record<FleetTopic, string>>> = {
  STATS: 'total_requests',
  DATABASES: 'reserve_pool',
}

function columnsOf(topic: FleetTopic): readonly string[] {
  return fleetTopics[topic].columns.map(({ name, type }) =>
    type === 'text' ? name : `${name}:${type}`,
  )
}

function namesOf(topic: FleetTopic): readonly string[] {
  return fleetTopics[topic].columns.map(({ name }) => name)
}

const topicsOf = (table: Partial<Readonly<Record<FleetTopic, string>>>) =>
  Object.entries(table) as [FleetTopic, string][]

describe('the columns of PgBouncer 1.18 are there, in their order and with their types', () => {
  test.each(topicsOf(of118))('%s', (topic, columns) => {
    const wanted = columns.split(' ')
    expect(columnsOf(topic).filter((column) => wanted.includes(column))).toEqual(wanted)
  })
})

describe('the columns are those of PgBouncer 1.24, and none more but older names', () => {
  test.each(topicsOf(of124))('%s', (topic, columns) => {
    const more = added[topic]?.split(' ') ?? []
    expect(namesOf(topic)).toEqual([...columns.split(' '), ...more])
  })
})

test('every topic names each of its columns once', () => {
  for (const topic of Object.keys(fleetTopics) as FleetTopic[]) {
    const names = namesOf(topic)
    expect(new Set(names).size, topic).toBe(names.length)
  }
})
