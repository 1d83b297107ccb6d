import { html } from 'hono/html'
import type { Visitor } from '../visitor.ts'
import type { Html } from './html.ts'

export interface ButtonOptions {
  /** `main`: what the page is for. `danger`: what cannot be undone. */
  readonly kind?: 'main' | 'danger' | 'small' | 'wide' | 'main wide'
  /** What the form carries where it has several buttons. */
  readonly name?: string
  readonly value?: string
  /** For whoever does not see what stands beside it: `End the session of alice at sandbox`. */
  readonly description?: string
}

/** Sends the form around it. `button('End', { kind: 'danger', description: 'End the session of alice' })` */
export function button(
  label: string,
  { kind, name, value, description }: ButtonOptions = {},
): Html {
  return html`<button
    type="submit"
    class="${kind ?? 'usual'}"
    ${attribute('name', name)}
    ${attribute('value', value)}
    ${attribute('aria-label', description)}
  >
    ${label}
  </button>`
}

/** Without it no form changes anything: put it first into each. */
export function formToken({ formToken: token }: Pick<Visitor, 'formToken'>): Html {
  return html`<input type="hidden" name="csrf" value="${token}" />`
}

/**
 * A form of one button:
 * `postButton(visitor, '/sessions/end', 'End', { session: id }, { kind: 'danger' })`
 */
export function postButton(
  visitor: Pick<Visitor, 'formToken'>,
  action: string,
  label: string,
  fields: Readonly<Record<string, string>> = {},
  options: ButtonOptions = {},
): Html {
  return html`<form method="post" action="${action}" class="inline">
    ${formToken(visitor)}${Object.entries(fields).map(
      ([name, value]): Html => html`<input type="hidden" name="${name}" value="${value}" />`,
    )}${button(label, options)}
  </form>`
}

/** Copies the text of the element with this id. It is there where the script is. */
export function copyButton(id: string, label = 'Copy', description?: string): Html {
  return html`<button
    type="button"
    class="small needs-script"
    data-copy="${id}"
    ${attribute('aria-label', description)}
  >
    ${label}
  </button>`
}

function attribute(name: string, value: string | undefined): Html | '' {
  return value === undefined ? '' : html`${name}="${value}"`
}
