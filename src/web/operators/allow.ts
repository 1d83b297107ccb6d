// Who may open the pages for operators, and who may act there.
import type { Context } from 'hono'
import { html } from 'hono/html'
import type { ConsoleRight } from '../../policy/catalog.ts'
import { layout } from '../layout/layout.ts'
import { loginAddress } from '../people/paths.ts'
import { readReturnTo } from '../people/return-to.ts'
import { ownForm } from '../people/visit.ts'
import { requireStepUp } from '../people/step-up.ts'
import type { WebServices } from '../services.ts'
import type { Visitor, WebEnv } from '../visitor.ts'
import type { Operator } from './desk.ts'
import { list } from './shown.ts'

type Page = (c: Context<WebEnv>, operator: Operator) => Response | Promise<Response>
type Act = (
  c: Context<WebEnv>,
  operator: Operator,
  fields: Readonly<Record<string, string>>,
) => Promise<Response>

/** Whether somebody may look, or act. Whoever may act may look. */
export function isOperator(
  visitor: Visitor | undefined,
  needed: ConsoleRight,
): visitor is Operator {
  return visitor?.right === 'admin' || (visitor?.right !== undefined && visitor.right === needed)
}

/** A page that somebody looks at. */
export function looking(services: WebServices, page: Page, needed: ConsoleRight = 'stats') {
  return async (c: Context<WebEnv>): Promise<Response> => {
    const visitor = c.get('visitor')
    if (visitor === undefined) return signIn(c, services)
    return isOperator(visitor, needed) ? page(c, visitor) : forbidden(c, services, needed)
  }
}

/** What somebody does by a form of ours, having shown enough. `returnTo`: where whoever has not comes back. */
export function acting(
  services: WebServices,
  returnTo: (fields: Readonly<Record<string, string>>) => string,
  act: Act,
) {
  return async (c: Context<WebEnv>): Promise<Response> => {
    const visitor = c.get('visitor')
    if (visitor === undefined) return signIn(c, services)
    const fields = await ownForm(c, services)
    if (fields === undefined) return foreign(c, visitor)
    if (!isOperator(visitor, 'admin')) return forbidden(c, services, 'admin')
    const answer = await requireStepUp(c, services, returnTo(fields))
    return answer ?? act(c, visitor, fields)
  }
}

function signIn(c: Context<WebEnv>, { publicUrl }: WebServices): Response {
  const { pathname, search } = new URL(c.req.url)
  const asked = c.req.method === 'GET' ? `${pathname}${search}` : '/'
  const returnTo = readReturnTo(asked, publicUrl)
  return c.redirect(loginAddress({ integration: undefined, returnTo }), 302)
}

async function forbidden(
  c: Context<WebEnv>,
  services: WebServices,
  needed: ConsoleRight,
): Promise<Response> {
  const visitor = c.get('visitor')
  const { adminGroups, statsGroups } = services.rules().catalog.console
  const groups = new Set([...adminGroups, ...(needed === 'stats' ? statsGroups : [])])
  const what = needed === 'admin' ? 'This is for administrators.' : 'This page is for operators.'
  const title = 'You may not do this'
  const body =
    groups.size === 0
      ? html`<p>${what} No group may: see console in the configuration.</p>`
      : html`<p>${what}</p>
          <p>Ask your administrator for one of these groups: ${list(groups, '')}</p>`
  return c.html(layout({ title, visitor, isNarrow: true }, body), 403)
}

async function foreign(c: Context<WebEnv>, visitor: Visitor): Promise<Response> {
  const body = html`<p>
      Nothing was done: this was not sent by a page of ours, or it was an old one.
    </p>
    <p><a href="/sessions">To the sessions</a></p>`
  return c.html(layout({ title: 'Do it again', visitor, isNarrow: true }, body), 403)
}
