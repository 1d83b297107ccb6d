// The SQL console, by the clients that people and programs use.
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { groupsClaim } from '../../demo/provider-configuration.ts'
import { hasPsql, psql } from '../support/psql.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    configure: (config) => {
      config.workers = 2
      config['console'] = { admin_groups: ['readwrite'], stats_groups: ['readonly'] }
    },
  })
  await stack.keysFetched()
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

const asAdmin = { [groupsClaim]: ['readwrite-role'] }
const asStats = { [groupsClaim]: [] }

async function environment(right: 'admin' | 'stats' = 'admin'): Promise<NodeJS.ProcessEnv> {
  const token = await stack.token(right === 'admin' ? asAdmin : asStats)
  return { ...stack.environment(token), PGDATABASE: 'system', PGUSER: 'alice' }
}

describe.skipIf(!hasPsql())('psql at the console', () => {
  test('shows the help as a table, also expanded', async () => {
    const shown = await psql(await environment(), 'SHOW HELP')
    expect(shown).toMatchObject({ code: 0, stderr: '' })
    expect(shown.stdout).toMatch(/^The catalog\|CREATE GROUP/)
    const expanded = await psql(await environment(), '\\x', 'SHOW HELP')
    expect(expanded.stdout).toMatch(/^topic\|The catalog\nsyntax\|CREATE GROUP/m)
  })

  test('says where it is connected', async () => {
    const { stdout } = await psql(await environment(), '\\conninfo', 'select current_user')
    expect(stdout).toMatch(/connected to database "system" as user "alice"/)
    expect(stdout).toMatch(/\nalice\n$/)
  })

  test('is told where \\d leads', async () => {
    const { code, stderr } = await psql(await environment(), '\\d')
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/HINT: .*SHOW HELP/)
  })

  test('reads where an error is', async () => {
    const { stderr } = await psql(await environment(), 'SHOW HELQ')
    expect(stderr).toMatch(/ERROR: .*\nLINE 1: SHOW HELQ\n\s+\^\nHINT: .*HELP/)
  })

  test('may not change anything with the right to look', async () => {
    const { stderr } = await psql(await environment('stats'), 'CREATE GROUP g')
    expect(stderr).toMatch(/permission denied/)
  })
})

test('a driver that prepares and binds is answered with types', async () => {
  const token = await stack.token(asAdmin)
  const client = new Client({
    host: 'localhost',
    port: stack.gateway.port,
    database: 'pgbouncer',
    user: 'id_token',
    password: token,
    ssl: { ca: stack.authority.certificate },
  })
  await client.connect()
  try {
    const { rows } = await client.query('select $1 as a, 1 as b, true as c, now() as d', ['x'])
    expect(rows).toEqual([{ a: 'x', b: 1, c: true, d: expect.any(Date) as unknown }])
    await client.query('begin')
    await expect(client.query('show helq')).rejects.toMatchObject({ code: '42601' })
    await expect(client.query('show help')).rejects.toMatchObject({ code: '25P02' })
    await client.query('rollback')
    const help = await client.query('show help')
    expect(help.fields.map(({ name }) => name)).toEqual(['topic', 'syntax', 'does'])
    expect(help.rows.length).toBeGreaterThan(50)
  } finally {
    await client.end()
  }
})

test('who was at the console is in the audit, with its right', async () => {
  await until('the records', async () => {
    const records = (await stack.audit()).map(({ unmapped }) => unmapped.portcullis)
    const ofConsole = records.filter(({ console }) => console !== undefined)
    return (
      ofConsole.some(({ end_reason: reason }) => reason === 'client-closed') &&
      ofConsole.some(({ console }) => (console as { right: string }).right === 'admin')
    )
  })
})
