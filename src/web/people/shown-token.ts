// A token of the provider for whoever has just signed in there, to be used as a password: what CockroachDB calls
// a cluster SSO token.
import type { Context } from 'hono'
import { html } from 'hono/html'
import type { KeptIdentity } from '../../identity/kept-identity.ts'
import { rolesOf } from '../../policy/decide.ts'
import { copyButton } from '../layout/buttons.ts'
import { definitions } from '../layout/definitions.ts'
import type { Html } from '../layout/html.ts'
import { layout } from '../layout/layout.ts'
import { time } from '../layout/times.ts'
import type { WebServices } from '../services.ts'
import type { WebEnv } from '../visitor.ts'
import { finishSignIn, stateOf } from './finish-sign-in.ts'
import { Problem } from './problem.ts'

/** By the names that CockroachDB's console has for it. */
export interface ShownToken {
  readonly Usernames: readonly string[]
  readonly Password: string
  readonly Host: string
  readonly Port: string
  readonly Expiry: string
}

/** Whether a token is to be shown, and of which integration. Throws where not. */
export function shownTokenOf(
  { rules }: Pick<WebServices, 'rules'>,
  integration: string,
): { readonly token: 'id_token' | 'access_token'; readonly host: string; readonly port: number } {
  const shown = rules().shownTokens.get(integration)
  if (shown === undefined) throw new Problem('token-disabled')
  return shown
}

/** Spends the code of the way that the browser is back from. */
export async function takeShownToken(
  c: Context<WebEnv>,
  services: WebServices,
  learned: (integration: string, identity: KeptIdentity | undefined) => void,
): Promise<ShownToken> {
  const state = await stateOf(c, services)
  learned(state.integration, undefined)
  if (state.mode !== 'token') throw new Problem('unknown-state')
  const shown = shownTokenOf(services, state.integration)
  const { session, tokens } = await finishSignIn(c, services, state, (identity) => {
    learned(state.integration, identity)
  })
  const { identity } = session
  return {
    Usernames: usersOf(identity, services),
    Password: shown.token === 'id_token' ? tokens.idToken : tokens.accessToken,
    Host: shown.host,
    Port: String(shown.port),
    Expiry: new Date(expiryOf(shown.token, tokens.expiresInMs, identity, services)).toISOString(),
  }
}

/** An ID token says so itself; of an access token the provider says it. */
function expiryOf(
  token: 'id_token' | 'access_token',
  expiresInMs: number | undefined,
  { expiresAt }: KeptIdentity,
  { now }: Pick<WebServices, 'now'>,
): number {
  const isSaid = token === 'access_token' && expiresInMs !== undefined
  return isSaid ? now().getTime() + expiresInMs : expiresAt
}

function usersOf(identity: KeptIdentity, { rules }: Pick<WebServices, 'rules'>): readonly string[] {
  const { catalog } = rules()
  const integration = catalog.integrations.get(identity.integration)
  if (integration === undefined) return []
  return rolesOf(identity, integration, catalog)?.users ?? []
}

export function shownTokenPage({ Usernames, Password, Host, Port, Expiry }: ShownToken): Html {
  return layout(
    { title: 'Your token', visitor: undefined },
    html`<p>
        Use it as the password. Whoever has it is you: close this page when you have copied it.
      </p>
      ${definitions([
        ['User', Usernames.length === 0 ? 'the role of one of your groups' : Usernames.join(', ')],
        ['Host', Host],
        ['Port', Port],
        ['Options', '--crdb:jwt_auth_enabled=true'],
        ['Good until', time(Date.parse(Expiry))],
      ])}
      <p>
        <label for="token">Password</label>
        <textarea id="token" class="token" rows="6" readonly spellcheck="false">
${Password}</textarea>
        ${copyButton('token')}
      </p>`,
  )
}
