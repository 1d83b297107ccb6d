import { describe, expect, test } from 'vitest'
import { load, minimal, problemsOf } from './load.ts'

const secret = 'correct-horse-battery'

function mapOf(written: string, environment = {}, files = {}): string {
  return load(`${minimal}identity_map: ${written}\n`, environment, files).config.identity_map
}

describe('a reference', () => {
  test.each([
    ['to a variable', '${env:A}', 'one'],
    ['inside other text', '"<${env:A}-${env:B}>"', '<one-two>'],
    ['that is escaped', '$${env:A}', '${env:A}'],
    ['in a block', '|\n  ${env:A}\n  x', 'one\nx\n'],
    ['to an empty variable', '${env:EMPTY}', ''],
    ['to a value that looks like a reference', '${env:NESTED}', '${env:A}'],
    ['to a value that looks like a number', '${env:NUMBER}', '0123'],
    ['beside a lone dollar', "'/^(.*)$ $1 $$'", '/^(.*)$ $1 $$'],
  ])('%s', (_, written, text) => {
    const environment = { A: 'one', B: 'two', EMPTY: '', NESTED: '${env:A}', NUMBER: '0123' }
    expect(mapOf(written, environment)).toBe(text)
  })

  test('to a file is relative to the configuration and loses one newline at its end', () => {
    expect(mapOf('${file:secret}', {}, { secret: `${secret}\n` })).toBe(secret)
    expect(mapOf('${file:secret}', {}, { secret: `${secret}\r\n` })).toBe(secret)
    expect(mapOf('${file:./secret}', {}, { secret: `${secret}\n\n` })).toBe(`${secret}\n`)
  })

  test('stands for numbers and truth values, with and without quotes', () => {
    const { config } = load(
      `${minimal}http: { listen_port: "\${env:PORT}" }
workers: \${env:WORKERS}
timeouts:
  drain: \${env:DRAIN}
limits:
  max_password: \${env:SIZE}
settings:
  server.jwt_authentication.enabled: \${env:NO}
`,
      { PORT: '9000', WORKERS: '4', DRAIN: '1m', SIZE: '4096', NO: 'false' },
    )
    expect(config).toMatchObject({
      http: { listen_port: 9000 },
      workers: 4,
      timeouts: { drain: 60_000 },
      limits: { max_password: 4096 },
      settings: { 'server.jwt_authentication.enabled': false },
    })
  })
})

describe('a reference that leads nowhere', () => {
  test.each([
    ['${env:GONE}', 'environment variable "GONE" is not set: set it, or write the value here'],
    ['${ENV:A}', 'unknown reference: write "${env:NAME}"'],
    ['${env:}', 'unknown reference'],
    ['${env:A', '"${" without "}"'],
    ['${file:/nowhere/x}', 'file "/nowhere/x" does not exist: create it or correct the path'],
    ['${file:/}', 'file "/" is a directory'],
    ['${file:long}', 'is longer than 64 KiB'],
    ['${file:binary}', 'is not valid UTF-8'],
  ])('such as %s is a problem with its line', (written, message) => {
    const files = { long: 'x'.repeat(64 * 1024 + 1), binary: new Uint8Array([0xff]) }
    const problems = problemsOf(`${minimal}identity_map: ${written}\n`, { A: '' }, files)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(/^7:15: identity_map: /)
    expect(problems[0]).toContain(message)
  })

  test('says nothing else about the value', () => {
    const yaml = `${minimal}http: { listen_port: "\${env:GONE}" }
integrations:
  sso: { issuer: "https://a.example", client_id: "\${env:GONE}", default_group: "\${env:GONE}" }
`
    expect(problemsOf(yaml).map((line) => line.split(': ').slice(1, 3).join(': '))).toEqual([
      'http.listen_port: environment variable "GONE" is not set',
      'integrations.sso.client_id: environment variable "GONE" is not set',
      'integrations.sso.default_group: environment variable "GONE" is not set',
    ])
  })

  test('is not looked for in keys', () => {
    expect(problemsOf(`${minimal}"\${env:A}": 1\n`, { A: secret })[0]).toMatch(
      /^7:1: \["\$\{env:A\}"\]: unknown key/,
    )
  })
})

describe('a value that came from elsewhere', () => {
  const wrongEverywhere = `node: "\${env:S}"
workers: \${env:S}
tls: { certificate: "\${env:S}", key: 1, min_version: "\${env:S}", client_ca: [] }
http: { listen_address: "\${env:S}", listen_port: "\${env:S}" }
timeouts: { drain: "\${env:S}" }
limits: { max_password: "\${env:S}", max_sessions: "\${env:S}" }
log: { level: "\${env:S}" }
trusted_proxies: ["\${env:S}"]
integrations:
  sso:
    issuer: \${env:S}
    client_id: \${env:S}
    default_group: \${env:S}
    groups_claim_mappings: { a: "\${env:S}" }
    principal_regex: (\${env:S}
    map_principal: \${env:S}
    algorithms: ["\${env:S}"]
groups:
  g: "\${env:S}"
databases:
  app:
    integrations: ["\${env:S}"]
    primary: x\${env:S}
    upstream:
      host: \${env:S} \${env:S}
      auth: { method: "\${env:S}" }
connectivity_pools:
  main:
    source_address: \${env:S}
    sso_integration: \${env:S}
    participants: [{ node: "\${env:S}x", listen_address: "\${env:S}", listen_port: "\${env:S}" }]
settings: { x: "\${env:S}" }
default_pool: null
`
  test('is in no message', () => {
    const problems = problemsOf(wrongEverywhere, { S: secret })
    expect(problems.length).toBeGreaterThan(25)
    expect(problems.join('\n')).not.toContain(secret)
  })

  test('is named as the file has it', () => {
    expect(problemsOf(wrongEverywhere, { S: secret })).toContain(
      '27:1: connectivity_pools: no pool that is enabled has a participant on this node, "${env:S}", and it has no `default_pool`; there are some on "${env:S}x"',
    )
  })
})

test('a secret that is written down is in no message either', () => {
  const problems = problemsOf(`${minimal}integrations:
  sso: { issuer: "https://a.example", client_id: x, client_secret: [${secret}] }
databases:
  app:
    upstream:
      host: 127.0.0.1
      auth: { method: password, passwords: { app: { ${secret}: 1 }, b: 12345678 } }
`)
  expect(problems).toEqual([
    '8:53: integrations.sso.client_secret: must be a string that is not empty',
    '13:46: databases.app.upstream.auth.passwords.app: must be a string that is not empty',
    '13:84: databases.app.upstream.auth.passwords.b: must be a string: put the value in quotes',
  ])
})
