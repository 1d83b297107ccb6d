// Clients that vanish without a FIN or a reset, as when a laptop is closed or a NAT forgets: their network
// is taken away from under them. It takes a network namespace, and so Linux and root.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'

const program = fileURLToPath(new URL('half-open-client.ts', import.meta.url))
const here = '10.213.77.1'
const there = '10.213.77.2'
const namespace = `portcullis-${process.pid}`
const link = `pc${process.pid}`

describe.skipIf(!makeNetwork())('a client that vanishes without a word', () => {
  let stack: Stack
  const clients: ChildProcess[] = []

  beforeAll(async () => {
    stack = await Stack.start({
      configure: (config) => {
        config.timeouts['keepalive'] = '1s'
        const pool = config.connectivity_pools['sso_pool']!
        pool['participants'] = [{ node: 'gw0', listen_address: here, listen_port: 0 }]
      },
    })
  })

  afterAll(async () => {
    for (const client of clients) client.kill('SIGKILL')
    await stack[Symbol.asyncDispose]()
    ip('link', 'del', `${link}o`)
    ip('netns', 'del', namespace)
  })

  async function connect(statement: string): Promise<void> {
    const address = [here, String(stack.gateway.port), stack.caFile]
    const client = spawn(
      'ip',
      [
        ...['netns', 'exec', namespace, process.execPath, program],
        ...[...address, await stack.token(), statement],
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    clients.push(client)
    await once(client.stdout, 'data', { signal: AbortSignal.timeout(15_000) })
  }

  test('is noticed by keepalive probes, whether it was idle or waited for an answer', async () => {
    await connect('')
    await connect('begin; select pg_sleep(600)')
    await until('the statement', async () => (await stack.activeStatements()) === 1)
    expect(await stack.backends()).toBe(2)
    ip('-n', namespace, 'addr', 'del', `${there}/30`, 'dev', link)
    // A second of silence, and then ten probes in as many seconds.
    await until('no backends', async () => (await stack.backends()) === 0, 25_000)
    await until('no sessions', async () => (await stack.metric('portcullis_sessions_open')) === 0)
    const ends = (await stack.audit())
      .filter((record) => record.activity_id === 2)
      .map((record) => record.unmapped.portcullis['end_reason'])
    expect(ends).toEqual(['client-lost', 'client-lost'])
  })
})

/** A namespace with one link to us. Says loudly where that cannot be. */
function makeNetwork(): boolean {
  try {
    const outer = `${link}o`
    ip('netns', 'add', namespace)
    ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', link, 'netns', namespace)
    ip('addr', 'add', `${here}/30`, 'dev', outer)
    ip('link', 'set', outer, 'up')
    ip('-n', namespace, 'addr', 'add', `${there}/30`, 'dev', link)
    ip('-n', namespace, 'link', 'set', link, 'up')
    return true
  } catch {
    process.stderr.write('SKIPPED: half-open clients: no network namespace can be made here\n')
    return false
  }
}

function ip(...words: readonly string[]): void {
  execFileSync('ip', words, { stdio: 'pipe' })
}
