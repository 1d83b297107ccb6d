// What has to be shown at the provider, and when, to change something on the pages (`web.step_up`).
import type { Context } from 'hono'
import { html } from 'hono/html'
import type { AuthorizationExtras } from '../../identity/authorization-code.ts'
import { layout } from '../layout/layout.ts'
import type { WebServices } from '../services.ts'
import type { WebEnv, WebSession } from '../visitor.ts'
import type { WebRules } from '../web-rules.ts'
import { loginAddress } from './paths.ts'
import { readReturnTo } from './return-to.ts'

type Shown = Pick<WebSession, 'authenticatedAt' | 'acr'>
type Demands = WebRules['stepUp']

/** What the provider does not say was not shown. */
export function hasShown(
  { authenticatedAt, acr }: Shown,
  { requiredAcr, maxAgeMs }: Demands,
  now: Date,
): boolean {
  if (requiredAcr.length > 0 && (acr === undefined || !requiredAcr.includes(acr))) return false
  if (maxAgeMs === undefined) return true
  return authenticatedAt !== undefined && now.getTime() - authenticatedAt <= maxAgeMs
}

/** What is asked of the provider to have it shown. */
export function stepUpExtras({ requiredAcr, maxAgeMs }: Demands): AuthorizationExtras {
  return {
    ...(requiredAcr.length > 0 && { acr_values: requiredAcr.join(' ') }),
    ...(maxAgeMs !== undefined && { max_age: String(Math.floor(maxAgeMs / 1_000)) }),
  }
}

/**
 * To be asked before anything is changed: undefined where the visitor has shown enough, else the answer to send.
 * The change is not made later by itself: whoever comes back to `returnTo` asks for it again.
 */
export async function requireStepUp(
  c: Context<WebEnv>,
  services: Pick<WebServices, 'rules' | 'now' | 'publicUrl'>,
  returnTo: string,
): Promise<Response | undefined> {
  const visitor = c.get('visitor')
  const { stepUp } = services.rules()
  if (visitor !== undefined && hasShown(visitor.session, stepUp, services.now())) return undefined
  const address = loginAddress({
    integration: visitor?.session.identity.integration,
    returnTo: readReturnTo(returnTo, services.publicUrl),
    isStepUp: visitor !== undefined,
  })
  return c.html(
    layout(
      { title: 'Sign in again to change this', visitor },
      html`<p>Nothing was changed. Changes need a sign-in that is recent and strong enough.</p>
        <p><a class="button" href="${address}">Sign in again</a></p>
        <p>You come back to where you were: do it again there.</p>`,
    ),
    403,
  )
}
