// The frame of every page: title, navigation, style and script. Templates escape every value.
import { html } from 'hono/html'
import { printable } from '../../refusal.ts'
import type { Visitor } from '../visitor.ts'
import { iconPath, scriptPath, stylePath } from './assets.ts'
import { button, formToken } from './buttons.ts'
import type { Html } from './html.ts'
import { type Place, placesFor } from './places.ts'

export type { Html } from './html.ts'
export type { Place } from './places.ts'

export interface Layout {
  readonly title: string
  /** Undefined for whoever is not signed in: then there is no navigation. */
  readonly visitor: Visitor | undefined
  /** Undefined: it is not in the navigation. */
  readonly place?: Place
  /** For a page that is a short text or a form, and no table. */
  readonly isNarrow?: boolean
  /** For a page that has neither a script nor ways to others: those of clients that wait. */
  readonly isAlone?: boolean
  /** What else goes into the head. */
  readonly head?: Html
}

export function layout(
  { title, visitor, place, isNarrow = false, isAlone = false, head }: Layout,
  body: Html,
): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <meta name="color-scheme" content="light dark" />
        ${head ?? ''}
        <title>${title} - Portcullis</title>
        ${isAlone ? '' : html`<link rel="icon" href="${iconPath}" />`}
        <link rel="stylesheet" href="${stylePath}" />
        ${isAlone ? '' : html`<script type="module" src="${scriptPath}"></script>`}
      </head>
      <body>
        ${isAlone ? '' : html`<a class="skip" href="#main">Skip to the content</a>`}
        <header class="frame">
          ${isAlone ? html`<span class="brand">Portcullis</span>` : html`<a class="brand" href="/">Portcullis</a>`}
          ${visitor === undefined ? '' : navigation(visitor, place)}
        </header>
        <main id="main" tabindex="-1" class="${isNarrow ? 'narrow' : 'full'}">
          <h1>${title}</h1>
          ${body}
        </main>
        <div id="page-status" class="hidden-text" role="status"></div>
      </body>
    </html>`
}

function navigation(visitor: Visitor, current: Place | undefined): Html {
  return html`<nav aria-label="Pages">
      <ul class="places">
        ${placesFor(visitor.right).map(({ place, label, path }): Html =>
          place === current
            ? html`<li><a href="${path}" aria-current="page">${label}</a></li>`
            : html`<li><a href="${path}">${label}</a></li>`,
        )}
      </ul>
    </nav>
    <div class="visitor">
      <span>${printable(visitor.name)}</span>
      <form method="post" action="/logout">
        ${formToken(visitor)} ${button('Sign out', { kind: 'small' })}
      </form>
    </div>`
}
