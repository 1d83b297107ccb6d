import { hostname } from 'node:os'
import { z } from 'zod'
import {
  duration,
  flag,
  integer,
  listenAddress,
  listenPort,
  name,
  network,
  path,
  section,
  size,
  text,
  toNumber,
} from '../fields.ts'
import { expecting } from '../messages.ts'
import { usualHttpAddress, usualHttpPort } from '../usual-http.ts'
import { isCipher, isGroup } from '../tls-names.ts'

export const node = name()
  .optional()
  .transform((value) => value ?? hostname())
  .meta({
    description: 'The name of this node: participants of connectivity pools refer to it.',
    'x-default': 'the host name',
  })

const workersError = expecting('must be "auto" or a number of processes between 1 and 256')

const workerCount = z
  .int({ error: workersError })
  .min(1, { error: workersError })
  .max(256, { error: workersError })

export const region = name()
  .optional()
  .describe(
    'Where this node is: of several addresses in `server.oidc_authentication.redirect_url` it is that of this region.',
  )

export const workers = z
  .preprocess(toNumber, z.union([z.literal('auto'), workerCount], { error: workersError }))
  .prefault('auto')
  .describe('Number of worker processes. `auto` is one for each CPU that the process may use.')

const cipherRule =
  'must be a cipher suite of TLS 1.2 with forward secrecy, such as ECDHE-RSA-AES256-GCM-SHA384'
const groupRule = 'must be a group for the key exchange, such as X25519, X25519MLKEM768 or P-256'

export const tls = section({
  certificate: path().describe('PEM file with the certificate of this server and its chain.'),
  key: path().describe('PEM file with the private key of the certificate.'),
  min_version: z
    .enum(['TLSv1.2', 'TLSv1.3'])
    .default('TLSv1.2')
    .describe('The oldest version of TLS that clients may use.'),
  max_version: z
    .enum(['TLSv1.2', 'TLSv1.3'])
    .default('TLSv1.3')
    .describe('The newest version of TLS that clients may use.'),
  ciphers: z
    .array(text('cipher suite', cipherRule, isCipher))
    .min(1)
    .optional()
    .meta({
      description:
        'Cipher suites of TLS 1.2, the best first, as `openssl ciphers` calls them. Those of TLS 1.3 are all good, and not chosen here.',
      'x-default': 'those of Node',
    }),
  groups: z
    .array(text('group', groupRule, isGroup))
    .min(1)
    .optional()
    .meta({
      description: 'Groups (curves) for the key exchange, the best first.',
      'x-default': 'those of OpenSSL',
    }),
  client_ca: path()
    .nullable()
    .default(null)
    .describe(
      'PEM file with the certificate authorities of client certificates. With it a certificate is asked for, and one that is sent must be of these; none is accepted too. See also `require_sender_constraint`.',
    ),
}).describe('TLS on every listener; pools with a certificate of their own have the rest of it too.')

export const http = section({
  listen_address: listenAddress()
    .prefault(usualHttpAddress)
    .describe('Address of the HTTP server for health and metrics.'),
  listen_port: listenPort().prefault(usualHttpPort).describe('Its port. 0 is any free port.'),
})
  .prefault({})
  .describe('The HTTP server for health, readiness and metrics.')

export const timeouts = section({
  startup: duration('100ms', '10m')
    .prefault('10s')
    .describe('From accept until the startup packet is complete, without the TLS handshake.'),
  tls_handshake: duration('100ms', '10m')
    .prefault('10s')
    .describe('For the TLS handshake with a client.'),
  authentication: duration('1s', '1h')
    .prefault('60s')
    .describe('From the request for a credential until the client has sent it.'),
  sign_in: duration('10s', '30m')
    .prefault('5m')
    .describe('From the notice of an interactive sign-in until somebody has signed in.'),
  pause: duration('1s', '24h')
    .prefault('2m')
    .describe(
      'How long a login waits for a database that is paused (`PAUSE` of the console), before it is refused.',
    ),
  drain: duration('0', '24h')
    .prefault('30s')
    .describe('How long sessions may go on after the server was told to stop.'),
  drain_delay: duration('0', '1h')
    .prefault('0')
    .describe(
      'For how long new connections are still taken after the server was told to stop, while `/readiness` says no already: load balancers need that time to look elsewhere. Then `drain` begins.',
    ),
  keepalive: duration('1s', '24h')
    .prefault('60s')
    .describe('Idle time after which TCP keepalive probes are sent, to clients and upstreams.'),
})
  .prefault({})
  .describe('How long each phase of a session may take.')

export const limits = section({
  max_sessions: integer(1, 1_000_000)
    .prefault(10_000)
    .describe('Open sessions, of all workers of this node.'),
  max_sessions_per_principal: integer(1, 1_000_000)
    .optional()
    .describe(
      'Open sessions of one identity (issuer and `sub`; with a password the role), of all workers of this node.',
    ),
  max_sessions_per_role: integer(1, 1_000_000)
    .optional()
    .describe(
      'Open sessions of one role, whoever is logged in as it, of all workers of this node.',
    ),
  logins_per_second_per_address: integer(1, 1_000_000)
    .nullable()
    .prefault(null)
    .describe(
      'How many connections one address may make in a second, of all workers of this node, each of which lets in its share. Before TLS and any other work; cancel requests count too. An IPv6 address counts as its /64. Behind a load balancer it is the address that the PROXY header tells. `null` sets no limit.',
    ),
  login_burst_per_address: integer(1, 1_000_000)
    .prefault(200)
    .describe('How many of them may come at once, before `logins_per_second_per_address` holds.'),
  throttle: z
    .array(z.enum(['password', 'opaque-token']))
    .prefault(['password', 'opaque-token'])
    .describe(
      'Wrong credentials of which an address has to wait before the next one is looked at, from a second to an hour: passwords of each user, tokens that an `introspection` is asked about. Tokens that are verified by their signature are no guesses. `[]` switches it off.',
    ),
  max_unauthenticated: integer(1, 1_000_000)
    .prefault(1000)
    .describe(
      'Connections that are not yet admitted, for each worker process. A few more are refused with 53300, the rest are closed.',
    ),
  max_unauthenticated_per_address: integer(1, 1_000_000)
    .nullable()
    .prefault(500)
    .describe(
      'How many of them may come from one address, for each worker process; an IPv6 address counts as its /64. Behind a load balancer it is the address that the PROXY header tells. `null` sets no limit.',
    ),
  max_sign_ins: integer(0, 100_000)
    .prefault(100)
    .describe('Interactive sign-ins that wait for somebody, for each worker process.'),
  max_relays: integer(0, 100_000)
    .prefault(20)
    .describe(
      'Logins by `scram-sha-256` that are under way, for each worker process. Each has a connection to a database that is not authenticated yet.',
    ),
  max_console_sessions: integer(1, 1_000)
    .prefault(20)
    .describe(
      'Sessions at the SQL console, for all workers of the node. They do not count in `max_sessions`, so that the console can be reached when that is.',
    ),
  max_paused_logins: integer(0, 1_000_000)
    .prefault(1000)
    .describe('Logins that wait for a database that is paused, for each worker process.'),
  max_password: size('1KiB', '1MiB')
    .prefault(65_530)
    .describe('Longest password message, in bytes. A token is a password.'),
})
  .prefault({})
  .describe('How much of a thing there may be.')

export const log = section({
  level: z
    .enum(['debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('The least severe entries that are written.'),
  format: z
    .enum(['json', 'pretty'])
    .default('json')
    .describe('`json` is one object on each line, `pretty` is for people.'),
})
  .prefault({})
  .describe('The log of the server.')

export const controlSocket = path().optional().meta({
  description:
    'Unix socket by which `portcullis sessions` lists and ends sessions. Only the user that the service runs as may open it; its folder must not be writable to others.',
  'x-default': 'no socket',
})

export const enforceOnReload = flag()
  .prefault(false)
  .describe(
    'Whether a reload ends the sessions that the new configuration would not let in as the role that they are. Without it a session keeps the configuration that it began with.',
  )

export const denyFile = path().optional().meta({
  description:
    'File (YAML or JSON) with identities, roles and addresses that are not let in and whose sessions are ended. It is looked at every second. See operations.md.',
  'x-default': 'no file',
})

export const trustedProxies = z
  .array(network())
  .prefault([])
  .describe('Peers that must send a PROXY header, whose source address is then believed.')

export const identityMap = z.string().prefault('').meta({
  description:
    'Lines as in pg_ident.conf of PostgreSQL 18: issuer, principal (or /pattern), role (or all, +role, /pattern). See identity-map.md.',
  'x-type': 'text',
})
