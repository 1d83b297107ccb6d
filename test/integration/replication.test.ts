// The replication protocol, on a pool that allows it.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
import { errorFields, WireClient } from '../support/wire-client.ts'

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    settings: { wal_level: 'logical' },
    configure: (config) => {
      config.connectivity_pools['sso_pool']!['allow_replication'] = true
    },
  })
  await stack.postgres.sql('alter role app_readonly replication')
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

async function begin(user: string): Promise<WireClient> {
  const { gateway, authority } = stack
  const client = await WireClient.connectSecurely(gateway.port, authority.certificate)
  client.startup({ user, database: 'sandbox', replication: 'database' })
  await client.read()
  client.password(await stack.token())
  return client
}

test('logical replication streams what is written, from its first record on', async () => {
  const client = await begin('app_readonly')
  await client.readUntil('Z')
  client.query('CREATE_REPLICATION_SLOT through TEMPORARY LOGICAL pgoutput')
  await client.readUntil('Z')
  await stack.postgres.sql('create publication all_of_it for all tables', { database: 'sandbox' })
  client.query(
    `START_REPLICATION SLOT through LOGICAL 0/0 (proto_version '1', publication_names 'all_of_it')`,
  )
  expect((await client.read()).type).toBe('W')
  await stack.postgres.sql(
    'create table written (id int primary key); insert into written values (42)',
    {
      database: 'sandbox',
    },
  )
  const seen: string[] = []
  while (!seen.includes('I')) {
    const { type, body } = await client.read()
    // XLogData: a letter and three numbers, then the message of the plugin.
    if (type === 'd' && body.toString('latin1', 0, 1) === 'w') {
      seen.push(body.toString('latin1', 25, 26))
    }
  }
  expect(seen).toContain('R')
  client.destroy()
})

test('a role without the attribute is refused by PostgreSQL, in its own words', async () => {
  const client = await begin('app_readwrite')
  const answer = errorFields(await client.read())
  expect(answer.sqlstate).toBe('42501')
  expect(answer.message).toMatch(/permission denied to start WAL sender/)
  client.destroy()
})
