import { z } from 'zod'
import { duration, name, path, secret, section } from '../fields.ts'

/** As long as what a random generator of 24 bytes prints in base64. */
const leastSecretLength = 32
/** PostgreSQL cuts longer names (`NAMEDATALEN`). */
const longestIdentifier = 63

const secretRule = `must be a random string of at least ${leastSecretLength} characters, as \`openssl rand -base64 32\` prints, or a list of up to five`
const fleetSecret = secret().refine((value) => value.length >= leastSecretLength, secretRule)

export const fleet = section({
  store: secret().describe(
    'The PostgreSQL database that replicas share, as a URL: `postgres://portcullis:...@db.internal/portcullis`. TLS is `sslmode=verify-full` unless it says otherwise or is on this machine. Nothing between may pool transactions: LISTEN needs a session.',
  ),
  store_ca: path()
    .optional()
    .describe('PEM file with the authorities that the certificate of the store may be from.')
    .meta({ 'x-default': 'those that the system trusts' }),
  schema: z
    .string()
    .regex(/^[a-z_][a-z0-9_]*$/, 'must be a lower-case SQL identifier')
    .max(longestIdentifier)
    .prefault('portcullis')
    .describe(
      'The schema of the tables there. The first replica makes it, so its role needs CREATE on the database or the schema.',
    ),
  secret: z
    .union(
      [
        fleetSecret.transform((one): readonly string[] => [one]),
        z.array(fleetSecret).min(1).max(5),
      ],
      { error: secretRule },
    )
    .describe(
      'What seals whatever replicas write into the store, so that whoever reads it learns nothing and whoever writes it decides nothing: one random string, or several, of which the first seals and all open, so that it can be replaced. The same on every replica.',
    ),
  replica: name()
    .optional()
    .describe('How this replica is called in logs, metrics and SHOW REPLICAS.')
    .meta({ 'x-default': 'the host name' }),
  heartbeat: duration('1s', '60s')
    .prefault('5s')
    .describe(
      'How often a replica says that it is there. One that has said nothing for four times as long is no longer waited for.',
    ),
  start_timeout: duration('0s', '10m')
    .prefault('30s')
    .describe(
      'How long a replica that starts waits for the store. Then it goes by `<this file>.fleet`, the sealed copy of the catalog and of the revocations that it knew last, or ends with exit code 69 where there is none.',
    ),
})
  .optional()
  .describe(
    'What makes several replicas one service. Without it this one is alone. See [the fleet](fleet.md).',
  )
