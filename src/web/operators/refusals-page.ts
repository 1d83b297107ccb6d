// Who was not let in: the latest, how often for which reason, and each with what was compared.
import type { Context } from 'hono'
import { html } from 'hono/html'
import { type Reason, reasons } from '../../refusal.ts'
import type { DeniedLogin, ExplainedDenial } from '../../session/denied-login.ts'
import { button } from '../layout/buttons.ts'
import { definitions } from '../layout/definitions.ts'
import { textField } from '../layout/fields.ts'
import type { Content, Html } from '../layout/html.ts'
import { layout } from '../layout/layout.ts'
import { live } from '../layout/live.ts'
import { badge, emptyState } from '../layout/states.ts'
import { table, tableBody, type Table } from '../layout/table.ts'
import type { WebEnv } from '../visitor.ts'
import { type Desk, mostRows, type Operator } from './desk.ts'
import type { Topic } from './event-hub.ts'
import { isReference } from './session-page.ts'
import { address, counted, cut, link, moment, number, shown, unansweredNotice } from './shown.ts'

const responsible = {
  client: 'the client',
  policy: "Portcullis' administrator",
  issuer: 'the identity provider',
  upstream: 'the administrator of the database',
  proxy: 'the operator of Portcullis',
} as const

type Refusals = Awaited<ReturnType<Desk['refusals']>>

export async function refusalsPage(
  c: Context<WebEnv>,
  desk: Desk,
  operator: Operator,
): Promise<Response> {
  const reference = c.req.query('reference')?.trim() ?? ''
  if (isReference(reference)) return c.redirect(`/refusals/${reference}`, 303)
  const reason = reasonOf(c.req.query('reason'))
  const refusals = await desk.refusals()
  const chosen = ofReason(refusals, reason)
  const events = address('/events', { topics: 'refusals', reason })
  const body = html`${searchForm(reference)}
  ${live(
    events,
    html`${summary(chosen, refusals.unanswered, reason)}
      <h2>By reason</h2>
      ${table(countTable, countsOf(refusals.latest))}
      <h2>${reason === undefined ? 'The latest' : `The latest for ${reason}`}</h2>
      ${table(refusalTable, chosen.slice(0, mostRows))}`,
  )}`
  return c.html(layout({ title: 'Refusals', visitor: operator, place: 'refusals' }, body))
}

export function refusalsTopic(desk: Desk, query: (name: string) => string | undefined): Topic {
  const reason = reasonOf(query('reason'))
  return {
    key: `refusals ${reason ?? ''}`,
    refreshMs: 10_000,
    mark: async () => {
      const { answers, unanswered } = await desk.ask('changes', 200)
      const marks = answers.map(({ process, refusals }) => `${process}:${refusals}`).sort()
      return `${marks.join(' ')} ${unanswered}`
    },
    render: async () => {
      const refusals = await desk.refusals(0)
      const chosen = ofReason(refusals, reason)
      return new Map([
        ['refusals-summary', (await summary(chosen, refusals.unanswered, reason)).toString()],
        ['refusals-counts', (await tableBody(countTable, countsOf(refusals.latest))).toString()],
        ['refusals-rows', (await tableBody(refusalTable, chosen.slice(0, mostRows))).toString()],
      ])
    },
  }
}

function reasonOf(text: string | undefined): Reason | undefined {
  return text !== undefined && Object.hasOwn(reasons, text) ? (text as Reason) : undefined
}

function ofReason({ latest }: Refusals, reason: Reason | undefined): readonly DeniedLogin[] {
  return reason === undefined ? latest : latest.filter((one) => one.reason === reason)
}

function summary(
  chosen: readonly DeniedLogin[],
  unanswered: number,
  reason: Reason | undefined,
): Html {
  const all = reason === undefined ? '' : html` <a href="/refusals">Show all reasons</a>`
  const text =
    chosen.length === 0
      ? emptyState('Nobody was refused.', 'The last 50 of each reason are kept until a restart.')
      : html`<p>
          ${counted(chosen.length, 'refused login')} kept.
          ${cut(Math.min(chosen.length, mostRows), chosen.length)}
        </p>`
  return html`<div id="refusals-summary">${text}${all} ${unansweredNotice(unanswered)}</div>`
}

interface Count {
  readonly reason: Reason
  readonly count: number
  readonly lastMs: number
}

function countsOf(latest: readonly DeniedLogin[]): readonly Count[] {
  const counts = new Map<Reason, { count: number; lastMs: number }>()
  for (const { reason, count, atMs } of latest) {
    const known = counts.get(reason) ?? { count: 0, lastMs: 0 }
    counts.set(reason, {
      count: known.count + count,
      lastMs: Math.max(known.lastMs, atMs),
    })
  }
  return [...counts]
    .map(([reason, one]) => ({ reason, ...one }))
    .sort((one, other) => other.count - one.count || (one.reason < other.reason ? -1 : 1))
}

const countTable: Table<Count> = {
  caption: 'Refused logins by reason, of those that are kept',
  id: 'refusals-counts',
  key: ({ reason }) => reason,
  columns: [
    { label: 'Reason', cell: ({ reason }): Content => link(`/refusals?reason=${reason}`, reason) },
    { label: 'Logins', cell: ({ count }) => number(count), isNumber: true },
    { label: 'Last', cell: ({ lastMs }): Content => moment(lastMs) },
    { label: 'Who has to act', cell: ({ reason }) => responsible[reasons[reason].fault] },
  ],
}

const refusalTable: Table<DeniedLogin> = {
  caption: 'Refused logins, the latest first',
  id: 'refusals-rows',
  key: ({ session, atMs }) => `${session} ${atMs}`,
  columns: [
    {
      label: 'When',
      cell: ({ atMs, session }): Content =>
        html`<a href="/refusals/${session}">${moment(atMs)}</a>`,
    },
    { label: 'Reason', cell: ({ reason }) => reason },
    { label: 'Logins', cell: ({ count }) => number(count), isNumber: true },
    { label: 'Person', cell: ({ principal }) => shown(principal, 'not known') },
    { label: 'User', cell: ({ user }) => shown(user) },
    { label: 'Database', cell: ({ database }) => shown(database) },
    { label: 'Pool', cell: ({ pool }) => shown(pool) },
    { label: 'Address', cell: (one) => shown(one.address) },
    { label: 'Application', cell: ({ application }) => shown(application, 'not told') },
  ],
}

function searchForm(reference: string): Html {
  const isWrong = reference !== ''
  return html`<form method="get" action="/refusals" role="search" aria-label="By reference">
    ${textField({
      name: 'reference',
      label: 'Reference',
      type: 'search',
      value: reference,
      hint: 'The client shows it as the session in the DETAIL of the error.',
      maxLength: 64,
      ...(isWrong && { problem: 'It has letters, digits and hyphens.' }),
    })}
    ${button('Find')}
  </form>`
}

export async function refusalPage(
  c: Context<WebEnv>,
  desk: Desk,
  operator: Operator,
  reference: string,
): Promise<Response> {
  const found = isReference(reference)
    ? await desk.services.fleet.refusal(reference)
    : { answers: [], unanswered: 0 }
  const frame = { visitor: operator, place: 'refusals' } as const
  const [one] = found.answers
  if (one === undefined) {
    const body = html`<p>
        The last 50 of each reason are kept, until a restart, by the node that refused them. The log
        and the audit have it for longer, under this reference.
      </p>
      ${unansweredNotice(found.unanswered)} ${searchForm('')}`
    return c.html(layout({ ...frame, title: 'There is no such refusal here' }, body), 404)
  }
  return c.html(layout({ ...frame, title: `Refused: ${one.reason}` }, explained(one)))
}

function explained(one: ExplainedDenial): Html {
  const { fault, meaning, remedy } = reasons[one.reason]
  return html`${definitions([
      ['When', moment(one.atMs)],
      ['Person', shown(one.principal, 'not known: no token was verified')],
      ['Subject', shown(one.subject, 'not known')],
      ['Issuer', shown(one.issuer, 'not known')],
      ['User', shown(one.user, 'not told')],
      ['Database', shown(one.database, 'not told')],
      ['Application', shown(one.application, 'not told')],
      ['Address', shown(one.address)],
      ['Pool', shown(one.pool, 'none')],
      ['Integration', shown(one.integration, 'none')],
      ['Logins refused alike', number(one.count)],
      ['Reference', shown(one.session)],
    ])}
    <h2>What happened</h2>
    ${
      one.steps.length === 0
        ? html`<p>It ended before anything was compared, or too many came after it.</p>`
        : table(stepTable, [...one.steps.entries()])
    }
    <p>${one.why === undefined ? '' : html`The log says: <code>${shown(one.why)}</code>`}</p>
    <h2>What the client was told</h2>
    ${told(one)}
    <h2>What it means</h2>
    ${paragraphs(meaning)}
    <h2>What to do</h2>
    ${paragraphs(remedy)}
    <p>
      What to do is for ${responsible[fault]}. docs/troubleshooting.md has this under
      <code>${one.reason}</code>.
    </p>
    <p><a href="/refusals?reason=${one.reason}">Others for this reason</a></p>`
}

const stepTable: Table<readonly [number, ExplainedDenial['steps'][number]]> = {
  caption: 'What was compared, in this order',
  columns: [
    { label: 'Step', cell: ([index]) => String(index + 1) },
    { label: 'Check', cell: ([, { check }]) => shown(check) },
    { label: 'Compared', cell: ([, { compared }]) => shown(compared) },
    {
      label: 'Result',
      cell: ([, { passed }]): Content =>
        passed ? badge('passed', 'good') : badge('failed', 'bad'),
    },
  ],
}

function told({ told: error }: ExplainedDenial): Html {
  if (error === undefined) return html`<p>Nothing, or what PostgreSQL said itself.</p>`
  return definitions([
    ['SQLSTATE', error.sqlstate],
    ['Message', shown(error.message)],
    ...(error.detail === undefined ? [] : ([['Detail', shown(error.detail)]] as const)),
    ...(error.hint === undefined ? [] : ([['Hint', shown(error.hint)]] as const)),
  ])
}

/** With what stands in backquotes as code. */
function paragraphs(text: string): Html {
  const parts = text.split('`')
  return html`<p>
    ${parts.map((part, index): Html => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`))}
  </p>`
}
