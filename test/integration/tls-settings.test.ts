// What of TLS is offered where the configuration narrows it, by a certificate of a pool too.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
import { WireClient } from '../support/wire-client.ts'

const suite = 'ECDHE-ECDSA-CHACHA20-POLY1305'
let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    prepare: async (folder, authority) => {
      const own = await authority.issue({ commonName: 'pool', names: ['pool.example.com'] })
      await writeFile(join(folder, 'pool.crt'), own.certificate)
      await writeFile(join(folder, 'pool.key'), own.key)
    },
    configure: (config) => {
      config['tls'] = { ...(config['tls'] as object), ciphers: [suite], groups: ['P-384'] }
      config.connectivity_pools['named'] = {
        ...config.connectivity_pools['sso_pool'],
        server_names: ['pool.example.com'],
        tls: { certificate: 'pool.crt', key: 'pool.key' },
      }
    },
  })
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

async function negotiated(options: ConnectionOptions): Promise<string> {
  const client = await WireClient.connect(stack.gateway.port)
  let socket: TLSSocket | undefined
  try {
    await client.startTls(stack.authority.certificate, options, (more) => {
      socket = connectTls(more)
      return socket
    })
    return `${socket?.getProtocol() ?? ''} ${socket?.getCipher().name ?? ''}`
  } catch {
    return 'refused'
  } finally {
    client.destroy()
  }
}

test.each(['localhost', 'pool.example.com'])(
  '%s has no more than is chosen',
  async (servername) => {
    const old: ConnectionOptions = { servername, maxVersion: 'TLSv1.2' }
    expect(await negotiated(old)).toBe(`TLSv1.2 ${suite}`)
    expect(await negotiated({ ...old, ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' })).toBe('refused')
    // The suites of TLS 1.3 are not those of the list.
    expect(await negotiated({ servername })).toMatch(/^TLSv1\.3 TLS_/)
    expect(await negotiated({ servername, ecdhCurve: 'P-384' })).toMatch(/^TLSv1\.3 /)
    expect(await negotiated({ servername, ecdhCurve: 'P-256' })).toBe('refused')
  },
)

test('a newest version is kept to after a reload', async () => {
  const { gateway, config } = stack
  const tls = config['tls'] as object
  await gateway.reload({ ...config, tls: { ...tls, max_version: 'TLSv1.2' } })
  expect(await negotiated({})).toBe(`TLSv1.2 ${suite}`)
  expect(await negotiated({ minVersion: 'TLSv1.3' })).toBe('refused')
})
