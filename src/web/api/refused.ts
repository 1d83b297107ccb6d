// A refusal as the API tells it, by the rule that SQL clients are told by: whoever has not shown a genuine token
// learns nothing but that it was not accepted, and a reference for the log.
import { UnfitForSessionToken } from '../../identity/session-token.ts'
import { printable, type Reason, type Refusal, type RefusalValues } from '../../refusal.ts'
import type { SessionFacts } from '../../session/observer.ts'
import { toRefusal } from '../../session/refuse.ts'
import { ApiError, type ErrorCode } from './api-error.ts'

/** Texts that speak of connections and their pools, where there is none. */
const texts: Readonly<Partial<Record<Reason, string>>> = {
  'no-group': 'identity "{principal}" has no access',
  'group-blocked': 'identity "{principal}" has no access',
  'group-not-allowed': 'identity "{principal}" may not use this pool',
  'principal-unmapped': 'identity "{principal}" has no access',
  'integration-not-allowed':
    'single sign-on with this identity provider is not available in the pool',
  'sign-in-unavailable': 'nobody can sign in interactively with this identity provider',
  'sign-in-timeout': 'nobody signed in within {seconds} seconds',
}

/** Hints that say what a client of PostgreSQL can do. */
const withoutHint: ReadonlySet<Reason> = new Set(['sign-in-timeout', 'sign-in-unavailable'])

const usualRetrySeconds = 10

const codes: Readonly<Partial<Record<Reason, ErrorCode>>> = {
  'unknown-database': 'not_found',
  'integration-none': 'not_found',
  'integration-unknown': 'not_found',
  'sign-in-unavailable': 'not_found',
  'sign-in-timeout': 'expired_token',
  'token-encrypted': 'unsupported_token_type',
  'access-token-unsupported': 'unsupported_token_type',
  'saml-unsupported': 'unsupported_token_type',
  throttled: 'slow_down',
}

export function refused(error: unknown, facts: SessionFacts): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof UnfitForSessionToken) return new ApiError('access_denied', error.message)
  const refusal = toRefusal(error)
  const { reason, clientDetail, sqlstate, isVague } = refusal
  const code = codeOf(refusal)
  const message = textOf(refusal, facts)
  return new ApiError(code, clientDetail === undefined ? message : `${message}: ${clientDetail}`, {
    sqlstate,
    hint: withoutHint.has(reason) ? undefined : refusal.hint,
    // It names the reason.
    doc: isVague ? undefined : `troubleshooting.md#${reason}`,
    reference: facts.id,
    retryAfterSeconds:
      code === 'slow_down' ? Number(refusal.values['seconds'] ?? usualRetrySeconds) : undefined,
  })
}

function textOf(refusal: Refusal, { requested, pool, identity }: SessionFacts): string {
  if (refusal.sqlstate === '28P01') return 'the token was not accepted'
  if (refusal.fault === 'issuer') return 'the identity provider is unavailable'
  const { database = '', user = '' } = requested ?? {}
  const known = { database, user, pool: pool ?? '', principal: identity?.principal ?? '' }
  const text = texts[refusal.reason]
  return text === undefined
    ? refusal.messageFor(known)
    : fill(text, { ...known, ...refusal.values })
}

function fill(text: string, values: RefusalValues): string {
  return text.replaceAll(/\{(\w+)\}/g, (_, name: string) => printable(String(values[name] ?? '')))
}

function codeOf({ reason, sqlstate, fault }: Refusal): ErrorCode {
  const own = codes[reason]
  if (own !== undefined) return own
  if (sqlstate === '28P01') return 'invalid_token'
  if (fault === 'client' || fault === 'policy') return 'access_denied'
  return reason === 'internal-error' ? 'server_error' : 'temporarily_unavailable'
}
