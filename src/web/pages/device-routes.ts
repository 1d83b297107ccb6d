import type { Context, Hono } from 'hono'
import { html } from 'hono/html'
import type { SignInReply } from '../../session/pending-sign-ins.ts'
import { devicePath } from '../../session/sign-in-paths.ts'
import { boundedCalls } from '../bounded-calls.ts'
import { browserDigest, browserSecret, keepBrowser } from '../browser-cookie.ts'
import { addressOf } from '../client-address.ts'
import { ownForm } from '../people/visit.ts'
import { RequestRate } from '../request-rate.ts'
import type { WebServices } from '../services.ts'
import { shownOutcome, statusOf } from '../sign-in-pages.ts'
import type { Visitor, WebEnv } from '../visitor.ts'
import { approve, hindranceTo, isHindrance } from './approve.ts'
import { approvePath, codePage, deviceMessage, devicePage, refusePath } from './device-page.ts'
import { hindranceText } from './hindrance-text.ts'
import { readCode } from './read-code.ts'
import { foreignForm, toSignIn } from './not-signed-in.ts'

type Page = Context<WebEnv>

/** A person mistypes a code now and then; of 34 bits nobody guesses one with so many tries. */
const codeRate = { requests: 15, windowMs: 60_000 }

export function deviceRoutes(app: Hono<WebEnv>, services: WebServices): void {
  const { isBehindProxy, now } = services
  const ask = boundedCalls(services.signIn)
  const tries = new RequestRate(codeRate, () => performance.now())

  app.get(devicePath, async (c) => {
    const visitor = c.get('visitor')
    if (visitor === undefined) return toSignIn(c)
    const given = c.req.query('code')
    if (given === undefined || given === '') return c.html(codePage({ visitor }))
    const code = readCode(given)
    if (code === undefined) {
      return c.html(codePage({ visitor, given, problem: 'A code has eight letters.' }), 422)
    }
    const { issuer, subject } = visitor.session.identity
    if (!tries.take(`${issuer} ${subject}`)) {
      c.header('Retry-After', '60')
      const problem = 'These were too many codes: wait a minute and try again.'
      return c.html(codePage({ visitor, given, problem }), 429)
    }
    const browser = browserDigest(keepBrowser(c))
    const found = await ask({ kind: 'find', code, browser })
    if (found.kind !== 'found') {
      const problem = 'No client waits here with this code: it may have given up, or be let in.'
      return c.html(codePage({ visitor, given, problem }), 404)
    }
    const hindrance = hindranceTo(visitor, found.request, services)
    const about = { visitor, hindrance, address: addressOf(c, isBehindProxy) }
    const page = devicePage({ ...found, ...about, now: now().getTime() })
    return c.html(page, found.holder === 'another-browser' ? 409 : 200)
  })

  app.post(approvePath, async (c) =>
    forClient(c, async (visitor, id, browser) => {
      const looked = await ask({ kind: 'look', id, browser })
      if (looked.kind !== 'waiting') return show(c, visitor, looked)
      const { request } = looked
      const approval = { id, browser, request, address: addressOf(c, isBehindProxy) }
      const reply = await approve(visitor, approval, services, ask)
      if (!isHindrance(reply)) return show(c, visitor, reply)
      const text = hindranceText(reply)
      const page = deviceMessage(visitor, 'You cannot approve it here', html`<p>${text}</p>`)
      return c.html(page, 403)
    }),
  )

  app.post(refusePath, async (c) =>
    forClient(c, async (visitor, id, browser) => {
      const reply = await ask({ kind: 'disown', id, browser })
      if (reply.kind !== 'over' || reply.outcome?.kind !== 'refused') {
        return show(c, visitor, reply)
      }
      const text = 'Nobody was let in. If you did not start the client, tell your administrator.'
      return c.html(deviceMessage(visitor, 'The client was refused', html`<p>${text}</p>`))
    }),
  )

  /** Of a form of this visitor, about one client. */
  async function forClient(
    c: Page,
    act: (visitor: Visitor, id: string, browser: string) => Promise<Response>,
  ): Promise<Response> {
    const visitor = c.get('visitor')
    if (visitor === undefined) return toSignIn(c)
    const [form, secret] = [await ownForm(c, services), browserSecret(c)]
    const id = form?.['id'] ?? ''
    if (secret === undefined || !/^[\w-]{32}$/.test(id)) return foreignForm(c, visitor)
    return act(visitor, id, browserDigest(secret))
  }

  async function show(c: Page, visitor: Visitor, reply: SignInReply): Promise<Response> {
    if (reply.kind === 'waiting') {
      const text = 'Another browser has begun to sign in for it, and only that one can complete it.'
      return c.html(deviceMessage(visitor, 'Nobody was let in', html`<p>${text}</p>`), 409)
    }
    if (reply.kind === 'over' && reply.outcome !== undefined) {
      const { title, body } = shownOutcome(reply.outcome)
      return c.html(deviceMessage(visitor, title, body), statusOf(reply.outcome))
    }
    const text = 'It does not wait any longer. If you still want to connect, do so again with it.'
    return c.html(deviceMessage(visitor, 'The client is gone', html`<p>${text}</p>`), 410)
  }
}
