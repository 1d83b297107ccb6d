// One session, and what an administrator may do to it and to whoever has it. Nothing is done by opening it.
import type { Context } from 'hono'
import { html } from 'hono/html'
import type { SessionSummary } from '../../session/session-summary.ts'
import { button, formToken } from '../layout/buttons.ts'
import { definitions } from '../layout/definitions.ts'
import { selectField } from '../layout/fields.ts'
import type { Html } from '../layout/html.ts'
import { layout } from '../layout/layout.ts'
import type { WebEnv } from '../visitor.ts'
import type { Desk, Operator } from './desk.ts'
import { countIn, giveOrder } from './give-order.ts'
import { counted, list, moment, number, shown, unansweredNotice } from './shown.ts'
import { whose } from './sessions-page.ts'

const hourMs = 3_600_000

/** For how long somebody may be kept out here; for other times there is the console. */
const terms = {
  '1h': { label: '1 hour', ms: hourMs },
  '8h': { label: '8 hours', ms: 8 * hourMs },
  '1d': { label: '1 day', ms: 24 * hourMs },
  '7d': { label: '7 days', ms: 168 * hourMs },
  '30d': { label: '30 days', ms: 720 * hourMs },
} as const

type Term = keyof typeof terms
type Fields = Readonly<Record<string, string>>

const back = { place: 'sessions', path: '/sessions', back: 'To the sessions' } as const

export async function sessionPage(
  c: Context<WebEnv>,
  desk: Desk,
  operator: Operator,
  id: string,
): Promise<Response> {
  const { sessions, unanswered } = await desk.sessions({ session: id })
  const [one] = sessions
  const frame = { visitor: operator, place: 'sessions' } as const
  if (one === undefined) {
    const body = html`<p>It has ended, or there never was one.</p>
      ${unansweredNotice(unanswered)}
      <p><a href="/sessions">To the sessions</a></p>`
    return c.html(layout({ ...frame, title: 'There is no such session' }, body), 404)
  }
  const body = html`${facts(one)}
    ${operator.right === 'admin' ? await acts(desk, operator, one) : ''}
    <p><a href="/sessions">To the sessions</a></p>`
  return c.html(layout({ ...frame, title: `Session of ${whose(one)}` }, body))
}

function facts(one: SessionSummary): Html {
  const { activity, server } = one
  return definitions([
    ['Person', shown(one.principal, 'came by a password')],
    ['Subject', shown(one.subject, 'none')],
    ['Issuer', shown(one.issuer, 'none')],
    ['Groups', list(one.groups, 'none')],
    ['Role', shown(one.role, 'console')],
    ['Asked to be', shown(one.user)],
    ['Database', shown(one.database)],
    ['Pool', shown(one.pool)],
    ['Integration', shown(one.integration, 'none')],
    ['Address', `${shown(one.address)} port ${one.port}`],
    ['Application', shown(one.application, 'not told')],
    ['TLS', shown(one.tls, 'none')],
    ['Since', moment(one.since)],
    ['Until', moment(one.until, 'no limit')],
    ['Server', server === undefined ? 'none' : `${shown(server.host)}:${server.port}`],
    ['Process there', one.processId === undefined ? 'none' : String(one.processId)],
    ['Statements', number(activity?.queries ?? 0)],
    ['Bytes from the client', number(activity?.bytesFromFrontend ?? 0)],
    ['Bytes from the server', number(activity?.bytesFromUpstream ?? 0)],
    ...(one.replica === undefined ? [] : [['Replica', shown(one.replica)] as const]),
    ['Reference', shown(one.session)],
  ])
}

async function acts(desk: Desk, operator: Operator, one: SessionSummary): Promise<Html> {
  const { session, subject, issuer } = one
  const end = html`<section id="end">
    <h2>End this session</h2>
    <p>Its client is told that an administrator ended it, and may log in again.</p>
    ${form(operator, '/sessions/end', { session }, button('End this session', { kind: 'danger' }))}
  </section>`
  if (subject === undefined || issuer === undefined) return end
  const { total } = await desk.sessions({ subject, issuer })
  const fields = { subject, issuer, session }
  const choice = selectField({
    name: 'for',
    label: 'For how long',
    options: Object.entries(terms).map(([value, { label }]) => ({ value, label })),
  })
  return html`${end}
    <section>
      <h2>End all sessions of ${whose(one)}</h2>
      <p>That is ${counted(total, 'session')} now. Logging in again is possible.</p>
      ${form(operator, '/sessions/end-all', fields, button('End all', { kind: 'danger' }))}
    </section>
    <section>
      <h2>Keep ${whose(one)} out</h2>
      <p>All sessions are ended, and logins are refused until then.</p>
      ${form(
        operator,
        '/sessions/keep-out',
        fields,
        html`${choice} ${button('End all and keep out', { kind: 'danger' })}`,
      )}
    </section>`
}

function form(operator: Operator, action: string, fields: Fields, rest: Html): Html {
  return html`<form method="post" action="${action}">
    ${formToken(operator)}
    ${Object.entries(fields).map(
      ([name, value]): Html => html`<input type="hidden" name="${name}" value="${value}" />`,
    )}
    ${rest}
  </form>`
}

/** Where whoever has to sign in again for this comes back. */
export function sessionPath({ session = '' }: Fields): string {
  return isReference(session) ? `/sessions/${session}` : '/sessions'
}

/** As ids of sessions are written. */
export function isReference(text: string): boolean {
  return /^[\w-]{1,64}$/.test(text)
}

export async function endSession(
  c: Context<WebEnv>,
  desk: Desk,
  operator: Operator,
  { session = '' }: Fields,
): Promise<Response> {
  const order = { text: 'KILL SESSION $1', parameters: [session] }
  return giveOrder(c, desk, operator, order, { ...back, title: ended })
}

export async function endAll(
  c: Context<WebEnv>,
  desk: Desk,
  operator: Operator,
  { subject = '', issuer = '' }: Fields,
): Promise<Response> {
  const order = { text: 'KILL SUBJECT $1 ISSUER $2', parameters: [subject, issuer] }
  return giveOrder(c, desk, operator, order, { ...back, title: ended })
}

export async function keepOut(
  c: Context<WebEnv>,
  desk: Desk,
  operator: Operator,
  { subject = '', issuer = '', for: term = '' }: Fields,
): Promise<Response> {
  // What the form does not have, somebody has made up: it is kept short.
  const { ms } = terms[Object.hasOwn(terms, term) ? (term as Term) : '1h']
  const until = new Date(desk.now + ms).toISOString().replace(/\.\d+Z$/, 'Z')
  const order = {
    text: 'REVOKE SUBJECT $1 ISSUER $2 UNTIL $3',
    parameters: [subject, issuer, until],
  }
  const title = (tag: string): string => `Kept out; ${ended(tag)}`
  return giveOrder(c, desk, operator, order, { ...back, title })
}

export async function letIn(
  c: Context<WebEnv>,
  desk: Desk,
  operator: Operator,
  { subject = '', issuer = '' }: Fields,
): Promise<Response> {
  const order = { text: 'RESTORE SUBJECT $1 ISSUER $2', parameters: [subject, issuer] }
  const title = (tag: string): string =>
    countIn(tag) === 0 ? 'Nobody was kept out' : 'Logins are possible again'
  return giveOrder(c, desk, operator, order, { ...back, title })
}

function ended(tag: string): string {
  const count = countIn(tag)
  return `${counted(count, 'session')} ${count === 1 ? 'was' : 'were'} ended`
}
