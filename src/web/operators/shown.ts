// How values that strangers brought are shown, and what is said of what is missing.
import { html } from 'hono/html'
import { printable } from '../../refusal.ts'
import type { Content, Html } from '../layout/html.ts'
import { notice } from '../layout/states.ts'
import { time } from '../layout/times.ts'
import { mostRows } from './desk.ts'

const longest = 300

/** Without what turns text around or breaks lines. */
export function shown(value: string | undefined, otherwise = ''): string {
  return value === undefined || value === '' ? otherwise : printable(value, longest)
}

export function moment(at: number | string | undefined, otherwise = ''): Content {
  const ms = typeof at === 'string' ? Date.parse(at) : at
  return ms === undefined || Number.isNaN(ms) ? otherwise : time(ms)
}

const digits = new Intl.NumberFormat('en-US')

/** `12,000` */
export function number(value: number): string {
  return digits.format(value)
}

/** `1 session`, `2 sessions` */
export function counted(count: number, one: string, several = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : several}`
}

/** Where there are more than a page has room for. */
export function cut(count: number, total: number): string {
  return total > count ? `${number(count)} of ${number(total)} are shown.` : ''
}

export function unansweredNotice(unanswered: number): Html | '' {
  if (unanswered === 0) return ''
  const who = unanswered === 1 ? 'A worker process' : `${unanswered} worker processes`
  return notice('warn', `${who} did not answer in time: what it has is missing here.`)
}

export function link(path: string, text: string, description?: string): Html {
  return description === undefined
    ? html`<a href="${path}">${text}</a>`
    : html`<a href="${path}" aria-label="${description}">${text}</a>`
}

/** A path with a query, of what has a value. */
export function address(
  path: string,
  query: Readonly<Record<string, string | number | undefined>>,
): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  if (given.length === 0) return path
  return `${path}?${new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)])).toString()}`
}

export function list(values: Iterable<string>, otherwise: string): string {
  const all = [...values].map((one) => shown(one))
  return all.length === 0 ? otherwise : all.join(', ')
}

export { mostRows }
