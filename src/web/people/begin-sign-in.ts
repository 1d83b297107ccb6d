import type { Context } from 'hono'
import { beginAuthorization } from '../../identity/authorization-code.ts'
import type { IssuerKeys } from '../../identity/discovery.ts'
import type { SignInProvider } from '../../identity/sign-in-provider.ts'
import type { VerifiedTokens } from '../../identity/verified-tokens.ts'
import type { WebServices } from '../services.ts'
import type { WebEnv } from '../visitor.ts'
import type { WebRules } from '../web-rules.ts'
import { finishPath } from './paths.ts'
import { Problem } from './problem.ts'
import { keepState, type SignInState } from './sign-in-state.ts'
import { stepUpExtras } from './step-up.ts'

/** What it takes to sign in at the provider of an integration. */
export interface SignInParts {
  readonly provider: SignInProvider
  readonly verifier: VerifiedTokens
  readonly keys: IssuerKeys
}

/** Throws where nobody can sign in there on the pages, and where the provider cannot be asked. */
export async function signInParts(rules: WebRules, integration: string): Promise<SignInParts> {
  const isOffered = rules.buttons.some((button) => button.integration === integration)
  const [provider, verifier] = [rules.providers.get(integration), rules.tokens.get(integration)]
  if (!isOffered || provider === undefined || verifier === undefined) {
    throw new Problem(rules.buttons.length === 0 ? 'disabled' : 'unknown-integration')
  }
  return { provider, verifier, keys: await verifier.rules.keys.current() }
}

type Asked = Pick<SignInState, 'integration' | 'mode' | 'returnTo' | 'isStepUp'>

/** Where the browser is to go, which keeps from now on what it takes to come back. */
export async function beginSignIn(
  c: Context<WebEnv>,
  services: WebServices,
  asked: Asked,
): Promise<string> {
  const rules = services.rules()
  const { keys, provider } = await signInParts(rules, asked.integration)
  const extras = asked.isStepUp ? stepUpExtras(rules.stepUp) : {}
  const redirectUri = `${services.publicUrl}${finishPath}`
  const { url, ...pending } = await beginAuthorization(keys, provider, redirectUri, extras)
  await keepState(c, services, { ...pending, ...asked })
  return url
}
