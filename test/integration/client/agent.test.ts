import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AgentProcess, socketFolder } from '../../support/agent.ts'
import { ClientMachine } from '../../support/client-machine.ts'
import { hasPsql, psql } from '../../support/psql.ts'
import { Stack } from '../../support/stack.ts'

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start()
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

async function newMachine(changes: Readonly<Record<string, unknown>> = {}): Promise<ClientMachine> {
  const machine = await ClientMachine.start()
  const token = await machine.write('token', await stack.token())
  await writeProfile(machine, {
    endpoints: [{ host: 'localhost', port: stack.gateway.port }],
    database: 'sandbox',
    user: 'app_readonly',
    caFile: stack.caFile,
    session: false,
    store: 'none',
    signIn: { flow: 'command', command: ['cat', token] },
    ...changes,
  })
  return machine
}

async function writeProfile(machine: ClientMachine, profile: object): Promise<void> {
  await machine.write('.config/portcullis/profiles/default.yaml', JSON.stringify(profile))
}

function environment(machine: ClientMachine): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: machine.home,
    PGHOST: socketFolder(machine),
    PGCONNECT_TIMEOUT: '20',
  }
}

describe.skipIf(!hasPsql())('psql', () => {
  test('is in without a word of it', async () => {
    await using machine = await newMachine()
    await using agent = await AgentProcess.start(machine)
    expect(agent.said).toContain(`psql -h ${socketFolder(machine)}`)
    const { stdout, stderr } = await psql(
      environment(machine),
      'select current_user, current_database()',
    )
    expect({ stdout, stderr }).toEqual({ stdout: 'app_readonly|sandbox\n', stderr: '' })
    expect(await agent.stop()).toBe(0)
  })
})
