// The level of the log, changed while the gate runs.
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { logLevel } from '../../src/cli/log-level.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { WireClient } from '../support/wire-client.ts'

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    configure: (config) => {
      config.workers = 2
      config['log'] = { level: 'info' }
      config['control_socket'] = 'control.sock'
    },
  })
}, 60_000)

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

async function ask(level?: string, time?: string): Promise<string> {
  const spy = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  try {
    const socket = join(stack.folder, 'control.sock')
    expect(await logLevel(level, { socket, ...(time !== undefined && { for: time }) })).toBe(0)
    return spy.mock.calls.join('')
  } finally {
    spy.mockRestore()
  }
}

/** Somebody who says nothing is in the log at `debug` alone. Both workers are met by some of them. */
async function leaveEarly(): Promise<void> {
  for (let i = 0; i < 12; i++) {
    const client = await WireClient.connect(stack.gateway.port)
    client.end()
    await client.closed()
  }
}

const workersAtDebug = (): number => {
  const lines = stack.gateway
    .log()
    .split('\n')
    .filter((line) => line.includes('session abandoned'))
  return new Set(lines.map((line) => (JSON.parse(line) as { pid: number }).pid)).size
}

test('a level reaches every worker, is told, and goes back by itself and by a reload', async () => {
  expect(await ask()).toBe('info, as configured\n')
  expect(await ask('debug', '10m')).toMatch(/^debug until \S+Z; configured is info\n$/)
  await until('lines of both workers', async () => {
    await leaveEarly()
    return workersAtDebug() === 2
  })
  expect(stack.gateway.log()).toMatch(/"log level changed by the control socket"/)
  await stack.gateway.reload(stack.config)
  expect(await ask()).toBe('info, as configured\n')
  await stack.gateway.untilLogged(/configured one again.*/, () => void ask('error', '1s'))
  expect(await ask()).toBe('info, as configured\n')
})
