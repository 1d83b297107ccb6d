import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { load, minimal, problemsOf } from './load.ts'

function signIn(section: string): string {
  return `${minimal}web: { public_url: "https://gate.example.com", ${section} }\n`
}

function withPool(pool: string, more = ''): string {
  const integrations = 'integrations: { people: { issuer: "https://a.example", client_id: x } }\n'
  return minimal.replace('  main:\n', `  main:\n    ${pool}\n`) + integrations + more
}

describe('the pages for sign-in', () => {
  test('are none where nobody asks for them', () => {
    expect(load(minimal).config.web).toBeUndefined()
  })

  test('listen on loopback with the certificate of the server', () => {
    expect(load(signIn('')).config.web).toMatchObject({
      public_url: 'https://gate.example.com',
      listen_address: '127.0.0.1',
      listen_port: 8443,
      behind_proxy: false,
    })
  })

  test.each([
    ['no integrations are named', '', true],
    ['one is', 'integrations: [people], ', true],
    ['several are', 'integrations: [people, web], ', false],
    ['none is to be', 'integrations: [], ', false],
  ])('send people on by themselves where %s, or not', (_, integrations, isFit) => {
    const more =
      'integrations: { people: { issuer: "https://a.example", client_id: a }, web: { issuer: "https://a.example", client_id: b } }\n'
    const web = `web: { public_url: "https://gate.example.com", ${integrations}autologin: true }\n`
    const problems = problemsOf(`${minimal}${more}${web}`).join()
    expect(problems.includes('web.autologin: needs one integration alone')).toBe(!isFit)
  })

  test('may have a certificate of their own, in the folder of the file', () => {
    const { tls } = load(signIn('tls: { certificate: a.crt, key: b.key }')).config.web ?? {}
    expect(tls?.certificate.endsWith(join('/', 'a.crt'))).toBe(true)
    expect(tls?.key.endsWith(join('/', 'b.key'))).toBe(true)
  })

  test.each([
    ['https://gate.example.com/', 'https://gate.example.com'],
    ['https://GATE.example.com:8443', 'https://gate.example.com:8443'],
    ['https://gate.example.com:443', 'https://gate.example.com'],
    ['https://[::1]:8443', 'https://[::1]:8443'],
  ])('are at %s, as browsers write it', (written, origin) => {
    const { config } = load(`${minimal}web: { public_url: "${written}" }\n`)
    expect(config.web?.public_url).toBe(origin)
  })

  test.each([
    'http://gate.example.com',
    'http://localhost:8443',
    'https://gate.example.com/portcullis',
    'https://gate.example.com/?a=b',
    'https://gate.example.com?',
    'https://gate.example.com#a',
    'https://me@gate.example.com',
    'gate.example.com',
    '',
  ])('are not at %j', (written) => {
    expect(problemsOf(`${minimal}web: { public_url: "${written}" }\n`)).toEqual([
      expect.stringContaining(
        'web.public_url: must be an https URL without a path, such as https://gate.example.com',
      ),
    ])
  })

  test('have no certificate where a proxy has it', () => {
    const yaml = signIn('behind_proxy: true, tls: { certificate: a.crt, key: b.key }')
    expect(problemsOf(yaml)).toEqual([
      expect.stringContaining('web.tls: is not used where a proxy ends TLS'),
    ])
    expect(problemsOf(signIn('behind_proxy: true'))).toEqual([])
  })

  test('are not on the socket of the metrics', () => {
    expect(problemsOf(signIn('listen_port: 8432'))).toEqual([
      expect.stringContaining('web.listen_port: is that of `http`'),
    ])
    expect(problemsOf(signIn('listen_port: 8432, listen_address: 127.0.0.2'))).toEqual([])
    expect(problemsOf(`${signIn('listen_port: 0')}http: { listen_port: 0 }\n`)).toEqual([])
  })
})

describe('a pool', () => {
  test('whose people can only sign in on our pages needs some', () => {
    const pool = 'sso_integration: people\n    sso_flows: [authorizationCode]'
    expect(problemsOf(withPool(pool))).toEqual([
      expect.stringContaining('connectivity_pools.main.sso_flows: needs `web`'),
    ])
    const pages = 'web: { public_url: "https://gate.example.com" }\n'
    expect(problemsOf(withPool(pool, pages))).toEqual([])
  })

  test.each([
    'sso_integration: people',
    'sso_integration: people\n    sso_flows: [authorizationCode, deviceGrant]',
    'sso_flows: [authorizationCode]',
  ])('needs none with %s', (pool) => {
    expect(problemsOf(withPool(pool))).toEqual([])
  })

  test('has flows that there are, and one at least', () => {
    expect(problemsOf(withPool('sso_flows: []'))).toHaveLength(1)
    expect(problemsOf(withPool('sso_flows: [implicit]'))).toHaveLength(1)
  })
})

describe('a back-channel logout', () => {
  const integrations = (keys: string): string =>
    `integrations: { people: { issuer: "https://a.example", backchannel_logout: true, ${keys} } }\n`

  test('is taken by the server of the pages, for a client', () => {
    const { config } = load(signIn('') + integrations('client_id: x'))
    expect(config.integrations['people']?.backchannel_logout).toBe(true)
  })

  test('is nothing without that server, or without a client', () => {
    expect(problemsOf(minimal + integrations('client_id: x'))).toEqual([
      expect.stringContaining('people.backchannel_logout: needs `web`'),
    ])
    const api = 'additional_audiences: [api]'
    expect(problemsOf(signIn('') + integrations(api))).toEqual([
      expect.stringContaining('people.backchannel_logout: needs `client_id`'),
    ])
  })
})

describe('session tokens', () => {
  const integrations = (keys: string): string =>
    `integrations: { people: { client_id: x, ${keys} } }\n`

  test.each(['ps+jwt', 'PS+JWT', 'application/ps+jwt'])(
    'have a type that no provider has: %s',
    (type) => {
      const keys = integrations(`issuer: "https://a.example", allowed_typ: [JWT, "${type}"]`)
      expect(problemsOf(minimal + keys)).toEqual([
        expect.stringContaining('people.allowed_typ[1]: is the type of session tokens'),
      ])
    },
  )

  test('leave types that begin or end alike to others', () => {
    const keys = integrations('issuer: "https://a.example", allowed_typ: ["caps+jwt", "ps+jwts"]')
    expect(problemsOf(minimal + keys)).toEqual([])
  })

  test.each(['https://gate.example.com', 'https://gate.example.com/', 'https://GATE.example.com'])(
    'are not those of a provider at the address of the pages: %s',
    (issuer) => {
      expect(problemsOf(signIn('') + integrations(`issuer: "${issuer}"`))).toEqual([
        expect.stringContaining('people.issuer: is `web.public_url`'),
      ])
    },
  )

  test('may have a provider behind another path or port of the host', () => {
    for (const issuer of ['https://gate.example.com/realms/a', 'https://gate.example.com:8443']) {
      expect(problemsOf(signIn('') + integrations(`issuer: "${issuer}"`))).toEqual([])
    }
  })

  test('are not those of an issuer of CockroachDB at the address of the pages', () => {
    const settings = `settings:
  server.jwt_authentication.issuers: https://gate.example.com
`
    expect(problemsOf(signIn('') + settings)).toEqual([
      expect.stringContaining('settings["server.jwt_authentication.issuers"]: is `web.public_url`'),
    ])
  })
})

describe('the secret of the pages', () => {
  const noticesOf = (yaml: string) =>
    load(yaml).notices.map(({ path, message }) => `${path}: ${message}`)

  test('is missed where there is none', () => {
    expect(noticesOf(signIn(''))).toEqual([
      expect.stringMatching(/^web: has no `secret`: a random one is made at each start/),
    ])
  })

  test('is not missed where there is one, or where there are no pages', () => {
    expect(noticesOf(signIn('secret: a-random-one-of-thirty-two-characters'))).toEqual([])
    expect(noticesOf(minimal)).toEqual([])
  })
})
