// A configuration or certificate that changes while the gateway runs.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
import { errorFields, WireClient } from '../support/wire-client.ts'

const parameters = { user: 'app_readonly', database: 'sandbox' }

async function logIn(stack: Stack): Promise<WireClient> {
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  const first = await client.logIn(parameters, await stack.token())
  if (first.type === 'E') throw new Error(errorFields(first).message)
  await client.readUntil('Z')
  return client
}

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
    const before = await logIn(stack)
    const people = { ...stack.config.integrations['people'], default_group: undefined }
    await stack.gateway.reload({
      ...stack.config,
      integrations: {
        ...stack.config.integrations,
        people: { ...people, groups_claim_mappings: {} },
      },
    })
    await expect(logIn(stack)).rejects.toThrow('identity "alice" may not use pool "sso_pool"')
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
    const client = await logIn(stack)
    client.destroy()
    expect(await stack.metric('portcullis_config_reloads_total', { outcome: 'failed' })).toBe(1)
  })

  test('a replaced certificate is used for the next handshake, and nobody is dropped', async () => {
    await using stack = await start()
    const before = await logIn(stack)
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
