// Why a call of the API comes to nothing: a closed list, each with its status. The names are those of OAuth
// (RFC 6749, 5.2; RFC 6750, 3.1; RFC 8628, 3.5) where it has one.

export const errorCodes = {
  invalid_request: 400,
  unsupported_grant_type: 400,
  unsupported_token_type: 400,
  authorization_pending: 400,
  expired_token: 400,
  invalid_token: 401,
  access_denied: 403,
  foreign_origin: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  too_large: 413,
  unsupported_media_type: 415,
  slow_down: 429,
  temporarily_unavailable: 503,
  server_error: 503,
} as const

export type ErrorCode = keyof typeof errorCodes
export type ErrorStatus = (typeof errorCodes)[ErrorCode]

/** What a caller reads of it, beside `error`. */
export interface ErrorDetails {
  readonly sqlstate?: string | undefined
  readonly hint?: string | undefined
  /** Where the documentation has more. */
  readonly doc?: string | undefined
  /** By which operators find the call in the log. */
  readonly reference?: string | undefined
  readonly retryAfterSeconds?: number | undefined
  /** With which, and not before when, a device grant is asked about again. */
  readonly deviceCode?: string | undefined
  readonly intervalSeconds?: number | undefined
}

/** Expected. `detail` and `cause` are for the log alone. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message)
    this.code = code
    this.details = details
  }

  get status(): ErrorStatus {
    return errorCodes[this.code]
  }
}
