// One request of RFC 8693 to a token endpoint, and what may be read of its answer.
import {
  Configuration,
  customFetch,
  genericGrantRequest,
  ResponseBodyError,
  type TokenEndpointResponse,
} from 'openid-client'
import { Refusal } from '../refusal.ts'
import { authenticationOf, formFetch, type OauthClient } from './oauth-client.ts'
import type { ProviderAccess } from './provider-access.ts'

const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** RFC 8693, 3: the types of tokens that can be read or passed on here. */
export const tokenTypes = {
  accessToken: 'urn:ietf:params:oauth:token-type:access_token',
  idToken: 'urn:ietf:params:oauth:token-type:id_token',
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
} as const

const known: ReadonlySet<unknown> = new Set(Object.values(tokenTypes))

export interface ExchangeRequest {
  readonly issuer: string
  readonly endpoint: string
  readonly client: OauthClient
  /** The parameters besides the grant type; one of them is the subject token. */
  readonly parameters: Readonly<Record<string, string>>
}

export interface IssuedToken {
  readonly token: string
  /** Undefined where the provider does not say. */
  readonly lifetimeSeconds: number | undefined
}

/**
 * Throws `exchange-refused` where the provider says no, and `exchange-failed` where nothing that could be
 * read says anything. No text of the provider is told but its error code: it may repeat the request.
 */
export async function requestExchange(
  { issuer, endpoint, client, parameters }: ExchangeRequest,
  access: Pick<ProviderAccess, 'customCa' | 'limits' | 'proxy'>,
): Promise<IssuedToken> {
  const metadata = { issuer, token_endpoint: endpoint }
  const configuration = new Configuration(metadata, client.id, {}, authenticationOf(client))
  const answer: Answer = {}
  configuration[customFetch] = async (url, options) => {
    try {
      const response = await formFetch(access)(url, options)
      answer.status = response.status
      return response
    } catch (error) {
      answer.failure = error
      throw error
    }
  }
  try {
    return readResponse(await genericGrantRequest(configuration, grantType, parameters))
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw toRefusal(error, endpoint, answer)
  }
}

/** The library has seen to it that there is an access token, and a token type in lower case. */
function readResponse(response: TokenEndpointResponse): IssuedToken {
  const { access_token: token, token_type: type, issued_token_type: issuedType } = response
  if (!known.has(issuedType)) {
    throw refused(
      issuedType === undefined
        ? 'the answer has no issued_token_type'
        : 'the issued_token_type is that of no access token, ID token or JWT',
    )
  }
  // What is bound to a key of ours would be of no use to the upstream; N_A is RFC 8693, 2.2.1.
  if (type !== 'bearer' && type !== 'n_a') throw refused('the token_type is not Bearer')
  // RFC 6749, appendix A.12. A password of PostgreSQL ends at a zero byte.
  if (!/^[\x21-\x7e]+$/.test(token)) throw refused('the issued token has characters of no token')
  return { token, lifetimeSeconds: response.expires_in }
}

/** The library wraps what its fetch throws, and puts whole responses beside it. */
interface Answer {
  status?: number
  failure?: unknown
}

function toRefusal(error: unknown, endpoint: string, { status, failure }: Answer): Refusal {
  if (failure !== undefined) {
    return new Refusal('exchange-failed', { logDetail: endpoint, cause: failure })
  }
  if (error instanceof ResponseBodyError) {
    const code = /^[a-z_]{1,40}$/.test(error.error) ? error.error : 'an error of its own'
    return refused(`${endpoint} answered ${error.status}: ${code}`)
  }
  return new Refusal('exchange-failed', {
    logDetail: `${endpoint} answered ${status ?? 'nothing'}, and no token response`,
  })
}

export function refused(logDetail: string): Refusal {
  return new Refusal('exchange-refused', { logDetail })
}
