// Every statement with its syntax, what it does and an example: SHOW HELP and docs/console.md say it from here.
import type { Statement } from './statement.ts'

export interface StatementReference {
  readonly part: keyof typeof referenceParts
  readonly syntax: readonly string[]
  readonly does: string
  readonly examples: readonly string[]
}

export const referenceParts = {
  catalog: 'The catalog',
  settings: 'Cluster settings',
  show: 'Looking',
  govern: 'Sessions and logins',
  pooler: "PgBouncer's commands",
  client: 'What clients send of themselves',
} as const

export const reference: Readonly<Record<Statement['kind'], StatementReference>> = {
  create: {
    part: 'catalog',
    syntax: [
      'CREATE GROUP [IF NOT EXISTS] name [property = value, ...]',
      'CREATE SSO INTEGRATION [IF NOT EXISTS] name [PROTOCOL oidc] [property = value, ...]',
      'CREATE DATABASE [IF NOT EXISTS] name [property = value, ...]',
    ],
    does: 'Makes a group, an integration of the database `system`, or a database. Properties are the keys of `groups`, `integrations` and `databases` in [configuration.md](configuration.md). A group without a role has that of its name, a database without a server that of `default_upstream`. The first integration of a database is its primary one.',
    examples: [
      'CREATE GROUP readonly;',
      'CREATE GROUP IF NOT EXISTS readwrite role = "app_readwrite", rank = 10;',
      `CREATE SSO INTEGRATION sso_m2m PROTOCOL oidc
  issuer = "https://auth.example.com", -- no slash needed at the end
  client_id = "<M2M_CLIENT_ID>",
  client_secret = "<M2M_CLIENT_SECRET>",
  default_group = "readonly",
  enable_id_token_authentication = true,
  additional_audiences = ["https://db.example.com"],
  groups_claim_mappings = { "readwrite-role" = "readwrite" };`,
      `CREATE DATABASE sandbox
  upstream = { "host" = '10.0.0.5', "port" = 5432, "auth" = { "method" = 'certificate' } };`,
    ],
  },
  'create pool': {
    part: 'catalog',
    syntax: [
      'CREATE CONNECTIVITY_POOL [IF NOT EXISTS] name [PROPERTY value ...] [PARTICIPANTS ((NODE node [PROPERTY value ...]), ...)]',
    ],
    does: 'Makes a connectivity pool. Properties are the keys of `connectivity_pools`, and of its `participants`. The first pool of a node takes the place of its default pool.',
    examples: [
      `CREATE CONNECTIVITY_POOL IF NOT EXISTS sso_pool
  SOURCE_ADDRESS ('10.0.0.0/8', 'fd00::/8') PRIORITY 10
  SSO INTEGRATION sso_interactive REQUIRE_SSO true
  PARTICIPANTS ((NODE gw0
    LISTEN_ADDRESS '10.0.0.20' LISTEN_PORT 6432
    ADVERTISED_ADDRESS 'db.example.com' ADVERTISED_PORT 5432));`,
    ],
  },
  'set properties': {
    part: 'catalog',
    syntax: [
      'ALTER { GROUP | SSO INTEGRATION | DATABASE } [IF EXISTS] name SET property = value, ...',
      'ALTER CONNECTIVITY_POOL [IF EXISTS] name SET PROPERTY value ...',
    ],
    does: 'Changes properties and leaves the others as they are. A list or a map is changed as a whole; a secret in it that is `********` stays.',
    examples: [
      `ALTER SSO INTEGRATION sso_m2m SET additional_audiences = ["https://db.example.com"];`,
      'ALTER CONNECTIVITY_POOL sso_pool SET PRIORITY 20 REQUIRE_SSO false;',
    ],
  },
  'reset properties': {
    part: 'catalog',
    syntax: [
      'ALTER { GROUP | SSO INTEGRATION | DATABASE | CONNECTIVITY_POOL } [IF EXISTS] name RESET property, ...',
    ],
    does: 'Gives properties their defaults again.',
    examples: ['ALTER SSO INTEGRATION sso_m2m RESET leeway, max_token_age;'],
  },
  drop: {
    part: 'catalog',
    syntax: ['DROP { GROUP | SSO INTEGRATION | DATABASE | CONNECTIVITY_POOL } [IF EXISTS] name'],
    does: 'Takes it out of the catalog. It is refused while something else names it: a group that an integration gives, an integration of a pool, the primary integration of a database that has others, the last own one of a database that would be open to those of `system` then. With a database go the privileges on it.',
    examples: ['DROP CONNECTIVITY_POOL IF EXISTS sso_pool;'],
  },
  'set integration': {
    part: 'catalog',
    syntax: ['ALTER DATABASE name SET SSO INTEGRATION integration'],
    does: 'Makes an integration the primary one of a database, and assigns it. A database with integrations of its own does not have those of `system`.',
    examples: ['ALTER DATABASE system SET SSO INTEGRATION sso_interactive;'],
  },
  'assign integration': {
    part: 'catalog',
    syntax: ['ALTER DATABASE name ALTER SSO INTEGRATION integration'],
    does: 'Assigns an integration to a database, as one that is not primary. Its properties are changed by `ALTER SSO INTEGRATION ... SET`.',
    examples: ['ALTER DATABASE sandbox ALTER SSO INTEGRATION sso_m2m;'],
  },
  'remove integration': {
    part: 'catalog',
    syntax: ['ALTER DATABASE name REMOVE SSO INTEGRATION [integration]'],
    does: 'Takes an integration from a database: the only one, where no name is given. The primary one goes last.',
    examples: ['ALTER DATABASE sandbox REMOVE SSO INTEGRATION sso_m2m;'],
  },
  'add participant': {
    part: 'catalog',
    syntax: ['ALTER CONNECTIVITY_POOL name ADD PARTICIPANT (NODE node [PROPERTY value ...])'],
    does: 'Adds a listener to a pool.',
    examples: ['ALTER CONNECTIVITY_POOL sso_pool ADD PARTICIPANT (NODE gw1 LISTEN_PORT 6432);'],
  },
  'alter participant': {
    part: 'catalog',
    syntax: [
      'ALTER CONNECTIVITY_POOL name ALTER PARTICIPANT (NODE node PROPERTY value ...)',
      'ALTER CONNECTIVITY_POOL name ALTER PARTICIPANT (NODE node [PROPERTY value ...]) SET (PROPERTY value ...)',
    ],
    does: 'Changes the listener of a node. The second form says which one, where the node has several.',
    examples: [
      "ALTER CONNECTIVITY_POOL sso_pool ALTER PARTICIPANT (NODE gw0 LISTEN_ADDRESS '10.0.0.21');",
      'ALTER CONNECTIVITY_POOL sso_pool ALTER PARTICIPANT (NODE gw0 LISTEN_PORT 6432) SET (LISTEN_PORT 6433);',
    ],
  },
  'drop participant': {
    part: 'catalog',
    syntax: ['ALTER CONNECTIVITY_POOL name DROP PARTICIPANT (NODE node [PROPERTY value ...])'],
    does: 'Takes a listener out of a pool, but for the last one.',
    examples: ['ALTER CONNECTIVITY_POOL sso_pool DROP PARTICIPANT NODE gw1;'],
  },
  grant: {
    part: 'catalog',
    syntax: ['GRANT privilege, ... ON DATABASE name, ... TO GROUP name, ...'],
    does: 'Grants privileges on a database to a group: `USE`, `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `TRUNCATE`, `REFERENCES`, `TRIGGER`, `EXECUTE`, `VIEW { TABLE | VIEW | SCHEMA }`, `CREATE { TABLE | VIEW | SCHEMA }`. They are written into the catalog; `portcullis grants apply` brings them to PostgreSQL, see [grants.md](grants.md).',
    examples: [
      'GRANT USE, SELECT, CREATE TABLE ON DATABASE "sandbox" TO GROUP "readwrite";',
      'GRANT VIEW TABLE ON DATABASE "sandbox" TO GROUP "readonly";',
    ],
  },
  revoke: {
    part: 'catalog',
    syntax: ['REVOKE privilege, ... ON DATABASE name, ... FROM GROUP name, ...'],
    does: 'Takes such privileges back, those on single schemas and tables too.',
    examples: ['REVOKE SELECT ON DATABASE sandbox FROM GROUP readonly;'],
  },
  'rollback catalog': {
    part: 'catalog',
    syntax: ['ROLLBACK CATALOG TO version'],
    does: 'Makes an earlier version of the catalog the one that holds, as a new version.',
    examples: ['ROLLBACK CATALOG TO 41;'],
  },
  'set cluster setting': {
    part: 'settings',
    syntax: ['SET CLUSTER SETTING name { = | TO } value'],
    does: "Sets one of CockroachDB's settings, in any order, see [cockroachdb.md](cockroachdb.md).",
    examples: [
      'SET CLUSTER SETTING server.jwt_authentication.enabled=on;',
      `SET CLUSTER SETTING server.jwt_authentication.jwks = '{"keys":[]}';`,
    ],
  },
  'reset cluster setting': {
    part: 'settings',
    syntax: ['RESET CLUSTER SETTING name', 'SET CLUSTER SETTING name { = | TO } DEFAULT'],
    does: 'Gives it its default again.',
    examples: ['RESET CLUSTER SETTING server.jwt_authentication.claim;'],
  },
  'show cluster setting': {
    part: 'settings',
    syntax: ['SHOW CLUSTER SETTING name'],
    does: 'Shows one.',
    examples: ['SHOW CLUSTER SETTING server.jwt_authentication.issuers;'],
  },
  'show cluster settings': {
    part: 'settings',
    syntax: ['SHOW [ALL | PUBLIC] CLUSTER SETTINGS'],
    does: 'Shows all of them.',
    examples: ['SHOW ALL CLUSTER SETTINGS;', 'SHOW CLUSTER SETTINGS;'],
  },
  show: {
    part: 'show',
    syntax: ['SHOW topic [LIMIT rows]'],
    does: 'Shows one of the topics below.',
    examples: ['SHOW HELP;', 'SHOW POOLS;', 'SHOW DENIALS LIMIT 20;'],
  },
  'show create': {
    part: 'show',
    syntax: ['SHOW CREATE { GROUP | SSO INTEGRATION | DATABASE | CONNECTIVITY_POOL } name'],
    does: 'Shows the statements that make the thing, with `********` for secrets. What no statement can say stands in comments.',
    examples: ['SHOW CREATE SSO INTEGRATION sso_m2m;'],
  },
  'show create all': {
    part: 'show',
    syntax: ['SHOW CREATE ALL'],
    does: 'Shows the statements that make the whole catalog, in an order in which they can be carried out.',
    examples: ['SHOW CREATE ALL;'],
  },
  'show parameter': {
    part: 'show',
    syntax: ['SHOW parameter', 'SHOW ALL'],
    does: 'Shows a parameter of the session, as PostgreSQL does.',
    examples: ['SHOW server_version;', 'SHOW TRANSACTION ISOLATION LEVEL;'],
  },
  'kill sessions': {
    part: 'govern',
    syntax: ['KILL criterion value [[AND] criterion value ...]'],
    does: 'Ends the sessions for which all criteria hold: `SESSION`, `SUBJECT`, `ISSUER`, `PRINCIPAL`, `ROLE`, `GROUP`, `INTEGRATION`, `POOL`, `TOKEN` (its `jti`), `ADDRESS`.',
    examples: [
      "KILL SESSION '0f8a1c9e';",
      "KILL SUBJECT 'auth0|alice' ISSUER 'https://auth.example.com/';",
      'KILL ROLE app_readonly;',
    ],
  },
  'revoke sessions': {
    part: 'govern',
    syntax: ['REVOKE criterion value [[AND] criterion value ...] UNTIL time'],
    does: 'Ends those sessions, and refuses new ones until then.',
    examples: [
      "REVOKE SUBJECT 'auth0|alice' ISSUER 'https://auth.example.com/' UNTIL '2030-01-01 00:00:00Z';",
    ],
  },
  'restore sessions': {
    part: 'govern',
    syntax: ['RESTORE criterion value [[AND] criterion value ...]'],
    does: 'Takes such a revocation back.',
    examples: ["RESTORE SUBJECT 'auth0|alice' ISSUER 'https://auth.example.com/';"],
  },
  'explain login': {
    part: 'govern',
    syntax: [
      'EXPLAIN LOGIN { TOKEN token | CLAIMS json } [INTEGRATION name] [USER user] [DATABASE name] [POOL name] [FROM address]',
    ],
    does: 'Shows what would be decided, for a token or for claims that somebody might have.',
    examples: [
      `EXPLAIN LOGIN CLAIMS '{"sub": "auth0|alice", "groups": ["dba"]}'
  INTEGRATION sso_interactive DATABASE sandbox FROM '10.0.0.1';`,
      'EXPLAIN LOGIN TOKEN $1 USER app_readonly DATABASE sandbox;',
    ],
  },
  pause: {
    part: 'pooler',
    syntax: ['PAUSE [database]'],
    does: 'Waits until the sessions of a database, or all, are idle, and holds them and new ones.',
    examples: ['PAUSE;', 'PAUSE sandbox;'],
  },
  resume: {
    part: 'pooler',
    syntax: ['RESUME [database]'],
    does: 'Goes on after `PAUSE`, `KILL` or `SUSPEND`.',
    examples: ['RESUME sandbox;'],
  },
  disable: {
    part: 'pooler',
    syntax: ['DISABLE database'],
    does: 'Refuses new sessions of a database.',
    examples: ['DISABLE sandbox;'],
  },
  enable: {
    part: 'pooler',
    syntax: ['ENABLE database'],
    does: 'Lets them in again.',
    examples: ['ENABLE sandbox;'],
  },
  reconnect: {
    part: 'pooler',
    syntax: ['RECONNECT [database]'],
    does: 'Closes connections to the database that nobody has; one that is in use is not used a second time.',
    examples: ['RECONNECT;'],
  },
  kill: {
    part: 'pooler',
    syntax: ['KILL [database]'],
    does: 'Ends all sessions of a database at once, and lets no new ones in until `RESUME`. A database that is called like a criterion stands in double quotes.',
    examples: ['KILL sandbox;'],
  },
  'kill client': {
    part: 'pooler',
    syntax: ['KILL_CLIENT id'],
    does: 'Ends the session with that id in `SHOW CLIENTS`.',
    examples: ['KILL_CLIENT 17;'],
  },
  'wait close': {
    part: 'pooler',
    syntax: ['WAIT_CLOSE [database]'],
    does: 'Waits until the sessions of before the last `RECONNECT` have ended.',
    examples: ['WAIT_CLOSE sandbox;'],
  },
  suspend: {
    part: 'pooler',
    syntax: ['SUSPEND'],
    does: 'Holds all sessions at once, within their transactions too, and new ones.',
    examples: ['SUSPEND;'],
  },
  reload: {
    part: 'pooler',
    syntax: ['RELOAD'],
    does: 'Reads the configuration again.',
    examples: ['RELOAD;'],
  },
  shutdown: {
    part: 'pooler',
    syntax: ['SHUTDOWN [WAIT_FOR_SERVERS | WAIT_FOR_CLIENTS]'],
    does: 'Stops: at once, when each session has become idle, or when its client has left.',
    examples: ['SHUTDOWN WAIT_FOR_CLIENTS;'],
  },
  'set parameter': {
    part: 'client',
    syntax: [
      'SET [SESSION | LOCAL] name { = | TO } value, ...',
      'SET TIME ZONE value',
      'SET NAMES value',
    ],
    does: 'Sets a parameter of the session, or one of PgBouncer.',
    examples: ["SET client_encoding TO 'UTF8';", 'SET extra_float_digits = 3;'],
  },
  'reset parameter': {
    part: 'client',
    syntax: ['RESET { name | ALL }', 'SET name { = | TO } DEFAULT'],
    does: 'Gives it its default again.',
    examples: ['RESET ALL;'],
  },
  select: {
    part: 'client',
    syntax: ['SELECT { literal | function } [[AS] name], ...'],
    does: 'Answers literals and a few functions, such as `version()`. There are no tables.',
    examples: ['SELECT 1;', 'SELECT version();', 'SELECT current_user, current_database() AS db;'],
  },
  begin: {
    part: 'client',
    syntax: ['{ BEGIN [WORK | TRANSACTION] | START TRANSACTION } [mode, ...]'],
    does: 'Is accepted, so that drivers that begin transactions can be used. Each statement takes effect by itself.',
    examples: ['BEGIN;', 'START TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY;'],
  },
  commit: {
    part: 'client',
    syntax: ['{ COMMIT | END } [WORK | TRANSACTION] [AND [NO] CHAIN]'],
    does: 'Ends it.',
    examples: ['COMMIT;'],
  },
  rollback: {
    part: 'client',
    syntax: ['{ ROLLBACK | ABORT } [WORK | TRANSACTION] [AND [NO] CHAIN]'],
    does: 'Ends it. What has taken effect stays.',
    examples: ['ROLLBACK;'],
  },
  'set transaction': {
    part: 'client',
    syntax: ['SET { TRANSACTION | SESSION CHARACTERISTICS AS TRANSACTION } mode, ...'],
    does: 'Is accepted, and changes nothing.',
    examples: ['SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY;'],
  },
  deallocate: {
    part: 'client',
    syntax: ['DEALLOCATE [PREPARE] { name | ALL }'],
    does: 'Forgets prepared statements.',
    examples: ['DEALLOCATE ALL;'],
  },
  discard: {
    part: 'client',
    syntax: ['DISCARD { ALL | PLANS | SEQUENCES | TEMP }'],
    does: 'Forgets what the session has.',
    examples: ['DISCARD ALL;'],
  },
  'unlisten all': {
    part: 'client',
    syntax: ['UNLISTEN *'],
    does: 'Is accepted, and changes nothing.',
    examples: ['UNLISTEN *;'],
  },
  'close all': {
    part: 'client',
    syntax: ['CLOSE ALL'],
    does: 'Is accepted, and changes nothing.',
    examples: ['CLOSE ALL;'],
  },
}
