import { hostname } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ConfigError, formatProblem, loadConfig } from '../../../src/config/index.ts'
import { load, minimal, problemsOf, withFiles } from './load.ts'

const full = `
node: gw0
workers: 4
tls: { certificate: certs/server.crt, key: /etc/server.key, min_version: TLSv1.3, client_ca: null }
http: { listen_address: "::1", listen_port: 0 }
timeouts: { startup: 500ms, drain: 0, authentication: 1m30s }
limits: { max_sessions: 5, max_unauthenticated: 2, max_password: 64KiB }
log: { level: warn, format: pretty }
audit: { sink: file, file: audit.jsonl }
trusted_proxies: [10.0.0.0/8, 192.0.2.1]
integrations:
  sso:
    issuer: https://auth.example.com/
    client_id: 0oa1
    default_group: readonly
    groups_claim_ids: [https://example.com/groups, /realm_access/roles]
    groups_claim_mappings: { readwrite-role: readwrite }
    principal_claim: email
    principal_regex: '^([^@]+)@example\\.com$'
    algorithms: [ES256]
    leeway: 0
    custom_ca: ../ca.pem
  m2m:
    issuer: https://auth.example.com
    additional_audiences: [https://db.example.com]
    map_principal: true
identity_map: |
  https://auth.example.com  /^(.*)@example\\.com$  \\1
groups:
  readonly: { role: app_readonly }
  readwrite: { role: app_readwrite, rank: 10 }
databases:
  system: { integrations: [sso, m2m], primary: sso }
  sandbox:
    integrations: [m2m]
    upstream:
      host: 10.0.0.5
      ca: ca.pem
      auth: { method: password, passwords: { app_readonly: x } }
  constructor:
    upstream: { host: db.internal, port: 5433, database: other, auth: { method: trust } }
connectivity_pools:
  sso_pool:
    source_address: 0.0.0.0/0
    priority: 10
    require_sso: true
    password_users: [postgres]
    participants:
      - { node: gw0, listen_address: 0.0.0.0, listen_port: 6432 }
      - { node: gw0, listen_address: 127.0.0.1, listen_port: 0, allow_cleartext: true }
settings:
  server.jwt_authentication.enabled: false
`

const noSettings = {
  'server.jwt_authentication.enabled': false,
  'server.jwt_authentication.jwks': { json: '{"keys":[]}', isEmpty: true },
  'server.jwt_authentication.jwks_auto_fetch.enabled': false,
  'server.jwt_authentication.claim': 'sub',
  'server.jwt_authentication.client.timeout': 15_000,
  'server.jwt_authentication.authorization.enabled': false,
  'server.jwt_authentication.group_claim': ['groups'],
  'server.jwt_authentication.userinfo_group_key': ['groups'],
  'server.identity_map.configuration': '',
  'security.provisioning.jwt.enabled': false,
  'server.oidc_authentication.authorization.enabled': false,
  'server.oidc_authentication.autologin': false,
  'server.oidc_authentication.autologin.enabled': false,
  'server.oidc_authentication.button_text': 'Log in with your OIDC provider',
  'server.oidc_authentication.client.timeout': 15_000,
  'server.oidc_authentication.enabled': false,
  'server.oidc_authentication.generate_cluster_sso_token.enabled': false,
  'server.oidc_authentication.generate_cluster_sso_token.sql_host': 'localhost',
  'server.oidc_authentication.generate_cluster_sso_token.sql_port': 26257,
  'server.oidc_authentication.generate_cluster_sso_token.use_token': 'id_token',
  'server.oidc_authentication.group_claim': ['groups'],
  'server.oidc_authentication.principal_regex': '(.+)',
  'server.oidc_authentication.scopes': [],
  'server.oidc_authentication.userinfo_group_key': ['groups'],
}

test('a minimal file gets every default', () => {
  withFiles(minimal, {}, (file) => {
    const folder = dirname(file)
    expect(loadConfig(file, {})).toEqual({
      text: minimal,
      secretFiles: [],
      notices: [],
      config: {
        node: 'gw0',
        workers: 'auto',
        tls: {
          certificate: join(folder, 'server.crt'),
          key: join(folder, 'server.key'),
          min_version: 'TLSv1.2',
          max_version: 'TLSv1.3',
          client_ca: null,
        },
        catalog: { mode: 'read-write', versions: 50, watch: false },
        enforce_on_reload: false,
        implied_pool: undefined,
        telemetry: { service_name: 'portcullis' },
        http: { listen_address: '127.0.0.1', listen_port: 8432 },
        timeouts: {
          startup: 10_000,
          tls_handshake: 10_000,
          authentication: 60_000,
          sign_in: 300_000,
          pause: 120_000,
          drain: 30_000,
          drain_delay: 0,
          keepalive: 60_000,
        },
        limits: {
          max_sessions: 10_000,
          max_sign_ins: 100,
          max_relays: 20,
          max_paused_logins: 1_000,
          max_console_sessions: 20,
          max_unauthenticated: 1000,
          max_unauthenticated_per_address: 500,
          logins_per_second_per_address: null,
          login_burst_per_address: 200,
          throttle: ['password', 'opaque-token'],
          max_password: 65_530,
        },
        log: { level: 'info', format: 'json' },
        audit: {
          on_failure: 'continue',
          chain: false,
          chain_keys: [],
          sinks: [{ sink: 'stdout', on_failure: undefined }],
        },
        trusted_proxies: [],
        integrations: {},
        identity_map: '',
        groups: {},
        console: { admin_groups: [], stats_groups: [], unix_socket: 'none', users: {} },
        databases: {},
        connectivity_pools: {
          main: {
            enabled: true,
            source_address: ['0.0.0.0/0', '::/0'],
            priority: 0,
            require_sso: false,
            allow_replication: false,
            client_certificate: 'optional',
            server_names: [],
            sso_flows: ['deviceGrant', 'authorizationCode'],
            auth_methods: ['cleartext', 'oauthbearer'],
            session_expiry: 'ignore',
            session_grace: 30_000,
            password_users: [],
            participants: [
              {
                node: 'gw0',
                listen_address: '127.0.0.1',
                listen_port: 6432,
                allow_cleartext: false,
                proxy_protocol: 'trusted',
                socket_mode: '0600',
              },
            ],
          },
        },
        settings: noSettings,
      },
    })
  })
})

test('a full file is taken over, with durations in milliseconds, sizes in bytes and absolute paths', () => {
  withFiles(full, {}, (file) => {
    const folder = dirname(file)
    const { config, notices } = loadConfig(file, {})
    expect(notices).toEqual([])
    expect(config).toMatchObject({
      workers: 4,
      tls: { certificate: join(folder, 'certs/server.crt'), key: '/etc/server.key' },
      timeouts: { startup: 500, drain: 0, authentication: 90_000 },
      limits: { max_password: 65_536 },
      audit: { sinks: [{ sink: 'file', file: join(folder, 'audit.jsonl') }] },
      integrations: {
        sso: {
          protocol: 'oidc',
          issuer: 'https://auth.example.com/',
          leeway: 0,
          request_timeout: 5000,
          algorithms: ['ES256'],
          custom_ca: join(folder, '../ca.pem'),
          map_principal: false,
          enable_id_token_authentication: false,
        },
        m2m: { map_principal: true, principal_claim: 'sub', leeway: 30_000 },
      },
      identity_map: 'https://auth.example.com  /^(.*)@example\\.com$  \\1\n',
      databases: {
        system: { primary: 'sso', integration_selection: 'token', upstream: undefined },
        sandbox: {
          primary: 'm2m',
          upstream: {
            hosts: [{ port: 5432 }],
            database: 'sandbox',
            tls: 'verify-full',
            ca: join(folder, 'ca.pem'),
            connect_timeout: 10_000,
            auth: { method: 'password', allow: ['scram-sha-256'] },
          },
        },
        constructor: {
          primary: undefined,
          upstream: { hosts: [{ port: 5433 }], database: 'other' },
        },
      },
      connectivity_pools: { sso_pool: { source_address: ['0.0.0.0/0'] } },
      settings: noSettings,
    })
    expect(config.integrations['m2m']?.algorithms).toHaveLength(10)
  })
})

test('an entry that is not there is not found, whatever it is called', () => {
  const { config } = load(minimal)
  for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
    expect(config.databases[name]).toBeUndefined()
    expect(config.groups[name]).toBeUndefined()
    expect(config.integrations[name]).toBeUndefined()
    expect(config.connectivity_pools[name]).toBeUndefined()
  }
})

test('the configuration is frozen all the way down', () => {
  const { config } = load(full)
  expect(Object.isFrozen(config)).toBe(true)
  expect(Object.isFrozen(config.integrations['sso']?.groups_claim_mappings)).toBe(true)
  expect(Object.isFrozen(config.connectivity_pools['sso_pool']?.participants[0])).toBe(true)
})

test('the node is called as the host where it has no name', () => {
  const { config } = load(minimal.replace(/gw0/, '"${env:X}"').replace(/gw0/, 'n1'), { X: 'n1' })
  expect(config.node).toBe('n1')
  const { config: other } = load(minimal.replace(/^node.*\n/, ''))
  expect(other.node).toBe(hostname())
  expect(other.implied_pool).toBe(`${hostname()}_default`)
})

test('paths do not depend on the working directory', () => {
  withFiles(minimal, {}, (file) => {
    const { config } = loadConfig(relative(process.cwd(), file), {})
    expect(config.tls.key).toBe(join(dirname(file), 'server.key'))
  })
})

describe('the error', () => {
  test('has every problem in the order of the file, whatever its kind', () => {
    const yaml = `node: gw0
tls: { certificate: a }
databses: {}
integrations:
  sso:
    isuer: https://a.example
    default_group: nobody
    leeway: 10
    client_secret: \${env:GONE}
groups:
  a: { role: x }
  A: { role: x, rank: high }
databases:
  app: { integrations: [soo] }
`
    expect(problemsOf(yaml)).toEqual([
      '2:1: tls.key: is required',
      '3:1: databses: unknown key; did you mean "databases"?',
      '5:3: integrations.sso.issuer: is required',
      '5:3: integrations.sso: needs a `client_id` or at least one of `additional_audiences`, so that tokens for other services are not accepted',
      '6:5: integrations.sso.isuer: unknown key; did you mean "issuer"?',
      '7:20: integrations.sso.default_group: group "nobody" does not exist; known are "a", "A"',
      '8:13: integrations.sso.leeway: must be a duration between 0 and 5m, such as 500ms, 10s or 1h30m',
      '9:20: integrations.sso.client_secret: environment variable "GONE" is not set: set it, or write the value here',
      '12:3: groups.A: differs only by case from group "a"',
      '12:23: groups.A.rank: must be a whole number between -1000000 and 1000000',
      '14:3: databases.app.upstream: is required for every database but "system", here or as `default_upstream`',
      '14:25: databases.app.integrations[0]: integration "soo" does not exist; did you mean "sso"?',
    ])
  })

  test('says which file cannot be read', () => {
    const attempt = () => loadConfig('/nowhere/portcullis.yaml', {})
    expect(attempt).toThrow(ConfigError)
    expect(attempt).toThrow(/^\/nowhere\/portcullis\.yaml:1:1: does not exist/)
  })

  test('carries the file and its problems, and is readable as a whole', () => {
    withFiles(minimal.replace('key:', 'kee:'), {}, (file) => {
      expect(() => loadConfig(file, {})).toThrow(
        expect.objectContaining({
          name: 'ConfigError',
          file,
          problems: [
            { path: 'tls.key', line: 2, column: 1, message: 'is required' },
            {
              path: 'tls.kee',
              line: 2,
              column: 33,
              message: 'unknown key; did you mean "key"?',
            },
          ],
          message: `${file}:2:1: tls.key: is required\n${file}:2:33: tls.kee: unknown key; did you mean "key"?`,
        }),
      )
    })
  })
})

test('a problem is one line that a terminal can show', () => {
  expect(problemsOf(`${minimal}"a\\nb\\e[31m.c": 1\n`)[0]).toMatch(
    /^7:1: \["a\?b\?\[31m\.c"\]: unknown key; known are "node", .* and \d+ more$/,
  )
  expect(formatProblem('f.yaml', { path: '', line: 1, column: 2, message: 'm' })).toBe(
    'f.yaml:1:2: m',
  )
})
