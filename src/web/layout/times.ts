// Times, as they are before the script shows them in the reader's zone.
import { html } from 'hono/html'
import type { Html } from './html.ts'

/** A moment, in milliseconds since 1970: `time(session.expiresAt)` */
export function time(at: number): Html {
  const iso = new Date(at).toISOString()
  const shown = `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`
  return html`<time datetime="${iso}">${shown}</time>`
}

/** How long something still lasts; it counts down where the script is: `remaining(expiresAt - now)` */
export function remaining(ms: number, over = 'over'): Html {
  const left = Math.max(0, Math.round(ms))
  return html`<span role="timer" data-remaining-ms="${left}" data-over="${over}"
    >${left === 0 ? over : duration(left)}</span
  >`
}

/** As it is read: `5 minutes`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  if (seconds < 120) return count(seconds, 'second')
  const minutes = Math.round(seconds / 60)
  if (minutes < 120) return count(minutes, 'minute')
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return `${count(hours, 'hour')} ${count(minutes % 60, 'minute')}`
  return count(Math.round(hours / 24), 'day')
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
