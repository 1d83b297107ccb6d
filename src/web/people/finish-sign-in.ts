import type { Context } from 'hono'
import { readAuthentication } from '../../identity/authentication-facts.ts'
import { type IssuedTokens, redeemAuthorization } from '../../identity/authorization-code.ts'
import type { KeptIdentity } from '../../identity/kept-identity.ts'
import { whyNoVisit } from '../../policy/decide-visit.ts'
import { keepIdentity } from '../../policy/keep-identity.ts'
import { addressOf } from '../client-address.ts'
import type { WebServices } from '../services.ts'
import type { WebEnv, WebSession } from '../visitor.ts'
import { signInParts } from './begin-sign-in.ts'
import { Problem } from './problem.ts'
import { newSessionId } from './session-cookie.ts'
import { dropState, findState, type SignInState } from './sign-in-state.ts'
import { hasShown } from './step-up.ts'

/** A code and a state, as long as providers may make them. */
const maxQueryLength = 8_192

/** The way through the provider that the browser is back from. */
export async function stateOf(c: Context<WebEnv>, services: WebServices): Promise<SignInState> {
  const { search, searchParams } = new URL(c.req.url)
  const [state, another] = searchParams.getAll('state')
  if (state === undefined || another !== undefined || search.length > maxQueryLength) {
    throw new Problem('not-an-answer')
  }
  const found = await findState(c, services, state)
  if (found.kind === 'unknown') throw new Problem('unknown-state')
  if (found.kind === 'open') return found.state
  dropState(c, state)
  throw new Problem('expired')
}

export interface SignedIn {
  readonly session: WebSession
  readonly tokens: IssuedTokens
}

/**
 * Redeems the code and verifies the ID token as one that is a password, beside what binds it to this way
 * through the provider. Throws where somebody is not to be let in; `learned` is told who that was.
 */
export async function finishSignIn(
  c: Context<WebEnv>,
  services: WebServices,
  state: SignInState,
  learned: (identity: KeptIdentity) => void,
): Promise<SignedIn> {
  // Whatever comes of it: a way is gone once.
  dropState(c, state.state)
  const rules = services.rules()
  const { integration: name } = state
  const { provider, verifier, keys } = await signInParts(rules, name)
  const integration = rules.catalog.integrations.get(name)
  if (integration === undefined) throw new Problem('unknown-integration')
  const { search } = new URL(c.req.url)
  const tokens = await redeemAuthorization(keys, provider, state, search)
  const now = services.now()
  const principal = await verifier.verify(tokens.idToken, now)
  const identity = keepIdentity(principal, integration, rules.catalog)
  learned(identity)
  const whyNot = whyNoVisit(identity, integration, rules.catalog)
  if (whyNot !== undefined) throw new Problem('unknown-user', { detail: whyNot })
  const { authenticatedAt, acr } = await readAuthentication(tokens.idToken, verifier.rules)
  const session: WebSession = {
    id: newSessionId(),
    identity,
    // A provider whose clock is ahead makes nobody sign in later than now.
    authenticatedAt:
      authenticatedAt === undefined ? undefined : Math.min(authenticatedAt, now.getTime()),
    acr,
    startedAt: now.getTime(),
    expiresAt: Math.min(identity.expiresAt, now.getTime() + rules.sessionLifetimeMs),
  }
  const address = addressOf(c, services.isBehindProxy)
  if (services.isKeptOut(session.id, identity, address)) throw new Problem('denied')
  if (state.isStepUp && !hasShown(session, rules.stepUp, now)) throw new Problem('not-enough')
  return { session, tokens }
}
