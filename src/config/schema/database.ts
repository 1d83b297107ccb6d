import { z } from 'zod'
import {
  dictionary,
  duration,
  flag,
  host,
  identifier,
  integer,
  name,
  path,
  port,
  secret,
  section,
  serverHost,
  text,
} from '../fields.ts'
import { expecting } from '../messages.ts'
import { hostsOf } from '../upstream-hosts.ts'
import { exchange } from './exchange.ts'
import { partly } from './partly.ts'
import { provisioner } from './provisioning.ts'
import { sessionSettings } from './session-settings.ts'
import { isMapping } from '../mapping.ts'

const passwordAuth = section({
  method: z
    .literal('password')
    .describe(
      'How Portcullis logs in: `certificate` with a client certificate that it mints for the role, `password` with a password of the role, `rds-iam` with a token that is signed by the credentials of AWS, `token` with the token of the client or what it is exchanged for, `trust` with none.',
    ),
  passwords: dictionary(identifier('role'), secret()).describe(
    'The password of each role, as `${file:...}` or `${env:...}`. Required with the method `password`.',
  ),
  allow: z
    .array(z.enum(['scram-sha-256', 'md5', 'cleartext']))
    .min(1)
    .prefault(['scram-sha-256'])
    .describe('The ways in which the upstream may ask for the password.'),
})

const certificateAuth = section({
  method: z.literal('certificate'),
  ca_certificate: path().describe(
    'PEM file with the certificate of the authority that signs them, as `portcullis ca init` makes it. Of several that of `ca_key` signs. Required with the method `certificate`.',
  ),
  ca_key: path().describe(
    'PEM file with its private key: P-256, P-384 or RSA, without a passphrase, and with no permission for anybody but its owner. Required with the method `certificate`.',
  ),
  validity: duration('1m', '1h')
    .prefault('10m')
    .describe(
      'How long a certificate is valid. It is used for logins during the first half of that. The clock of the server may be ahead of ours by half of it, and five minutes behind.',
    ),
})

const tokenAuth = section({
  method: z.literal('token'),
  as: z
    .enum(['auto', 'cleartext', 'oauthbearer'])
    .default('auto')
    .describe(
      'How the token is passed on: as a `cleartext` password, by the SASL mechanism OAUTHBEARER of PostgreSQL 18, or `auto`, as the server asks for it. For the method `token`.',
    ),
  cockroachdb: flag()
    .prefault(false)
    .describe(
      'Tells CockroachDB that the password is a token, by `options=--crdb:jwt_auth_enabled=true`. For the method `token`.',
    ),
})

const rdsAuth = section({
  method: z.literal('rds-iam'),
  region: text('AWS region', 'must be the name of a region such as eu-central-1', (value) =>
    /^[a-z]{2,}(?:-[a-z0-9]+)+$/.test(value),
  ).describe('The region of the instance at AWS. Required with the method `rds-iam`.'),
})

const trustAuth = section({ method: z.literal('trust') })

const auth = z.discriminatedUnion(
  'method',
  [passwordAuth, certificateAuth, tokenAuth, rdsAuth, trustAuth],
  {
    error: ({ input }) => {
      if (!isMapping(input)) return expecting('must be a mapping of keys to values')({ input })
      const { method } = input
      return expecting('must be one of "certificate", "password", "rds-iam", "token", "trust"')({
        input: method,
      })
    },
  },
)

const protocolError = expecting('must be "3.0" or "3.2"')

/** Without quotes YAML reads a number. */
const protocol = z
  .preprocess(
    (value) => (value === 3 ? '3.0' : value === 3.2 ? '3.2' : value),
    z.enum(['3.0', '3.2'], { error: protocolError }),
  )
  .meta({
    description:
      'The version of the protocol that the server is asked for, whatever the client speaks. Every server has 3.0. PostgreSQL 18 has 3.2, where cancel keys are of 32 bytes; an older one that is asked for it goes on with 3.0.',
    enum: ['3.0', '3.2', 3, 3.2],
    type: ['string', 'number'],
    'x-type': '`3.0`, `3.2`',
  })
  .prefault('3.0')

const warm = section({
  max_per_role: integer(1, 100)
    .prefault(4)
    .describe(
      'How many are kept ready for a role at most, in each worker: as many as there were logins in the last 10 s, and one while the last two were within `max_age`.',
    ),
  max: integer(1, 1000)
    .prefault(20)
    .describe('How many are kept ready at this upstream at most, in each worker.'),
  max_age: duration('10s', '1h')
    .prefault('5m')
    .describe(
      'How old they may become; with the method `certificate` also at most half of `validity`. What pg_hba.conf says is asked of PostgreSQL when they are opened, and not again.',
    ),
  reuse: z
    .enum(['never', 'reset'], { error: expecting('must be "never" or "reset"') })
    .prefault('never')
    .describe(
      'Whether a session waits for another client once one has left it. `never`: it ends with its client. `reset`: after `DISCARD ALL`, if PostgreSQL then says that it is as it was when it was opened. That does not reach everything: see the [operations guide](operations.md#sessions-that-are-ready).',
    ),
})

const upstreamHost = section({
  host: serverHost().describe('As `host`.'),
  port: port().optional().meta({ description: 'As `port`.', 'x-default': 'that of `port`' }),
})

const upstream = section({
  host: serverHost()
    .optional()
    .describe(
      'Host name or IP address of the PostgreSQL server, or, beginning with `/`, the directory of its Unix socket; `@` in front means the abstract namespace. This or `hosts` is required.',
    ),
  hosts: z
    .array(upstreamHost)
    .min(1)
    .max(16)
    .optional()
    .describe(
      'In place of `host`: several servers with the same database, such as a primary and its standbys. They are tried in this order; one that has just failed is tried last for some seconds.',
    ),
  port: port().prefault(5432).describe('Its port.'),
  target_session_attrs: z
    .enum(['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'])
    .default('any')
    .describe(
      'As in libpq: which of `hosts` will do. Each is logged in to until one is found; after that it is the first to be tried.',
    ),
  load_balance_hosts: z
    .enum(['disable', 'random'])
    .default('disable')
    .describe(
      'As in libpq: `random` tries hosts, and the addresses of each, in another order at each login.',
    ),
  database: identifier('database').optional().meta({
    description: 'The name of the database at the server.',
    'x-default': 'the name in the catalog',
  }),
  tls: z
    .enum(['verify-full', 'verify-ca', 'require', 'disable'])
    .default('verify-full')
    .describe('As `sslmode` of libpq. `require` and `disable` leave the way open to an impostor.'),
  ca: path()
    .optional()
    .describe(
      'PEM file with the certificate authorities to trust for the server, instead of the built-in ones.',
    ),
  server_name: host()
    .optional()
    .describe('The name to expect in the certificate of the server, if it is not `host`.'),
  channel_binding: z
    .enum(['prefer', 'require', 'disable'])
    .default('prefer')
    .describe(
      'As `channel_binding` of libpq: whether the proof of a password (SCRAM-SHA-256-PLUS) is bound to the certificate of the server. `require` leaves nobody a place in between, even where `tls` is `require`; `disable` is for what ends TLS in front of the server.',
    ),
  protocol,
  connect_timeout: duration('100ms', '5m')
    .prefault('10s')
    .describe(
      'For connecting and logging in, over all `hosts`. To connect to one of them a login waits for its part of the time at most, so that each has its turn.',
    ),
  connect_retries: integer(0, 100)
    .prefault(3)
    .describe(
      'How many more times all hosts are tried when none accepts the connection, or PostgreSQL is starting, within `connect_timeout`. In between is 0.1 s, twice as long each time, at most 1 s. Nothing is tried again once a server was told who logs in.',
    ),
  warm: warm
    .optional()
    .describe(
      'Sessions that are logged in before anybody needs them, so that a login does not wait for one. Each is for one client, once, unless `reuse` says otherwise. Off without this section; not with the methods `token` and `rds-iam`, and not beside `session_settings`.',
    ),
  auth: auth.describe('How Portcullis logs in as the role.'),
  provisioner: provisioner
    .optional()
    .describe('Who makes roles at the server, for integrations with `provisioning`.'),
})

const ofEveryDatabase = partly(upstream.shape, 'database')

export const defaultUpstreamKeys: readonly string[] = Object.keys(ofEveryDatabase)

export const defaultUpstream = section(ofEveryDatabase).optional().meta({
  description:
    'What stands in for keys that the `upstream` of a database does not have, or for all of it, so that `databases: { sandbox: {} }` is enough. Keys are those of `upstream` but for `database`, which is the name of each; `host` or `hosts` of a database stands for both, and its `auth` for all of `auth`. Not for the databases `system`, `portcullis` and `pgbouncer`.',
  'x-type': 'section',
})

export const database = section({
  integrations: z
    .array(name())
    .prefault([])
    .describe(
      'Integrations whose tokens open this database. With none, those of the database `system` do.',
    ),
  primary: name().optional().meta({
    description: 'The integration that is used where neither the client nor the token chooses one.',
    'x-default': 'the only one',
  }),
  integration_selection: z
    .enum(['token', 'primary'])
    .default('token')
    .describe('`token` lets the issuer of the token choose, `primary` does not.'),
  upstream: upstream
    .optional()
    .describe(
      'The PostgreSQL server. Required for every database but `system`, here or as `default_upstream`.',
    ),
  owners: z.array(identifier('role')).min(1).optional().meta({
    description:
      'Roles that make tables there, for the default privileges of `portcullis grants`: what they make from then on is granted by itself.',
    'x-default': 'those that own something there, or may create',
  }),
  max_sessions: integer(1, 1_000_000)
    .optional()
    .describe('Open sessions on this database, of all workers of this node.'),
  exchange: exchange
    .optional()
    .describe(
      'Token exchange (RFC 8693): what the token of a client is exchanged for before it is passed on. Needs `upstream.auth.method: token`.',
    ),
  session_settings: sessionSettings
    .optional()
    .describe(
      'What sessions are told of the identity that they belong to, for row-level security.',
    ),
})

/** In one form, however they were written. */
function withHosts({ host, hosts, port, ...rest }: z.output<typeof upstream>, name: string) {
  return { ...rest, hosts: hostsOf({ host, hosts, port }), database: rest.database ?? name }
}

type Databases = Readonly<Record<string, z.output<typeof database>>>

/** The defaults that depend on the rest of the entry, or on its name. */
export const databases = dictionary(identifier('database'), database)
  .transform(withDefaults)
  .prefault({})
  .describe('The catalog: databases that clients may connect to.')

function withDefaults(entries: Databases) {
  const filled = Object.entries(entries).map(([key, { upstream, ...entry }]) => {
    const [first, ...others] = entry.integrations
    const primary = entry.primary ?? (others.length === 0 ? first : undefined)
    const server = upstream && withHosts(upstream, key)
    return [key, { ...entry, primary, upstream: server }] as const
  })
  return Object.assign(
    Object.create(null) as Record<string, (typeof filled)[number][1]>,
    Object.fromEntries(filled),
  )
}
