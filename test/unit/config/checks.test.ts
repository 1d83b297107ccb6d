import { describe, expect, test } from 'vitest'
import { load, minimal, noticesOf, problemsOf } from './load.ts'

const sso = '{ issuer: "https://a.example", client_id: x }'
const upstream = 'upstream: { host: 127.0.0.1, auth: { method: trust } }'

describe('a name that stands for another entry', () => {
  test.each([
    [
      'groups: { staff: { role: x } }\nintegrations: { sso: { issuer: "https://a.example", client_id: x, default_group: staf } }',
      '8:82: integrations.sso.default_group: group "staf" does not exist; did you mean "staff"?',
    ],
    [
      'integrations: { sso: { issuer: "https://a.example", client_id: x, groups_claim_mappings: { a: b } } }',
      '7:95: integrations.sso.groups_claim_mappings.a: group "b" does not exist; there are none',
    ],
    [
      `integrations: { sso: ${sso} }\ndatabases: { app: { integrations: [ops], ${upstream} } }`,
      '8:36: databases.app.integrations[0]: integration "ops" does not exist; known are "sso"',
    ],
    [
      `integrations: { sso: ${sso} }\ndatabases: { system: { integrations: [sso], primary: ops } }`,
      '8:54: databases.system.primary: integration "ops" is not among the `integrations` of this database',
    ],
    [
      `integrations: { a: ${sso}, b: ${sso} }\ndatabases: { system: { integrations: [a, b] } }`,
      '8:14: databases.system.primary: is required if a database has several integrations',
    ],
    [
      '  other: { sso_integration: ops, participants: [{ node: gw1, listen_address: "::", listen_port: 1 }] }',
      '7:29: connectivity_pools.other.sso_integration: integration "ops" does not exist; there are none',
    ],
  ])('must be the name of one: %s', (section, problem) => {
    expect(problemsOf(`${minimal}${section}\n`)).toEqual([problem])
  })
})

describe('a password', () => {
  const passwords = `databases:
  app:
    upstream:
      host: 127.0.0.1
      auth:
        method: password
        passwords:
          app_readonly: x
          app_reedwrite: y
groups:
  a: { role: app_readonly }
  b: { role: app_readwrite }
`

  test('must be for a role that somebody can be', () => {
    expect(problemsOf(`${minimal}${passwords}`)).toEqual([
      '15:11: databases.app.upstream.auth.passwords.app_reedwrite: no group has this role, and no principal is mapped to a role; did you mean "app_readwrite"?',
    ])
  })

  test.each([
    'identity_map: x',
    'integrations: { a: { issuer: "https://a.example", client_id: x, map_principal: true } }',
    'integrations: { a: { issuer: "https://a.example", client_id: x, principal_regex: "^(.*)$" } }',
  ])('may be for any role with %s', (section) => {
    expect(problemsOf(`${minimal}${passwords}${section}\n`)).toEqual([])
  })
})

describe('the audit file', () => {
  test.each([
    ['audit: { sink: file }', '7:1: audit.file: is required if `sink` is "file"'],
    [
      'audit: { sink: none, on_failure: refuse }',
      '7:34: audit.on_failure: cannot be "refuse" if `sink` is "none"',
    ],
    ['audit: { file: x }', '7:16: audit.file: is only allowed if `sink` is "file"'],
  ])('goes with its sink: %s', (section, problem) => {
    expect(problemsOf(`${minimal}${section}\n`)).toEqual([problem])
  })
})

test('a group is not blocked where no groups are read', () => {
  const problems = (keys: string) =>
    problemsOf(
      `${minimal}integrations:\n  sso: { issuer: "https://a.example", client_id: x, ${keys} }\n`,
    )
  expect(problems('blocked_groups: [a]')).toEqual([
    '8:53: integrations.sso.blocked_groups: needs `groups_claim_ids`, where the groups are found',
  ])
  expect(problems('blocked_groups: [a], groups_claim_ids: [groups]')).toEqual([])
})

test.each([
  [
    'userinfo_groups: true',
    'userinfo_groups: needs `groups_claim_ids`, where the groups are found',
  ],
  [
    'userinfo_groups: true, groups_claim_ids: [groups], jwks_file: x',
    'userinfo_groups: is not allowed beside `jwks_file`: the discovery document, which has the endpoint, is not read then',
  ],
])('userinfo is asked for something, and by discovery: %s', (keys, problem) => {
  const yaml = `${minimal}integrations:\n  sso: { issuer: "https://a.example", client_id: x, ${keys} }\n`
  expect(problemsOf(yaml)).toEqual([expect.stringMatching(/^8:\d+: /)])
  expect(problemsOf(yaml)[0]).toContain(`: integrations.sso.${problem}`)
})

describe('the keys of an issuer', () => {
  const problems = (keys: string) =>
    problemsOf(
      `${minimal}integrations:\n  sso: { issuer: "https://a.example", client_id: x, ${keys} }\n`,
    ).map((problem) => problem.replace(/^[\d:]+ integrations\.sso\./, ''))

  test.each([
    'jwks: { keys: [{ kty: RSA }] }',
    `jwks: '{"keys":[{"kty":"RSA"}]}'`,
    'jwks_file: x',
    'jwks_uri: "https://a.example/?p=1", jwks_bearer_token_file: x',
    'jwks_bearer_token_file: x',
  ])('may come from %s', (keys) => {
    expect(problems(keys)).toEqual([])
  })

  test.each([
    ['jwks_file: x, jwks_uri: "https://a.example"', 'jwks_uri: is not allowed beside `jwks_file`'],
    ['jwks: { keys: [{ kty: RSA }] }, jwks_file: x', 'jwks_file: is not allowed beside `jwks`'],
    [
      'jwks_file: x, jwks_bearer_token_file: x',
      'jwks_bearer_token_file: is not allowed beside `jwks_file`',
    ],
  ])('come from one place: %s', (keys, problem) => {
    expect(problems(keys)).toEqual([expect.stringContaining(problem)])
  })
})

test('an integration that nothing binds to us is refused', () => {
  expect(problemsOf(`${minimal}integrations:\n  sso: { issuer: "https://a.example" }\n`)).toEqual([
    '8:3: integrations.sso: needs a `client_id` or at least one of `additional_audiences`, so that tokens for other services are not accepted',
  ])
})

test.each([
  ['additional_audiences: [a], allow_no_audience: true', 'allow_no_audience: needs `client_id`'],
  [
    'client_id: a, strict_audiences: true, allow_no_audience: true',
    'allow_no_audience: is not allowed beside `strict_audiences`',
  ],
])('a token without audience is bound to our client: %s', (keys, problem) => {
  const sso = `{ issuer: "https://a.example", ${keys} }`
  expect(problemsOf(`${minimal}integrations:\n  sso: ${sso}\n`)).toEqual([
    expect.stringContaining(problem),
  ])
})

test('groups may not differ only by case', () => {
  expect(problemsOf(`${minimal}groups:\n  Staff: { role: x }\n  staff: { role: y }\n`)).toEqual([
    '9:3: groups.staff: differs only by case from group "Staff"',
  ])
})

test('system needs no upstream, any other database does', () => {
  expect(problemsOf(`${minimal}databases:\n  system: {}\n  app: {}\n`)).toEqual([
    '9:3: databases.app.upstream: is required for every database but "system", here or as `default_upstream`',
  ])
  expect(load(`${minimal}databases: { system: { ${upstream} } }\n`).notices).toEqual([])
})

describe('connectivity pools', () => {
  function pools(...entries: string[]): string {
    const head = 'node: gw0\ntls: { certificate: a, key: b }\nconnectivity_pools:\n'
    return `${head}${entries.map((entry) => `  ${entry}\n`).join('')}`
  }
  const here = 'participants: [{ node: gw0, listen_address: "::1", listen_port: 6432 }]'

  test('must be on this node, one of them at least, where it has no pool of its own', () => {
    const yaml = `${minimal.replace('node: gw0', 'node: gw9')}default_pool: null\n`
    const message =
      'no pool that is enabled has a participant on this node, "gw9", and it has no `default_pool`'
    const elsewhere = `3:1: connectivity_pools: ${message}; there are some on "gw0"`
    const nowhere = `connectivity_pools: ${message}; there are no participants`
    expect(problemsOf(yaml)).toEqual([elsewhere])
    expect(problemsOf(yaml.replace('null', 'false'))).toEqual([elsewhere])
    const without = yaml.replace(/connectivity_pools[^]*(?=default_pool)/, '')
    expect(problemsOf(without)).toEqual([`1:1: ${nowhere}`])
    const off = yaml.replace('gw9', 'gw0').replace('main:', 'main:\n    enabled: false')
    expect(problemsOf(off)).toEqual([`3:1: ${nowhere}`.replace('gw9', 'gw0')])
  })

  test.each([
    'require_sso: true',
    'password_users: [postgres]',
    'session_expiry: hard',
    'session_grace: 1m',
    'max_session_lifetime: 8h',
    'idle_timeout: 1h',
    'idle_in_transaction_timeout: 5m',
    'allowed_databases: [system]',
    'allowed_groups: [g]',
    'allowed_integrations: [i]',
    'login_hours: [{ to: 18:00 }]',
  ])('are ambiguous where only %s tells them apart', (policy) => {
    const message =
      'pools "a" and "b" serve the same source addresses on the same listener with the same priority, and differ in policy: give one a higher `priority`'
    const other = here.replace('::1', '0:0::1')
    const a = `a: { source_address: 10.0.0.0/8, ${here} }`
    const b = `b: { source_address: [192.0.2.0/24, 10.9.9.9/8], ${policy}, ${other} }`
    const named =
      'groups: { g: {} }\nintegrations: { i: { issuer: "https://a.example", client_id: x } }\n'
    const yaml = `${pools(a, b)}${named}`
    expect(problemsOf(yaml)).toEqual([`5:3: connectivity_pools.b: ${message}`])
  })

  test.each([
    ['the policy is the same', ''],
    ['the priorities differ', 'require_sso: true, priority: 1, '],
    ['the networks differ', 'require_sso: true, source_address: 10.0.0.0/9, '],
  ])('are not ambiguous if %s', (_, keys) => {
    const a = `a: { source_address: 10.0.0.0/8, ${here} }`
    const b = `b: { source_address: 10.0.0.0/8, ${keys}${here} }`.replace(
      /source_address: 10.0.0.0\/8, (.*source_address)/,
      '$1',
    )
    expect(problemsOf(pools(a, b))).toEqual([])
  })

  test.each([
    ['the listener', here.replace('6432', '6433')],
    ['the node', here.replace('gw0', 'gw1')],
  ])('are not ambiguous if %s differs', (_, there) => {
    expect(problemsOf(pools(`a: { ${here} }`, `b: { require_sso: true, ${there} }`))).toEqual([])
  })

  test('are not ambiguous on ports that the system chooses', () => {
    const any = here.replace('6432', '0')
    expect(problemsOf(pools(`a: { ${any} }`, `b: { require_sso: true, ${any} }`))).toEqual([])
  })

  test.each([
    ['nobody may have one', 'require_sso: true', false],
    ['somebody may have one', 'require_sso: true, password_users: [oncall]', true],
    ['everybody may have one', 'require_sso: false', true],
    ['only groups may come', 'allowed_groups: [g]', false],
    ['somebody may have one beside groups', 'allowed_groups: [g], password_users: [oncall]', true],
  ])('may relay passwords or not where %s', (_, policy, isRight) => {
    const pool = pools(`a: { auth_methods: [cleartext, scram-sha-256], ${policy}, ${here} }`)
    const yaml = `${pool}groups: { g: {} }\n`
    const why = policy.includes('sso') ? '`require_sso` is true' : 'there are `allowed_groups`'
    const message = `4:8: connectivity_pools.a.auth_methods: "scram-sha-256" is for passwords, and ${why}: name who may use one in \`password_users\`, or leave it out`
    expect(problemsOf(yaml)).toEqual(isRight ? [] : [message])
    const without = yaml.replace(', scram-sha-256', '')
    expect(problemsOf(without)).toEqual([])
  })

  test('allow what there is alone', () => {
    const allowing = (keys: string): readonly string[] =>
      problemsOf(`${pools(`a: { ${keys}, ${here} }`)}groups: { g: {} }
databases: { system: {}, app: { upstream: { host: "::1", auth: { method: trust } } } }
integrations: { i: { issuer: "https://a.example", client_id: x } }
settings:
  server.jwt_authentication.enabled: true
  server.jwt_authentication.jwks_auto_fetch.enabled: true
  server.jwt_authentication.audience: a
  server.jwt_authentication.issuers.configuration: https://b.example
`)
    expect(allowing('allowed_databases: [app, system, portcullis, pgbouncer]')).toEqual([])
    expect(allowing('allowed_databases: [app, ap]')).toEqual([
      '4:33: connectivity_pools.a.allowed_databases[1]: database "ap" does not exist; did you mean "app"?',
    ])
    expect(allowing('allowed_groups: [g]')).toEqual([])
    expect(allowing('allowed_groups: [h]')).toEqual([
      '4:25: connectivity_pools.a.allowed_groups[0]: group "h" does not exist; did you mean "g"?',
    ])
    expect(allowing('allowed_integrations: [i]')).toEqual([])
    expect(allowing('allowed_integrations: [j]')).toEqual([
      expect.stringContaining('allowed_integrations[0]: integration "j" does not exist'),
    ])
    expect(allowing('allowed_integrations: [i], sso_integration: i')).toEqual([])
    expect(allowing('allowed_integrations: [i], sso_integration: i2')).toHaveLength(2)
  })

  test('are open for some time', () => {
    const yaml = (hours: string): string => pools(`a: { login_hours: [{}, ${hours}], ${here} }`)
    expect(problemsOf(yaml('{ from: 08:00, to: 08:00 }'))).toEqual([
      '4:45: connectivity_pools.a.login_hours[1].to: is the same time as `from`: write "24:00" for the end of the day',
    ])
    expect(problemsOf(yaml('{ from: 22:00, to: 06:00 }'))).toEqual([])
  })

  test('do without TLS on loopback alone', () => {
    const participant = (address: string) =>
      `participants: [{ node: gw0, listen_address: "${address}", listen_port: 1, allow_cleartext: true }]`
    expect(problemsOf(pools(`a: { ${participant('127.0.0.1')} }`))).toEqual([])
    expect(problemsOf(pools(`a: { ${participant('0.0.0.0')} }`))[0]).toMatch(
      /^4:.*a\.participants\[0\]\.allow_cleartext: may only be true where `listen_address` is a loopback address$/,
    )
  })
})

describe('a notice', () => {
  test('tells of keys without effect', () => {
    const yaml = `${minimal.replace('6432 }', '6432, openapi_port: 443, openapi_advertised_address: db.example.com, openapi_advertised_port: 443 }')}    sso_integration: sso
integrations:
  sso:
    issuer: https://a.example
    client_id: x
    client_secret: \${env:SECRET}
    additional_scopes: [email]
`
    const notices = noticesOf(yaml, { SECRET: 'hunter2' })
    expect(notices.map((line) => line.split(': ').slice(0, 3).join(': '))).toEqual([
      '6:68: connectivity_pools.main.participants[0].openapi_port: has no effect without `web`',
      '6:87: connectivity_pools.main.participants[0].openapi_advertised_address: has no effect without `web`',
      '6:131: connectivity_pools.main.participants[0].openapi_advertised_port: has no effect without `web`',
    ])
    expect(notices.join()).not.toContain('hunter2')
  })

  test.each([
    ['disable', 'roles and passwords cross the network in the clear; use "verify-full"'],
    [
      'require',
      'the certificate of the server is not checked, so anyone on the path can be the server; use "verify-full"',
    ],
  ])('tells of upstream tls: %s, unless it is loopback', (tls, message) => {
    const yaml = `${minimal}databases:
  app:
    upstream: { tls: ${tls}, host: 10.0.0.5, auth: { method: trust } }
`
    expect(noticesOf(yaml)).toEqual([`9:22: databases.app.upstream.tls: ${message}`])
    expect(noticesOf(yaml.replace('10.0.0.5', '127.0.0.1'))).toEqual([])
  })

  test.each([
    ['session_grace: 1m', 1],
    ['session_grace: 1m, session_expiry: idle', 1],
    ['session_grace: 1m, session_expiry: hard', 0],
    ['session_grace: 1m, max_session_lifetime: 8h', 0],
    ['session_expiry: idle', 0],
  ])('tells of a grace that nothing has: %s', (keys, count) => {
    const yaml = minimal.replace(
      'participants:',
      `${keys.replaceAll(', ', '\n    ')}\n    participants:`,
    )
    const message = 'has no effect without `session_expiry: hard` or `max_session_lifetime`'
    const notice = `5:5: connectivity_pools.main.session_grace: ${message}`
    expect(noticesOf(yaml)).toEqual(count === 0 ? [] : [notice])
  })

  test.each([
    ['(a)', 1],
    ['^(a)', 1],
    ['(a)$', 1],
    ['^(a)\\$', 1],
    ['^(a)$', 0],
    ['\\A(a)\\z', 0],
    ['^(a)\\\\$', 0],
  ])('tells of a pattern without anchors: %s', (pattern, count) => {
    const yaml = `${minimal}integrations:
  sso: { issuer: "https://a.example", client_id: x, principal_regex: '${pattern}' }
`
    expect(noticesOf(yaml)).toHaveLength(count)
  })
})

describe('the kinds of tokens', () => {
  const problems = (keys: string) =>
    problemsOf(
      `${minimal}integrations:\n  sso: { issuer: "https://a.example", client_id: x, ${keys} }\n`,
    )

  test.each([
    'token_kinds: [at+jwt]',
    'token_kinds: [id_token, access_token], allowed_typ: [JWT, none]',
    'allowed_typ: [at+jwt]',
    'token_kinds: [at+jwt], allowed_typ: [application/at+JWT]',
  ])('may be narrowed: %s', (keys) => {
    expect(problems(keys)).toEqual([])
  })

  test.each([
    [
      'token_kinds: [at+jwt], allowed_typ: [JWT]',
      'has only "at+jwt", a type that `allowed_typ` does not accept',
    ],
    [
      'token_kinds: [id_token], allowed_typ: [at+jwt]',
      'needs "at+jwt", which is the only type that `allowed_typ` accepts',
    ],
  ])('must be possible: %s', (keys, problem) => {
    expect(problems(keys)).toEqual([expect.stringContaining(`sso.token_kinds: ${problem}`)])
  })

  test.each([
    ['token_kinds: []', 'sso.token_kinds'],
    ['token_kinds: [saml]', 'sso.token_kinds[0]'],
  ])('must be known: %s', (keys, path) => {
    expect(problems(keys)).toEqual([expect.stringContaining(path)])
  })
})

describe('introspection', () => {
  const problems = (keys: string) =>
    problemsOf(`${minimal}integrations:\n  sso: { issuer: "https://a.example", ${keys} }\n`)
  const client = 'client_id: x, client_secret: y'

  test.each([
    `${client}, introspection: {}`,
    'client_id: x, introspection: { client_id: gate, client_secret: y }',
    'additional_audiences: [a], introspection: { client_id: gate, client_secret: y, cache: 0 }',
    `${client}, jwks_uri: "https://a.example/k", introspection: { endpoint: "https://a.example/i" }`,
  ])('may be asked for: %s', (keys) => {
    expect(problems(keys)).toEqual([])
  })

  test.each([
    ['client_id: x, introspection: {}', 'sso.introspection: needs `client_id` and `client_secret`'],
    [
      'client_id: x, introspection: { client_id: gate }',
      'introspection.client_secret: is required beside `client_id`',
    ],
    [
      `${client}, introspection: { client_secret: y }`,
      'introspection.client_id: is required beside `client_secret`',
    ],
    [
      `${client}, jwks_uri: "https://a.example/k", introspection: {}`,
      'introspection.endpoint: is required beside `jwks_uri`',
    ],
    [
      `${client}, token_kinds: [id_token], introspection: {}`,
      'introspection: is about access tokens: `token_kinds` must list "access_token"',
    ],
    [`${client}, introspection: { cache: 2m }`, 'introspection.cache: must be a duration'],
    [
      `${client}, introspection: { endpoint: "http://a.example/i" }`,
      'introspection.endpoint: must be an https URL',
    ],
    [`${client}, introspection: { authentication: none }`, 'introspection.authentication'],
    [`${client}, introspection: { endpiont: x }`, 'did you mean "endpoint"?'],
  ])('must be complete and possible: %s', (keys, problem) => {
    expect(problems(keys)).toEqual([expect.stringContaining(problem)])
  })
})

describe('a Unix socket', () => {
  function poolsWith(...participants: readonly string[]): string {
    const pools = participants.map((one, index) => `  p${index}: { participants: [{ ${one} }] }\n`)
    return `node: gw0\ntls: { certificate: a, key: b }\nconnectivity_pools:\n${pools.join('')}`
  }
  const socket = 'node: gw0, socket_directory: /run/portcullis, listen_port: 6432'
  const at = 'connectivity_pools.p0.participants[0]'

  test.each([
    [[socket]],
    [[`${socket}, socket_mode: 0660`]],
    [[socket, socket]],
    [[`${socket}, socket_mode: 0660`, `${socket}, socket_mode: "0660"`]],
    [[socket, 'node: gw0, socket_directory: /run/other, listen_port: 6432, socket_mode: 0660']],
    [[socket, 'node: gw0, socket_directory: /run/portcullis, listen_port: 1, socket_mode: 0660']],
    [
      [
        socket,
        'node: gw1, socket_directory: /run/portcullis, listen_port: 6432, socket_mode: 0660',
      ],
    ],
  ])('is taken as in %j', (participants) => {
    expect(problemsOf(poolsWith(...participants))).toEqual([])
  })

  test.each([
    [
      ['node: gw0, listen_port: 6432'],
      `4:25: ${at}: needs \`listen_address\`, or \`socket_directory\` for a Unix socket`,
    ],
    [
      [`${socket}, listen_address: 127.0.0.1`],
      `${at}.socket_directory: is not allowed beside \`listen_address\`: give each a participant of its own`,
    ],
    [
      ['node: gw0, socket_directory: /run/portcullis, listen_port: 0'],
      `${at}.listen_port: must not be 0 with \`socket_directory\`: it names the file of the socket`,
    ],
    [
      [`${socket}, allow_cleartext: true`],
      `${at}.allow_cleartext: is not allowed with \`socket_directory\`: it is for TCP`,
    ],
    [
      [`${socket}, proxy_protocol: required`],
      `${at}.proxy_protocol: is not allowed with \`socket_directory\`: it is for TCP`,
    ],
    [[`${socket}, socket_mode: 0666`], `${at}.socket_mode: must be "0600" or "0660"`],
    [[`${socket}, socket_mode: "0777"`], `${at}.socket_mode: must be "0600" or "0660"`],
    [
      [socket, `${socket}, socket_mode: 0660`],
      'connectivity_pools.p1.participants[0].socket_mode: must be the same in every pool of this socket',
    ],
  ])('is a problem as in %j', (participants, problem) => {
    const problems = problemsOf(poolsWith(...participants))
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(problem.replace(/^\d+:\d+: /, ''))
  })

  test('in a pool that asks for client certificates is a problem', () => {
    const text = `node: gw0
tls: { certificate: a, key: b, client_ca: c }
connectivity_pools:
  p0: { client_certificate: required, participants: [{ ${socket} }] }
`
    expect(problemsOf(text)).toEqual([
      expect.stringContaining(
        `${at}.socket_directory: is not allowed with \`client_certificate: required\``,
      ) as string,
    ])
  })

  test('of two pools that differ in policy is a problem', () => {
    const file = poolsWith(socket, `${socket} }], require_sso: true, password_users: [{`)
    const text = file.replace(', password_users: [{ }]', '')
    expect(problemsOf(text)).toEqual([
      expect.stringContaining('pools "p0" and "p1" serve the same source addresses') as string,
    ])
  })
})

describe('channel binding', () => {
  test.each([
    ['tls: disable, auth: { method: password, passwords: {} }', 'without TLS there is no channel'],
    ['auth: { method: trust }', 'with the method "trust" nothing is proved of a password'],
    ['auth: { method: token }', 'with the method "token" nothing is proved of a password'],
  ])('that is required is a problem with %s', (written, told) => {
    const section = `databases: { app: { upstream: { host: h, channel_binding: require, ${written} } } }`
    const problems = problemsOf(`${minimal}${section}\n`)
    expect(problems).toEqual([
      expect.stringContaining(
        `databases.app.upstream.channel_binding: must not be "require": ${told}`,
      ) as string,
    ])
  })

  test('that is required is none with a password over TLS', () => {
    const upstream = 'host: h, channel_binding: require, auth: { method: password, passwords: {} }'
    expect(problemsOf(`${minimal}databases: { app: { upstream: { ${upstream} } } }\n`)).toEqual([])
  })
})

describe('the settings of TLS', () => {
  const rest = minimal.replace(/^tls:.*\n/m, '')
  const cipher =
    'must be a cipher suite of TLS 1.2 with forward secrecy, such as ECDHE-RSA-AES256-GCM-SHA384'
  const group = 'must be a group for the key exchange, such as X25519, X25519MLKEM768 or P-256'

  function withTls(settings: string): string {
    return `tls: { certificate: a, key: b, ${settings} }\n${rest}`
  }

  test.each([
    'ciphers: [ECDHE-RSA-AES256-GCM-SHA384, ECDHE-ECDSA-AES128-GCM-SHA256]',
    'groups: [X25519MLKEM768, X25519, P-256, secp384r1]',
    'min_version: TLSv1.2, max_version: TLSv1.2',
    'min_version: TLSv1.3, max_version: TLSv1.3',
  ])('are taken as in %s', (settings) => {
    expect(problemsOf(withTls(settings))).toEqual([])
  })

  test.each([
    [
      'min_version: TLSv1.3, max_version: TLSv1.2',
      'max_version: must not be older than `min_version`',
    ],
    ['max_version: TLSv1.1', 'max_version: must be one of "TLSv1.2", "TLSv1.3"'],
    [
      'min_version: TLSv1.3, ciphers: [ECDHE-RSA-AES256-GCM-SHA384]',
      'ciphers: has no effect: they are of TLS 1.2, and `min_version` is TLSv1.3',
    ],
    ['ciphers: [ECDHE-RSA-AES256-GCM-SHA385]', `ciphers[0]: ${cipher}`],
    ['ciphers: [ECDHE-RSA-AES256-GCM-SHA384, HIGH]', `ciphers[1]: ${cipher}`],
    ['ciphers: ["ECDHE-RSA-AES256-GCM-SHA384:NULL"]', `ciphers[0]: ${cipher}`],
    ['ciphers: [TLS_AES_256_GCM_SHA384]', `ciphers[0]: ${cipher}`],
    ['ciphers: [ecdhe-rsa-aes256-gcm-sha384]', `ciphers[0]: ${cipher}`],
    ['ciphers: [AES256-GCM-SHA384]', `ciphers[0]: ${cipher}`],
    ['ciphers: [ECDHE-PSK-CHACHA20-POLY1305]', `ciphers[0]: ${cipher}`],
    ['ciphers: [DHE-RSA-AES256-GCM-SHA384]', `ciphers[0]: ${cipher}`],
    ['groups: [X25519, P-255]', `groups[1]: ${group}`],
    ['groups: ["X25519:P-256"]', `groups[0]: ${group}`],
    ['groups: [auto]', `groups[0]: ${group}`],
  ])('are a problem as in %s', (settings, problem) => {
    const problems = problemsOf(withTls(settings))
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(`tls.${problem}`)
  })
})
