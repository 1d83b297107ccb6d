// What a page says where it has nothing to show, or something to say.
import { html } from 'hono/html'
import type { Content, Html } from './html.ts'

export type Tone = 'plain' | 'good' | 'warn' | 'bad'

/** `notice('good', 'The session was ended.')` */
export function notice(tone: Tone, text: Content): Html {
  // What went wrong is read out at once.
  const role = tone === 'bad' ? 'alert' : 'note'
  return html`<div class="notice ${tone}" role="${role}"><p>${text}</p></div>`
}

/** Nothing is there, and that is no error: `emptyState('Nobody is connected.', 'Sessions appear here.')` */
export function emptyState(text: Content, hint?: Content): Html {
  return html`<div class="empty">
    <p><strong>${text}</strong></p>
    ${hint === undefined ? '' : html`<p>${hint}</p>`}
  </div>`
}

/** It could not be found out: `errorState('The workers did not answer.', 'Try again in a moment.')` */
export function errorState(text: Content, hint: Content): Html {
  return html`<div class="notice bad" role="alert">
    <p><strong>${text}</strong></p>
    <p>${hint}</p>
  </div>`
}

/** One word about a thing; the colour only repeats it: `badge('paused', 'warn')` */
export function badge(text: string, tone: Tone = 'plain'): Html {
  return html`<span class="badge ${tone}">${text}</span>`
}
