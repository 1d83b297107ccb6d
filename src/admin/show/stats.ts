// STATS and its kin: what passed in all, and on the average of the last period.
import { type DatabaseTotals, sumOf } from '../../session/database-statistics.ts'
import type { Column } from '../answer.ts'
import type { ConsoleFleet, DatabaseStatistic } from '../console-fleet.ts'
import { columns, type Row, type Shown, type Topic } from './topic.ts'

interface Figure {
  /** Behind `total_` and `avg_`; in STATS_TOTALS and STATS_AVERAGES. */
  readonly total: string
  readonly average: string
  readonly plain: string
  readonly of: (totals: DatabaseTotals) => number
  /** What the average is for each of; a second where nothing is said. */
  readonly per?: (totals: DatabaseTotals) => number
}

const figure = (name: string, of: Figure['of'], per?: Figure['per']): Figure => ({
  ...{ total: name, average: name, plain: name, of },
  ...(per && { per }),
})
const microseconds = (ms: number): number => Math.round(ms * 1_000)
const nothing = (): number => 0

/** PgBouncer's, in its order. A session is given its server once. */
const figures: readonly Figure[] = [
  figure('server_assignment_count', ({ sessions }) => sessions),
  figure('xact_count', ({ transactions }) => transactions),
  figure('query_count', ({ queries }) => queries),
  {
    ...{ total: 'received', average: 'recv', plain: 'bytes_received' },
    of: ({ bytesFromFrontend }) => bytesFromFrontend,
  },
  {
    ...{ total: 'sent', average: 'sent', plain: 'bytes_sent' },
    of: ({ bytesFromUpstream }) => bytesFromUpstream,
  },
  figure(
    'xact_time',
    ({ transactionMs }) => microseconds(transactionMs),
    ({ transactions }) => transactions,
  ),
  figure(
    'query_time',
    ({ queryMs }) => microseconds(queryMs),
    ({ queries }) => queries,
  ),
  figure('wait_time', ({ waitMs }) => microseconds(waitMs)),
  // Statements are not read on their way.
  figure('client_parse_count', nothing),
  figure('server_parse_count', nothing),
  figure('bind_count', nothing),
]

const int8 = (name: string): readonly [string, 'int8'] => [name, 'int8']
const database: Column = { name: 'database', type: 'text' }

/** What `total_query_count` was called before PgBouncer 1.8, and is by exporters that are older. */
const requests = 'total_requests'

export const stats: Topic = {
  columns: [
    database,
    ...columns(
      ...figures.map(({ total }) => int8(`total_${total}`)),
      ...figures.map(({ average }) => int8(`avg_${average}`)),
      int8(requests),
    ),
  ],
  show: async (fleet) =>
    byDatabase(fleet, (one) => [...totals(one), ...averages(one), one.totals.queries]),
}

export const statsTotals: Topic = {
  columns: [database, ...columns(...figures.map(({ plain }) => int8(plain)))],
  show: async (fleet) => byDatabase(fleet, totals),
}

export const statsAverages: Topic = {
  columns: [database, ...columns(...figures.map(({ plain }) => int8(plain)))],
  show: async (fleet) => byDatabase(fleet, averages),
}

export const allTotals: Topic = {
  columns: columns('name', ['value', 'int8']),
  show: async (fleet) => {
    const { databases, unanswered } = await fleet.statistics()
    const all = [...databases.values()]
    const whole: DatabaseStatistic = {
      totals: sumOf(all.map((one) => one.totals)),
      period: sumOf(all.map((one) => one.period)),
      periodMs: all[0]?.periodMs ?? 0,
    }
    const names = [
      ...figures.map(({ total }) => `total_${total}`),
      ...figures.map(({ average }) => `avg_${average}`),
    ]
    const values = [...totals(whole), ...averages(whole)]
    return { rows: names.map((name, index) => [name, values[index] ?? 0]), unanswered }
  },
}

async function byDatabase(
  fleet: ConsoleFleet,
  toCells: (statistic: DatabaseStatistic) => Row,
): Promise<Shown> {
  const { databases, unanswered } = await fleet.statistics()
  const named = [...databases].sort(([one], [other]) => (one < other ? -1 : 1))
  return { rows: named.map(([name, statistic]) => [name, ...toCells(statistic)]), unanswered }
}

function totals({ totals: all }: DatabaseStatistic): readonly number[] {
  return figures.map(({ of }) => of(all))
}

function averages({ period, periodMs }: DatabaseStatistic): readonly number[] {
  const seconds = periodMs / 1_000
  return figures.map(({ of, per }) => {
    const by = per === undefined ? seconds : per(period)
    return by > 0 ? Math.round(of(period) / by) : 0
  })
}
