// What clients of CockroachDB read when a login by token is refused: its texts, by our reasons. A reason
// that is not here has no text there, and keeps ours.
import { printable, type Reason, type Refusal, type RefusalValues } from '../refusal.ts'
import type { ErrorFields } from '../wire/write-backend.ts'

/** `{name}` is replaced by a value of the refusal or of the session. */
interface Text {
  readonly message: string
  readonly detail?: string
  readonly hint?: string
  readonly sqlstate?: string
}

const invalidToken = 'JWT authentication: invalid token'
const unparsable = 'unable to parse token:'
const wrongSignature = `${unparsable} could not verify message using any of the signatures or keys`
const wrongPassword: Text = {
  sqlstate: '28P01',
  message: 'password authentication failed for user {user}',
}

type Values = Readonly<Record<string, string | number | undefined>>

const texts: Partial<Record<Reason, Text | ((values: Values) => Text)>> = {
  'empty-password': wrongPassword,
  // There is no such role, or nobody has told its password: here a user who does not exist.
  'upstream-authentication': wrongPassword,
  'integration-disabled': { message: 'JWT authentication: not enabled' },
  'token-malformed': ({ isJwt }) => ({
    message: invalidToken,
    detail:
      isJwt === undefined
        ? 'token parsing failed: invalid JWT'
        : `${unparsable} the header is not supported`,
  }),
  'token-issuer': {
    message: 'JWT authentication: invalid issuer',
    detail: 'token issued by {iss}',
  },
  'keys-unavailable': { message: 'JWT authentication: unable to validate token' },
  'token-algorithm': {
    message: invalidToken,
    detail: `${unparsable} the algorithm is not allowed`,
  },
  'token-unknown-key': ({ kid }) => ({
    message: invalidToken,
    detail:
      kid === undefined
        ? wrongSignature
        : `${unparsable} failed to find key with key ID "{kid}" in key set`,
  }),
  'token-signature': { message: invalidToken, detail: wrongSignature },
  'token-expired': { message: invalidToken, detail: `${unparsable} "exp" not satisfied` },
  'token-not-yet-valid': { message: invalidToken, detail: `${unparsable} "{claim}" not satisfied` },
  'token-type': { message: invalidToken, detail: `${unparsable} "typ" not satisfied` },
  'token-claim': ({ value, issuer }) => {
    // Times are a part of the token there; every other claim is read for the name of the user.
    if (issuer === undefined) {
      return { message: invalidToken, detail: `${unparsable} "{claim}" not satisfied` }
    }
    if (value !== undefined) {
      return {
        message: 'JWT authentication: invalid claim value',
        detail: 'the value {value} for the issuer {issuer} is invalid',
      }
    }
    return {
      message: 'JWT authentication: missing claim',
      detail: 'token does not contain a claim for {claim}',
    }
  },
  'principal-unmapped': {
    message: 'JWT authentication: invalid principal',
    detail: 'the value {names} for the issuer {issuer} is invalid',
  },
  'role-not-allowed': {
    message: 'JWT authentication: invalid principal',
    detail: 'token issued for {names} and login was for {user}',
  },
  'role-reserved': {
    message: 'JWT authentication: invalid identity',
    detail: 'cannot use JWT auth to login to a reserved user {user}',
  },
  'token-audience': {
    message: 'JWT authentication: invalid audience',
    detail: 'token issued with an audience of {audience}',
  },
  'no-group': {
    message: 'JWT authorization: empty group list',
    hint: 'Ask the administrator to put you into a group at the identity provider.',
  },
  'userinfo-unavailable': ({ endpoint }) => ({
    message:
      endpoint === 'none'
        ? 'JWT authorization: No userinfo endpoint'
        : 'JWT authorization: userinfo lookup failed',
  }),
}

/** The refusal in CockroachDB's words; `reference` tells an operator where to look further. */
export function cockroachError(
  refusal: Refusal,
  session: RefusalValues,
  reference: string | undefined,
): ErrorFields | undefined {
  const entry = texts[refusal.reason]
  if (entry === undefined) return undefined
  const values: Values = { ...session, ...refusal.values }
  const {
    message,
    detail,
    hint,
    sqlstate = '28000',
  } = typeof entry === 'function' ? entry(values) : entry
  return {
    sqlstate,
    message: filled(message, values),
    detail: detail === undefined ? undefined : filled(detail, values),
    // Its DETAIL is exact, so that what is ours goes into the HINT.
    hint: hint ?? refusal.hint ?? (detail === undefined ? reference : undefined),
  }
}

function filled(text: string, values: Values): string {
  return text.replaceAll(/\{(\w+)\}/g, (_, name: string) => printable(String(values[name] ?? '')))
}
