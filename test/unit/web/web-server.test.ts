import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Authority, createAuthority } from '../../../demo/certificates.ts'
import type { TlsHttpServer } from '../../../src/web/hardened-server.ts'
import { startWebServer, type WebServerOptions } from '../../../src/web/web-server.ts'
import { webServices } from '../../support/web-services.ts'

let authority: Authority
const servers: TlsHttpServer[] = []

beforeAll(async () => {
  authority = await createAuthority('Authority')
})

afterEach(async () => {
  await Promise.all(servers.splice(0).map(async (server) => server.close()))
})

async function start(tls: WebServerOptions['tls']): Promise<TlsHttpServer> {
  const server = await startWebServer({
    services: webServices({ isBehindProxy: tls === undefined }),
    listenAddress: '127.0.0.1',
    listenPort: 0,
    tls,
    logout: {
      isTaken: () => false,
      accept: async () => Promise.resolve('refused' as const),
    },
    onError: (error) => expect.fail(String(error)),
  })
  servers.push(server)
  return server
}

async function pair(): Promise<{ cert: string; key: string }> {
  const { certificate, key } = await authority.issue({ commonName: 'gate' })
  return { cert: certificate, key }
}

async function fingerprint({ port }: TlsHttpServer): Promise<string> {
  const socket: TLSSocket = connect({ port, ca: authority.certificate, servername: 'localhost' })
  await once(socket, 'secureConnect')
  const { fingerprint256 } = socket.getPeerCertificate()
  socket.destroy()
  return fingerprint256
}

describe('the server of the pages', () => {
  test('speaks TLS with the certificate that it has now', async () => {
    const server = await start(await pair())
    const before = await fingerprint(server)
    server.replaceKeyPair(await pair())
    expect(await fingerprint(server)).not.toBe(before)
  })

  test('keeps the certificate that it has where another does not fit its key', async () => {
    const server = await start(await pair())
    const before = await fingerprint(server)
    const { cert } = await pair()
    const { key } = await pair()
    expect(() => {
      server.replaceKeyPair({ cert, key })
    }).toThrow()
    expect(await fingerprint(server)).toBe(before)
  })

  test('speaks nothing but TLS, unless a proxy does', async () => {
    const server = await start(await pair())
    await expect(fetch(`http://127.0.0.1:${server.port}/`)).rejects.toThrow()
    const behind = await start(undefined)
    const response = await fetch(`http://127.0.0.1:${behind.port}/sign-in/${'x'.repeat(32)}`)
    expect(response.status).toBe(404)
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(() => {
      behind.replaceKeyPair({})
    }).toThrow('a reverse proxy has the certificate')
  })
})
