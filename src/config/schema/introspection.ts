import { z } from 'zod'
import { anyText, duration, httpsUrl, secret, section } from '../fields.ts'

export const introspection = section({
  endpoint: httpsUrl()
    .optional()
    .describe('The introspection endpoint. Required if there is one of the `jwks` keys.')
    .meta({ 'x-default': 'the one of the discovery document' }),
  client_id: anyText()
    .optional()
    .describe('The client that asks, if it is not that of the integration.')
    .meta({ 'x-default': 'that of the integration' }),
  client_secret: secret()
    .optional()
    .describe('Its secret. Required with a `client_id` here.')
    .meta({ 'x-default': 'that of the integration' }),
  authentication: z
    .enum(['basic', 'post'])
    .default('basic')
    .describe('How the client shows its secret: in the header of the request, or in its form.'),
  cache: duration('0', '60s')
    .prefault('30s')
    .describe(
      'How long an answer is good for: so long a token may be used that was revoked. 0 asks each time.',
    ),
})
