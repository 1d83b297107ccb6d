/** What a JWT says of itself. Nobody has verified it: good for showing, and for knowing when to ask for another. */
export interface UnverifiedClaims {
  readonly exp?: number
  readonly iat?: number
  readonly iss?: string
  readonly sub?: string
  readonly email?: string
}

/** Nothing, where it is no JWT. */
export function readClaims(token: string): UnverifiedClaims {
  const [, payload = ''] = token.split('.')
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
    if (typeof claims !== 'object' || claims === null) return {}
    const said = claims as Record<string, unknown>
    const number = (name: string): number | undefined =>
      typeof said[name] === 'number' && Number.isFinite(said[name]) ? said[name] : undefined
    const text = (name: string): string | undefined =>
      typeof said[name] === 'string' ? said[name] : undefined
    const [exp, iat, iss, sub, email] = [
      number('exp'),
      number('iat'),
      text('iss'),
      text('sub'),
      text('email'),
    ]
    return {
      ...(exp !== undefined && { exp }),
      ...(iat !== undefined && { iat }),
      ...(iss !== undefined && { iss }),
      ...(sub !== undefined && { sub }),
      ...(email !== undefined && { email }),
    }
  } catch {
    return {}
  }
}
