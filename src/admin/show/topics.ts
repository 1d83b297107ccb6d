// The topics of SHOW that are about sessions and this node.
import type { Answer, ConsoleNotice } from '../answer.ts'
import type { ConsoleFleet } from '../console-fleet.ts'
import type { ShowTopic } from '../grammar/show-topics.ts'
import { dnsZones, fds, peerPools, peers } from './absent.ts'
import { denials, revocations } from './denials.ts'
import { keys } from './keys.ts'
import { config, dnsHosts, lists, memory, state, version } from './node.ts'
import { databases, pools, users } from './pools.ts'
import { replicas } from './replicas.ts'
import { identities, sessions } from './sessions.ts'
import { allSockets, clients, servers } from './sockets.ts'
import { allTotals, stats, statsAverages, statsTotals } from './stats.ts'
import type { Topic } from './topic.ts'

export const fleetTopics = {
  ACTIVE_SOCKETS: allSockets,
  CLIENTS: clients,
  CONFIG: config,
  DATABASES: databases,
  DENIALS: denials,
  DNS_HOSTS: dnsHosts,
  DNS_ZONES: dnsZones,
  FDS: fds,
  IDENTITIES: identities,
  KEYS: keys,
  LISTS: lists,
  MEM: memory,
  PEERS: peers,
  PEER_POOLS: peerPools,
  POOLS: pools,
  REPLICAS: replicas,
  REVOCATIONS: revocations,
  SERVERS: servers,
  SESSIONS: sessions,
  SOCKETS: allSockets,
  STATE: state,
  STATS: stats,
  STATS_AVERAGES: statsAverages,
  STATS_TOTALS: statsTotals,
  TOTALS: allTotals,
  USERS: users,
  VERSION: version,
} as const satisfies Partial<Readonly<Record<ShowTopic, Topic>>>

export type FleetTopic = keyof typeof fleetTopics

export function isFleetTopic(topic: ShowTopic): topic is FleetTopic {
  return Object.hasOwn(fleetTopics, topic)
}

/** However many there are: an answer is held as a whole, here and where it is sent from. */
export const maxRows = 10_000

export async function showTopic(
  topic: FleetTopic,
  limit: number | undefined,
  fleet: ConsoleFleet,
): Promise<Answer> {
  const { columns, show }: Topic = fleetTopics[topic]
  const most = Math.min(limit ?? maxRows, maxRows)
  const { rows, unanswered = 0, total = rows.length, notices = [] } = await show(fleet, most)
  const isCut = limit === undefined && total > most
  return {
    tag: 'SHOW',
    table: { columns, rows: rows.slice(0, most) },
    notices: [
      ...notices,
      ...(unanswered > 0 ? [unansweredNotice(unanswered)] : []),
      ...(isCut ? [cutNotice(total, most)] : []),
    ],
  }
}

function unansweredNotice(unanswered: number): ConsoleNotice {
  return {
    severity: 'WARNING',
    message: `${unanswered} worker ${unanswered === 1 ? 'process' : 'processes'} did not answer in time`,
    detail: 'What they have is missing from these rows.',
  }
}

function cutNotice(total: number, most: number): ConsoleNotice {
  return { severity: 'NOTICE', message: `${most} of ${total} are shown` }
}
