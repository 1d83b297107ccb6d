import { expect, test } from 'vitest'
import { execute, type ConsoleServices } from '../../../src/admin/execute.ts'
import type { ConsoleUser } from '../../../src/admin/order.ts'

const user: ConsoleUser = {
  ...{ name: 'olga', issuer: undefined, subject: undefined },
  ...{ address: '10.0.0.1', session: 'one', database: 'pgbouncer' },
  right: 'admin',
  by: 'secret',
}

/** Of the catalog its file alone is asked for. */
const services = { catalog: { state: { file: '/etc/portcullis.yaml' } } } as ConsoleServices

test.each(['SET max_client_conn = 5', 'RESET max_client_conn'])(
  'what is no parameter of the session is set in the file, and %s says so',
  async (text) => {
    expect(await execute({ text, index: 0, parameters: [], user }, services)).toEqual({
      kind: 'fault',
      fault: {
        sqlstate: '42704',
        message: 'unrecognized configuration parameter "max_client_conn"',
        hint: 'What is not of the catalog is set in /etc/portcullis.yaml, and RELOAD reads it. SHOW HELP lists the statements.',
        position: 1,
      },
    })
  },
)

test('what is for the session itself is an error of the program', async () => {
  const order = { text: 'BEGIN', index: 0, parameters: [], user }
  await expect(execute(order, services)).rejects.toThrow('begin is for the session itself')
})
