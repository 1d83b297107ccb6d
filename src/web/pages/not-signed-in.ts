import type { Context } from 'hono'
import { html } from 'hono/html'
import { layout } from '../layout/layout.ts'
import { loginAddress } from '../people/paths.ts'
import type { Visitor, WebEnv } from '../visitor.ts'

/** To where they sign in, and back to the page that they wanted. */
export function toSignIn(c: Context<WebEnv>): Response {
  const { pathname, search } = new URL(c.req.url)
  const wanted = c.req.method === 'GET' ? `${pathname}${search}` : pathname
  return c.redirect(loginAddress({ integration: undefined, returnTo: wanted }), 303)
}

export async function foreignForm(c: Context<WebEnv>, visitor: Visitor): Promise<Response> {
  return c.html(
    layout(
      { title: 'This form is not from here', visitor, isNarrow: true },
      html`<p>
        It came from a page of another site, or of a sign-in that is over. Open the page anew and
        try again.
      </p>`,
    ),
    403,
  )
}
