import { looksLikeSaml } from '../identity/saml-shape.ts'
import { looksLikeToken } from '../identity/token-shape.ts'
import type { ClientIntent } from './client-intent.ts'
import { type Attempt, fail } from './attempt.ts'

/** A password, and what it is meant as. */
export interface Credential {
  readonly kind: 'token' | 'password'
  readonly text: string
}

/** What kind of credential a password is; a token is taken out of what it was copied with. */
export function readCredential(attempt: Attempt, password: string): Credential {
  if (password === '') fail(attempt, 'credential', 'empty', 'empty-password')
  const bare = withoutWrapping(password)
  if (looksLikeSaml(bare)) {
    attempt.facts.credential = 'token'
    fail(attempt, 'credential', 'a SAML assertion, by its beginning', 'saml-unsupported')
  }
  const declared = declaredKind(attempt.intent)
  const kind = declared !== undefined || looksLikeToken(bare) ? 'token' : 'password'
  attempt.facts.credential = kind
  const compared = declared ?? `a ${kind}, by its beginning`
  attempt.report?.({ check: 'credential', compared, passed: true })
  if (kind === 'password' || bare === password) return { kind, text: password }
  attempt.facts.isUnwrapped = true
  return { kind, text: bare }
}

/** What the client says of its credential, where that makes it a token whatever it looks like. */
function declaredKind({ tokenUser, dialect }: ClientIntent): string | undefined {
  if (tokenUser === 'access_token') return 'an access token, by the user'
  return dialect === 'cockroachdb' ? 'a token, by the options' : undefined
}

/** A token with blanks or quotes around it, or `Bearer` in front: no password is like that, and no token. */
function withoutWrapping(password: string): string {
  const wrapping = /^[\s"']*(?:Bearer[\s"']+)?/i.exec(password)?.[0] ?? ''
  let end = password.length
  // Not by an expression: one that is bound to the end alone begins anew at each blank.
  while (end > wrapping.length && /[\s"']/.test(password.charAt(end - 1))) end--
  return password.slice(wrapping.length, end)
}
