import { html } from 'hono/html'
import type { Html } from './html.ts'

/**
 * A part of a page that changes while somebody looks: `live('/events/sessions', sessionTable)`.
 *
 * The script follows the server-sent events of the path. The name of an event is the id of an element of the
 * part, and its data the outer HTML of the same element as it is now, escaped like everything. Whoever
 * connects is sent what is there: the script comes back after a break, and whenever the page is looked at
 * again. Rows with a `data-key` or an id stay the same rows, whatever comes before them.
 */
export function live(path: string, body: Html): Html {
  return html`<div data-live="${path}" tabindex="-1">
    <p class="live-state needs-script" data-live-state role="status"></p>
    ${body}
  </div>`
}
