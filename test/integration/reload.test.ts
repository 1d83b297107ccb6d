// A configuration or certificate that changes while the gateway runs.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
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
    expect(stack.gateway.log()).toContain('wrokers: unknown key; did you mean')
    expect(stack.gateway.log()).toContain('log.level: must be one of')
    const { client } = await stack.logIn()
    client.destroy()
    expect(await stack.metric('portcullis_config_reloads_total', { outcome: 'failed' })).toBe(1)
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
