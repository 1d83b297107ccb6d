import type { Driver } from './driver.ts'
import * as toolchains from './toolchains.ts'

const { go, maven, node, perl, php, prisma, psql, python, ruby, rust, rustWithOpenSsl } = toolchains

const nodePool = `new pg.Pool({ host, port, database, user, ssl: { ca }, password: getToken })`

/** In the order of the page that is written about them. */
export const drivers: readonly Driver[] = [
  {
    ...psql,
    name: 'psql',
    title: 'psql (libpq)',
    connection: `psql "host=db.example.com port=6432 dbname=sandbox user=app_readonly sslmode=verify-full sslrootcert=ca.crt"`,
    freshToken:
      'One process, one token: `PGPASSWORD="$(get-a-token)" psql ...`. libpq has no callback for a password; a program that reconnects calls `PQconnectdbParams` with the token of the moment.',
  },
  {
    ...node,
    name: 'node-postgres',
    title: 'node-postgres (pg)',
    connection: nodePool,
    freshToken:
      '`password` is a function, which may be async: `pg` calls it for each connection. In a connection string it cannot be, so use the single settings.',
  },
  {
    ...node,
    name: 'postgres-js',
    title: 'postgres.js',
    connection: 'postgres({ host, port, database, user, ssl: { ca }, pass: getToken })',
    freshToken: '`pass` is a function, which may be async: called for each connection.',
  },
  {
    ...node,
    name: 'kysely',
    title: 'Kysely, on pg',
    connection: `new Kysely({ dialect: new PostgresDialect({ pool: ${nodePool} }) })`,
    freshToken:
      'As with `pg`, by the `password` of its pool. Drizzle takes the same pool: `drizzle(pool)`. A cancelled statement costs one more connection, and so one more token.',
  },
  {
    ...prisma,
    name: 'prisma',
    title: 'Prisma, with @prisma/adapter-pg',
    connection:
      'new PrismaClient({ adapter: new PrismaPg({ host, port, database, user, ssl: { ca }, password: getToken }) })',
    freshToken:
      'The adapter takes the settings of a `pg` pool, with `password` a function. `prisma migrate` reads one URL for a whole run.',
  },
  {
    ...go,
    name: 'pgx',
    title: 'pgx',
    connection:
      'postgres://app_readonly@db.example.com:6432/sandbox?sslmode=verify-full&sslrootcert=ca.crt',
    freshToken:
      '`BeforeConnect` of `pgxpool.Config` sets `Password` of the connection that is about to be made.',
  },
  {
    ...go,
    name: 'lib-pq',
    title: 'lib/pq',
    connection:
      'host=db.example.com port=6432 dbname=sandbox user=app_readonly sslmode=verify-full sslrootcert=ca.crt',
    freshToken:
      '`sql.OpenDB` with a `driver.Connector` of your own, whose `Connect` makes a `pq.NewConnector` with the token of the moment. `pq.Listener` takes a string: one token for all its reconnections.',
  },
  {
    ...python,
    name: 'psycopg3',
    title: 'psycopg 3, psycopg_pool',
    connection:
      'postgresql://app_readonly@db.example.com:6432/sandbox?sslmode=verify-full&sslrootcert=ca.crt',
    freshToken:
      '`ConnectionPool(kwargs=function)`, since psycopg_pool 3.3: the function returns the settings, with `password`, and is called for each connection. Before: a `connection_class` with a `connect` of its own.',
  },
  {
    ...python,
    name: 'psycopg2',
    title: 'psycopg 2',
    connection:
      'host=db.example.com port=6432 dbname=sandbox user=app_readonly sslmode=verify-full sslrootcert=ca.crt',
    freshToken:
      'A subclass of `ThreadedConnectionPool` whose `_connect` sets the password before it calls the one of the base class.',
  },
  {
    ...python,
    name: 'asyncpg',
    title: 'asyncpg',
    connection:
      'asyncpg.create_pool(host=..., port=..., database=..., user=..., ssl=ssl.create_default_context(cafile="ca.crt"), password=get_token)',
    freshToken:
      '`password` is a function, which may be async: called for each connection. asyncpg raises its own errors for a statement that was cancelled or took too long, `CancelledError` and `TimeoutError`.',
  },
  {
    ...python,
    name: 'sqlalchemy',
    title: 'SQLAlchemy, on psycopg 3',
    connection:
      'postgresql+psycopg://app_readonly@db.example.com:6432/sandbox?sslmode=verify-full&sslrootcert=ca.crt',
    freshToken:
      'A listener of the event `do_connect` sets `password` in the parameters of the connection that is about to be made.',
  },
  {
    ...maven,
    name: 'pgjdbc',
    title: 'pgjdbc, HikariCP',
    connection:
      'jdbc:postgresql://db.example.com:6432/sandbox?user=app_readonly&sslmode=verify-full&sslrootcert=ca.crt',
    freshToken:
      '`HikariConfig.setCredentialsProvider`, in HikariCP 7.1: asked once when the pool is made and then for each connection. With any pool: `authenticationPluginClassName` names a class that implements `org.postgresql.plugin.AuthenticationPlugin`, which pgjdbc makes for each connection.',
  },
  {
    ...rustWithOpenSsl,
    name: 'tokio-postgres',
    title: 'tokio-postgres, deadpool-postgres',
    connection:
      'host=db.example.com port=6432 dbname=sandbox user=app_readonly sslmode=require, with a TLS connector that trusts the CA and verifies the name',
    freshToken:
      "`Manager::from_connect` with a `Connect` of your own, which clones the `Config`, sets `password` and connects. Without a pool: `Config::password` before each `connect`. The driver's own `sslmode` knows no `verify-full`: what is verified is up to the TLS connector.",
  },
  {
    ...rust,
    name: 'sqlx',
    title: 'sqlx',
    connection:
      'postgres://app_readonly@db.example.com:6432/sandbox?sslmode=verify-full&sslrootcert=ca.crt',
    freshToken:
      'No callback: a task calls `pool.set_connect_options` whenever there is a new token, and connections from then on use it.',
  },
  {
    ...ruby,
    name: 'ruby-pg',
    title: 'ruby-pg, connection_pool',
    connection:
      'PG.connect(host: "db.example.com", port: 6432, dbname: "sandbox", user: "app_readonly", sslmode: "verify-full", sslrootcert: "ca.crt", password: token)',
    freshToken: 'The block of `ConnectionPool.new` connects, so it gets the token as well.',
  },
  {
    ...perl,
    name: 'dbd-pg',
    title: 'DBD::Pg',
    connection:
      'dbi:Pg:dbname=sandbox;host=db.example.com;port=6432;sslmode=verify-full;sslrootcert=ca.crt',
    freshToken:
      'The third argument of `DBI->connect`; a pool above it is given code that calls `connect`.',
  },
  {
    ...php,
    name: 'php-pdo',
    title: 'PHP PDO',
    connection:
      'pgsql:host=db.example.com;port=6432;dbname=sandbox;sslmode=verify-full;sslrootcert=ca.crt',
    freshToken:
      'The third argument of `new PDO`, at each request. `PDO::ATTR_PERSISTENT` keeps connections by their password, so each new token opens new ones: leave it off.',
  },
]
