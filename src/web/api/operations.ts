// Every call of the API, as the OpenAPI document has it: what is not here is not served.
import type { z } from 'zod'
import type { ErrorCode } from './api-error.ts'
import {
  callbackQuery,
  deviceRequest,
  deviceResponse,
  logoutRequest,
  gatewayDescription,
  jwkSet,
  logoutResponse,
  openapiDocument,
  redirectResponse,
  refreshRequest,
  signInRequest,
  tokenRequest,
  tokenResponse,
  verifyRequest,
} from './schemas.ts'

export interface Operation {
  readonly method: 'get' | 'post'
  readonly path: string
  readonly summary: string
  readonly description: string
  readonly body?: { readonly schema: z.ZodType; readonly isRequired: boolean }
  readonly query?: z.ZodObject
  /** Whether a session token is brought in `Authorization`. */
  readonly bearer?: 'optional'
  readonly successes: readonly Success[]
  readonly errors: readonly ErrorCode[]
}

export interface Success {
  readonly status: 200 | 302
  readonly description: string
  readonly schema?: z.ZodType
  readonly headers?: Readonly<Record<string, string>>
}

/** What every POST may come to. */
const posted: readonly ErrorCode[] = [
  ...(['invalid_request', 'foreign_origin', 'too_large', 'unsupported_media_type'] as const),
  ...(['slow_down', 'temporarily_unavailable', 'server_error'] as const),
]
const token: Success = { status: 200, description: 'A session token.', schema: tokenResponse }
const setsCookie = { 'Set-Cookie': 'What the call after this one needs, where it is by a browser.' }
const served: readonly ErrorCode[] = ['slow_down', 'server_error']

export const operations = {
  sso_authentication: {
    method: 'post',
    path: '/v1/sso_authentication',
    summary: 'Begin to sign in with a browser',
    description:
      'Sends the browser to the identity provider of the database, with PKCE, state and nonce, which are sealed in a cookie. It comes back to `/v1/callback`.',
    body: { schema: signInRequest, isRequired: false },
    successes: [
      {
        status: 302,
        description: 'To the identity provider.',
        schema: redirectResponse,
        headers: { ...setsCookie, Location: 'Where the browser is to go.' },
      },
      {
        status: 200,
        description: 'With `do_redirect: false`.',
        schema: redirectResponse,
        headers: setsCookie,
      },
    ],
    errors: [...posted, 'access_denied', 'not_found'],
  },
  callback: {
    method: 'get',
    path: '/v1/callback',
    summary: 'Where the browser comes back',
    description:
      'The identity provider sends the browser here. Only the browser that was sent can come back, once and within ten minutes.',
    query: callbackQuery,
    successes: [token],
    errors: [
      ...(['invalid_request', 'invalid_token', 'access_denied', 'not_found'] as const),
      ...(['unsupported_token_type', 'expired_token'] as const),
      ...(['slow_down', 'temporarily_unavailable', 'server_error'] as const),
    ],
  },
  sso_token: {
    method: 'post',
    path: '/v1/sso_token',
    summary: 'Exchange a token for a session token',
    description:
      'Takes any token that would be accepted as a password at the database, and verifies it in the same way. Exactly one of `id_token` and `access_token` is given.',
    body: { schema: tokenRequest, isRequired: true },
    successes: [token],
    errors: [...posted, 'unsupported_token_type', 'invalid_token', 'access_denied', 'not_found'],
  },
  sso_device_grant: {
    method: 'post',
    path: '/v1/sso_device_grant',
    summary: 'Begin to sign in on another device',
    description:
      'For tools without a browser (RFC 8628): shows an address of the identity provider and a code. Then `sso_device_grant_verify` is called until somebody has signed in.',
    body: { schema: deviceRequest, isRequired: false },
    successes: [
      {
        status: 200,
        description: 'What to show, and what to bring again.',
        schema: deviceResponse,
        headers: setsCookie,
      },
    ],
    errors: [...posted, 'access_denied', 'not_found'],
  },
  sso_device_grant_verify: {
    method: 'post',
    path: '/v1/sso_device_grant_verify',
    summary: 'Wait until somebody has signed in',
    description:
      'Waits for at most `timeout` seconds, and can be called again with what the answer brings, at any node. The identity provider is asked no more often than it says.',
    body: { schema: verifyRequest, isRequired: true },
    successes: [token],
    errors: [
      ...posted,
      ...(['authorization_pending', 'expired_token', 'unsupported_token_type'] as const),
      ...(['invalid_token', 'access_denied', 'not_found', 'conflict'] as const),
    ],
  },
  token_refresh: {
    method: 'post',
    path: '/v1/token_refresh',
    summary: 'Get another session token',
    description:
      'Takes a session token that is still good, and gives another one with the same bounds, until when what the first was made from is good. With a `refresh_token` the identity provider is asked again: the new one is good as far as what it issues now, and the session token may have expired and be left out.',
    body: { schema: refreshRequest, isRequired: false },
    bearer: 'optional',
    successes: [token],
    errors: [
      ...posted,
      ...(['unsupported_token_type', 'invalid_token', 'access_denied'] as const),
      ...(['not_found', 'conflict', 'expired_token'] as const),
    ],
  },
  logout: {
    method: 'post',
    path: '/v1/logout',
    summary: 'Revoke a session token, and sign out of the pages',
    description:
      'The session token that it is called with is good for nothing from then on, and sessions that were opened with it are ended. Cookies of the browser are cleared, and its sign-in on the pages is ended.',
    body: { schema: logoutRequest, isRequired: false },
    bearer: 'optional',
    successes: [{ status: 200, description: 'It is done everywhere.', schema: logoutResponse }],
    errors: [...posted, 'invalid_token', 'not_found'],
  },
  login: {
    method: 'post',
    path: '/v1/login',
    summary: 'Refused: there is no login by password',
    description:
      'Passwords are those of roles of PostgreSQL: they are shown to the database, by a connection to it, and to nobody else.',
    successes: [],
    errors: ['unsupported_grant_type', 'foreign_origin', 'too_large', 'slow_down'],
  },
  openapi: {
    method: 'get',
    path: '/v1/openapi.json',
    summary: 'This document',
    description: 'OpenAPI 3.1, made of what validates the calls.',
    successes: [{ status: 200, description: 'The document.', schema: openapiDocument }],
    errors: served,
  },
  jwks_uri: {
    method: 'get',
    path: '/.well-known/jwks.json',
    summary: 'The keys of session tokens',
    description:
      'The public keys that session tokens are signed with, and the next one (RFC 7517).',
    successes: [{ status: 200, description: 'The key set.', schema: jwkSet }],
    errors: [...served, 'not_found'],
  },
  gateway: {
    method: 'get',
    path: '/.well-known/portcullis',
    summary: 'What there is here',
    description:
      'What a tool has to know to sign somebody in and to connect: addresses, pools, and the integrations that people can sign in with.',
    successes: [{ status: 200, description: 'The description.', schema: gatewayDescription }],
    errors: served,
  },
} as const satisfies Readonly<Record<string, Operation>>

export type OperationName = keyof typeof operations
