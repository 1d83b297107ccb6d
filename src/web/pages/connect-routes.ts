import type { Context, Hono } from 'hono'
import { UnfitForSessionToken } from '../../identity/session-token.ts'
import { groupsOf } from '../../policy/decide.ts'
import { addressOf } from '../client-address.ts'
import { ownForm } from '../people/visit.ts'
import type { WebServices } from '../services.ts'
import type { Visitor, WebEnv } from '../visitor.ts'
import type { WebRules } from '../web-rules.ts'
import { connectPage, connectPath, tokenPage, tokenPath, withoutToken } from './connect-page.ts'
import { giveToken } from './give-token.ts'
import { openEndpoint, openPlaces } from './open-places.ts'
import { foreignForm, toSignIn } from './not-signed-in.ts'

type Page = Context<WebEnv>

/** A control character in it would be one in what is copied. */
const authorityFile = /^[^\p{Cc}\p{Zl}\p{Zp}]{1,500}$/u

export function connectRoutes(app: Hono<WebEnv>, services: WebServices): void {
  for (const path of ['/', connectPath]) {
    app.get(path, async (c) => {
      const visitor = c.get('visitor')
      return visitor === undefined ? toSignIn(c) : show(c, visitor, services.rules())
    })
  }

  // Nobody has a token in an address, or in what a browser keeps: it is in the answer to a form alone.
  app.get(tokenPath, (c) => c.redirect(connectPath, 303))
  app.post(tokenPath, async (c) => {
    const visitor = c.get('visitor')
    if (visitor === undefined) return toSignIn(c)
    const form = await ownForm(c, services)
    if (form === undefined) return foreignForm(c, visitor)
    return give(c, visitor, form)
  })

  async function show(
    c: Page,
    visitor: Visitor,
    rules: WebRules,
    problem?: { readonly text: string; readonly status: 403 | 422 },
  ): Promise<Response> {
    const { identity } = visitor.session
    const integration = rules.catalog.integrations.get(identity.integration)
    const page = connectPage({
      visitor,
      groups: integration
        ? groupsOf(identity, integration, rules.catalog).map(({ name }) => name)
        : [],
      places: openPlaces(identity, rules),
      hasTokens: services.tokens !== undefined,
      ...(problem && { problem: problem.text }),
    })
    return c.html(page, problem?.status ?? 200)
  }

  async function give(
    c: Page,
    visitor: Visitor,
    form: Readonly<Record<string, string>>,
  ): Promise<Response> {
    const rules = services.rules()
    const { place = '', database = '', role = '' } = form
    // One that is given as empty is none.
    const authority = form['authority'] ?? rules.rootCertificate ?? ''
    const { identity } = visitor.session
    const endpoint = openEndpoint(identity, rules, { place, database, role })
    if (endpoint === undefined) {
      return show(c, visitor, rules, {
        text: 'That role is not open to you in that database. It may have changed meanwhile.',
        status: 403,
      })
    }
    if (authority !== '' && !authorityFile.test(authority)) {
      return show(c, visitor, rules, { text: 'That is no name of a file.', status: 422 })
    }
    const hasSettings = form['settings'] !== undefined
    const isBoundToDatabase = !hasSettings || form['bind_database'] !== undefined
    const isBoundToUser = !hasSettings || form['bind_user'] !== undefined
    const about = {
      ...{ host: endpoint.host, port: endpoint.port, database, user: role },
      authority: authority === '' ? undefined : authority,
      ...{ gateway: new URL(services.publicUrl).host, pool: endpoint.pool },
    }
    const now = services.now()
    const wantsProviderToken = rules.catalog.databases.get(database)?.wantsProviderToken === true
    const bound = { isBoundToDatabase, isBoundToUser }
    const common = { visitor, place, pool: endpoint.pool, ...bound, wantsProviderToken }
    const { tokens } = services
    if (tokens === undefined || wantsProviderToken) {
      const target = withoutToken(about)
      return c.html(tokenPage({ ...common, target, expiresAt: undefined, now: now.getTime() }))
    }
    try {
      const bounds = {
        ...(isBoundToDatabase && { database }),
        ...(isBoundToUser && { user: role }),
      }
      const address = addressOf(c, services.isBehindProxy)
      const issued = await giveToken(visitor, bounds, address, tokens, services)
      const target = { ...about, password: issued.token }
      const { expiresAt } = issued
      return await c.html(tokenPage({ ...common, target, expiresAt, now: now.getTime() }))
    } catch (error) {
      if (!(error instanceof UnfitForSessionToken)) throw error
      return show(c, visitor, rules, { text: error.message, status: 422 })
    }
  }
}
