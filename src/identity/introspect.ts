import { Refusal } from '../refusal.ts'
import { askIntrospection } from './ask-introspection.ts'
import type { TokenRules } from './token-rules.ts'

const said = Symbol('said')

/** What the provider itself said of a token that is active. Only this file can make one. */
export interface ActiveToken {
  readonly issuer: string
  readonly claims: Readonly<Record<string, unknown>>
  readonly [said]: true
}

/** For a provider and for us: an opaque token has some dozens of characters, a JWT some thousands. */
const longestTokenBytes = 16_384

/** Asks the provider about a token, or throws the Refusal that says why there is nothing to go by. */
export async function introspect(token: string, rules: TokenRules): Promise<ActiveToken> {
  // RFC 6750 2.1, before it is sent to anybody: what has other characters is no token, but may be a password.
  if (token.length > longestTokenBytes || !/^[\w.~+/-]+=*$/.test(token)) {
    throw new Refusal('token-malformed', {
      logDetail: `no access token of at most ${longestTokenBytes} characters`,
    })
  }
  const { introspection: access, keys, clientId } = rules
  if (access === undefined) throw new Refusal('access-token-unsupported')
  const { issuer, introspectionEndpoint } = await keys.current()
  const endpoint = access.endpoint ?? introspectionEndpoint
  if (endpoint === undefined) {
    throw new Refusal('access-token-unsupported', {
      logDetail: `the discovery document of ${keys.issuer} has no introspection_endpoint`,
    })
  }
  const claims = await askIntrospection(endpoint, token, issuer, access).catch((cause: unknown) => {
    throw new Refusal('introspection-unavailable', { cause })
  })
  if (claims === undefined) throw new Refusal('token-inactive')
  return { issuer, claims: completed(claims, issuer, clientId), [said]: true }
}

/**
 * RFC 7662 2.2 lets a response leave out the issuer, which is who answered, and the audience: a token of
 * our own client that is for nobody else is ours. Whatever is there is compared like that of a JWT.
 */
function completed(
  claims: Readonly<Record<string, unknown>>,
  issuer: string,
  clientId: string | undefined,
): Readonly<Record<string, unknown>> {
  const { aud } = claims
  const isForNobody = aud === undefined || aud === null || (Array.isArray(aud) && aud.length === 0)
  const isOurs = clientId !== undefined && claims['client_id'] === clientId
  return { iss: issuer, ...claims, ...(isForNobody && isOurs && { aud: clientId }) }
}
