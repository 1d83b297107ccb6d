import { z } from 'zod'
import {
  anyText,
  duration,
  flag,
  listenAddress,
  listenPort,
  name,
  originUrl,
  path,
  secret,
  section,
} from '../fields.ts'

/** As long as what a random generator of 24 bytes prints in base64. */
const leastSecretLength = 32

const sealingSecret = secret().refine(
  (value) => value.length >= leastSecretLength,
  `must be a random string of at least ${leastSecretLength} characters, as \`openssl rand -base64 32\` prints`,
)

const sessionTokens = section({
  enabled: flag()
    .prefault(true)
    .describe(
      'Whether tokens of identity providers, and sign-ins on the pages, can be exchanged for session tokens: short ones of Portcullis, which are passwords like those that they were made from.',
    ),
  lifetime: duration('1m', '24h')
    .prefault('1h')
    .describe('How long one is good for, but never longer than what it was made from.'),
  key_lifetime: duration('1h', '2160h')
    .prefault('168h')
    .describe(
      'How often the key that signs them is replaced. Those before it verify for as long as tokens of theirs are good.',
    ),
})
  .prefault({})
  .describe('Short tokens of Portcullis, in place of those of providers.')

const stepUp = section({
  required_acr: z
    .array(anyText())
    .prefault([])
    .describe(
      'Accepted `acr`, authentication context classes, for whatever changes something on the pages: whoever has another is sent to the identity provider for one of these.',
    ),
  max_age: duration('1m', '24h')
    .optional()
    .describe(
      'How long ago an administrator may have signed in at the identity provider to change something on the pages.',
    )
    .meta({ 'x-default': 'however long' }),
})
  .prefault({})
  .describe('What administrators have to have shown at the identity provider, and when.')

export const web = section({
  public_url: originUrl().describe(
    'The https address under which browsers reach the pages, without a path. Register it with `/oidc/v1/callback`, with `/sign-in/callback` and, for the sign-in API, with `/v1/callback` behind it as redirect URIs at the identity provider.',
  ),
  node_url: originUrl()
    .optional()
    .describe(
      'The https address of the pages of this node alone, where several are behind `public_url` that are no fleet: clients that wait for somebody to sign in wait at one node, and give out this address. Register it with `/sign-in/callback` behind it, too.',
    )
    .meta({ 'x-default': '`public_url`' }),
  listen_address: listenAddress()
    .prefault('127.0.0.1')
    .describe('Address of the HTTPS server for the pages. Metrics are on another: `http`.'),
  listen_port: listenPort().prefault(8443).describe('Its port. 0 is any free port.'),
  tls: section({
    certificate: path().describe('PEM file with the certificate for `public_url` and its chain.'),
    key: path().describe('PEM file with its private key.'),
  })
    .optional()
    .describe('The certificate of the pages; that of the server, `tls`, where it is left out.'),
  behind_proxy: flag()
    .prefault(false)
    .describe(
      'Whether a reverse proxy in front ends TLS, so that HTTP without TLS is served. Browsers are then told apart by the last address of X-Forwarded-For, which the proxy must add.',
    ),
  secret: z
    .union([
      sealingSecret.transform((one): readonly string[] => [one]),
      z.array(sealingSecret).min(1).max(5),
    ])
    .optional()
    .describe(
      'What seals the cookies of the pages and makes the keys of session tokens: one random string, or several, of which the first seals and all open, so that it can be replaced. Every node behind one `public_url` has the same.',
    )
    .meta({
      'x-type': 'secret string, or list of them',
      'x-default': 'a random one, with which all sign-ins and session tokens end at a restart',
    }),
  integrations: z
    .array(name())
    .optional()
    .describe('Where people may sign in on the pages, in the order of the buttons.')
    .meta({
      'x-default':
        'those that pools name as `sso_integration`; where none does, all that have a `client_id`',
    }),
  autologin: flag()
    .prefault(false)
    .describe(
      'Whether whoever opens a page is sent on to the identity provider at once. It needs one integration alone to sign in at.',
    ),
  root_certificate: anyText()
    .optional()
    .describe(
      'The file, where clients run, of the authority that signed the certificate of the listeners: what Connect has clients verify the server with (`sslrootcert`).',
    )
    .meta({ 'x-default': 'the authorities that the system trusts' }),
  session_lifetime: duration('5m', '24h')
    .prefault('8h')
    .describe('How long a sign-in on the pages lasts, but never longer than the token.'),
  step_up: stepUp,
  session_tokens: sessionTokens,
})
  .optional()
  .meta({
    description:
      'Our own pages and HTTP API, where people sign in with a browser. Without it there are none.',
    'x-default': 'no pages',
  })
