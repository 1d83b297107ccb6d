// What somebody does on a page is a statement of the console, with its values beside it.
import type { Context } from 'hono'
import { html } from 'hono/html'
import type { Answer, ConsoleFault } from '../../admin/answer.ts'
import type { Html } from '../layout/html.ts'
import { layout, type Place } from '../layout/layout.ts'
import { notice } from '../layout/states.ts'
import type { WebEnv } from '../visitor.ts'
import { consoleUser, type Desk, type Operator } from './desk.ts'
import { shown } from './shown.ts'

export interface Order {
  readonly text: string
  readonly parameters: readonly string[]
}

export interface Outcome {
  readonly place: Place
  /** Where it goes on. */
  readonly path: string
  readonly back: string
  /** What was done, by the tag of the answer. */
  readonly title: (tag: string) => string
}

export async function giveOrder(
  c: Context<WebEnv>,
  desk: Desk,
  operator: Operator,
  { text, parameters }: Order,
  outcome: Outcome,
): Promise<Response> {
  const { services } = desk
  const user = consoleUser(c, operator, services)
  const reply = await services.execute({ text, index: 0, parameters, user })
  desk.forget()
  if (reply.kind === 'waiting') throw new Error(`${text} waits for something`)
  if (reply.kind === 'fault') return faultPage(c, operator, reply.fault, outcome)
  return donePage(c, operator, reply.answer, outcome)
}

async function donePage(
  c: Context<WebEnv>,
  visitor: Operator,
  { tag, notices = [] }: Answer,
  { place, path, back, title }: Outcome,
): Promise<Response> {
  const told = notices.map(({ severity, message, detail, hint }): Html =>
    notice(
      severity === 'WARNING' ? 'warn' : 'plain',
      [sentence(message), detail ?? '', hint ?? ''].filter((one) => one !== '').join(' '),
    ),
  )
  const body = html`${told}
    <p><a class="button" href="${path}">${back}</a></p>`
  return c.html(layout({ title: title(tag), visitor, place }, body))
}

async function faultPage(
  c: Context<WebEnv>,
  visitor: Operator,
  { sqlstate, message, detail, hint }: ConsoleFault,
  { place, path, back }: Outcome,
): Promise<Response> {
  const more = [detail, hint].filter((one) => one !== undefined)
  const body = html`${notice('bad', sentence(message))}
    ${more.map((one): Html => html`<p>${shown(one)}</p>`)}
    <p class="quiet">SQLSTATE ${sqlstate}</p>
    <p><a class="button" href="${path}">${back}</a></p>`
  const status = sqlstate === '42501' ? 403 : sqlstate.startsWith('22') ? 400 : 409
  return c.html(layout({ title: 'It was not done', visitor, place }, body), status)
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

/** `KILL 3` -> 3 */
export function countIn(tag: string): number {
  return Number(/\d+$/.exec(tag)?.[0] ?? 0)
}
