// Signing out: here at once, whoever has a copy of the cookie, and then at the provider (OpenID Connect
// RP-Initiated Logout 1.0).
import type { WebServices } from '../services.ts'
import type { WebSession } from '../visitor.ts'
import { loginPage } from './paths.ts'

/** Cookies are kept by browsers: one that was copied would be good until it expires. */
export async function endSession(
  { end, rules, now }: Pick<WebServices, 'end' | 'rules' | 'now'>,
  { id, startedAt, expiresAt }: WebSession,
): Promise<boolean> {
  const refusedUntilMs = Math.max(expiresAt, startedAt + rules().sessionLifetimeMs, now().getTime())
  const order = { selectors: [{ session: id }], end: 'logged-out', refusedUntilMs } as const
  const { unanswered } = await end(order)
  return unanswered === 0
}

/** Undefined where the provider has no such page, or cannot be asked. */
export async function providerLogout(
  { rules, publicUrl }: Pick<WebServices, 'rules' | 'publicUrl'>,
  { identity: { integration } }: WebSession,
): Promise<string | undefined> {
  const { providers, tokens } = rules()
  const [provider, verifier] = [providers.get(integration), tokens.get(integration)]
  if (provider === undefined || verifier === undefined) return undefined
  const keys = await verifier.rules.keys.current().catch(() => undefined)
  const endpoint = keys?.endSessionEndpoint
  if (endpoint?.startsWith('https://') !== true || !URL.canParse(endpoint)) return undefined
  const url = new URL(endpoint)
  // No ID token as a hint: it is a password at our databases, and addresses are kept in histories and logs.
  url.searchParams.set('client_id', provider.client.id)
  url.searchParams.set('post_logout_redirect_uri', `${publicUrl}${loginPage}`)
  return url.href
}
