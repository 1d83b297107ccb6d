// The frame of every page: title, navigation, style and script. Templates escape every value.
import { html } from 'hono/html'
import type { Visitor } from '../visitor.ts'

export type Html = ReturnType<typeof html>

/** Where a page stands in the navigation; undefined: it is not in it. */
export type Place =
  | 'connect'
  | 'device'
  | 'sessions'
  | 'refusals'
  | 'integrations'
  | 'pools'
  | 'catalog'
  | 'statistics'

export interface Layout {
  readonly title: string
  readonly visitor: Visitor | undefined
  readonly place?: Place
}

export function layout({ title }: Layout, body: Html): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${title} - Portcullis</title>
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${body}
        </main>
      </body>
    </html>`
}
