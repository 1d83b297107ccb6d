// CONFIG, VERSION, STATE, LISTS, MEM and names that were resolved.
import { openPools } from './pools.ts'
import { columns, type Topic } from './topic.ts'

/** Whose console this one is like: tools decide by the first number that they find. */
const likePgBouncer = 'PgBouncer 1.24.1 compatible'

export const config: Topic = {
  columns: columns('key', 'value', 'default', 'changeable'),
  show: (fleet) => ({
    rows: fleet
      .node()
      .settings.map((one) => [
        ...[one.key, one.value, one.default],
        one.isChangeable ? 'yes' : 'no',
      ]),
  }),
}

export const version: Topic = {
  columns: columns('version'),
  show: (fleet) => ({ rows: [[`${likePgBouncer}, Portcullis ${fleet.node().version}`]] }),
}

export const state: Topic = {
  columns: columns('key', 'value'),
  show: (fleet) => {
    const { state: is } = fleet.node()
    const states = ['active', 'paused', 'suspended'] as const
    return { rows: states.map((one) => [one, one === is ? 'yes' : 'no']) }
  },
}

export const lists: Topic = {
  columns: columns('list', ['items', 'int4']),
  show: async (fleet) => {
    const [{ pools, unanswered }, usage, hosts] = await Promise.all([
      openPools(fleet),
      fleet.ask('usage'),
      fleet.askOne('hosts'),
    ])
    const { databases, roles, maxSessions } = fleet.node()
    const users = new Set([...roles, ...pools.map(({ role }) => role)])
    const sessions = pools.reduce((total, one) => total + one.sessions, 0)
    const servers = pools.reduce((total, one) => total + one.servers, 0)
    const sum = (read: (one: (typeof usage.answers)[number]) => number): number =>
      usage.answers.reduce((total, one) => total + read(one), 0)
    return {
      rows: [
        ['databases', databases.length],
        ['users', users.size],
        ['peers', 0],
        ['pools', pools.length],
        ['peer_pools', 0],
        // As many as may come still.
        ['free_clients', Math.max(0, maxSessions - sessions)],
        ['used_clients', sessions],
        ['login_clients', sum(({ unauthenticated }) => unauthenticated)],
        ['free_servers', sum(({ warm }) => warm)],
        ['used_servers', servers],
        ['dns_names', hosts.answers[0]?.length ?? 0],
        ['dns_zones', 0],
        ['dns_queries', 0],
        ['dns_pending', 0],
      ],
      unanswered: Math.max(unanswered, usage.unanswered),
    }
  },
}

/** Each kind of memory of each process, in bytes: nothing is known of single caches. */
export const memory: Topic = {
  columns: columns(
    'name',
    ['size', 'int8'],
    ['used', 'int8'],
    ['free', 'int8'],
    ['memtotal', 'int8'],
  ),
  show: async (fleet) => {
    const { answers, unanswered } = await fleet.ask('usage')
    const rows = answers.flatMap((one) => {
      const { processId, residentBytes, heapBytes, heapUsedBytes, bufferBytes } = one
      return [
        [`resident ${processId}`, 1, residentBytes, 0, residentBytes],
        [`heap ${processId}`, 1, heapUsedBytes, heapBytes - heapUsedBytes, heapBytes],
        [`buffers ${processId}`, 1, bufferBytes, 0, bufferBytes],
      ]
    })
    return { rows, unanswered }
  },
}

export const dnsHosts: Topic = {
  columns: columns('hostname', ['ttl', 'int8'], 'addrs'),
  show: async (fleet) => {
    const { answers, unanswered } = await fleet.askOne('hosts')
    const rows = (answers[0] ?? []).map(({ name, addresses, freshForMs }) => [
      ...[name, Math.ceil(freshForMs / 1_000), addresses.join(',')],
    ])
    return { rows, unanswered }
  },
}
