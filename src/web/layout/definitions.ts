import { html } from 'hono/html'
import type { Content, Html } from './html.ts'

/** `definitions([['Role', 'app_readonly'], ['Until', time(expiresAt)]])` */
export function definitions(facts: readonly (readonly [name: string, value: Content])[]): Html {
  return html`<dl class="facts">
    ${facts.map(
      ([name, value]): Html =>
        html`<dt>${name}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`
}
