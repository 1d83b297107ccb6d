// Who is in: live, and as an address with a filter.
import type { Context } from 'hono'
import { html } from 'hono/html'
import type { ConsoleRight } from '../../policy/catalog.ts'
import type { SessionList, SessionSummary } from '../../session/session-summary.ts'
import { button, postButton } from '../layout/buttons.ts'
import { textField } from '../layout/fields.ts'
import type { Content, Html } from '../layout/html.ts'
import { layout } from '../layout/layout.ts'
import { live } from '../layout/live.ts'
import { badge, emptyState } from '../layout/states.ts'
import { table, tableBody, type Table } from '../layout/table.ts'
import type { WebEnv } from '../visitor.ts'
import type { Desk, Operator } from './desk.ts'
import type { Topic } from './event-hub.ts'
import { type Filter, type FilterName, filterNames, readFilter } from './session-filter.ts'
import { address, counted, cut, link, moment, shown, unansweredNotice } from './shown.ts'

const labels = {
  person: 'Person',
  role: 'Role',
  database: 'Database',
  pool: 'Pool',
  address: 'Address',
} as const satisfies Record<FilterName, string>

const states = { busy: 'busy', idle: 'idle', 'in-transaction': 'in a transaction' } as const

const nobody: SessionList = { sessions: [], total: 0, unanswered: 0 }

export async function sessionsPage(
  c: Context<WebEnv>,
  desk: Desk,
  operator: Operator,
): Promise<Response> {
  const { filter, selector, problem } = readFilter((name) => c.req.query(name))
  const sessions = selector === undefined ? nobody : await desk.sessions(selector)
  const events = address('/events', { topics: 'sessions', ...filter })
  const shape = sessionTable(operator.right, desk)
  const rows = html`${summary(sessions, filter)} ${table(shape, sessions.sessions)}`
  const body = html`${filterForm(filter, problem)}
  ${problem === undefined ? live(events, rows) : ''} ${keptOut(desk, operator)}`
  const frame = { title: 'Sessions', visitor: operator, place: 'sessions' } as const
  return c.html(layout(frame, body), problem === undefined ? 200 : 400)
}

export function sessionsTopic(
  desk: Desk,
  right: ConsoleRight,
  query: (name: string) => string | undefined,
): Topic | undefined {
  const { filter, selector } = readFilter(query)
  if (selector === undefined) return undefined
  return {
    key: `sessions ${right} ${JSON.stringify(filter)}`,
    refreshMs: 2_000,
    mark: async () => {
      const { answers, unanswered } = await desk.ask('changes', 200)
      const marks = answers.map(({ process, sessions }) => `${process}:${sessions}`).sort()
      return `${marks.join(' ')} ${unanswered}`
    },
    render: async () => {
      const sessions = await desk.sessions(selector, 0)
      return new Map([
        ['sessions-summary', (await summary(sessions, filter)).toString()],
        [
          'sessions-rows',
          (await tableBody(sessionTable(right, desk), sessions.sessions)).toString(),
        ],
      ])
    },
  }
}

function summary({ sessions, total, unanswered }: SessionList, filter: Filter): Html {
  const isFiltered = Object.keys(filter).length > 0
  const text =
    total > 0
      ? html`<p>
          ${counted(total, 'session')}${isFiltered ? ' that you asked for' : ''}.
          ${cut(sessions.length, total)}
        </p>`
      : isFiltered
        ? emptyState('There are no such sessions.', html`<a href="/sessions">Show all</a>`)
        : emptyState('Nobody is connected.', 'Sessions appear here when somebody logs in.')
  return html`<div id="sessions-summary">${text} ${unansweredNotice(unanswered)}</div>`
}

function sessionTable(right: ConsoleRight, { services }: Desk): Table<SessionSummary> {
  return {
    caption: 'Open sessions, the oldest first',
    id: 'sessions-rows',
    key: ({ session }) => session,
    columns: [
      { label: 'Person', cell: (one): Content => link(`/sessions/${one.session}`, whose(one)) },
      { label: 'Role', cell: ({ role }) => shown(role, 'console') },
      { label: 'Database', cell: ({ database }) => shown(database) },
      { label: 'Pool', cell: ({ pool }) => shown(pool) },
      { label: 'Address', cell: (one) => shown(one.address) },
      { label: 'Application', cell: ({ application }) => shown(application, 'not told') },
      { label: 'Since', cell: ({ since }): Content => moment(since) },
      { label: 'Until', cell: ({ until }): Content => moment(until, 'no limit') },
      { label: 'State', cell: state },
      ...(services.replica === undefined
        ? []
        : [{ label: 'Replica', cell: ({ replica }: SessionSummary) => shown(replica) }]),
      ...(right === 'admin' ? [{ label: 'End', cell: endLink }] : []),
    ],
  }
}

function endLink(one: SessionSummary): Content {
  const what = `End the session of ${whose(one)} at ${shown(one.database)}`
  return link(`/sessions/${one.session}#end`, 'End', what)
}

function state({ activity }: SessionSummary): Content {
  if (activity === undefined) return ''
  return badge(states[activity.standing], activity.standing === 'idle' ? 'plain' : 'good')
}

/** Whoever came by a password has no identity. */
export function whose({ principal, user }: SessionSummary): string {
  return shown(principal ?? user, 'unknown')
}

function filterForm(filter: Filter, problem: ReturnType<typeof readFilter>['problem']): Html {
  const fields = filterNames.map((name): Html =>
    textField({
      name,
      label: labels[name],
      value: filter[name] ?? '',
      ...(problem?.name === name && { problem: problem.text }),
    }),
  )
  return html`<form method="get" action="/sessions" role="search" aria-label="Which sessions">
    <div class="fields">${fields}</div>
    ${button('Show')} <a href="/sessions">Show all</a>
  </form>`
}

/** Who was kept out on a page or at the console, and may be let in again. */
function keptOut({ services, now }: Desk, operator: Operator): Html {
  const rows = services.fleet
    .standingOrders()
    .flatMap((one) =>
      one.end !== 'revoked' || one.refusedUntilMs <= now
        ? []
        : one.selectors.map((selector) => ({ ...one, selector })),
    )
  if (rows.length === 0) return html``
  type Row = (typeof rows)[number]
  const letIn = ({ selector: { subject, issuer, ...others } }: Row): Content => {
    const isPerson = Object.values(others).every((value) => value === undefined)
    if (!isPerson || subject === undefined || issuer === undefined) return 'at the console'
    const description = `Let ${shown(subject)} in again`
    return postButton(
      operator,
      '/sessions/restore',
      'Let in again',
      { subject, issuer },
      {
        kind: 'small',
        description,
      },
    )
  }
  const criteria = ({ selector }: Row): string =>
    Object.entries(selector)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name} ${shown(String(value))}`)
      .join(', ')
  const shape: Table<Row> = {
    caption: 'Kept out',
    columns: [
      { label: 'Who', cell: criteria },
      { label: 'Until', cell: ({ refusedUntilMs }): Content => moment(refusedUntilMs) },
      { label: 'By', cell: ({ by }) => shown(by) },
      ...(operator.right === 'admin' ? [{ label: 'Let in', cell: letIn }] : []),
    ],
  }
  return html`<h2>Kept out</h2>
    ${table(shape, rows)}`
}
