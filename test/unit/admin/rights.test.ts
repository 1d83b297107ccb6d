// Which right each statement needs, as a table that a new statement has to be put into.
import { expect, test } from 'vitest'
import { type ConsoleServices, execute } from '../../../src/admin/execute.ts'
import { parseStatements } from '../../../src/admin/grammar/parse.ts'
import { reference } from '../../../src/admin/grammar/reference.ts'
import type { Statement } from '../../../src/admin/grammar/statement.ts'
import { checkRight, neededRight } from '../../../src/admin/rights.ts'

/** Whoever may only look may give these, and nothing else. */
const forAll: ReadonlySet<Statement['kind']> = new Set([
  'show cluster setting',
  'show cluster settings',
  'show',
  'show create',
  'show create all',
  'show parameter',
  'select',
  'begin',
  'commit',
  'rollback',
  'set transaction',
  'deallocate',
  'discard',
  'unlisten all',
  'close all',
])

// What is set of the session itself is in a table of its own.
const kinds = (Object.keys(reference) as Statement['kind'][]).filter(
  (kind) => kind !== 'set parameter' && kind !== 'reset parameter',
)

function statementsOf(kind: Statement['kind']): readonly Statement[] {
  return reference[kind].examples
    .flatMap((text) => parseStatements(text))
    .map(({ statement }) => statement)
    .filter((statement) => statement.kind === kind)
}

test.each(kinds)('%s is for whom the table says', (kind) => {
  const statements = statementsOf(kind)
  const isForAll = forAll.has(kind)
  expect(statements.length).toBeGreaterThan(0)
  for (const statement of statements) {
    expect(neededRight(statement)).toBe(isForAll ? 'stats' : 'admin')
    const check = (): void => {
      checkRight(statement, { right: 'stats' }, 1)
    }
    const fault = { sqlstate: '42501', position: 1 }
    if (isForAll) check()
    else
      expect(check).toThrow(
        expect.objectContaining({ fault: expect.objectContaining(fault) as unknown }),
      )
    checkRight(statement, { right: 'admin' }, 1)
  }
})

test.each([
  ["SET application_name = 'x'", 'stats'],
  ['RESET ALL', 'stats'],
  ['SET client_encoding = UTF8', 'stats'],
  ['SET max_client_conn = 1', 'admin'],
  ['RESET max_client_conn', 'admin'],
  ['SHOW SESSIONS', 'stats'],
  ['SHOW FDS', 'admin'],
])('%s is for %s', (text, right) => {
  expect(neededRight(parseStatements(text)[0]!.statement)).toBe(right)
})

function nobody(): never {
  throw new Error('it was carried out')
}

/** Whatever asks for one of them has gone too far. */
const services: ConsoleServices = {
  get catalog() {
    return nobody()
  },
  get fleet() {
    return nobody()
  },
  get gates() {
    return nobody()
  },
  get lifecycle() {
    return nobody()
  },
}

test.each(['KILL_CLIENT 5', 'CREATE GROUP g', "EXPLAIN LOGIN CLAIMS '{}'", 'SHUTDOWN', 'SHOW FDS'])(
  'the primary looks at the right itself: %s',
  async (text) => {
    const user = {
      name: 'eve',
      right: 'stats',
      by: 'sso',
      issuer: undefined,
      subject: undefined,
      address: '10.0.0.1',
      session: 'one',
      database: 'system',
    } as const
    const reply = await execute({ text, index: 0, parameters: [], user }, services)
    expect(reply).toMatchObject({ kind: 'fault', fault: { sqlstate: '42501' } })
  },
)
