// The exposition as Prometheus' own tool judges it, after the gateway has done some of everything.
import { execFileSync, spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
import { errorFields, WireClient } from '../support/wire-client.ts'

function hasPromtool(): boolean {
  try {
    execFileSync('promtool', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    process.stderr.write('SKIPPED: promtool is not installed, the metrics are not checked by it\n')
    return false
  }
}

test.runIf(hasPromtool())('promtool finds nothing to say about the metrics', async () => {
  await using stack = await Stack.start({
    configure: (config) => {
      config.workers = 2
    },
  })
  const parameters = { user: 'app_readonly', database: 'sandbox' }
  for (const password of [await stack.token(), await stack.token({ aud: 'x' }), 'hunter2']) {
    const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
    const answer = await client.logIn(parameters, password)
    if (answer.type === 'E') expect(errorFields(answer).severity).toBe('FATAL')
    client.destroy()
  }
  const { stdout, stderr, status } = spawnSync('promtool', ['check', 'metrics'], {
    input: await stack.metrics(),
    encoding: 'utf8',
  })
  expect({ stdout, stderr, status }).toEqual({ stdout: '', stderr: '', status: 0 })
})

test('no label of a metric names a person', async () => {
  await using stack = await Stack.start()
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  await client.logIn({ user: 'app_readonly', database: 'sandbox' }, await stack.token())
  client.destroy()
  const text = await stack.metrics()
  expect(text).toContain('portcullis_logins_total{integration="people"')
  for (const name of ['alice', 'engineering', 'app_readonly', '127.0.0.1']) {
    expect(text).not.toContain(name)
  }
})
