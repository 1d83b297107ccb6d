// OAUTHBEARER as a client (RFC 7628), as pure steps over values.

/** What a server says of a token that it does not take. */
export interface OauthBearerFailure {
  /** `invalid_token`, `insufficient_scope`, or another of the registry. */
  readonly status: string
  readonly scope: string | undefined
  readonly configuration: string | undefined
}

/** Of a server that means well a few hundred. */
const maxFailureBytes = 8_192

/**
 * The client's first message (RFC 7628, 3.1), or undefined where the token has characters that no bearer
 * token has (RFC 6750, 2.1): they could end the message early, or begin another pair in it.
 */
export function bearerInitialResponse(token: string): string | undefined {
  return /^[\w.~+/-]+=*$/.test(token) ? `n,,\x01auth=Bearer ${token}\x01\x01` : undefined
}

/** Reads the server's error (RFC 7628, 3.2.2); undefined where it is none. */
export function readBearerFailure(text: string): OauthBearerFailure | undefined {
  if (text.length > maxFailureBytes) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const members = new Map<string, unknown>(Object.entries(value))
  const textOf = (name: string): string | undefined => {
    const member = members.get(name)
    return typeof member === 'string' ? member : undefined
  }
  const status = textOf('status')
  if (status === undefined) return undefined
  return { status, scope: textOf('scope'), configuration: textOf('openid-configuration') }
}
