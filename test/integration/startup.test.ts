// What may come before a login: other versions of the protocol, requests for encryption, PROXY headers.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { gssEncRequest, sslRequest, WireClient } from '../support/wire-client.ts'

let stack: Stack
let proxied: Stack

beforeAll(async () => {
  stack = await Stack.start()
  proxied = await Stack.start({
    configure: (config) => {
      config['trusted_proxies'] = ['127.0.0.1']
      config.connectivity_pools['sso_pool']!['source_address'] = ['203.0.113.0/24', '2001:db8::/32']
    },
  })
})

afterAll(async () => {
  await Promise.all([stack[Symbol.asyncDispose](), proxied[Symbol.asyncDispose]()])
})

const parameters = { user: 'app_readonly', database: 'sandbox' }

describe('a client that asks for GSSAPI encryption', () => {
  test('is told no, asks for TLS and logs in', async () => {
    const client = await WireClient.connect(stack.gateway.port)
    client.send(gssEncRequest)
    expect((await client.readBytes(1)).toString()).toBe('N')
    await client.startTls(stack.authority.certificate)
    expect((await client.logIn(parameters, await stack.token())).type).toBe('R')
    client.destroy()
  })

  test('twice is refused as PostgreSQL refuses it', async () => {
    const client = await WireClient.connect(stack.gateway.port)
    client.send(gssEncRequest)
    await client.readBytes(1)
    client.send(gssEncRequest)
    expect(await client.readError()).toMatchObject({
      sqlstate: '0A000',
      message: 'unsupported frontend protocol 1234.5680: server supports 3.0 to 3.2',
    })
    client.destroy()
  })

  test('for TLS inside TLS is refused likewise', async () => {
    const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
    client.send(sslRequest)
    expect(await client.readError()).toMatchObject({
      sqlstate: '0A000',
      message: 'unsupported frontend protocol 1234.5679: server supports 3.0 to 3.2',
    })
    client.destroy()
  })
})

describe('behind a trusted proxy', () => {
  const throughProxy = async (header: Buffer | string): Promise<WireClient> => {
    const client = await WireClient.connect(proxied.gateway.port)
    client.send(header)
    await client.startTls(proxied.authority.certificate)
    return client
  }

  const versionTwo = (family: number, addresses: string): Buffer => {
    const body = Buffer.from(addresses, 'hex')
    const head = Buffer.from('0d0a0d0a000d0a515549540a2100000000', 'hex').subarray(0, 16)
    head.writeUInt8(0x21, 12)
    head.writeUInt8(family, 13)
    head.writeUInt16BE(body.length, 14)
    return Buffer.concat([head, body])
  }

  test.each([
    ['version 1', 'PROXY TCP4 203.0.113.9 198.51.100.1 51000 5432\r\n', '203.0.113.9'],
    ['version 1 over IPv6', 'PROXY TCP6 2001:db8::9 2001:db8::1 51000 5432\r\n', '2001:db8::9'],
    ['version 2', versionTwo(0x11, 'cb007109c6336401c7381538'), '203.0.113.9'],
    [
      'version 2 over IPv6',
      versionTwo(0x21, '20010db800000000000000000000000920010db8000000000000000000000001c7381538'),
      '2001:db8:0:0:0:0:0:9',
    ],
  ])('a %s header says who the client is', async (_, header, address) => {
    const before = (await proxied.audit()).length
    const client = await throughProxy(header)
    expect((await client.logIn(parameters, await proxied.token())).type).toBe('R')
    await client.readUntil('Z')
    client.destroy()
    await until('the records', async () => (await proxied.audit()).length >= before + 2)
    const record = (await proxied.audit())[before] as unknown as { src_endpoint: object }
    expect(record.src_endpoint).toMatchObject({ ip: address, port: 51_000 })
  })

  test('a client that comes without a header is refused', async () => {
    const client = await WireClient.connect(proxied.gateway.port)
    client.send(sslRequest)
    expect(await client.readError()).toMatchObject({ sqlstate: '08P01' })
    client.destroy()
  })

  test('a header from anybody else is refused', async () => {
    const client = await WireClient.connect(stack.gateway.port)
    client.send('PROXY TCP4 203.0.113.9 198.51.100.1 51000 5432\r\n')
    expect(await client.readError()).toMatchObject({ sqlstate: '08P01' })
    client.destroy()
  })

  test('a source that no pool serves is refused by its own address', async () => {
    const client = await throughProxy('PROXY TCP4 192.0.2.7 198.51.100.1 51000 5432\r\n')
    client.startup(parameters)
    expect(await client.readError()).toMatchObject({
      sqlstate: '28000',
      message: 'no entry for host "192.0.2.7", user "app_readonly", database "sandbox"',
    })
    client.destroy()
  })
})
