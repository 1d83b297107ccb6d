// The pages on which somebody signs in for a client that waits. Nothing is kept here: what waits is with its
// session, which may be in another process.
import { type Context, Hono } from 'hono'
import type { SignInReply, SignInRequest } from '../session/pending-sign-ins.ts'
import { callbackPath, pagePath } from '../session/sign-in-paths.ts'
import { limitBody } from './body-limit.ts'
import {
  browserDigest,
  browserSecret,
  formToken,
  isFormToken,
  keepBrowser,
} from './browser-cookie.ts'
import { boundedCalls } from './bounded-calls.ts'
import { addressOf } from './client-address.ts'
import type { Html } from './layout/html.ts'
import { isOwnForm, secureHeaders } from './page-security.ts'
import { approve, hindranceTo, isHindrance } from './pages/approve.ts'
import { hindranceText } from './pages/hindrance-text.ts'
import { readVisitor } from './people/visit.ts'
import { limitRate } from './limit-rate.ts'
import type { WebServices } from './services.ts'
import { departurePage, messagePage, outcomePage, requestPage, statusOf } from './sign-in-pages.ts'
import type { WebEnv } from './visitor.ts'

type Page = Context<WebEnv>

const maxFormBytes = 4_096
/** A code and a state, as long as providers may make them. */
const maxQueryLength = 8_192
/** A sign-in takes four requests; an office may share an address. */
const rate = { requests: 120, windowMs: 10_000 }

export function createSignInApp(services: WebServices): Hono<WebEnv> {
  const { nodeUrl, isBehindProxy, onError } = services
  const app = new Hono<WebEnv>()
  const ask = boundedCalls(services.signIn)

  app.use(secureHeaders("'self'"))
  app.use(
    limitRate(rate, isBehindProxy, async (c) =>
      c.html(messagePage('Too many requests', 'Wait ten seconds and try again.'), 429),
    ),
  )
  app.use(
    limitBody(maxFormBytes, async (c) =>
      c.html(messagePage('Too much', 'This is no form of ours.'), 413),
    ),
  )

  app.get(callbackPath, async (c) => {
    // A request for the head alone is of no browser that comes back.
    if (c.req.method !== 'GET') return c.body(null, 405, { Allow: 'GET' })
    const query = new URL(c.req.url).search
    const [state, another] = c.req.queries('state') ?? []
    if (state === undefined || another !== undefined || query.length > maxQueryLength) {
      return c.html(notAnAnswer, 400)
    }
    const secret = browserSecret(c)
    const browser = secret === undefined ? undefined : browserDigest(secret)
    const address = addressOf(c, isBehindProxy)
    const reply = await ask({ kind: 'answer', state, query, browser, address })
    switch (reply.kind) {
      case 'over':
        // The code of the provider leaves the address bar.
        return c.redirect(pagePath(reply.id), 303)
      case 'another-browser':
        return c.html(otherBrowser, 403)
      default:
        return c.html(usedAnswer, 404)
    }
  })

  const page = pagePath(':id{[\\w-]{32}}')

  app.get(page, async (c) => {
    const secret = keepBrowser(c)
    return show(c, secret, await ask({ kind: 'look', id: idOf(c), browser: browserDigest(secret) }))
  })

  app.post(`${page}/continue`, async (c) => {
    const secret = await senderOf(c)
    if (secret === undefined) return c.html(foreignForm, 403)
    const reply = await ask({ kind: 'take', id: idOf(c), browser: browserDigest(secret) })
    if (reply.kind !== 'sent') return show(c, secret, reply)
    keepBrowser(c)
    return c.html(departurePage(reply.url))
  })

  app.post(`${page}/approve`, async (c) => {
    const secret = await senderOf(c)
    if (secret === undefined) return c.html(foreignForm, 403)
    const [id, browser] = [idOf(c), browserDigest(secret)]
    const [visitor, looked] = [
      await readVisitor(c, services),
      await ask({ kind: 'look', id, browser }),
    ]
    if (visitor === undefined || looked.kind !== 'waiting') return show(c, secret, looked)
    const approval = { id, browser, request: looked.request, address: addressOf(c, isBehindProxy) }
    const reply = await approve(visitor, approval, services, ask)
    if (!isHindrance(reply)) return show(c, secret, reply)
    return c.html(messagePage('You cannot approve it here', hindranceText(reply)), 403)
  })

  app.post(`${page}/disown`, async (c) => {
    const secret = await senderOf(c)
    if (secret === undefined) return c.html(foreignForm, 403)
    const reply = await ask({ kind: 'disown', id: idOf(c), browser: browserDigest(secret) })
    const isDone = reply.kind === 'over' && reply.outcome?.kind === 'refused'
    return isDone ? c.html(disowned) : show(c, secret, reply)
  })

  app.notFound(async (c) => c.html(unknown, 404))
  app.onError(async (error, c) => {
    onError(error)
    return c.html(messagePage('That did not work', 'Try again in a moment.'), 503)
  })
  return app

  /** The secret of the browser that sent a form, if the form is from a page of ours that it was given. */
  async function senderOf(c: Page): Promise<string | undefined> {
    const secret = browserSecret(c)
    if (secret === undefined || !isOwnForm(c, nodeUrl)) return undefined
    const type = c.req.header('content-type') ?? ''
    if (!type.startsWith('application/x-www-form-urlencoded')) return undefined
    const { token } = await c.req.parseBody()
    return isFormToken(token, secret, idOf(c)) ? secret : undefined
  }

  /** Who may approve it by being signed in already. */
  async function approverOf(c: Page, request: SignInRequest): Promise<string | undefined> {
    const visitor = await readVisitor(c, services)
    if (visitor === undefined) return undefined
    return hindranceTo(visitor, request, services) === undefined ? visitor.name : undefined
  }

  async function show(c: Page, secret: string, reply: SignInReply): Promise<Response> {
    switch (reply.kind) {
      case 'waiting': {
        const { request, holder } = reply
        const [id, address] = [idOf(c), addressOf(c, isBehindProxy)]
        const token = formToken(secret, id)
        const approver = await approverOf(c, request)
        const about = { request, holder, path: pagePath(id), formToken: token, address, approver }
        const status = holder === 'another-browser' ? 409 : 200
        return c.html(requestPage({ ...about, now: Date.now() }), status)
      }
      case 'over':
        return reply.outcome === undefined
          ? c.html(isOver, 410)
          : c.html(outcomePage(reply.outcome), statusOf(reply.outcome))
      case 'unknown':
      case 'found':
      case 'sent':
      case 'another-browser':
        return c.html(unknown, 404)
    }
  }
}

const unknown: Html = messagePage(
  'There is no such sign-in',
  'The address is not complete, or it is of long ago. Connect again with your client.',
)
const isOver: Html = messagePage(
  'This sign-in is over',
  'Nobody waits for it any longer. If you still want to connect, do so again with your client.',
)
const disowned: Html = messagePage(
  'The sign-in was ended',
  'Nobody was let in. Whoever sent you the address wanted to use the database as you: tell your administrator.',
)
const otherBrowser: Html = messagePage(
  'You are not signed in',
  'This sign-in was begun in another browser than this one, and nobody was let in. If somebody sent you here, they wanted to use the database as you: tell your administrator.',
)
const usedAnswer: Html = messagePage(
  'There is no such sign-in',
  'It was completed already, begun anew or given up. If your client still waits, open the address that it shows.',
)
const notAnAnswer: Html = messagePage(
  'This is no answer of an identity provider',
  'Open the address that your client shows.',
)
const foreignForm: Html = messagePage(
  'This form is not from here',
  'Open the address that your client shows, and let your browser keep cookies of this site.',
)

function idOf(c: Page): string {
  return c.req.param('id') ?? ''
}
