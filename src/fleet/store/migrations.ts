// The tables of the store, in steps. A step is never changed once it was released: another one is added.
// Replicas of two versions work side by side while a fleet is upgraded, so a step leaves what older programs use
// as it is, or says from which program on the store can be used.

export interface Migration {
  /** Statements, with `{schema}` where the schema is to be named. */
  readonly sql: string
  /** The oldest program, by how many steps it knows, that can use the store behind this step. */
  readonly oldestProgram: number
}

/** In what is sealed is everything that means something; outside it is what the database has to look for. */
export const migrations: readonly Migration[] = [
  {
    oldestProgram: 1,
    sql: `
      create table {schema}.replicas (
        id uuid primary key,
        sealed text not null,
        seen_at timestamptz not null
      );
      create unlogged table {schema}.calls (
        id uuid not null,
        sender uuid not null,
        recipient uuid not null,
        is_answer boolean not null,
        sealed text not null,
        until timestamptz not null,
        primary key (id, sender, recipient)
      );
      create index calls_of_recipient on {schema}.calls (recipient);
      create table {schema}.catalog_versions (
        version bigint primary key,
        sealed text not null,
        at timestamptz not null default clock_timestamp()
      );
      create table {schema}.orders (
        id uuid primary key,
        sealed text not null,
        until timestamptz not null,
        at timestamptz not null default clock_timestamp()
      );
      create index orders_until on {schema}.orders (until);
      create sequence {schema}.failures_seq;
      create table {schema}.failures (
        mark text primary key,
        sealed text not null,
        last_at timestamptz not null,
        seq bigint not null default pg_catalog.nextval('{schema}.failures_seq'::pg_catalog.regclass)
      );
      create index failures_of_seq on {schema}.failures (seq);
      create table {schema}.gates (
        is_only boolean primary key default true check (is_only),
        version bigint not null,
        sealed text not null
      );
      create table {schema}.marks (
        mark text primary key,
        until timestamptz not null
      );
      create index marks_until on {schema}.marks (until);
    `,
  },
]
