// What people see who sign in for a waiting client. Templates escape every value; there is no script.
import { createHash } from 'node:crypto'
import { html, raw } from 'hono/html'
import { printable } from '../refusal.ts'
import type { Holder, SignInOutcome, SignInRequest } from '../session/pending-sign-ins.ts'

export type Html = ReturnType<typeof html>

const style = `
body { font: 1.05rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 8vh auto; padding: 0 1rem; color: #1c2733; background: #fff }
h1 { font-size: 1.5rem; line-height: 1.2 }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1rem }
dt { color: #566 }
dd { margin: 0; overflow-wrap: anywhere }
.code { font: 700 2rem ui-monospace, monospace; letter-spacing: .1em }
button { font: inherit; padding: .55rem 1.1rem; margin: .3rem 0; width: 100%; border: 1px solid #567; border-radius: .4rem; background: #fff; color: inherit }
button.main { background: #17457a; border-color: #17457a; color: #fff }
.warning { border-left: .3rem solid #b3541e; padding-left: .8rem }
@media (prefers-color-scheme: dark) {
  body, button { color: #e6ebf0; background: #14191f }
  dt { color: #9ab }
  button.main { background: #2b6cb0; border-color: #2b6cb0 }
}
`

/** What the policy of the pages allows instead of any style. */
export const styleHash = `sha256-${createHash('sha256').update(style).digest('base64')}`

/** Not in the template, whose blanks nobody counts. */
const styleElement = raw(`<style>${style}</style>`)

function page(title: string, body: Html, head: Html | '' = ''): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        ${head}
        <title>${title}</title>
        ${styleElement}
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${body}
        </main>
      </body>
    </html>`
}

export interface RequestPage {
  readonly request: SignInRequest
  readonly holder: Holder
  readonly path: string
  readonly formToken: string
  /** Of the browser. */
  readonly address: string
  readonly now: number
}

/** Who asks, and whether to go on. */
export function requestPage({ request, holder, path, formToken, address, now }: RequestPage): Html {
  const isElsewhere = holder === 'another-browser'
  const token = html`<input type="hidden" name="token" value="${formToken}" />`
  const goOn = html`<form method="post" action="${path}/continue">
    ${token}<button class="main">Continue to sign in</button>
  </form>`
  const elsewhere = html`<p class="warning">
    Another browser has begun to sign in for this request, and only that one can complete it. If it
    is not yours, say so here.
  </p>`
  return page(
    'A database client asks you to sign in',
    html`<p>Go on only if you started it yourself, a moment ago, and it shows this code:</p>
      <p class="code">${request.code}</p>
      <dl>
        <dt>Application</dt>
        <dd>${shown(request.application, 'does not say what it is')}</dd>
        <dt>It connects from</dt>
        <dd>${shown(request.address)}</dd>
        <dt>This browser is at</dt>
        <dd>${shown(address)}</dd>
        <dt>Database</dt>
        <dd>${shown(request.database)}</dd>
        <dt>Role</dt>
        <dd>${shown(request.role ?? '', 'the one that your groups give you')}</dd>
        <dt>Pool</dt>
        <dd>${shown(request.pool)}</dd>
        <dt>Asked</dt>
        <dd>${duration(now - request.askedAt)} ago</dd>
        <dt>It waits for</dt>
        <dd>another ${duration(request.expiresAt - now)}</dd>
      </dl>
      <p class="warning">
        Did somebody send you this address? Then they would be signed in to the database as you.
      </p>
      ${isElsewhere ? elsewhere : goOn}
      <form method="post" action="${path}/disown">${token}<button>This was not me</button></form>`,
  )
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
  switch (outcome.kind) {
    case 'admitted':
      return page(
        'You are signed in',
        html`<p>
            Your client goes on as the role <strong>${shown(outcome.role)}</strong>. You are known
            here as ${shown(outcome.principal)}.
          </p>
          <p>Go back to your client. You can close this page.</p>`,
      )
    case 'gone':
      return messagePage('The client is gone', 'It did not wait any longer. Connect again with it.')
    case 'refused':
      return page(
        'You are not signed in',
        html`<p>Your client was told: <strong>${printable(outcome.message, 500)}</strong></p>
          ${paragraph(outcome.detail)}${paragraph(outcome.hint)}`,
      )
  }
}

export function messagePage(title: string, text: string): Html {
  return page(title, html`<p>${text}</p>`)
}

function paragraph(text: string | undefined): Html | '' {
  return text === undefined ? '' : html`<p>${printable(text, 4_000)}</p>`
}

/** What a client says of itself, in quotes, so that nobody takes it for our own words. */
function shown(value: string, otherwise = ''): string {
  return value === '' ? otherwise : `“${printable(value)}”`
}

function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  if (seconds === 1) return '1 second'
  if (seconds < 120) return `${seconds} seconds`
  return `${Math.round(seconds / 60)} minutes`
}
