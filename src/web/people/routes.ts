// Signing in and out with a browser.
import { randomBytes } from 'node:crypto'
import type { Context, Hono } from 'hono'
import { getCookie } from 'hono/cookie'
import type { KeptIdentity } from '../../identity/kept-identity.ts'
import { addressOf } from '../client-address.ts'
import { limitRate } from '../limit-rate.ts'
import type { WebServices } from '../services.ts'
import type { WebEnv } from '../visitor.ts'
import { beginSignIn } from './begin-sign-in.ts'
import { cookiePrefix, dropCookie, keepCookie } from './cookies.ts'
import { finishSignIn, stateOf } from './finish-sign-in.ts'
import { endSession, providerLogout } from './log-out.ts'
import { departurePage, problemPage, signedOutPage, signInPage } from './pages.ts'
import {
  beginPath,
  finishPath,
  loginAddress,
  loginPage,
  logoutPage,
  tokenPage,
  tokenPath,
} from './paths.ts'
import { Problem, problems, toProblem } from './problem.ts'
import { readReturnTo } from './return-to.ts'
import { dropSession, keepSession, sealSession } from './session-cookie.ts'
import { type ShownToken, shownTokenOf, shownTokenPage, takeShownToken } from './shown-token.ts'
import { ownForm } from './visit.ts'
import type { VisitEvent } from './visit-event.ts'

type Page = Context<WebEnv>

/** Whoever has just signed out, or could not sign in, chooses for themselves. */
const manualCookie = `${cookiePrefix}manual`
const manualMs = 5 * 60_000
/** Each makes a request to a provider; an office may share an address. */
const rate = { requests: 120, windowMs: 10_000 }

export function peopleRoutes(app: Hono<WebEnv>, services: WebServices): void {
  const { publicUrl, isBehindProxy } = services

  app.get(loginPage, async (c) => {
    const { buttons, isAutomatic } = services.rules()
    const returnTo = readReturnTo(c.req.query('return_to'), publicUrl)
    const visitor = c.get('visitor')
    const [only, another] = buttons
    if (only === undefined) return refuse(c, new Problem('disabled'))
    const isManual = getCookie(c, manualCookie) !== undefined || visitor !== undefined
    if (isAutomatic && !isManual && another === undefined) {
      return c.redirect(loginAddress({ integration: only.integration, returnTo }), 302)
    }
    return c.html(signInPage(buttons, returnTo, visitor))
  })

  app.use(
    '/oidc/v1/*',
    limitRate(rate, isBehindProxy, (c) =>
      c.text('Too many requests: wait ten seconds and try again.\n', 429),
    ),
  )

  app.get(beginPath, async (c) => {
    const { buttons } = services.rules()
    const returnTo = readReturnTo(c.req.query('return_to'), publicUrl)
    const [only, another] = buttons
    const integration =
      c.req.query('integration') ?? (another === undefined ? only?.integration : undefined)
    const isStepUp = c.req.query('step_up') !== undefined
    const mode = c.req.query('jwt') === undefined ? 'session' : 'token'
    const kind = mode === 'token' ? 'token' : isStepUp ? 'step-up' : 'sign-in'
    const event = { kind, integration } as const
    try {
      if (only === undefined) throw new Problem('disabled')
      if (integration === undefined) return c.redirect(loginAddress({ integration, returnTo }), 302)
      if (mode === 'token') shownTokenOf(services, integration)
      const asked = { integration, mode, returnTo, isStepUp } as const
      return c.redirect(await beginSignIn(c, services, asked), 302)
    } catch (error) {
      return refuse(c, toProblem(error), event)
    }
  })

  app.get(finishPath, async (c) => {
    // A request for the head alone is of no browser that comes back.
    if (c.req.method !== 'GET') return c.body(null, 405, { Allow: 'GET' })
    let event: About = { kind: 'sign-in', integration: undefined }
    try {
      const state = await stateOf(c, services)
      if (state.mode === 'token') {
        // The code is not spent yet: whoever shows the token does that.
        return c.redirect(`${tokenPage}${new URL(c.req.url).search}`, 307)
      }
      event = { kind: state.isStepUp ? 'step-up' : 'sign-in', integration: state.integration }
      const { session } = await finishSignIn(c, services, state, (identity) => {
        event = { ...event, identity }
      })
      const sealed = await sealSession(services, session)
      // Whoever must be recorded is let in behind that.
      await tell(c, { ...event, session: session.id }, undefined)
      keepSession(c, services, session, sealed)
      dropCookie(c, manualCookie)
      return c.redirect(state.returnTo, 307)
    } catch (error) {
      keepCookie(c, manualCookie, '1', manualMs)
      return refuse(c, toProblem(error), event)
    }
  })

  /** It is shown once: the code is spent. */
  const showToken = async (
    c: Page,
    show: (token: ShownToken) => Response | Promise<Response>,
  ): Promise<Response> => {
    if (c.req.method !== 'GET') return c.body(null, 405, { Allow: 'GET' })
    let event: About = { kind: 'token', integration: undefined }
    try {
      const token = await takeShownToken(c, services, (integration, identity) => {
        event = { ...event, integration, identity }
      })
      await tell(c, event, undefined)
      return await show(token)
    } catch (error) {
      return refuse(c, toProblem(error), event)
    }
  }

  app.get(tokenPath, async (c) =>
    showToken(c, (token) => {
      // Whatever a name in it looks like, it is no page.
      c.header('Content-Security-Policy', 'sandbox')
      return c.json(token)
    }),
  )
  app.get(tokenPage, async (c) => showToken(c, async (token) => c.html(shownTokenPage(token))))

  app.post(logoutPage, async (c) => {
    const visitor = c.get('visitor')
    if (visitor === undefined) return c.redirect(loginPage, 303)
    if ((await ownForm(c, services)) === undefined) return refuse(c, new Problem('foreign-origin'))
    const { session } = visitor
    const { integration } = session.identity
    dropSession(c)
    keepCookie(c, manualCookie, '1', manualMs)
    const isEverywhere = await endSession(services, session).catch((error: unknown) => {
      services.onError(error)
      return false
    })
    const event = { kind: 'logout', integration, identity: session.identity } as const
    await tell(c, { ...event, session: session.id }, undefined).catch(services.onError)
    if (!isEverywhere) return c.html(signedOutPage(false), 503)
    const url = await providerLogout(services, session)
    if (url === undefined) return c.redirect(loginPage, 303)
    // Not by a redirect, which `form-action` would be held against.
    c.header('Refresh', `0;url=${url}`)
    return c.html(departurePage(url))
  })

  type About = Pick<VisitEvent, 'kind' | 'integration' | 'session'> & {
    readonly identity?: KeptIdentity | undefined
  }

  async function tell(c: Page, about: About, problem: Problem | undefined): Promise<string> {
    const id = randomBytes(9).toString('base64url')
    await services.tell({
      ...about,
      id,
      reason: problem?.problem,
      detail: problem?.detail,
      cause: problem?.cause,
      address: addressOf(c, isBehindProxy),
    })
    return id
  }

  /** Whoever is refused is refused without a record, too. */
  async function told(c: Page, about: About, problem: Problem): Promise<string | undefined> {
    return tell(c, about, problem).catch((error: unknown) => {
      services.onError(error)
      return undefined
    })
  }

  async function refuse(c: Page, problem: Problem, about?: About): Promise<Response> {
    const id = about === undefined ? undefined : await told(c, about, problem)
    const page = problemPage(problem, { id, visitor: c.get('visitor') })
    return c.html(page, problems[problem.problem].status)
  }
}
