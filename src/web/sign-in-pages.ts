// What people see who sign in for a waiting client. Templates escape every value; there is no script.
import { html } from 'hono/html'
import { printable } from '../refusal.ts'
import type { Holder, SignInOutcome, SignInRequest } from '../session/pending-sign-ins.ts'
import { definitions } from './layout/definitions.ts'
import type { Html } from './layout/html.ts'
import { layout } from './layout/layout.ts'
import { duration } from './layout/times.ts'

function page(title: string, body: Html, head: Html = html``): Html {
  return layout({ title, visitor: undefined, isNarrow: true, isAlone: true, head }, body)
}

export interface RequestPage {
  readonly request: SignInRequest
  readonly holder: Holder
  readonly path: string
  readonly formToken: string
  /** Of the browser. */
  readonly address: string
  readonly now: number
  /** Who is signed in on the pages in this browser, if they may approve it by that. */
  readonly approver?: string | undefined
}

/** Who asks, and whether to go on. */
export function requestPage(about: RequestPage): Html {
  const { holder, path, formToken, approver } = about
  const isElsewhere = holder === 'another-browser'
  const token = html`<input type="hidden" name="token" value="${formToken}" />`
  const button = (action: string, kind: string, label: string): Html =>
    html`<form method="post" action="${path}/${action}">
      ${token}<button class="${kind}">${label}</button>
    </form>`
  const approval =
    approver === undefined
      ? ''
      : button('approve', 'main wide', `Approve as ${printable(approver)}`)
  const signIn = button(
    'continue',
    approver === undefined ? 'main wide' : 'wide',
    'Continue to sign in',
  )
  return page(
    'A database client asks you to sign in',
    html`<p>Go on only if you started it yourself, a moment ago, and it shows this code:</p>
      ${whoAsks(about)}
      <p class="notice warn">
        Did somebody send you this address? Then they would be signed in to the database as you.
      </p>
      ${isElsewhere ? begunElsewhere : html`${approval}${signIn}`}
      ${button('disown', 'wide', 'This was not me')}`,
  )
}

export const begunElsewhere: Html = html`<p class="notice warn">
  Another browser has begun to sign in for this request, and only that one can complete it. If it is
  not yours, say so here.
</p>`

/** What somebody compares before they let a client in as themselves. */
export function whoAsks({
  request,
  address,
  now,
}: Pick<RequestPage, 'request' | 'address' | 'now'>): Html {
  return html`<p class="code">${request.code}</p>
    ${definitions([
      ['Application', shown(request.application, 'does not say what it is')],
      ['It connects from', shown(request.address)],
      ['This browser is at', shown(address)],
      ['Database', shown(request.database)],
      ['Role', shown(request.role ?? '', 'the one that your groups give you')],
      ['Pool', shown(request.pool)],
      ['Asked', `${duration(now - request.askedAt)} ago`],
      ['It waits for', `another ${duration(request.expiresAt - now)}`],
    ])}`
}

/**
 * To the provider by a refresh and not by a redirect: a redirect of a form is held to `form-action` wherever
 * it leads, and providers send people on to hosts that nobody here knows.
 */
export function departurePage(url: string): Html {
  return page(
    'On to your identity provider',
    html`<p><a href="${url}">Sign in at ${new URL(url).host}</a></p>`,
    html`<meta http-equiv="refresh" content="0;url=${url}" />`,
  )
}

export function outcomePage(outcome: SignInOutcome): Html {
  const { title, body } = shownOutcome(outcome)
  return page(title, body)
}

export function shownOutcome(outcome: SignInOutcome): {
  readonly title: string
  readonly body: Html
} {
  switch (outcome.kind) {
    case 'admitted':
      return {
        title: 'You are signed in',
        body: html`<p>
            Your client goes on as the role <strong>${shown(outcome.role)}</strong>. You are known
            here as ${shown(outcome.principal)}.
          </p>
          <p>Go back to your client. You can close this page.</p>`,
      }
    case 'gone':
      return {
        title: 'The client is gone',
        body: html`<p>It did not wait any longer. Connect again with it.</p>`,
      }
    case 'refused':
      return {
        title: 'You are not signed in',
        body: html`<p>Your client was told: <strong>${printable(outcome.message, 500)}</strong></p>
          ${paragraph(outcome.detail)}${paragraph(outcome.hint)}`,
      }
  }
}

export function statusOf(outcome: SignInOutcome): 200 | 403 | 410 | 503 {
  if (outcome.kind === 'admitted') return 200
  if (outcome.kind === 'gone' || outcome.reason === 'sign-in-timeout') return 410
  return outcome.fault === 'client' || outcome.fault === 'policy' ? 403 : 503
}

export function messagePage(title: string, text: string): Html {
  return page(title, html`<p>${text}</p>`)
}

function paragraph(text: string | undefined): Html | '' {
  return text === undefined ? '' : html`<p>${printable(text, 4_000)}</p>`
}

/** What a client says of itself, in quotes, so that nobody takes it for our own words. */
export function shown(value: string, otherwise = ''): string {
  return value === '' ? otherwise : `“${printable(value)}”`
}
