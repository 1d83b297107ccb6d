import { z } from 'zod'
import { anyText, claim, dictionary, duration, flag, section, text } from '../fields.ts'

/** Settings that extensions and applications may have: with a dot they are nobody else's at PostgreSQL. */
function settingName() {
  return text(
    'setting',
    'must be a setting of your own such as app.tenant: lower case, with a dot, and not portcullis.*',
    (value) =>
      /^[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)+$/.test(value) && !value.startsWith('portcullis.'),
  )
}

const leastSecretBytes = 32

const signing = section({
  secret: text(
    'secret string',
    `must be a secret of ${leastSecretBytes} bytes or more, such as \`openssl rand -hex 32\` makes`,
    (value) => Buffer.byteLength(value) >= leastSecretBytes,
  ).describe(
    'The secret of the signature, as `${file:...}` or `${env:...}`. The database has it too, where nobody but the function that verifies can read it.',
  ),
  validity: duration('1m', '7d')
    .prefault('12h')
    .describe('How long it is good for. It should be no shorter than a session lasts.'),
  bound_to: z
    .enum(['connection', 'role'])
    .default('connection')
    .describe(
      'Whether it is good in the session alone that it was made for, by the address and port of the connection as the server sees them, or for every session of the role, where something in between changes them.',
    ),
})

export const sessionSettings = section({
  identity: flag()
    .prefault(false)
    .describe(
      'Sets `portcullis.subject`, `portcullis.issuer`, `portcullis.principal`, `portcullis.groups` (a JSON array) and `portcullis.session`.',
    ),
  claims: z
    .array(anyText())
    .max(50)
    .prefault([])
    .describe(
      'Claims of the token, by their literal names, that `request.jwt.claims` has as a JSON object, as with PostgREST.',
    ),
  claim_settings: dictionary(settingName(), claim())
    .prefault({})
    .describe(
      'Settings of one claim each, such as `request.jwt.claim.sub: sub`: text as it is, anything else as JSON, empty where the token has no such claim.',
    ),
  signing: signing
    .optional()
    .describe(
      'Sets `portcullis.identity`: who it is and the `claims`, signed, so that a function at the database can verify it. The other settings can be changed by every client.',
    ),
})
