import { z } from 'zod'
import {
  duration,
  flag,
  host,
  identifier,
  integer,
  listenAddress,
  listenPort,
  name,
  network,
  path,
  port,
  section,
} from '../fields.ts'
import { expecting } from '../messages.ts'
import { loginHours } from './login-hours.ts'

const everywhere = ['0.0.0.0/0', '::/0']
const sourceRule = 'must be a range of addresses such as 10.0.0.0/8, or a list of them'

const socketModeError = expecting('must be "0600" or "0660"')

/** Without quotes YAML reads a decimal number. */
const socketMode = z
  .preprocess(
    (value) => (value === 600 || value === 660 ? `0${value}` : value),
    z.enum(['0600', '0660'], { error: socketModeError }),
  )
  .meta({
    description:
      'Who may open the Unix socket: the user that Portcullis runs as, or the group of the file too.',
    enum: ['0600', '0660', 600, 660],
    type: ['string', 'integer'],
    'x-type': '`0600`, `0660`',
  })
  .prefault('0600')

export const participant = section({
  node: name().describe('The node that listens.'),
  listen_address: listenAddress()
    .optional()
    .describe('The address that it listens on. This or `socket_directory` is required.'),
  listen_port: listenPort().describe('The port that it listens on. 0 is any free port.'),
  socket_directory: path()
    .optional()
    .describe(
      'A folder in which it listens on the Unix socket `.s.PGSQL.<listen_port>`, where libpq looks for it, without TLS. `source_address` does not apply there.',
    ),
  socket_mode: socketMode,
  advertised_address: host()
    .optional()
    .describe(
      'The address by which clients reach it, such as that of a load balancer: `portcullis check` looks for it in the certificate.',
    ),
  advertised_port: port().optional().describe('The port by which clients reach it.'),
  openapi_port: port()
    .optional()
    .describe(
      'The port by which tools reach the sign-in API from this pool, where `openapi_advertised_port` does not say another: it is told to them, and not listened on. That is `web.listen_port`.',
    ),
  openapi_advertised_address: host()
    .optional()
    .describe(
      'The address by which tools reach the sign-in API from this pool, as `/.well-known/portcullis` tells them. Without it: that of `web.public_url`.',
    ),
  openapi_advertised_port: port()
    .optional()
    .describe(
      'The port that goes with it. Without it: `openapi_port`, else that of `web.public_url`.',
    ),
  allow_cleartext: flag()
    .prefault(false)
    .describe('Whether clients may go without TLS. Only on a loopback address.'),
  proxy_protocol: z
    .enum(['trusted', 'required', 'off'])
    .default('trusted')
    .describe(
      'Who sends a PROXY header: `trusted` are the peers of `trusted_proxies`, with `required` nobody else may connect, with `off` nobody sends one.',
    ),
})

export const pool = section({
  enabled: flag()
    .prefault(true)
    .describe(
      'With `false` it is as if the pool were not there: nobody comes in by it, and its listeners are closed that no other pool needs. Sessions that are open stay.',
    ),
  source_address: z
    .union([network(), z.array(network()).min(1)], { error: expecting(sourceRule) })
    .transform((ranges) => (typeof ranges === 'string' ? [ranges] : ranges))
    .prefault(everywhere)
    .describe('Clients that the pool serves: a range of addresses, or a list of ranges.'),
  priority: integer(-1_000_000, 1_000_000)
    .prefault(0)
    .describe('The highest priority wins; between equals, the longest prefix.'),
  sso_integration: name()
    .optional()
    .describe('The integration for interactive sign-in through this pool.'),
  sso_flows: z
    .array(z.enum(['deviceGrant', 'authorizationCode']))
    .min(1)
    .prefault(['deviceGrant', 'authorizationCode'])
    .describe(
      'How people may sign in with a browser: `deviceGrant` on a page of the provider, `authorizationCode` by way of our own (`web`), which shows who asks. The first that is possible is for clients that do not choose by `ssoOAuthFlow`.',
    ),
  require_sso: flag()
    .prefault(false)
    .describe('Whether passwords are refused, so that only single sign-on is left.'),
  auth_methods: z
    .array(z.enum(['cleartext', 'oauthbearer', 'scram-sha-256']))
    .min(1)
    .prefault(['cleartext', 'oauthbearer'])
    .describe(
      'How clients may be asked for a credential: `cleartext` for a password or a token in its place, `oauthbearer` for OAUTHBEARER (RFC 7628), as libpq 18 knows it, `scram-sha-256` for the proof of a password, which is relayed to the database and never seen; passwords are taken in no other way then. The first that can do for the user is for clients that do not choose by `options=-c auth_method=...`.',
    ),
  allowed_databases: z.array(identifier('database')).min(1).optional().meta({
    description:
      'Databases that clients may connect to by this pool. Any other does not exist for them, whatever they are: it is refused as an unknown one.',
    'x-default': 'all',
  }),
  allowed_groups: z.array(identifier('group')).min(1).optional().meta({
    description:
      'Groups of the catalog of which an identity must be in one, by whichever of its roles it logs in then. Passwords are refused, but for those of `password_users`.',
    'x-default': 'any, and none',
  }),
  allowed_integrations: z.array(name()).min(1).optional().meta({
    description:
      'Integrations whose tokens may be used in this pool. It does not choose one: a token of another is refused.',
    'x-default': 'all',
  }),
  login_hours: z.array(loginHours).min(1).max(20).optional().meta({
    description:
      'When clients may log in, by the time at which they connect. Whoever comes outside of all of them is told when they begin again; sessions that are open stay.',
    'x-default': 'always',
  }),
  server_names: z
    .array(host())
    .prefault([])
    .describe(
      'Names by which clients ask for this pool in TLS (SNI). With some, it serves those clients alone, and before pools of the same priority without a name; with none, anybody.',
    ),
  tls: section({
    certificate: path().describe('PEM file with the certificate for `server_names` and its chain.'),
    key: path().describe('PEM file with its private key.'),
  })
    .optional()
    .describe('The certificate for clients that ask for one of `server_names`.'),
  client_certificate: z
    .enum(['optional', 'required'])
    .default('optional')
    .describe(
      'Whether clients must have a certificate of `tls.client_ca`, besides a token or a password.',
    ),
  allow_replication: flag()
    .prefault(false)
    .describe(
      'Whether clients may ask for the replication protocol. The role needs the attribute REPLICATION; clients of physical replication connect to the database `replication`, which the catalog must have then.',
    ),
  max_sessions: integer(1, 1_000_000)
    .optional()
    .describe('Open sessions that came in by this pool, of all workers of this node.'),
  session_expiry: z
    .enum(['ignore', 'idle', 'hard'])
    .default('ignore')
    .describe(
      'What becomes of a session when the token expires (`exp`) that it began with: nothing with `ignore`; with `idle` it ends as soon as it is in no transaction; with `hard` it does so too, and after `session_grace` whatever it does.',
    ),
  session_grace: duration('0', '24h')
    .prefault('30s')
    .describe(
      'How long a session may go on with its statement or transaction when its token has expired (`session_expiry: hard`) or its lifetime is over (`max_session_lifetime`). Then it is cancelled.',
    ),
  max_session_lifetime: duration('1s', '8760h')
    .optional()
    .describe(
      'How long a session may last from its login on. Then it ends as soon as it is in no transaction, and after `session_grace` whatever it does.',
    ),
  idle_timeout: duration('1s', '8760h')
    .optional()
    .describe(
      'How long a session may ask for nothing, outside of a transaction, before it is ended.',
    ),
  idle_in_transaction_timeout: duration('1s', '8760h')
    .optional()
    .describe(
      'How long a session may ask for nothing within a transaction before it is ended, and the transaction rolled back.',
    ),
  password_users: z
    .array(identifier('role'))
    .prefault([])
    .describe('Roles that may use a password although `require_sso` is true.'),
  participants: z
    .array(participant)
    .min(1)
    .describe('The listeners of the pool, on this node and on others.'),
})
