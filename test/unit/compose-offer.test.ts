import { describe, expect, test } from 'vitest'
import { composeOffer } from '../../src/compose-offer.ts'
import type { SignInProvider } from '../../src/identity/sign-in-provider.ts'
import type { GatewayOffer } from '../../src/web/web-rules.ts'
import { load } from './config/load.ts'

const publicUrl = 'https://gate.example.com:8443'

const providers = new Map<string, Pick<SignInProvider, 'client' | 'scopes'>>([
  [
    'tools',
    { client: { id: 'cli', secret: undefined, authentication: 'none' }, scopes: ['openid'] },
  ],
  ['pages', { client: { id: 'web', secret: 'hunter2', authentication: 'basic' }, scopes: [] }],
  ['gone', { client: { id: 'x', secret: undefined, authentication: 'none' }, scopes: [] }],
])

function offer(participant: string, url = publicUrl): GatewayOffer {
  const { config } = load(`
node: a
tls: { certificate: a, key: b }
integrations:
  tools: { issuer: 'https://auth.example.com', client_id: cli }
  pages: { issuer: 'https://auth.example.com', client_id: web, client_secret: hunter2 }
databases: { app: { upstream: { host: 127.0.0.1, auth: { method: trust } } } }
connectivity_pools:
  main: { participants: [${participant}] }
`)
  return composeOffer(config, url, providers)
}

describe('what anybody may know', () => {
  test.each([
    [
      'the address that is advertised',
      '10.0.0.20',
      ', advertised_address: db.example.com, advertised_port: 5432',
      'db.example.com',
      5432,
    ],
    [
      'its own port with that',
      '10.0.0.20',
      ', advertised_address: db.example.com',
      'db.example.com',
      6432,
    ],
    ['the machine of the pages for any address', '0.0.0.0', '', 'gate.example.com', 6432],
    ['the same for those of IPv6', '"::"', '', 'gate.example.com', 6432],
  ])('has %s', (_, address, more, host, port) => {
    const participant = `{ node: a, listen_address: ${address}, listen_port: 6432${more} }`
    expect(offer(participant).pools).toMatchObject([{ name: 'main', endpoints: [{ host, port }] }])
  })

  test.each([
    ['an address within', '{ node: a, listen_address: 10.0.0.20, listen_port: 6432 }'],
    ['a port that nobody knows yet', '{ node: a, listen_address: 0.0.0.0, listen_port: 0 }'],
    ['a Unix socket', '{ node: a, socket_directory: /run/x, listen_port: 6432 }'],
  ])('does not have %s', (_, participant) => {
    expect(offer(participant).pools).toMatchObject([{ endpoints: [] }])
  })

  test('has an address of this machine where the pages are on it, too', () => {
    const participant = '{ node: a, listen_address: 127.0.0.1, listen_port: 6432 }'
    expect(offer(participant, 'https://localhost:1').pools).toMatchObject([
      { endpoints: [{ host: 'localhost', port: 6432 }] },
    ])
  })

  test('has an endpoint of several nodes once', () => {
    const one = 'listen_address: 0.0.0.0, listen_port: 6432 }'
    expect(offer(`{ node: a, ${one}, { node: b, ${one}`).pools[0]?.endpoints).toHaveLength(1)
  })

  test.each([
    ['', publicUrl],
    [', openapi_advertised_address: api.example.com', 'https://api.example.com:8443'],
    [', openapi_port: 443', 'https://gate.example.com'],
    [', openapi_port: 8000, openapi_advertised_port: 443', 'https://gate.example.com'],
    [
      ', openapi_advertised_address: api.example.com, openapi_advertised_port: 9443',
      'https://api.example.com:9443',
    ],
    [', openapi_advertised_address: "2001:db8::1"', 'https://[2001:db8::1]:8443'],
  ])('has where the API is reached: %s', (more, apiUrl) => {
    const participant = `{ node: a, listen_address: 0.0.0.0, listen_port: 6432${more} }`
    expect(offer(participant).pools).toMatchObject([{ apiUrl }])
  })

  test('has the client id of those without a secret alone, and no secret', () => {
    const made = offer('{ node: a, listen_address: 0.0.0.0, listen_port: 6432 }')
    expect(made.integrations).toEqual([
      { name: 'tools', issuer: 'https://auth.example.com', clientId: 'cli', scopes: ['openid'] },
      { name: 'pages', issuer: 'https://auth.example.com', clientId: undefined, scopes: [] },
    ])
    expect(JSON.stringify(made)).not.toContain('hunter2')
  })
})
