// A configuration or certificate that changes while the gateway runs.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { WireClient } from '../support/wire-client.ts'

describe.each([
  ['one process', 1],
  ['two workers', 2],
])('with %s', (_, workers) => {
  const start = async (): Promise<Stack> =>
    Stack.start({
      configure: (config) => {
        config.workers = workers
      },
    })

  test('a new configuration is for new sessions, and those that are open stay', async () => {
    await using stack = await start()
    const { client: before } = await stack.logIn()
    const people = { ...stack.config.integrations['people'], default_group: undefined }
    await stack.gateway.reload({
      ...stack.config,
      integrations: {
        ...stack.config.integrations,
        people: { ...people, groups_claim_mappings: {} },
      },
    })
    await expect(stack.logIn()).rejects.toThrow('identity "alice" may not use pool "sso_pool"')
    before.query('select 1')
    await before.readUntil('Z')
    before.destroy()
    expect(await stack.metric('portcullis_config_reloads_total', { outcome: 'ok' })).toBe(1)
  })

  test('a broken configuration changes nothing and says all that is wrong', async () => {
    await using stack = await start()
    await stack.gateway.reload({ ...stack.config, wrokers: 2, log: { level: 'loud' } })
    await expect.poll(() => stack.gateway.log()).toContain('wrokers: unknown key; did you mean')
    await expect.poll(() => stack.gateway.log()).toContain('log.level: must be one of')
    const { client } = await stack.logIn()
    client.destroy()
    expect(await stack.metric('portcullis_config_reloads_total', { outcome: 'failed' })).toBe(1)
  })

  test('a configuration that names a file which is not there changes nothing', async () => {
    await using stack = await start()
    const { people, machines } = stack.config.integrations
    await stack.gateway.reload({
      ...stack.config,
      integrations: { people: { ...people, custom_ca: 'not-there.crt' }, machines },
    })
    await expect
      .poll(() => stack.gateway.log())
      .toContain('configuration not reloaded, the old one stays in use')
    const { client } = await stack.logIn()
    client.destroy()
    if (workers === 1) return
    // Nor for a worker that is started afterwards: it used to be given the broken configuration.
    const [victim] = stack.workers()
    await stack.gateway.untilLogged(/a worker ended/, () => process.kill(victim!, 'SIGKILL'))
    await until(
      'two workers',
      async () => stack.workers().length === 2 && (await isServedByTwo(stack)),
    )
    expect(stack.gateway.log()).not.toContain('cannot start')
  })

  test('a configuration with a listener that cannot be opened changes nothing', async () => {
    await using stack = await start()
    const { sso_pool: pool } = stack.config.connectivity_pools
    const elsewhere = { node: 'gw0', listen_address: '192.0.2.1', listen_port: 6432 }
    await stack.gateway.reload({
      ...stack.config,
      integrations: {},
      databases: { sandbox: { ...stack.config.databases['sandbox'], integrations: [] } },
      connectivity_pools: {
        sso_pool: {
          ...pool,
          require_sso: false,
          participants: [...(pool!['participants'] as object[]), elsewhere],
        },
      },
    })
    await expect
      .poll(() => stack.gateway.log())
      .toContain('configuration not reloaded, the old one stays in use')
    const { client } = await stack.logIn()
    client.destroy()
  })

  test('an open listener takes over what is changed of it', async () => {
    await using stack = await start()
    const answer = async (): Promise<string> => {
      const client = await WireClient.connect(stack.gateway.port)
      client.startup({ user: 'app_readonly', database: 'sandbox' })
      const { type } = await client.read()
      client.destroy()
      return type
    }
    expect(await answer()).toBe('E')
    const { sso_pool: pool } = stack.config.connectivity_pools
    const [participant] = pool!['participants'] as object[]
    await stack.gateway.reload({
      ...stack.config,
      connectivity_pools: {
        sso_pool: { ...pool, participants: [{ ...participant, allow_cleartext: true }] },
      },
    })
    expect(await answer()).toBe('R')
  })

  test('a replaced certificate is used for the next handshake, and nobody is dropped', async () => {
    await using stack = await start()
    const { client: before } = await stack.logIn()
    const first = await serialNumber(stack)
    const renewed = await stack.authority.issue({ commonName: 'renewed' })
    await stack.gateway.untilLogged(/"certificate replaced"/, () => {
      void writeFile(join(stack.folder, 'server.crt'), renewed.certificate)
      void writeFile(join(stack.folder, 'server.key'), renewed.key)
    })
    if (workers === 1) expect(await serialNumber(stack)).not.toBe(first)
    before.query('select 1')
    await before.readUntil('Z')
    before.destroy()
  })
})

/** Whether two processes admit sessions, by what they log of a few logins. */
async function isServedByTwo(stack: Stack): Promise<boolean> {
  const from = stack.gateway.log().length
  for (let i = 0; i < 12; i++) {
    const { client } = await stack.logIn()
    client.destroy()
  }
  const lines = stack.gateway.log().slice(from).split('\n')
  const pids = lines
    .filter((line) => line.includes('session admitted') && line.endsWith('}'))
    .map((line) => (JSON.parse(line) as { pid: number }).pid)
  return new Set(pids).size === 2
}

async function serialNumber(stack: Stack): Promise<string> {
  const client = await WireClient.connect(stack.gateway.port)
  client.send(Buffer.from('0000000804d2162f', 'hex'))
  await client.readBytes(1)
  const secured = connect({
    socket: client.socket,
    ca: stack.authority.certificate,
    servername: 'localhost',
  })
  await new Promise((resolve, reject) => {
    secured.once('secureConnect', resolve)
    secured.once('error', reject)
  })
  const { serialNumber: serial } = secured.getPeerCertificate()
  secured.destroy()
  return serial
}
