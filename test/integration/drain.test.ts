// SIGTERM: who is idle goes at once, who works may finish, the deadline ends the rest.
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { WireClient } from '../support/wire-client.ts'

async function status(stack: Stack, path: string): Promise<number> {
  return (await fetch(`${stack.gateway.httpAddress}${path}`)).status
}

const adminShutdown = {
  severity: 'FATAL',
  sqlstate: '57P01',
  message: 'terminating connection due to administrator command',
}

describe.each([
  ['one process', 1],
  ['two workers', 2],
])('SIGTERM to %s', (_, workers) => {
  const start = async (drain: string, delay = '0'): Promise<Stack> =>
    Stack.start({
      configure: (config) => {
        config.workers = workers
        config.timeouts['drain'] = drain
        config.timeouts['drain_delay'] = delay
      },
    })

  test('ends idle sessions with 57P01, lets a transaction finish, and exits with 0', async () => {
    await using stack = await start('30s')
    const { client: idle } = await stack.logIn()
    const { client: working } = await stack.logIn()
    working.query('begin; select 1')
    await working.readUntil('Z')
    expect(await status(stack, '/readiness')).toBe(200)
    const exited = once(stack.gateway.process, 'exit')
    stack.gateway.process.kill('SIGTERM')

    expect(await idle.readError()).toMatchObject(adminShutdown)
    await idle.closed()
    expect(await status(stack, '/readiness')).toBe(503)
    expect(await status(stack, '/liveness')).toBe(200)
    working.query('select 42')
    expect((await working.readUntil('D')).body.toString()).toContain('42')
    await working.readUntil('Z')
    working.query('commit')
    expect((await working.readUntil('C')).body.toString()).toContain('COMMIT')
    await working.readUntil('Z')
    expect(await working.readError()).toMatchObject(adminShutdown)
    expect(await exited).toEqual([0, null])
    expect(await stack.backends()).toBe(0)
    await expect
      .poll(async () => (await stack.audit()).filter((record) => record.activity_id === 2))
      .toHaveLength(2)
  })

  test('ends what is left at the deadline', async () => {
    await using stack = await start('1s')
    const { client: working } = await stack.logIn()
    working.query('begin; select pg_sleep(60)')
    await until('the transaction', async () => (await stack.backends()) === 1)
    const exited = once(stack.gateway.process, 'exit')
    stack.gateway.process.kill('SIGTERM')
    await working.closed()
    expect(await exited).toEqual([0, null])
    await until('no backends', async () => (await stack.backends()) === 0, 5_000)
  })

  test('a second time ends everything at once', async () => {
    await using stack = await start('10m')
    const { client: working } = await stack.logIn()
    working.query('begin')
    await working.readUntil('Z')
    const exited = once(stack.gateway.process, 'exit')
    await stack.gateway.untilLogged(/"draining"/, () => stack.gateway.process.kill('SIGTERM'))
    stack.gateway.process.kill('SIGTERM')
    expect(await working.readError()).toMatchObject(adminShutdown)
    expect(await exited).toEqual([0, null])
  })

  test('takes new connections during timeouts.drain_delay, while readiness says no', async () => {
    await using stack = await start('30s', '10m')
    const { client: idle } = await stack.logIn()
    const exited = once(stack.gateway.process, 'exit')
    await stack.gateway.untilLogged(/"draining"/, () => stack.gateway.process.kill('SIGTERM'))
    expect(await status(stack, '/readiness')).toBe(503)
    const { client: late } = await stack.logIn()
    idle.query('select 1')
    await idle.readUntil('Z')
    // A second signal ends the delay, and whoever is still there.
    stack.gateway.process.kill('SIGTERM')
    expect(await idle.readError()).toMatchObject(adminShutdown)
    expect(await late.readError()).toMatchObject(adminShutdown)
    expect(await exited).toEqual([0, null])
  })

  test('drains when the delay is over', async () => {
    await using stack = await start('30s', '1s')
    const { client: idle } = await stack.logIn()
    const exited = once(stack.gateway.process, 'exit')
    const before = performance.now()
    stack.gateway.process.kill('SIGTERM')
    expect(await idle.readError()).toMatchObject(adminShutdown)
    expect(performance.now() - before).toBeGreaterThan(900)
    expect(await exited).toEqual([0, null])
  })

  test('refuses a login that is under way with 57P03', async () => {
    await using stack = await start('30s')
    const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
    client.startup({ user: 'app_readonly', database: 'sandbox' })
    await client.read()
    stack.gateway.process.kill('SIGTERM')
    expect(await client.readError()).toMatchObject({
      severity: 'FATAL',
      sqlstate: '57P03',
      message: 'the gateway is shutting down',
    })
    await until('the exit', () => stack.gateway.process.exitCode === 0)
    const refusals = (await stack.audit()).filter((record) => record.status === 'Failure')
    expect(refusals.map((record) => record.status_detail)).toEqual(['draining'])
  })
})
