// What became of logins over the last hours, drawn from our own metrics.
import type { Context } from 'hono'
import { html } from 'hono/html'
import { type Interval, joinIntervals, percentile, type Range } from '../history.ts'
import type { Content, Html } from '../layout/html.ts'
import { layout } from '../layout/layout.ts'
import { live } from '../layout/live.ts'
import { emptyState } from '../layout/states.ts'
import { table, type Table } from '../layout/table.ts'
import type { WebEnv } from '../visitor.ts'
import { chart, type Line, mostLines } from './chart.ts'
import type { Desk, Operator } from './desk.ts'
import type { Topic } from './event-hub.ts'
import { link, moment, number } from './shown.ts'

interface Span {
  readonly label: string
  readonly range: Range
  readonly stepMs: number
  readonly steps: number
}

const minuteMs = 60_000

const spans = {
  minutes: { label: 'Last 10 minutes', range: 'hour', stepMs: 10_000, steps: 60 },
  hour: { label: 'Last hour', range: 'hour', stepMs: minuteMs, steps: 60 },
  day: { label: 'Last 24 hours', range: 'day', stepMs: 30 * minuteMs, steps: 48 },
} as const satisfies Record<string, Span>

type SpanName = keyof typeof spans

export async function statisticsPage(
  c: Context<WebEnv>,
  desk: Desk,
  operator: Operator,
): Promise<Response> {
  const name = spanIn(c.req.query('span'))
  const choices = Object.entries(spans).map(([one, { label }]): Html =>
    one === name
      ? html`<li><strong aria-current="true">${label}</strong></li>`
      : html`<li>${link(`/statistics?span=${one}`, label)}</li>`,
  )
  const body = html`<ul class="places" aria-label="How far back">
      ${choices}
    </ul>
    ${live(`/events?topics=statistics&span=${name}`, content(desk, name))}`
  return c.html(layout({ title: 'Statistics', visitor: operator, place: 'statistics' }, body))
}

export function statisticsTopic(desk: Desk, query: (name: string) => string | undefined): Topic {
  const name = spanIn(query('span'))
  return {
    key: `statistics ${name}`,
    refreshMs: 10_000,
    mark: async () => {
      const last = desk.services.history(spans[name].range).intervals.at(-1)
      return Promise.resolve(JSON.stringify(last ?? null))
    },
    render: async () => new Map([['statistics', (await content(desk, name)).toString()]]),
  }
}

function spanIn(text: string | undefined): SpanName {
  return text !== undefined && Object.hasOwn(spans, text) ? (text as SpanName) : 'hour'
}

interface Point {
  readonly at: number
  /** Undefined: nobody was asked then. */
  readonly interval: Interval | undefined
}

/** One for each step until now, in each of which are the intervals that began in it. */
export function pointsOf(
  intervals: readonly Interval[],
  { stepMs, steps }: Pick<Span, 'stepMs' | 'steps'>,
  now: number,
): readonly Point[] {
  const last = Math.floor(now / stepMs)
  const byStep = Map.groupBy(intervals, ({ at }) => Math.floor(at / stepMs))
  return Array.from({ length: steps }, (_, index) => {
    const step = last - steps + 1 + index
    const inside = byStep.get(step)
    return { at: step * stepMs, interval: inside && joinIntervals(inside) }
  })
}

function content({ services, now }: Desk, name: SpanName): Html {
  const span = spans[name]
  const { intervals } = services.history(span.range)
  const points = pointsOf(intervals, span, now)
  if (points.every(({ interval }) => interval === undefined)) {
    const hint = 'The first values come within ten seconds of a start.'
    return html`<div id="statistics">${emptyState('There are no values yet.', hint)}</div>`
  }
  const axis = { from: clock(points[0]?.at ?? now), to: clock(points.at(-1)?.at ?? now) }
  const values = (read: (one: Interval) => number | undefined): Line['values'] =>
    points.map(({ interval }) => interval && read(interval))
  const all = joinIntervals(points.flatMap(({ interval }) => interval ?? []))
  const refused = Object.values(all.refused).reduce((sum, count) => sum + count, 0)
  const reasons = Object.entries(all.refused).sort(([, one], [, other]) => other - one)
  const percentiles = [0.5, 0.95, 0.99] as const
  return html`<div id="statistics">
    <div class="charts">
      ${chart({
        ...axis,
        ...{ id: 'logins', title: 'Logins', write: number },
        description: `${number(all.admitted)} were let in, ${number(refused)} refused, ${number(all.abandoned)} given up by the client.`,
        lines: [
          { label: 'let in', values: values(({ admitted }) => admitted) },
          { label: 'refused', values: values(refusedIn) },
          { label: 'given up', values: values(({ abandoned }) => abandoned) },
        ],
      })}
      ${chart({
        ...axis,
        ...{ id: 'refusals', title: 'Refusals by reason', write: number },
        description: describeReasons(reasons),
        lines: reasons.slice(0, mostLines).map(([reason]) => ({
          label: reason,
          values: values((one) => one.refused[reason] ?? 0),
        })),
      })}
      ${chart({
        ...axis,
        ...{ id: 'sessions', title: 'Open sessions', write: number },
        description: `At most ${number(all.sessions)} were open.`,
        lines: [{ label: 'open', values: values(({ sessions }) => sessions) }],
      })}
      ${chart({
        ...axis,
        ...{ id: 'latency', title: 'How long logins took', write: seconds },
        description: percentiles
          .map((share) => `${share * 100} % within ${seconds(percentile(all.durations, share))}`)
          .join(', '),
        lines: percentiles.map((share) => ({
          label: `${share * 100} %`,
          values: values(({ durations }) => percentile(durations, share)),
        })),
      })}
    </div>
    <details>
      <summary>The same as a table</summary>
      ${table(
        pointTable,
        points.filter(({ interval }) => interval !== undefined),
      )}
      ${reasons.length === 0 ? '' : table(reasonTable, reasons)}
    </details>
  </div>`
}

function refusedIn({ refused }: Interval): number {
  return Object.values(refused).reduce((sum, count) => sum + count, 0)
}

function describeReasons(reasons: readonly (readonly [string, number])[]): string {
  if (reasons.length === 0) return 'Nobody was refused.'
  const told = reasons.slice(0, mostLines).map(([reason, count]) => `${reason} ${number(count)}`)
  const rest =
    reasons.length > told.length ? `, and ${reasons.length - told.length} other reasons` : ''
  return `${told.join(', ')}${rest}`
}

/** Of UTC, as everything that no script has turned into the reader's time. */
function clock(at: number): string {
  return `${new Date(at).toISOString().slice(11, 16)} UTC`
}

function seconds(value: number | undefined): string {
  if (value === undefined) return 'none'
  if (value < 1) return `${Math.round(value * 10_000) / 10} ms`
  return `${Math.round(value * 100) / 100} s`
}

const share =
  (wanted: number): ((point: Point) => string) =>
  ({ interval }) =>
    seconds(interval && percentile(interval.durations, wanted))

const pointTable: Table<Point> = {
  caption: 'Logins and sessions over time',
  columns: [
    { label: 'From', cell: ({ at }): Content => moment(at) },
    { label: 'Let in', cell: ({ interval }) => number(interval?.admitted ?? 0), isNumber: true },
    {
      label: 'Refused',
      cell: ({ interval }) => number(interval ? refusedIn(interval) : 0),
      isNumber: true,
    },
    { label: 'Given up', cell: ({ interval }) => number(interval?.abandoned ?? 0), isNumber: true },
    { label: 'Sessions', cell: ({ interval }) => number(interval?.sessions ?? 0), isNumber: true },
    { label: '50 %', cell: share(0.5), isNumber: true },
    { label: '95 %', cell: share(0.95), isNumber: true },
    { label: '99 %', cell: share(0.99), isNumber: true },
  ],
}

const reasonTable: Table<readonly [string, number]> = {
  caption: 'Refusals by reason',
  columns: [
    { label: 'Reason', cell: ([reason]) => reason },
    { label: 'Logins', cell: ([, count]) => number(count), isNumber: true },
  ],
}
