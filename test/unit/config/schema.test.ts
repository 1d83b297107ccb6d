import { describe, expect, test } from 'vitest'
import { load, minimal, problemsOf } from './load.ts'

const port = 'must be a port number between 1 and 65535'
const anyPort = `${port}, or 0 for any free port`
const integration = 'integrations:\n  sso: { issuer: "https://a.example", client_id: x, '
const upstream = 'databases:\n  app: { upstream: { host: h, auth: { method: trust }, '
const auth = 'databases:\n  app: { upstream: { host: 127.0.0.1, auth: { '
const long = 'x'.repeat(64)

/** A file that is right but for a last section, whose only problem is expected. */
function problemOf(section: string): string {
  const problems = problemsOf(`${minimal}${section}\n`)
  expect(problems).toHaveLength(1)
  return problems[0]?.replace(/^\d+:\d+: /, '') ?? ''
}

describe('a value of the wrong kind', () => {
  test.each([
    ['workers: many', 'workers: must be "auto" or a number of processes between 1 and 256'],
    ['workers: 257', 'workers: must be "auto" or a number of processes between 1 and 256'],
    ['workers:', 'workers: is empty: must be "auto" or a number of processes between 1 and 256'],
    ['http: 1', 'http: must be a mapping of keys to values'],
    ['http:', 'http: is empty: must be a mapping of keys to values'],
    ['http: { listen_port: 65536 }', `http.listen_port: ${anyPort}`],
    ['http: { listen_port: -1.5 }', `http.listen_port: ${anyPort}`],
    ['http: { listen_port: web }', `http.listen_port: ${anyPort}`],
    ['http: { listen_address: example.com }', /^http.listen_address: must be an IP address/],
    ['http: { listen_address: "127.1" }', /^http.listen_address: must be an IP address/],
    ['timeouts: { startup: 10 }', /^timeouts.startup: must be a duration between 100ms and 10m/],
    ['timeouts: { startup: 1ms }', /^timeouts.startup: must be a duration between 100ms and 10m/],
    ['timeouts: { startup: 11m }', /^timeouts.startup: must be a duration between 100ms and 10m/],
    ['timeouts: { drain: 25h }', /^timeouts.drain: must be a duration between 0 and 24h/],
    ['timeouts: { keepalive: soon }', /, such as 500ms, 10s or 1h30m$/],
    [
      'limits: { max_password: 1023 }',
      /^limits.max_password: must be a size between 1KiB and 1MiB/,
    ],
    ['limits: { max_password: 2MiB }', /, such as 64KiB, 10kB or a number of bytes$/],
    [
      'limits: { max_sessions: 0 }',
      'limits.max_sessions: must be a whole number between 1 and 1000000',
    ],
    ['log: { format: xml }', 'log.format: must be one of "json", "pretty"'],
    ['audit: { sink: syslog }', 'audit.sink: must be one of "stdout", "none", "file"'],
    ['trusted_proxies: 10.0.0.0/8', 'trusted_proxies: must be a list'],
    ['trusted_proxies: [10.0.0.0/33]', /^trusted_proxies\[0\]: must be an address or a range/],
    ['identity_map: [a]', 'identity_map: must be a string'],
    [`${upstream} protocol: 3.1 } }`, 'databases.app.upstream.protocol: must be "3.0" or "3.2"'],
    ['groups: { a: }', 'groups.a: is empty: must be a mapping of keys to values'],
    [`groups: { a: { role: ${long} } }`, 'groups.a.role: must be 1 to 63 bytes long'],
    [`groups: { a: { role: ${'é'.repeat(32)} } }`, 'groups.a.role: must be 1 to 63 bytes long'],
    ['groups: { a: { role: "x\\0" } }', 'groups.a.role: must be 1 to 63 bytes long'],
    ['groups: { a: { role: 1 } }', 'groups.a.role: must be a string: put the value in quotes'],
    ['groups: { a: { role: x, rank: 1.5 } }', /^groups.a.rank: must be a whole number/],
    [
      'groups: { a: { role: x, allow_superuser: yes } }',
      'groups.a.allow_superuser: must be true or false',
    ],
    [`groups: { "": { role: x } }`, 'groups[""]: must be 1 to 63 bytes long'],
    [`groups: { ${long}: { role: x } }`, /^groups\["x{64}"\]: must be 1 to 63 bytes long$/],
  ])('in %s is explained', (section, message) => {
    expect(problemOf(section)).toEqual(
      typeof message === 'string' ? message : expect.stringMatching(message),
    )
  })
})

describe('tls', () => {
  test.each([
    ['', 'tls: is required'],
    ['tls:', 'tls: is empty: must be a mapping of keys to values'],
    ['tls: { key: x }', 'tls.certificate: is required'],
    ['tls: { key: x, certificate: "" }', 'tls.certificate: must be the path of a file'],
    [
      'tls: { key: x, certificate: y, min_version: TLSv1.1 }',
      'tls.min_version: must be one of "TLSv1.2", "TLSv1.3"',
    ],
    ['tls: { key: x, certificate: y, client_ca: "" }', 'tls.client_ca: must be the path of a file'],
  ])('as %j is explained', (section, message) => {
    const problems = problemsOf(minimal.replace(/tls:.*/, section))
    expect(problems.map((line) => line.replace(/^\d+:\d+: /, ''))).toEqual([message])
  })
})

describe('an integration', () => {
  test.each([
    'http://a.example',
    'https://a.example?x=1',
    'https://a.example#x',
    'https://user@a.example',
    'https:a.example',
    'https://a b.example',
    'a.example',
    'https://',
  ])('does not take %s as an issuer', (issuer) => {
    expect(problemOf(`integrations: { sso: { issuer: "${issuer}", client_id: x } }`)).toBe(
      'integrations.sso.issuer: must be an https URL without query, fragment and credentials',
    )
  })

  test.each([
    ['protocol: saml', 'protocol: must be one of "oidc"'],
    ['client_id: ""', 'client_id: must be a string that is not empty'],
    ['client_secret: 12', 'client_secret: must be a string: put the value in quotes'],
    ['additional_scopes: [a b]', 'additional_scopes[0]: must be a scope without spaces'],
    ['additional_audiences: [""]', 'additional_audiences[0]: must be a string that is not empty'],
    [
      'groups_claim_ids: [/a~2]',
      /^groups_claim_ids\[0\]: must be the name of a claim, or a JSON Pointer/,
    ],
    ['principal_claim: ""', /^principal_claim: must be the name of a claim/],
    ['principal_regex: "^.*$"', /^principal_regex: must have exactly one capture group, and has 0/],
    [
      'principal_regex: "^(a)(b)$"',
      /^principal_regex: must have exactly one capture group, and has 2/,
    ],
    [
      'principal_regex: "^(?=hunter2)(b)$"',
      'principal_regex: must be a regular expression in RE2 syntax: invalid or unsupported Perl syntax',
    ],
    [
      'principal_regex: "^(hunter2"',
      'principal_regex: must be a regular expression in RE2 syntax: missing closing )',
    ],
    [
      'principal_regex: "((?:a{1,30}){1,30})"',
      /^principal_regex: must be a simpler regular expression: it compiles to \d+ instructions, and at most 500/,
    ],
    [
      'required_claims: { hd: { pattern: "(.*a){200}" } }',
      /^required_claims\.hd\.pattern: must be a simpler regular expression/,
    ],
    ['algorithms: []', 'algorithms: must have at least one entry'],
    ['algorithms: [HS256]', /^algorithms\[0\]: must be one of "RS256", .*, "EdDSA"$/],
    ['leeway: 6m', /^leeway: must be a duration between 0 and 5m/],
    ['request_timeout: 61s', /^request_timeout: must be a duration between 100ms and 60s/],
    ['map_principal: 1', 'map_principal: must be true or false'],
    ['enabled: never', 'enabled: must be true or false'],
    ['allow_no_audience: 1', 'allow_no_audience: must be true or false'],
    ['strict_audiences: 1', 'strict_audiences: must be true or false'],
    ['allowed_typ: []', 'allowed_typ: must have at least one entry'],
    ['allowed_typ: [a b]', 'allowed_typ[0]: must be a media type such as "at+jwt", or "none"'],
    [
      'required_claims: { hd: [a] }',
      'required_claims.hd: must be a string, a number, true, false, or { pattern: ... }',
    ],
    [
      'required_claims: { hd: }',
      'required_claims.hd: is empty: must be a string, a number, true, false, or { pattern: ... }',
    ],
    ['required_claims: { hd: { patern: x } }', /^required_claims\.hd/],
    [
      'required_claims: { hd: { pattern: "(?=hunter2)" } }',
      'required_claims.hd.pattern: must be a regular expression in RE2 syntax: invalid or unsupported Perl syntax',
    ],
    ['required_claims: { /a~2: x }', /^required_claims\["?\/?.*must be the name of a claim/],
    ['required_acr: [1]', 'required_acr[0]: must be a string: put the value in quotes'],
    ['jwks: 5', /^jwks: must be a key set: a mapping with a list `keys`/],
    ['jwks: hunter2', /^jwks: must be a key set with at least one key/],
    ['jwks: { keys: [] }', /^jwks: must be a key set with at least one key/],
    ['jwks: { keys: [{ kty: RSA, d: x }] }', /^jwks: must have public keys only/],
    ['jwks: { keys: [{ kty: oct, k: x }] }', /^jwks: must have public keys only/],
    [
      'jwks_uri: "http://a.example"',
      'jwks_uri: must be an https URL without fragment and credentials',
    ],
    ['jwks_file: ""', 'jwks_file: must be the path of a file'],
    ['max_token_age: 0', /^max_token_age: must be a duration between 1s and 8760h/],
  ])('explains what is wrong with %s', (key, message) => {
    const section = key.startsWith('client_id')
      ? integration.replace('client_id: x, ', '')
      : integration
    const problem = problemOf(`${section}${key} }`).replace('integrations.sso.', '')
    expect(problem).toEqual(typeof message === 'string' ? message : expect.stringMatching(message))
    expect(problem).not.toContain('hunter2')
  })

  test.each(['"a b"', 'ä', long, '""'])('is not called %s', (name) => {
    const section = `integrations: { ${name}: { issuer: "https://a.example", client_id: x } }`
    expect(problemOf(section)).toMatch(/: must be 1 to 63 letters, digits, "\.", "_" or "-"$/)
  })
})

describe('an upstream', () => {
  test.each([
    ['port: 0', `port: ${port}`],
    ['tls: prefer', 'tls: must be one of "verify-full", "verify-ca", "require", "disable"'],
    ['server_name: "a b"', 'server_name: must be a host name or an IP address'],
    ['connect_timeout: 10', /^connect_timeout: must be a duration/],
    ['user: x', /^user: unknown key; known are "host", "hosts"/],
  ])('explains what is wrong with %s', (key, message) => {
    const problem = problemOf(`${upstream}${key} } }`).replace('databases.app.upstream.', '')
    expect(problem).toEqual(typeof message === 'string' ? message : expect.stringMatching(message))
  })

  test.each([
    ['', 'method: is required'],
    [
      'method: magic',
      'method: must be one of "certificate", "password", "rds-iam", "token", "trust"',
    ],
    ['method: certificate, ca_certificate: a', 'ca_key: is required'],
    ['method: certificate, ca_key: a', 'ca_certificate: is required'],
    [
      'method: certificate, ca_certificate: a, ca_key: b, validity: 2h',
      'validity: must be a duration between 1m and 1h, such as 500ms, 10s or 1h30m',
    ],
    ['method: password', 'passwords: is required'],
    ['method: password, passwords: {}, allow: []', 'allow: must have at least one entry'],
    [
      'method: password, passwords: {}, allow: [plain]',
      'allow[0]: must be one of "scram-sha-256", "md5", "cleartext"',
    ],
    ['method: trust, passwords: {}', 'passwords: unknown key; known are "method"'],
  ])('explains what is wrong with auth: { %s }', (keys, message) => {
    const problem = problemOf(`${auth}${keys} } } }`)
    expect(problem).toBe(`databases.app.upstream.auth.${message}`)
  })

  test('needs to know how to log in', () => {
    expect(problemOf('databases: { app: { upstream: { host: x } } }')).toBe(
      'databases.app.upstream.auth: is required',
    )
    expect(problemOf('databases: { app: { upstream: { host: x, auth: trust } } }')).toBe(
      'databases.app.upstream.auth: must be a mapping of keys to values',
    )
  })
})

describe('a connectivity pool', () => {
  function poolProblem(keys: string): string {
    const section = `  other: { ${keys}participants: [{ node: gw1, listen_address: "::", listen_port: 1 }] }`
    return problemOf(section).replace('connectivity_pools.other.', '')
  }

  test.each([
    [
      'source_address: 10.0.0.0/99, ',
      'source_address: must be an address or a range of addresses such as 10.0.0.0/8',
    ],
    [
      'source_address: ["::/0", x], ',
      'source_address[1]: must be an address or a range of addresses such as 10.0.0.0/8',
    ],
    [
      'source_address: 10, ',
      'source_address: must be a range of addresses such as 10.0.0.0/8, or a list of them',
    ],
    ['source_address: [], ', /^source_address: must/],
    ['priority: high, ', /^priority: must be a whole number/],
    ['password_users: [1], ', 'password_users[0]: must be a string: put the value in quotes'],
    ['allowed_groups: [], ', 'allowed_groups: must have at least one entry'],
    ['allowed_databases: [], ', 'allowed_databases: must have at least one entry'],
    ['allowed_integrations: [], ', 'allowed_integrations: must have at least one entry'],
    ['login_hours: [], ', 'login_hours: must have at least one entry'],
    ['login_hours: [{ days: [] }], ', 'login_hours[0].days: must have at least one entry'],
    ['login_hours: [{ days: [monday] }], ', /^login_hours\[0\].days\[0\]: must be one of "sun"/],
    ['login_hours: [{ from: 8:00 }], ', /^login_hours\[0\].from: must be a time of day such as/],
    ['login_hours: [{ from: 24:00 }], ', /^login_hours\[0\].from: must be a time of day such as/],
    ['login_hours: [{ to: 24:01 }], ', /^login_hours\[0\].to: must be a time of day such as/],
    ['login_hours: [{ to: 18:60 }], ', /^login_hours\[0\].to: must be a time of day such as/],
    [
      'login_hours: [{ time_zone: Europe/Berln }], ',
      'login_hours[0].time_zone: there is no such time zone; did you mean "Europe/Berlin"?',
    ],
    ['login_hours: [{ time_zone: "+01:00" }], ', /there is no such time zone/],
    ['require_ssl: true, ', 'require_ssl: unknown key; did you mean "require_sso"?'],
  ])('explains what is wrong with %s', (keys, message) => {
    expect(poolProblem(keys)).toEqual(
      typeof message === 'string' ? message : expect.stringMatching(message),
    )
  })

  test('takes logins at any time of any day but for what its hours say', () => {
    const pool = '  other: { login_hours: [{}, { days: [mon], to: 18:00, time_zone: Asia/Tokyo }]'
    const here = 'participants: [{ node: gw0, listen_address: ::1, listen_port: 1 }] }'
    const { other } = load(`${minimal}${pool}, ${here}\n`).config.connectivity_pools
    const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
    expect(other?.login_hours).toEqual([
      { days, from: '00:00', to: '24:00', time_zone: 'UTC' },
      { days: ['mon'], from: '00:00', to: '18:00', time_zone: 'Asia/Tokyo' },
    ])
    expect(other?.allowed_groups).toBeUndefined()
  })

  test.each([
    ['', 'participants: is required'],
    ['participants: []', 'participants: must have at least one entry'],
    [
      'participants: [{ node: gw1, listen_address: "::" }]',
      'participants[0].listen_port: is required',
    ],
    [
      'participants: [{ node: gw1, listen_address: x, listen_port: 1 }]',
      /^participants\[0\].listen_address: must be an IP/,
    ],
    [
      'participants: [{ node: gw1, listen_address: "::", listen_port: 1, advertised_port: 0 }]',
      `participants[0].advertised_port: ${port}`,
    ],
  ])('explains what is wrong with %j', (keys, message) => {
    const problem = problemOf(`  other: { ${keys} }`).replace('connectivity_pools.other.', '')
    expect(problem).toEqual(typeof message === 'string' ? message : expect.stringMatching(message))
  })
})

test('names that PostgreSQL knows may have any characters', () => {
  const { config } = load(`${minimal}groups: { "Ärzte & Co": { role: "my role" } }
databases: { "my db": { upstream: { host: ::1, auth: { method: trust } } } }
`)
  expect(config.groups['Ärzte & Co']?.role).toBe('my role')
  expect(config.databases['my db']?.upstream?.database).toBe('my db')
})

describe('the protocol of an upstream', () => {
  test.each([
    ['', '3.0'],
    ['protocol: 3.0', '3.0'],
    ['protocol: "3.0"', '3.0'],
    ['protocol: 3.2', '3.2'],
    ['protocol: "3.2"', '3.2'],
  ])('by %j is %s', (written, protocol) => {
    const { config } = load(`${minimal}${upstream}${written} } }\n`)
    expect(config.databases['app']?.upstream?.protocol).toBe(protocol)
  })
})
