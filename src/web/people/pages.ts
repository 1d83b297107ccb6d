import { html } from 'hono/html'
import { type Html, layout } from '../layout/layout.ts'
import type { Visitor } from '../visitor.ts'
import type { SignInButton } from '../web-rules.ts'
import { loginAddress, loginPage } from './paths.ts'
import { type Problem, problems } from './problem.ts'

/** Links and not forms: a form may not lead to a provider, which sends people on to hosts that nobody knows. */
export function signInPage(
  buttons: readonly SignInButton[],
  returnTo: string,
  visitor: Visitor | undefined,
): Html {
  return layout(
    { title: 'Sign in', visitor },
    html`${
        visitor === undefined
          ? ''
          : html`<p>You are signed in as ${visitor.name}. <a href="${returnTo}">Go on</a></p>`
      }
      <ul class="choices">
        ${buttons.map(
          async ({ integration, label }) =>
            html`<li>
              <a class="button" href="${loginAddress({ integration, returnTo })}">${label}</a>
            </li>`,
        )}
      </ul>`,
  )
}

export function problemPage(
  { problem, told }: Problem,
  { id, visitor }: { readonly id: string | undefined; readonly visitor: Visitor | undefined },
): Html {
  const { title, text, isWorthAnotherTry } = problems[problem]
  return layout(
    { title, visitor },
    html`<p>${text}</p>
      ${told === undefined ? '' : html`<p>${told}</p>`}
      ${id === undefined ? '' : html`<p>Operators find it in the log as <code>${id}</code>.</p>`}
      ${visitor === undefined ? '' : html`<p>You are signed in as ${visitor.name}.</p>`}
      ${isWorthAnotherTry ? html`<p><a class="button" href="${loginPage}">Sign in</a></p>` : ''}`,
  )
}

/** The browser goes on by itself; the link is for those that do not. */
export function departurePage(url: string): Html {
  return layout(
    { title: 'You are signed out here', visitor: undefined },
    html`<p><a href="${url}">Sign out at the identity provider, too</a></p>`,
  )
}

export function signedOutPage(isEverywhere: boolean): Html {
  return layout(
    { title: 'You are signed out', visitor: undefined },
    html`${
        isEverywhere
          ? ''
          : html`<p>
              In this browser, that is: not every part of the service has heard of it. If somebody
              else may have your cookies, tell your administrator.
            </p>`
      }
      <p><a class="button" href="${loginPage}">Sign in again</a></p>`,
  )
}
