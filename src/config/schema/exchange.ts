import { z } from 'zod'
import { anyText, flag, name, secret, section, text } from '../fields.ts'

const types = [
  'urn:ietf:params:oauth:token-type:access_token',
  'urn:ietf:params:oauth:token-type:id_token',
  'urn:ietf:params:oauth:token-type:jwt',
] as const

function isAbsoluteUri(value: string): boolean {
  return URL.canParse(value) && !/[#\s]/.test(value)
}

/** Token exchange (RFC 8693): the token of the client for one that the upstream is the audience of. */
export const exchange = section({
  integration: name().optional().meta({
    description:
      'The integration whose provider exchanges, at the token endpoint of its discovery document. With another issuer than that of the token, `allow_other_subject` is needed.',
    'x-default': 'the one that verified the token',
  }),
  audience: anyText()
    .optional()
    .describe(
      'The name of the upstream at the provider. There must be `audience`, `resource` or both: `aud` of the issued token must have one of them.',
    ),
  resource: text('URI', 'must be an absolute URI without fragment', isAbsoluteUri)
    .optional()
    .describe('The location of the upstream, as a URI (RFC 8707).'),
  scope: anyText().optional().describe('Scopes to ask for, separated by spaces.'),
  requested_token_type: z
    .enum(types)
    .optional()
    .describe('The type of token to ask for. Without it the provider chooses.'),
  subject_token_type: z.enum(types).optional().meta({
    description: 'The type that the token of the client is sent as.',
    'x-default': 'that of an ID token or of an access token, whichever it is',
  }),
  client_id: anyText().optional().meta({
    description: 'The client that asks for the exchange, with its `client_secret`.',
    'x-default': 'client and secret of the integration',
  }),
  client_secret: secret().optional().describe('The secret of that client.'),
  authentication: z
    .enum(['basic', 'post', 'none'])
    .default('basic')
    .describe(
      'How the secret is sent: in the header (`client_secret_basic`), in the form (`client_secret_post`), or not at all.',
    ),
  allow_opaque: flag()
    .prefault(false)
    .describe(
      'Whether an issued token that is not a JWT, or is encrypted, is passed on. It cannot be verified here: neither its audience nor its subject.',
    ),
  allow_other_subject: flag()
    .prefault(false)
    .describe(
      'Whether `sub` of the issued token may be another than that of the token of the client.',
    ),
})
