// POOLS, DATABASES and USERS, as PgBouncer's exporters read them.
import { joinCounts } from '../../session/pool-counts.ts'
import type { PoolCount } from '../../session/process-view.ts'
import type { ConsoleFleet, DatabaseFacts } from '../console-fleet.ts'
import { columns, type Row, type Topic } from './topic.ts'

/** Each session has a server of its own. */
const poolMode = 'session'

export const pools: Topic = {
  columns: columns(
    'database',
    'user',
    ['cl_active', 'int4'],
    ['cl_waiting', 'int4'],
    ['cl_active_cancel_req', 'int4'],
    ['cl_waiting_cancel_req', 'int4'],
    ['sv_active', 'int4'],
    ['sv_active_cancel', 'int4'],
    ['sv_being_canceled', 'int4'],
    ['sv_idle', 'int4'],
    ['sv_used', 'int4'],
    ['sv_tested', 'int4'],
    ['sv_login', 'int4'],
    ['maxwait', 'int4'],
    ['maxwait_us', 'int4'],
    'pool_mode',
    'load_balance_hosts',
  ),
  show: async (fleet) => {
    const { pools: counts, unanswered } = await openPools(fleet)
    const balanced = new Set(
      fleet.node().databases.flatMap(({ name, isBalanced }) => (isBalanced ? name : [])),
    )
    const rows = counts.map(({ database, role, sessions, servers }): Row => [
      ...[database, role, sessions, 0, 0, 0],
      ...[servers, 0, 0, 0, 0, 0, 0, 0, 0, poolMode],
      balancing(balanced.has(database)),
    ])
    return { rows, unanswered }
  },
}

export const databases: Topic = {
  columns: columns(
    'name',
    'host',
    ['port', 'int4'],
    'database',
    'force_user',
    ['pool_size', 'int4'],
    ['min_pool_size', 'int4'],
    ['reserve_pool_size', 'int4'],
    ['server_lifetime', 'int4'],
    'pool_mode',
    'load_balance_hosts',
    ['max_connections', 'int4'],
    ['current_connections', 'int4'],
    ['max_client_connections', 'int4'],
    ['current_client_connections', 'int4'],
    ['paused', 'int4'],
    ['disabled', 'int4'],
    // As it was called before PgBouncer 1.24: exporters ask for it by this name, too.
    ['reserve_pool', 'int4'],
  ),
  show: async (fleet) => {
    const { pools: counts, unanswered } = await openPools(fleet)
    const open = sessionsBy(counts, ({ database }) => database)
    const rows = fleet.node().databases.map((database): Row => {
      const count = open.get(database.name) ?? 0
      const most = database.maxSessions ?? 0
      return [
        ...[database.name, ...server(database), database.database, null],
        ...[most, 0, 0, 0, poolMode, balancing(database.isBalanced)],
        ...[most, count, most, count],
        ...[Number(database.isPaused), Number(database.isDisabled), 0],
      ]
    })
    return { rows, unanswered }
  },
}

export const users: Topic = {
  columns: columns(
    'name',
    ['pool_size', 'int4'],
    ['reserve_pool_size', 'int4'],
    'pool_mode',
    ['max_user_connections', 'int4'],
    ['current_connections', 'int4'],
    ['max_user_client_connections', 'int4'],
    ['current_client_connections', 'int4'],
  ),
  show: async (fleet) => {
    const { pools: counts, unanswered } = await openPools(fleet)
    const open = sessionsBy(counts, ({ role }) => role)
    const names = [...new Set([...fleet.node().roles, ...open.keys()])].sort()
    const rows = names.map((name): Row => {
      const count = open.get(name) ?? 0
      return [name, null, null, null, 0, count, 0, count]
    })
    return { rows, unanswered }
  },
}

/** Those with sessions, in an order that does not change with them. */
export async function openPools(
  fleet: ConsoleFleet,
): Promise<{ readonly pools: readonly PoolCount[]; readonly unanswered: number }> {
  const { answers, unanswered } = await fleet.ask('pools')
  const keyOf = ({ database, role }: PoolCount): string => JSON.stringify([database, role])
  const pools = [...joinCounts(answers)].sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1))
  return { pools, unanswered }
}

function sessionsBy(
  counts: readonly PoolCount[],
  nameOf: (count: PoolCount) => string,
): ReadonlyMap<string, number> {
  const sums = new Map<string, number>()
  for (const one of counts) sums.set(nameOf(one), (sums.get(nameOf(one)) ?? 0) + one.sessions)
  return sums
}

function balancing(isBalanced: boolean): string {
  return isBalanced ? 'round-robin' : 'disable'
}

/** Several hosts in one column, as PgBouncer writes them. */
function server({ hosts }: DatabaseFacts): readonly [host: string, port: number] {
  return [hosts.map(({ host }) => host).join(','), hosts[0]?.port ?? 0]
}
