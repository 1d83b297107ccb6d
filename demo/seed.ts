import { randomBytes } from 'node:crypto'
import type { PostgresServer } from './postgres.ts'

export const seedRoles = ['app_readonly', 'app_readwrite'] as const

export type SeedRole = (typeof seedRoles)[number]

export interface Seed {
  readonly database: 'sandbox'
  readonly passwords: Readonly<Record<SeedRole, string>>
}

const schema = `
create table orders (
  id integer generated always as identity primary key,
  customer text not null,
  item text not null,
  quantity integer not null check (quantity > 0),
  placed_at timestamptz not null default now()
);
insert into orders (customer, item, quantity) values
  ('Ada', 'portcullis chain', 2),
  ('Grace', 'drawbridge plank', 12),
  ('Edsger', 'moat pump', 1),
  ('Barbara', 'gatehouse lantern', 4);
grant select on orders to app_readonly;
grant select, insert, update, delete on orders to app_readwrite;
revoke create on schema public from public;
`

/** Makes the database `sandbox`, two roles that may log in, and a table that only one may change. */
export async function seedDatabase(postgres: PostgresServer): Promise<Seed> {
  const passwords = {
    app_readonly: randomBytes(24).toString('base64url'),
    app_readwrite: randomBytes(24).toString('base64url'),
  }
  for (const role of seedRoles)
    await postgres.sql(`create role ${role} login password '${passwords[role]}'`)
  await postgres.sql('create database sandbox')
  await postgres.sql(schema, { database: 'sandbox' })
  return { database: 'sandbox', passwords }
}
