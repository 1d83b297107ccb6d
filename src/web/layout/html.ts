import type { html } from 'hono/html'

/** A piece of a page. What is put into a template is escaped, unless it is one of these. */
export type Html = ReturnType<typeof html>

/** Text, which is escaped, or a piece of a page. */
export type Content = string | number | Html
