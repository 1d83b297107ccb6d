import { expect, test } from 'vitest'
import { columnsOf } from '../../../../src/admin/columns.ts'
import type { CatalogAuthor, CatalogHome } from '../../../../src/admin/catalog-home.ts'
import { type ConsoleServices, execute } from '../../../../src/admin/execute.ts'
import { parseStatements } from '../../../../src/admin/grammar/parse.ts'
import type { ConsoleReply } from '../../../../src/admin/order.ts'
import { fleetOf } from '../fleet.ts'

const version = {
  version: 2,
  at: 1_000,
  author: 'alice',
  by: 'console',
  what: 'DROP GROUP x',
} as const

function homeOf(rollback: CatalogHome['rollback']): CatalogHome {
  return {
    state: {
      ...version,
      file: '/etc/p.yaml',
      mode: 'read-write',
      tree: {},
      problems: ['/etc/p.yaml: no'],
    },
    change: async () => Promise.resolve('unchanged'),
    textOf: async () => Promise.resolve(undefined),
    history: async () =>
      Promise.resolve([
        version,
        { ...version, version: 1, by: 'start', what: 'read at the start' },
      ]),
    rollback,
  }
}

const user = {
  name: 'alice',
  right: 'admin',
  by: 'sso',
  issuer: 'https://auth.example.com',
  subject: 'a1',
  address: '192.0.2.1',
  session: 's1',
  database: 'system',
} as const

async function run(
  text: string,
  rollback: CatalogHome['rollback'] = async () => Promise.resolve('unchanged'),
): Promise<ConsoleReply> {
  // The catalog is all that is needed here.
  const services = { catalog: homeOf(rollback), fleet: fleetOf() } as ConsoleServices
  return execute({ text, index: 0, parameters: [], user }, services)
}

test('SHOW CATALOG has the version, the file and what is wrong with it', async () => {
  expect(await run('SHOW CATALOG')).toMatchObject({
    answer: {
      table: {
        rows: [
          [
            2,
            1_000,
            'alice',
            'console',
            'DROP GROUP x',
            '/etc/p.yaml',
            'read-write',
            ['/etc/p.yaml: no'],
          ],
        ],
      },
    },
  })
})

test('SHOW HISTORY has the latest first, and marks the one in use', async () => {
  expect(await run('SHOW HISTORY')).toMatchObject({
    answer: {
      table: {
        rows: [
          [2, 1_000, 'alice', 'console', 'DROP GROUP x', true],
          [1, 1_000, 'alice', 'start', 'read at the start', false],
        ],
      },
    },
  })
})

test.each(['SHOW CATALOG', 'SHOW HISTORY'])('the columns of %s are known before', async (text) => {
  const [parsed] = parseStatements(text)
  const reply = await run(text)
  const columns = reply.kind === 'answer' ? reply.answer.table?.columns : undefined
  expect(columnsOf(parsed!.statement)).toEqual(columns)
})

test('ROLLBACK CATALOG TO goes back on behalf of who says it', async () => {
  const asked: [CatalogAuthor, number][] = []
  const reply = await run('ROLLBACK CATALOG TO 1', async (...order) => {
    asked.push(order)
    return Promise.resolve({ ...version, version: 3, notices: ['groups.x: is loose'] })
  })
  expect(asked).toEqual([
    [
      {
        name: 'alice',
        by: 'rollback',
        session: 's1',
        address: '192.0.2.1',
        issuer: 'https://auth.example.com',
        subject: 'a1',
      },
      1,
    ],
  ])
  expect(reply).toMatchObject({
    answer: {
      tag: 'ROLLBACK CATALOG',
      notices: [
        { severity: 'NOTICE', message: 'version 3 of the catalog is in use' },
        { severity: 'WARNING', message: 'groups.x: is loose' },
      ],
    },
  })
})
