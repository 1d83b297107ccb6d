// Every reason for which Portcullis ends a session on purpose. docs/troubleshooting.md is generated
// from this list, the metrics label and the audit record are its keys.

/** Whose fault a refusal is: who has to act before the next attempt can succeed. */
export type Fault = 'client' | 'policy' | 'issuer' | 'upstream' | 'proxy'

interface ReasonEntry {
  readonly sqlstate: string
  readonly fault: Fault
  /** The primary message. `{name}` is replaced by a value of the session or of the refusal. */
  readonly message: string
  /** What to do next, sent as HINT. */
  readonly hint?: string
  /** For the troubleshooting page: what happened, then what to do about it. */
  readonly meaning: string
  readonly remedy: string
}

const wrongCredential = 'password authentication failed for user "{user}"'
const notAllowed = 'identity "{principal}" may not use pool "{pool}"'
const freshToken =
  'Get a fresh token and pass it as the password, for example in the environment variable PGPASSWORD.'
const noDatabase = 'database "{database}" does not exist'
const upstreamAway = 'could not connect to the database'

export const reasons = {
  'malformed-startup': {
    sqlstate: '08P01',
    fault: 'client',
    message: 'invalid startup packet',
    meaning:
      'The first bytes were not a PostgreSQL startup packet, were longer than 10,000 bytes, or broke its layout.',
    remedy:
      'Check that the client speaks the PostgreSQL protocol and that nothing between rewrites the bytes. A load balancer that sends a PROXY header must be listed in `trusted_proxies`.',
  },
  'unsupported-protocol': {
    sqlstate: '0A000',
    fault: 'client',
    message: 'unsupported frontend protocol {version}: server supports 3.0 to 3.2',
    meaning: 'The client asked for protocol 2 or for a major version that does not exist.',
    remedy: 'Use a client that speaks protocol 3 (PostgreSQL 7.4 or newer).',
  },
  'early-data': {
    sqlstate: '08P01',
    fault: 'client',
    message: 'received unencrypted data after SSL request',
    meaning:
      'Bytes arrived in the clear behind the request for TLS. They could have been put there by anyone on the path (CVE-2021-23214).',
    remedy:
      'Either the client has a bug or somebody is between it and Portcullis. Find out which before trying again.',
  },
  'startup-timeout': {
    sqlstate: '08006',
    fault: 'client',
    message: 'startup timeout',
    meaning: 'No complete startup packet arrived within `timeouts.startup`.',
    remedy:
      'Usually a port scan, a health check that only connects, or a network that loses packets.',
  },
  'tls-failed': {
    sqlstate: '08006',
    fault: 'client',
    message: 'the TLS handshake failed',
    meaning:
      'The TLS handshake broke off or took longer than `timeouts.tls_handshake`. Often the client does not trust the certificate.',
    remedy:
      'Give the client the right root certificate (`sslrootcert`), and connect by a name that the certificate has. Clients older than TLS 1.2 need `tls.min_version`.',
  },
  'tls-required': {
    sqlstate: '28000',
    fault: 'client',
    message: 'connection is insecure (try using `sslmode=require`)',
    hint: 'A token or a password is never asked for without TLS. Use sslmode=verify-full with the root certificate of the server.',
    meaning: 'The client began without TLS, so Portcullis did not ask for its credential.',
    remedy: 'Set `sslmode=verify-full` and `sslrootcert`.',
  },
  'client-certificate': {
    sqlstate: '28000',
    fault: 'client',
    message: 'connection requires a valid client certificate',
    hint: 'Connect with sslcert and sslkey.',
    meaning:
      'The pool has `client_certificate: required`, and the client brought none, besides its credential.',
    remedy: 'Set `sslcert` and `sslkey` to a certificate of the authorities in `tls.client_ca`.',
  },
  'no-pool': {
    sqlstate: '28000',
    fault: 'policy',
    message: 'no entry for host "{address}", user "{user}", database "{database}"',
    meaning: 'No connectivity pool of this listener serves the source address.',
    remedy:
      'Add the address to `source_address` of a pool, or connect to the listener that is meant for it.',
  },
  'login-hours': {
    sqlstate: '28000',
    fault: 'policy',
    message: 'pool "{pool}" takes no logins at this time',
    hint: 'Ask the administrator when it does.',
    meaning:
      'The client connected outside of the `login_hours` of the pool. Sessions that are open are not concerned.',
    remedy:
      'Wait until the time that the HINT names, connect to another pool, or change `login_hours`. If it is the right time, compare the clock of the server, and the `time_zone`.',
  },
  'proxy-required': {
    sqlstate: '28000',
    fault: 'policy',
    message: 'this listener is for load balancers',
    meaning:
      'The listener has `proxy_protocol: required`, and the address that connected is not among `trusted_proxies`.',
    remedy: 'Connect by the load balancer, or add its address to `trusted_proxies`.',
  },
  'too-many-sessions': {
    sqlstate: '53300',
    fault: 'proxy',
    message: 'sorry, too many clients already',
    meaning: '`limits.max_sessions` are open, on all workers of this node.',
    remedy: 'Close idle sessions, or raise the limit together with the limit of open files.',
  },
  'session-limit': {
    sqlstate: '53300',
    fault: 'client',
    message: 'too many sessions for {kind} "{name}"',
    hint: 'Close sessions that are not in use, or share them by a connection pool.',
    meaning:
      'As many sessions of the identity, the role, the pool or the database are open, on all workers of this node, as `limits.max_sessions_per_principal`, `limits.max_sessions_per_role` or `max_sessions` of the pool or of the database allows. The message says of which, the log also by which setting.',
    remedy:
      'Look who has them open: the audit records of sessions have the identity and the address. Bound idle ones by `idle_timeout` of the pool, or raise the limit.',
  },
  'limits-unavailable': {
    sqlstate: '57P03',
    fault: 'proxy',
    message: 'the gateway cannot take new sessions at the moment',
    meaning:
      'The worker asked the primary process whether a session or another try of a credential is within the limits, and had no answer in time. Nobody is let in uncounted.',
    remedy:
      'Look whether the primary process is stopped, or short of CPU: its HTTP server does not answer either then.',
  },
  throttled: {
    sqlstate: '53300',
    fault: 'client',
    message: 'too many failed authentication attempts; retry in {seconds} s',
    hint: 'Make sure that user and credential are right before the next attempt. Until then no credential is looked at.',
    meaning:
      'Passwords of this user, or opaque tokens, that came from this address were wrong, or one is being tried. After each wrong one the next is looked at after 1, 2, 4 seconds and so on, up to an hour; what comes before that gets this answer, right or wrong. Other addresses are not concerned.',
    remedy:
      'Find the client with the wrong credential: the refusals before this one have its address, as `wrong-password` or `token-inactive`. The first right one after the delay lifts it.',
  },
  'too-many-unauthenticated': {
    sqlstate: '53300',
    fault: 'proxy',
    message: 'too many connections are logging in',
    meaning:
      '`limits.max_unauthenticated` connections were open that nobody had logged in on yet. 32 more are told so; the rest is closed without a word. Or a load balancer had no PROXY header for this one, and gave way to others.',
    remedy:
      'Look where they come from: the log and the audit have the addresses. If they are yours, add workers or raise the limit.',
  },
  'too-many-from-address': {
    sqlstate: '53300',
    fault: 'client',
    message: 'too many connections from address "{address}" are logging in',
    hint: 'Open fewer connections at the same time, and keep them open.',
    meaning:
      'The address had `limits.max_unauthenticated_per_address` connections open that nobody had logged in on yet. An IPv6 address counts as its /64. A cancel request with a wrong key counts for a second.',
    remedy:
      'If many clients share the address, as behind NAT, raise the limit. Behind a load balancer use the PROXY protocol, or all of its clients are one address.',
  },
  'audit-unavailable': {
    sqlstate: '57P03',
    fault: 'proxy',
    message: 'the gateway cannot keep its audit trail',
    meaning:
      'The record of the login could not be written within five seconds, and `audit.on_failure` is `refuse`. If it is written later, the record of this refusal comes behind it.',
    remedy:
      'Make room for the file, or let whatever reads standard output go on. It is tried again every second; `/readiness` says when logins can be taken.',
  },
  'too-many-logins': {
    sqlstate: '53300',
    fault: 'client',
    message: 'too many connections from address "{address}" within a short time',
    hint: 'Open fewer connections in a second, and keep them open.',
    meaning:
      'More connections came from the address than `limits.logins_per_second_per_address` and `limits.login_burst_per_address` allow. An IPv6 address counts as its /64, and cancel requests count too. Ten in a second are told so, the rest is closed without a word.',
    remedy:
      'If they are yours, use a connection pool or raise the limit. Behind a load balancer use the PROXY protocol, or all of its clients are one address.',
  },
  draining: {
    sqlstate: '57P03',
    fault: 'proxy',
    message: 'the gateway is shutting down',
    meaning: 'Portcullis was told to stop and takes no new sessions.',
    remedy: 'Connect again: a load balancer that watches `/readiness` picks another replica.',
  },
  'database-disabled': {
    sqlstate: '57P03',
    fault: 'proxy',
    message: 'database "{database}" is disabled',
    hint: 'Connect again later: an administrator has disabled new sessions of this database.',
    meaning: '`DISABLE` of the console: sessions that are open go on, new ones are refused.',
    remedy: '`ENABLE` the database; `SHOW DATABASES` says which are disabled.',
  },
  'pause-timeout': {
    sqlstate: '57P03',
    fault: 'proxy',
    message: 'database "{database}" is paused, and was not resumed within {seconds} seconds',
    hint: 'Connect again later: an administrator has paused this database.',
    meaning:
      'A login waited for `timeouts.pause` for a database that is paused (`PAUSE`, `KILL` or `SUSPEND` of the console).',
    remedy: '`RESUME` the database, or let logins wait for longer.',
  },
  'too-many-waiting': {
    sqlstate: '53300',
    fault: 'proxy',
    message: 'database "{database}" is paused, and too many clients wait for it',
    hint: 'Connect again later: an administrator has paused this database.',
    meaning: '`limits.max_paused_logins` logins wait for databases that are paused.',
    remedy: '`RESUME` the database, or raise the limit.',
  },
  'database-killed': {
    sqlstate: '57P01',
    fault: 'proxy',
    message: 'terminating connection due to administrator command',
    hint: 'Connect again: an administrator has ended all sessions of this database.',
    meaning: 'The login was under way, or waited, when `KILL` of the console ended all sessions.',
    remedy: 'Connect again. Logins wait until the database is resumed.',
  },
  'no-user': {
    sqlstate: '28000',
    fault: 'client',
    message: 'no PostgreSQL user name specified in startup packet',
    meaning: 'The startup packet has no user.',
    remedy:
      'Set the user in the connection string: a role, or `id_token` for the role that the token gives.',
  },
  'replication-not-allowed': {
    sqlstate: '28000',
    fault: 'policy',
    message: 'pool "{pool}" does not allow replication connections',
    meaning: 'The client asked for the streaming replication protocol.',
    remedy: 'Set `allow_replication: true` for the pool, or connect to another one.',
  },
  'unknown-database': {
    sqlstate: '3D000',
    fault: 'client',
    message: noDatabase,
    meaning:
      'The catalog has no such database, or it has no upstream, or the pool does not have it among its `allowed_databases`: clients are not told which of these, the log is.',
    remedy:
      'Check the database name, add it under `databases`, or to `allowed_databases` of the pool.',
  },
  'console-not-allowed': {
    sqlstate: '28000',
    fault: 'policy',
    message: 'identity "{principal}" may not use the console',
    hint: 'Ask the administrator for a group of console.admin_groups or console.stats_groups.',
    meaning:
      'The client connected to the SQL console (database `system`, `portcullis` or `pgbouncer`), and its token is genuine, but none of its groups is among `console.admin_groups` and `console.stats_groups`.',
    remedy:
      'The log has the groups of the identity and those of the console. Put the identity into one of them at the provider, or add the group to `console`. If a database was meant, check its name.',
  },
  'console-integration': {
    sqlstate: '28000',
    fault: 'policy',
    message: 'this connectivity pool does not sign in to the console',
    hint: 'Get a token of an integration of the database system and pass it as the password.',
    meaning:
      'Somebody wanted to sign in to the SQL console with a browser, and `sso_integration` of the pool is not among the `integrations` of the database `system`: those alone let people in at the console.',
    remedy:
      'Add the integration to `databases.system.integrations`, use a token, or connect by another pool.',
  },
  'console-limit': {
    sqlstate: '53300',
    fault: 'proxy',
    message: 'too many sessions at the console',
    hint: 'Close sessions of the console that are not in use.',
    meaning:
      '`limits.max_console_sessions` are open at the SQL console, on all workers of this node. They are counted apart from other sessions, so that the console can be reached when `limits.max_sessions` is.',
    remedy: 'Close some of them, or raise the limit.',
  },
  'malformed-password': {
    sqlstate: '08P01',
    fault: 'client',
    message: 'expected password response, got something else',
    meaning: 'The answer to the request for a password was not a well-formed PasswordMessage.',
    remedy: 'A bug in the client, or bytes lost on the way.',
  },
  'auth-method-unavailable': {
    sqlstate: '28000',
    fault: 'client',
    message: 'authentication method "{method}" is not available in pool "{pool}"',
    hint: 'Leave out auth_method, or use another one.',
    meaning: 'The client chose a method by `auth_method` that the pool does not have.',
    remedy: 'Leave the option out, or add the method to `auth_methods` of the pool.',
  },
  'oauth-discovery': {
    sqlstate: '28000',
    fault: 'client',
    message: 'OAuth bearer authentication failed for user "{user}"',
    meaning:
      'The client asked by OAUTHBEARER where tokens are to be had, and was told. That is how libpq 18 begins: no failure, and not counted as one.',
    remedy: 'None. The client connects again with a token.',
  },
  'sign-in-unavailable': {
    sqlstate: '28000',
    fault: 'policy',
    message: 'interactive sign-in is not available in pool "{pool}"',
    hint: 'Get a token in another way and pass it as the password.',
    meaning:
      'The client asked for interactive sign-in (user `sso`, or `handshake=SSO` with `ssoOAuthFlow`), and the pool has no `sso_integration`, or its integration has no `client_id`.',
    remedy: 'Set `sso_integration` for the pool, and `client_id` for the integration.',
  },
  'sign-in-flow': {
    sqlstate: '0A000',
    fault: 'client',
    message: 'the sign-in flow "{flow}" is not supported',
    hint: 'Use ssoOAuthFlow=deviceGrant, or leave it out.',
    meaning:
      'The client asked for a flow by `ssoOAuthFlow` that there is not, that is not among `sso_flows` of the pool, or `authorizationCode` where `web` is not configured.',
    remedy: 'Leave it out, add the flow to `sso_flows`, or configure `web`.',
  },
  'sign-in-disowned': {
    sqlstate: '28000',
    fault: 'client',
    message: 'the sign-in was refused by somebody who did not begin it',
    hint: 'Connect again, and open the address of the notice yourself.',
    meaning:
      'On our sign-in page somebody said that the request was not theirs. Whoever began the session may have sent them its address.',
    remedy:
      'Find out who connected from the address of the audit record, and how somebody else came by the address of the page.',
  },
  'sign-in-other-browser': {
    sqlstate: '28000',
    fault: 'client',
    message: 'the sign-in was completed in another browser than the one that began it',
    hint: 'Connect again, and sign in with one browser from the address of the notice to the end.',
    meaning:
      'Somebody came back from the identity provider by a browser which our page had not sent there. That is how a sign-in looks that was passed on to somebody else, to sign in for a stranger; nobody was let in.',
    remedy:
      'Connect again. If nobody changed browsers, find out who connected from the address of the audit record: whoever was sent to the provider should tell you by whom.',
  },
  'sign-in-denied': {
    sqlstate: '28000',
    fault: 'client',
    message: 'the sign-in was denied',
    meaning:
      'Whoever opened the address of an interactive sign-in said no to the identity provider.',
    remedy: 'Connect again, and approve only what you began yourself.',
  },
  'sign-in-timeout': {
    sqlstate: '28000',
    fault: 'client',
    message: 'nobody signed in within {seconds} seconds',
    hint: 'Open the address of the notice in a browser and enter its code. A client that shows no notices cannot sign in like this: give it a token as the password.',
    meaning:
      'An interactive sign-in was not completed within `timeouts.sign_in`, or within the time that the provider allows.',
    remedy: 'Connect again, or raise `timeouts.sign_in`.',
  },
  'sign-in-failed': {
    sqlstate: '08006',
    fault: 'issuer',
    message: 'identity provider for pool "{pool}" is unavailable',
    meaning:
      'The provider did not begin or complete an interactive sign-in: it has no device_authorization_endpoint or authorization_endpoint, does not know the client, did not answer, or answered with something that was not accepted, such as another issuer or nonce.',
    remedy:
      'The log has the endpoint and the error code of the provider. `unauthorized_client` means that the client may not use the flow.',
  },
  'too-many-sign-ins': {
    sqlstate: '53300',
    fault: 'proxy',
    message: 'too many people are signing in',
    meaning: '`limits.max_sign_ins` interactive sign-ins wait for somebody.',
    remedy: 'Try again in a moment, or raise the limit.',
  },
  'malformed-sasl-response': {
    sqlstate: '08P01',
    fault: 'client',
    message: 'expected SASL response, got something else',
    meaning:
      'The answer to the offer of OAUTHBEARER or SCRAM-SHA-256 was not a well-formed SASL message.',
    remedy: 'A bug in the client, or a client that does not know what was offered.',
  },
  'sasl-mechanism': {
    sqlstate: '08P01',
    fault: 'client',
    message: 'client selected an invalid SASL authentication mechanism',
    meaning:
      'The client chose a SASL mechanism other than the one that was offered: OAUTHBEARER, or SCRAM-SHA-256.',
    remedy:
      'Use a client that knows it (OAUTHBEARER is known to libpq 18), another `auth_method`, or another pool.',
  },
  'malformed-scram': {
    sqlstate: '08P01',
    fault: 'client',
    message: 'malformed SCRAM message',
    meaning:
      'The client broke the syntax of RFC 5802, so that nothing more of it was passed on to PostgreSQL.',
    remedy: 'A bug in the client.',
  },
  'channel-binding': {
    sqlstate: '28000',
    fault: 'client',
    message: 'channel binding is not available through this gateway',
    hint: 'Add channel_binding=disable to the connection string: the connection of the gateway to the database is another one, to which the client cannot be bound.',
    meaning:
      'A password was to be relayed by SCRAM-SHA-256. The client supports channel binding and says so, the upstream offers it to Portcullis, and PostgreSQL takes that for an attack.',
    remedy:
      'Set `channel_binding=disable` at the client. Where PostgreSQL is on the same machine, `upstream.tls: disable` is another way.',
  },
  'too-many-relays': {
    sqlstate: '53300',
    fault: 'proxy',
    message: 'too many clients are logging in with a password',
    meaning:
      '`limits.max_relays` logins by `scram-sha-256` are under way, each with a connection to a database that is not authenticated yet.',
    remedy: 'Try again in a moment, or raise the limit; databases count these connections too.',
  },
  'malformed-oauthbearer': {
    sqlstate: '08P01',
    fault: 'client',
    message: 'malformed OAUTHBEARER message',
    meaning: 'The client broke the syntax of RFC 7628. The DETAIL says where.',
    remedy: 'A bug in the client.',
  },
  'authorization-identity': {
    sqlstate: '0A000',
    fault: 'client',
    message: 'client uses authorization identity, but it is not supported',
    meaning:
      'The first message of OAUTHBEARER or SCRAM-SHA-256 names an authorization identity (`a=`).',
    remedy:
      'Leave it out: who you are is in the token or proved by the password, and the role you want is the user.',
  },
  'password-too-long': {
    sqlstate: '08P01',
    fault: 'client',
    message: 'password is longer than {limit} bytes',
    hint: 'Ask the identity provider to put fewer claims into the token.',
    meaning:
      'The password message is longer than `limits.max_password`. PostgreSQL itself stops at 65,530 bytes.',
    remedy: 'Use a smaller token: most of a large one is its list of groups.',
  },
  'authentication-timeout': {
    sqlstate: '08006',
    fault: 'client',
    message: 'authentication timeout',
    meaning:
      'No credential came within `timeouts.authentication`, or a client whose password is relayed did not answer within the `connect_timeout` of the database.',
    remedy:
      'Supply the password without a prompt, in PGPASSWORD or a passfile, or raise the timeout.',
  },
  'empty-password': {
    sqlstate: '28P01',
    fault: 'client',
    message: 'empty password returned by client',
    hint: freshToken,
    meaning: 'The password was empty.',
    remedy:
      'The command that should print the token printed nothing, or the variable is not exported.',
  },
  'sso-required': {
    sqlstate: '28000',
    fault: 'policy',
    message: 'This connectivity pool requires SSO authentication',
    hint: freshToken,
    meaning:
      'The pool has `require_sso: true` or `allowed_groups`, and the password is not a token. It was not passed on.',
    remedy:
      'Use a token of the identity provider as the password, connect to another pool, or list a break-glass user under `password_users`.',
  },
  'password-not-relayed': {
    sqlstate: '28000',
    fault: 'client',
    message: 'passwords are only taken by SCRAM-SHA-256 in pool "{pool}"',
    hint: "Add options='-c auth_method=scram-sha-256' to the connection string.",
    meaning:
      'The pool has `scram-sha-256` among its `auth_methods`, and the client sent a password that is no token in the clear. It was not passed on.',
    remedy:
      'Choose `auth_method=scram-sha-256`, or put `scram-sha-256` first in `auth_methods`. Portcullis has seen the password: where that must not be, change it.',
  },
  'integration-none': {
    sqlstate: '28000',
    fault: 'policy',
    message: 'single sign-on is not configured for database "{database}"',
    meaning: 'Neither the database nor `system` has an SSO integration.',
    remedy: 'Name an integration under `databases.<name>.integrations`.',
  },
  'integration-unknown': {
    sqlstate: '28000',
    fault: 'client',
    message: 'identity provider "{integration}" is not available for database "{database}"',
    hint: 'Leave out identityprovider, or qualify the user with the database that has it: id_token@system.',
    meaning:
      'The client named an integration by `identityprovider` that is not in the scope of the database.',
    remedy:
      'A database with integrations of its own does not see those of `system`. Qualify the user, or leave the option out.',
  },
  'integration-disabled': {
    sqlstate: '28000',
    fault: 'policy',
    message: 'single sign-on with this identity provider is switched off',
    meaning:
      'The integration that was named, that the token is from or that is the primary one has `enabled: false`.',
    remedy: 'Set `enabled: true`, or name another integration by `identityprovider`.',
  },
  'integration-not-allowed': {
    sqlstate: '28000',
    fault: 'policy',
    message: 'single sign-on with this identity provider is not available in pool "{pool}"',
    hint: 'Use a token of another identity provider, or connect to another pool.',
    meaning:
      'The integration that was named, that the token is from or that is the primary one is not among `allowed_integrations` of the pool.',
    remedy:
      'Add it to `allowed_integrations`, or connect to the pool that is meant for it. The log has its name.',
  },
  'id-token-disabled': {
    sqlstate: '28000',
    fault: 'policy',
    message: 'token authentication is not enabled for this identity provider',
    meaning:
      'The user is `id_token`, and the integration has `enable_id_token_authentication: false`.',
    remedy: 'Set `enable_id_token_authentication: true`, or connect with the role as the user.',
  },
  'access-token-unsupported': {
    sqlstate: '0A000',
    fault: 'policy',
    message: 'the OpenID provider does not support the request: there is no introspection_endpoint',
    hint: 'Use an access token that is a JWT, or an ID token with user=id_token or with the role as the user.',
    meaning:
      'The user is `access_token`, the password is not a JWT, and the integration has no section `introspection`, or the discovery document of its provider no `introspection_endpoint`.',
    remedy:
      'Use a JWT as the password, or have the provider asked about access tokens: `introspection` of the integration.',
  },
  'saml-unsupported': {
    sqlstate: '0A000',
    fault: 'client',
    message: 'cannot log in with a SAML assertion',
    hint: 'Use a token of OpenID Connect, a JWT, as the password.',
    meaning:
      'The password is a SAML assertion or response, as XML or in base64. It was not passed on, also where a pool allows passwords.',
    remedy:
      'Register the application at the identity provider with OpenID Connect instead of SAML, and use its ID token or access token.',
  },
  'introspection-unavailable': {
    sqlstate: '08006',
    fault: 'issuer',
    message: 'identity provider for pool "{pool}" is unavailable',
    meaning:
      'The user is `access_token`, and the introspection endpoint of the issuer did not answer, or not with what RFC 7662 asks for: another status than 200, no JSON, `active` that is neither true nor false, too long or too late.',
    remedy:
      'The log has the cause under `introspection-unavailable`. A status of 401 means that the provider does not take `client_id` and `client_secret`, or wants them in another way: `introspection.authentication`.',
  },
  'token-inactive': {
    sqlstate: '28P01',
    fault: 'client',
    message: wrongCredential,
    hint: freshToken,
    meaning:
      'The identity provider says that the access token is not active: it has expired, was revoked, was never given out, or is not one that our client may ask about.',
    remedy:
      'Get a fresh token. If it is fresh, check that the provider lets the client of `introspection` see tokens of other clients.',
  },
  'keys-unavailable': {
    sqlstate: '08006',
    fault: 'issuer',
    message: 'identity provider for pool "{pool}" is unavailable',
    meaning:
      'The discovery document or the key set of the issuer could not be fetched, and no recent keys are left.',
    remedy:
      'The log has the cause under `keys-unavailable`: name resolution, TLS, a wrong `issuer`, an answer that is not a key set. `portcullis_jwks_age_seconds` shows since when.',
  },
  'userinfo-unavailable': {
    sqlstate: '08006',
    fault: 'issuer',
    message: 'identity provider for pool "{pool}" is unavailable',
    meaning:
      'The token is genuine and has no groups, and with `userinfo_groups` the userinfo endpoint of the issuer was asked for them: it did not answer, refused the token, or spoke of somebody else.',
    remedy:
      'The log has the cause under `userinfo-unavailable`. A status of 401 or 403 usually means that the provider takes only access tokens there, with the scope `openid`.',
  },
  'token-malformed': {
    sqlstate: '28P01',
    fault: 'client',
    message: wrongCredential,
    meaning:
      'The password begins like a JWT and is not one, or an object in it has two members of one name.',
    remedy:
      'Check that the whole token arrived: terminals cut a pasted line at 4,095 bytes or less. Use PGPASSWORD or a passfile.',
  },
  'token-encrypted': {
    sqlstate: '0A000',
    fault: 'client',
    message: 'encrypted tokens are not accepted',
    hint: 'Ask the identity provider for a token that is signed and not encrypted.',
    meaning: 'The token is encrypted (JWE), and the integration has no `decryption_keys_file`.',
    remedy:
      'Switch encryption off for the application at the identity provider, or set `decryption_keys_file` to the private keys whose public ones the provider has.',
  },
  'token-decryption': {
    sqlstate: '28P01',
    fault: 'client',
    message: wrongCredential,
    meaning:
      'The token is encrypted, and no key of `decryption_keys_file` opens it: it is encrypted to another key, several keys fit and it names none of them, or it was changed on its way.',
    remedy:
      'Compare the key ids: the log has that of the token. The provider must have the public keys of the file, and the file the private keys of what the provider encrypts to.',
  },
  'token-algorithm': {
    sqlstate: '28P01',
    fault: 'client',
    message: wrongCredential,
    meaning:
      'The token is signed with an algorithm that the integration does not allow, or not at all (`alg: none`, HS256). Or it is encrypted with one that is never allowed (`RSA1_5`, `dir`), or compressed.',
    remedy:
      'Configure the identity provider to sign with RS256 or another algorithm of the list `algorithms`, and to encrypt, if at all, with RSA-OAEP-256 or ECDH-ES.',
  },
  'token-issuer': {
    sqlstate: '28P01',
    fault: 'client',
    message: wrongCredential,
    meaning: "The token's `iss` is not the issuer of the integration.",
    remedy:
      'Compare `iss` with `issuer` of the discovery document, byte for byte. The log has both.',
  },
  'token-unknown-key': {
    sqlstate: '28P01',
    fault: 'client',
    message: wrongCredential,
    meaning:
      'No key of the issuer fits the token, also after the key set was fetched again (at most once in 30 seconds).',
    remedy: 'The token is from another provider or environment, or its key was withdrawn.',
  },
  'token-signature': {
    sqlstate: '28P01',
    fault: 'client',
    message: wrongCredential,
    meaning: "The signature does not verify with the issuer's key.",
    remedy: 'The token was changed on its way, or somebody made it up.',
  },
  'token-expired': {
    sqlstate: '28P01',
    fault: 'client',
    message: wrongCredential,
    hint: freshToken,
    meaning:
      'The token is genuine and its `exp` has passed, or its `iat` is longer ago than `max_token_age`.',
    remedy:
      'Get a fresh token. Supply one per connection where a pool outlives the token. If it is fresh, compare the clocks.',
  },
  'session-tokens-disabled': {
    sqlstate: '28000',
    fault: 'client',
    message: 'session tokens are not accepted',
    hint: 'Pass a token of the identity provider as the password.',
    meaning:
      'The password is a session token, and there is no section `web`, or `session_tokens` in it is not enabled.',
    remedy: 'Use a token of the identity provider, or enable session tokens.',
  },
  'session-token-outdated': {
    sqlstate: '28P01',
    fault: 'client',
    message: 'the session token is of before a change of the configuration',
    hint: 'Get a new session token.',
    meaning:
      'The session token is genuine. What its integration demands of tokens has changed since it was issued, or the integration is gone, so that nobody knows whether what it was made from would still do.',
    remedy:
      'Get a new one. Where this happens without a change, the nodes behind `web.public_url` have different configurations.',
  },
  'session-token-bounds': {
    sqlstate: '28000',
    fault: 'policy',
    message: 'the session token is not good for {bound} "{asked}"',
    hint: 'Connect as the session token says, or get another one.',
    meaning:
      'The session token was asked for with a user, a database or a pool for which alone it is good, and this is another one.',
    remedy: 'The DETAIL says what it is good for. Get another one for this connection.',
  },
  'session-token-upstream': {
    sqlstate: '28000',
    fault: 'policy',
    message: 'database "{database}" takes no session tokens',
    hint: 'Pass a token of the identity provider as the password.',
    meaning:
      "The database wants the client's own token, or one that it is exchanged for (`upstream.auth.method: token`). A session token is ours: no identity provider and no server knows it.",
    remedy: 'Use a token of the identity provider for this database.',
  },
  'token-not-yet-valid': {
    sqlstate: '28P01',
    fault: 'client',
    message: wrongCredential,
    hint: 'Compare the clocks of this server and of the identity provider.',
    meaning: 'The token is genuine and its `nbf` or `iat` is in the future.',
    remedy: 'Compare the clocks, or raise `leeway` by some seconds.',
  },
  'token-audience': {
    sqlstate: '28P01',
    fault: 'client',
    message: wrongCredential,
    hint: 'Ask the identity provider for a token for one of the audiences that this integration accepts.',
    meaning:
      'The token is genuine and was issued for another audience: none of `aud` is `client_id` or one of `additional_audiences`, or, with `strict_audiences`, not all of them are.',
    remedy: 'Request the right audience, or add it to `additional_audiences`.',
  },
  'token-authorized-party': {
    sqlstate: '28P01',
    fault: 'client',
    message: wrongCredential,
    hint: 'Get the token with the client that this integration is configured for.',
    meaning:
      'The token is genuine and was issued to another client: `azp` (or `client_id`, `cid`, `appid`) is not the `client_id` of the integration.',
    remedy:
      'Request the token with the client of the integration. Additional audiences do not relax this.',
  },
  'token-type': {
    sqlstate: '28P01',
    fault: 'client',
    message: wrongCredential,
    hint: 'Use an ID token or an access token, whichever is accepted here.',
    meaning:
      'The token is genuine and is not of a type that `allowed_typ` lists, or not of a kind that `token_kinds` lists, or no credential at all: a logout token, a security event, a refresh token. Or the user is `access_token`, and it is an ID token.',
    remedy:
      'Use an ID token or an access token of the identity provider: the detail says what it is. `portcullis explain` shows it too. If it is what you want to accept, add it to `token_kinds` or `allowed_typ`.',
  },
  'token-claim': {
    sqlstate: '28P01',
    fault: 'client',
    message: wrongCredential,
    meaning:
      'The token is genuine and a claim that is needed is missing or not of the right type: `exp`, the principal claim, the groups claim, or `email_verified` is false. Or it does not have a value that `required_claims` or `required_acr` accepts.',
    remedy:
      'Have the identity provider add the claim, or set `principal_claim` to one that is there. For `acr`, sign in in a stronger way.',
  },
  'token-sender-constraint': {
    sqlstate: '28P01',
    fault: 'client',
    message: wrongCredential,
    hint: 'Connect with the client certificate that the token was issued for (sslcert and sslkey).',
    meaning:
      'The token is genuine and bound to its sender (`cnf`), and the connection does not prove that this is the sender: it has no client certificate or another one, or the binding is not to a certificate. Or `require_sender_constraint` is set, and the token is bound to nothing.',
    remedy:
      'Connect with `sslcert` and `sslkey`. Clients are asked for a certificate only with `tls.client_ca`, or with `require_sender_constraint` on an integration that is enabled. Of the bindings only `x5t#S256` (RFC 8705) can be proved: have the provider issue that. Nobody else may have the token: if this is not a mistake, revoke it.',
  },
  'group-blocked': {
    sqlstate: '28000',
    fault: 'policy',
    message: notAllowed,
    hint: 'One of your groups at the identity provider is not allowed here. Ask the administrator.',
    meaning: 'The token is genuine, and one of its groups is in `blocked_groups`.',
    remedy:
      'Take the identity out of the group at the provider, or the group out of `blocked_groups`: the log has its name.',
  },
  'no-group': {
    sqlstate: '28000',
    fault: 'policy',
    message: notAllowed,
    hint: 'Ask the administrator to map one of your groups, or to set a default group.',
    meaning:
      'The token is genuine, none of its groups is mapped to a group of the catalog, and the integration has no `default_group`.',
    remedy:
      'Add the group to `groups_claim_mappings`, set `default_group`, or check `groups_claim_ids`: the log lists the groups that were found.',
  },
  'group-not-allowed': {
    sqlstate: '28000',
    fault: 'policy',
    message: notAllowed,
    hint: 'None of your groups may use this pool. Connect to another one, or ask the administrator.',
    meaning:
      'The token is genuine, and the identity is in none of the groups in `allowed_groups` of the pool.',
    remedy:
      'Put the identity into one of these groups at the provider, add one of its groups to `allowed_groups`, or connect to another pool: the log has both lists.',
  },
  'principal-unmapped': {
    sqlstate: '28000',
    fault: 'policy',
    message: notAllowed,
    meaning:
      'The principal does not match `principal_regex`, or the issuer has lines in `identity_map` and none of them matches.',
    remedy: 'Add a line to the identity map, or correct the pattern.',
  },
  'role-not-allowed': {
    sqlstate: '28000',
    fault: 'policy',
    message: 'identity "{principal}" may not log in as user "{user}"',
    meaning:
      'The token is genuine, and the user asked for is neither mapped from the principal nor the role of one of its groups. Or the identity map opens it as a member of a role, and PostgreSQL says that it is none: the log then has `membership`.',
    remedy:
      'Connect as one of the roles of your groups, or as user `id_token` to get the first one.',
  },
  'role-reserved': {
    sqlstate: '28000',
    fault: 'policy',
    message: 'user "{user}" is reserved and cannot log in by single sign-on',
    meaning:
      'The role is a superuser, or its name begins with `pg_`, and no group names it with `allow_superuser: true`.',
    remedy: 'Use an ordinary role.',
  },
  'role-taken': {
    sqlstate: '28000',
    fault: 'policy',
    message: 'the role of identity "{principal}" exists already and is not its own',
    hint: 'Ask the administrator.',
    meaning:
      'With `provisioning` everybody has a role of their own, and a role of that name is there which Portcullis did not make for this identity: it was made by somebody else, or for another issuer or subject.',
    remedy:
      'The log has whose it is. Rename or drop the role if nobody needs it, hand it over as docs/provisioning.md shows, or give the identity another name by `principal_regex` or `identity_map`.',
  },
  'provisioning-failed': {
    sqlstate: '08004',
    fault: 'upstream',
    message: 'the role of this identity could not be made ready',
    meaning:
      'With `provisioning` the role of an identity is made and its memberships are kept at login, and the server refused that: the provisioner may not create roles or grant those of the groups, is a superuser, none of the roles of the groups exists, the server is read-only or older than PostgreSQL 16. Or, with `sync: exact`, there is a membership that the provisioner may not revoke.',
    remedy:
      'The log has the answer of the server. `portcullis check` tries it all, and docs/provisioning.md has the statements that make a provisioner.',
  },
  'provisioning-unavailable': {
    sqlstate: '08001',
    fault: 'upstream',
    message: upstreamAway,
    meaning:
      'With `provisioning` the server is asked about the role of an identity at each login, and the provisioner did not get there: it could not connect or log in, it took longer than the `connect_timeout` of the database, or the database has no `upstream.provisioner`.',
    remedy: 'The log has the cause. Check `upstream.provisioner` and pg_hba.conf.',
  },
  denied: {
    sqlstate: '28000',
    fault: 'policy',
    message: 'access is denied',
    hint: 'Ask the administrator.',
    meaning:
      'Everything else was right, and an entry of `deny_file` keeps this identity, role or address out. Or the person has signed out at the identity provider, and the token is of before that. Or the session was ended by an administrator while it was logging in.',
    remedy:
      'The log and the audit say which of these, and the entry by its number. Take the entry out of the file when it is no longer meant, or get a new token.',
  },
  'exchange-failed': {
    sqlstate: '08006',
    fault: 'issuer',
    message: 'identity provider for pool "{pool}" is unavailable',
    meaning:
      'The token is genuine and was to be exchanged for one for the upstream (`exchange`), and the token endpoint of the provider could not be asked, took too long, or answered with something that is no token response.',
    remedy:
      'The log has the endpoint, the status and the cause under `exchange-failed`. A status of 500 or a page instead of JSON is the affair of the provider.',
  },
  'exchange-refused': {
    sqlstate: '28000',
    fault: 'issuer',
    message: 'identity provider for pool "{pool}" issued no token for database "{database}"',
    meaning:
      'The token is genuine, and the provider did not exchange it for one for the upstream (`exchange`), or what it issued is not accepted: for another audience or subject, expired, opaque, or not verified by the keys of the issuer.',
    remedy:
      'The log has the error code of the provider, or what is wrong with the token that it issued. `invalid_target` means that it does not know `audience` or `resource`, `invalid_client` that it does not know the client, `unauthorized_client` that the client may not exchange tokens.',
  },
  'upstream-unreachable': {
    sqlstate: '08001',
    fault: 'upstream',
    message: upstreamAway,
    meaning: 'The PostgreSQL server does not accept connections at its address.',
    remedy: 'The log has the address and the error.',
  },
  'upstream-timeout': {
    sqlstate: '08001',
    fault: 'upstream',
    message: upstreamAway,
    meaning:
      'The PostgreSQL server did not complete the login within the `connect_timeout` of the database.',
    remedy: 'Look for packet filters, name resolution, or a server that is out of backends.',
  },
  'upstream-unwanted': {
    sqlstate: '08001',
    fault: 'upstream',
    message: upstreamAway,
    meaning:
      'The hosts of the upstream let Portcullis in, and none of them is what `upstream.target_session_attrs` asks for: there is no primary, or no standby.',
    remedy:
      'The log has every host. While a standby is being promoted this passes; otherwise correct `upstream.hosts`.',
  },
  'upstream-tls': {
    sqlstate: '08001',
    fault: 'upstream',
    message: upstreamAway,
    meaning:
      'The PostgreSQL server has no TLS, or its certificate is not trusted, expired or for another name.',
    remedy:
      'Set `upstream.ca` to the root certificate, `upstream.server_name` to the name in the certificate.',
  },
  'upstream-authentication': {
    sqlstate: '08001',
    fault: 'upstream',
    message: upstreamAway,
    meaning:
      'PostgreSQL did not let Portcullis in as the role: no password configured for it, a wrong one, an authentication method that is not allowed, or no pg_hba.conf line. Or it would have let in anybody, without a look at the password of the client.',
    remedy: 'The log has the answer of the server. Check `upstream.auth` and pg_hba.conf.',
  },
  'wrong-password': {
    sqlstate: '28P01',
    fault: 'client',
    message: wrongCredential,
    meaning: "PostgreSQL did not accept the user's own password, on a pool that allows passwords.",
    remedy: 'Check user and password, or use a token.',
  },
  'upstream-protocol': {
    sqlstate: '08001',
    fault: 'upstream',
    message: upstreamAway,
    meaning: 'The upstream server sent something that PostgreSQL does not send during a login.',
    remedy: 'Check that `upstream.port` is the port of a PostgreSQL server.',
  },
  'upstream-refused': {
    sqlstate: '08004',
    fault: 'upstream',
    message: 'the database refused the session',
    meaning:
      "PostgreSQL itself refused, for example `53300` too many connections, `57P03` starting up, or a bad startup parameter. The client sees PostgreSQL's own message, unless it is about the question whether the role is a member of another.",
    remedy: 'Follow the message.',
  },
  'setting-reserved': {
    sqlstate: '55P02',
    fault: 'client',
    message: 'parameter "{setting}" cannot be set by a client',
    hint: 'Portcullis sets it from the token. Leave it out of the startup parameters and of options.',
    meaning:
      'The database has `session_settings`, and the client itself asked for one of them, or for another setting of `portcullis.*` or `request.jwt.*`, when it connected.',
    remedy: 'Take it out of the connection: what Portcullis sets comes from the verified token.',
  },
  'identity-unusable': {
    sqlstate: '54000',
    fault: 'policy',
    message: 'identity "{principal}" cannot be told to database "{database}"',
    meaning:
      'The settings of `session_settings` and the other parameters of the client are longer than the 10,000 bytes that PostgreSQL reads when a session begins, or a claim has a character that PostgreSQL has not (NUL).',
    remedy:
      'The log says which. Choose fewer claims, such as those that policies use, and not lists of hundreds of groups.',
  },
  'internal-error': {
    sqlstate: 'XX000',
    fault: 'proxy',
    message: 'internal error',
    meaning: 'A bug. The log has it whole, with the session id that the client saw.',
    remedy: 'Please report it.',
  },
} as const satisfies Record<string, ReasonEntry>

export type Reason = keyof typeof reasons

export type RefusalValues = Readonly<Record<string, string | number>>

export interface RefusalOptions {
  /** Values for the placeholders of the message that only this refusal knows. */
  readonly values?: RefusalValues | undefined
  /** Shown to the client as DETAIL: only what it sent itself, and only once its token is verified. */
  readonly clientDetail?: string | undefined
  /** In place of the hint of the reason. */
  readonly hint?: string | undefined
  /** For the log and the audit alone. Never a token, a password or a part of one. */
  readonly logDetail?: string | undefined
  /** An ErrorResponse, whole, to be sent instead of our own: PostgreSQL's, or one that an old client reads. */
  readonly errorResponse?: Uint8Array | undefined
  readonly cause?: unknown
}

/** The one expected error: a session is ended on purpose, for a reason of the closed list. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly reason: Reason
  readonly values: RefusalValues
  readonly clientDetail: string | undefined
  readonly logDetail: string | undefined
  readonly #hint: string | undefined
  readonly errorResponse: Uint8Array | undefined

  constructor(reason: Reason, options: RefusalOptions = {}) {
    super(reasons[reason].message, { cause: options.cause })
    this.reason = reason
    this.values = options.values ?? {}
    this.clientDetail = options.clientDetail
    this.logDetail = options.logDetail
    this.#hint = options.hint
    this.errorResponse = options.errorResponse
  }

  get fault(): Fault {
    return reasons[this.reason].fault
  }

  get sqlstate(): string {
    return reasons[this.reason].sqlstate
  }

  /** Whether the client is told less than there is to know: the cause is in the log alone. */
  get isVague(): boolean {
    return this.message === wrongCredential || (this.fault !== 'client' && this.fault !== 'policy')
  }

  get hint(): string | undefined {
    const entry: ReasonEntry = reasons[this.reason]
    return this.#hint ?? entry.hint
  }

  /** The primary message with its placeholders filled: first from the refusal, then from the session. */
  messageFor(session: RefusalValues): string {
    return this.message.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      printable(String(this.values[name] ?? session[name] ?? '')),
    )
  }
}

const longestValue = 200

/** Makes a value that a client or a token brought fit for one line of an error, a log or a page. */
export function printable(value: string, longest = longestValue): string {
  // Control and format characters forge lines and turn text around in a terminal.
  const line = value.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '?')
  if (line.length <= longest) return line
  // Not between the two halves of one character.
  return `${line.slice(0, longest).replace(/[\uD800-\uDBFF]$/, '')}...`
}
