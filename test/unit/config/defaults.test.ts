// What a file leaves to its own defaults: the upstream of databases, the pool of a node, the role of a group.
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { describeImpliedPool, loadConfig } from '../../../src/config/index.ts'
import { load, minimal, noticesOf, problemsOf, withFiles } from './load.ts'

const bare = 'node: gw0\ntls: { certificate: server.crt, key: server.key }\n'

const server = `default_upstream:
  host: 10.0.0.5
  port: 5433
  ca: ca.pem
  auth: { method: password, passwords: { app_readonly: secret } }
`

describe('the upstream of a database', () => {
  test('is the default one where it has none, with its own name there', () => {
    withFiles(`${bare}${server}databases: { sandbox: {}, "Other one": {} }\n`, {}, (file) => {
      const { config, notices } = loadConfig(file, {})
      expect(config.databases['sandbox']?.upstream).toMatchObject({
        hosts: [{ host: '10.0.0.5', port: 5433 }],
        database: 'sandbox',
        tls: 'verify-full',
        ca: join(file, '..', 'ca.pem'),
        auth: { method: 'password', passwords: { app_readonly: 'secret' } },
      })
      expect(config.databases['Other one']?.upstream?.database).toBe('Other one')
      expect(notices.map(({ path }) => path)).toEqual(['connectivity_pools'])
    })
  })

  test('has its own keys over the default ones, each as a whole', () => {
    const own = `databases:
  a: { upstream: { host: 10.0.0.6, tls: verify-ca } }
  b: { upstream: { hosts: [{ host: 10.0.0.7 }], database: inner, auth: { method: trust } } }
`
    const { a, b } = load(`${bare}${server}${own}`).config.databases
    expect(a?.upstream).toMatchObject({
      hosts: [{ host: '10.0.0.6', port: 5433 }],
      database: 'a',
      tls: 'verify-ca',
      auth: { method: 'password' },
    })
    expect(b?.upstream).toMatchObject({ hosts: [{ host: '10.0.0.7', port: 5433 }] })
    expect(b?.upstream?.database).toBe('inner')
    expect(b?.upstream?.auth).toEqual({ method: 'trust' })
  })

  test('is never the default one for the databases of the console', () => {
    const { system } = load(`${bare}${server}databases: { system: {} }\n`).config.databases
    expect(system?.upstream).toBeUndefined()
    for (const name of ['portcullis', 'pgbouncer']) {
      expect(problemsOf(`${bare}${server}databases: { ${name}: {} }\n`)).toEqual([
        expect.stringContaining(`databases.${name}.upstream: is required for every database`),
      ])
    }
    const own = 'databases: { system: { upstream: { tls: verify-full } } }'
    expect(problemsOf(`${bare}${server}${own}\n`)).toEqual([
      expect.stringContaining('databases.system.upstream.auth: is required'),
    ])
  })

  test('may be incomplete as long as no database needs the rest', () => {
    const incomplete = `${bare}default_upstream: { host: 10.0.0.5 }\n`
    expect(problemsOf(incomplete)).toEqual([])
    expect(problemsOf(`${incomplete}databases:\n  app: {}\n`)).toEqual([
      '5:3: databases.app.upstream.auth: is required',
    ])
  })

  test('is told where it is wrong once, and where that is written', () => {
    const wrong = `default_upstream:
  host: 10.0.0.5
  tls: maybe
  hots: x
  auth: { method: password, passwords: { a: "\${env:GONE}" }, alow: [] }
`
    const databases = 'databases: { a: {}, b: {} }\n'
    expect(problemsOf(`${bare}${wrong}${databases}`)).toEqual([
      expect.stringMatching(/^5:8: default_upstream\.tls: must be one of/),
      '6:3: default_upstream.hots: unknown key; did you mean "host"?',
      expect.stringMatching(/^7:45: default_upstream\.auth\.passwords\.a: environment variable/),
      '7:62: default_upstream.auth.alow: unknown key; did you mean "allow"?',
    ])
  })

  test('is checked as if it stood in each database', () => {
    const token = server.replace(/auth.*/, 'tls: require\n  auth: { method: token }')
    expect(problemsOf(`${bare}${token}databases: { a: {}, b: {} }\n`)).toEqual([
      expect.stringMatching(/^7:8: default_upstream\.tls: must be "verify-full" or "verify-ca"/),
    ])
    const open = server.replace(/auth.*/, 'tls: disable\n  auth: { method: trust }')
    expect(noticesOf(`${minimal}${open}databases: { a: {}, b: {} }\n`)).toEqual([
      expect.stringMatching(/^11:8: default_upstream\.tls: roles and passwords cross the network/),
    ])
  })

  test('may have passwords for roles that no group has yet, and its own may not', () => {
    const groups = 'groups: { readonly: { role: other } }\n'
    expect(problemsOf(`${bare}${server}${groups}databases: { app: {} }\n`)).toEqual([])
    const own =
      'databases: { app: { upstream: { auth: { method: password, passwords: { x: y } } } } }'
    expect(problemsOf(`${bare}${server}${groups}${own}\n`)).toEqual([
      expect.stringContaining('no group has this role'),
    ])
  })

  test('has no name of a database in its defaults', () => {
    expect(problemsOf(`${bare}default_upstream: { database: x }\n`)).toEqual([
      expect.stringContaining('default_upstream.database: unknown key'),
    ])
  })
})

describe('a node without a pool', () => {
  test('has one of its own on loopback, and says so', () => {
    const { config } = load(bare)
    expect(config.implied_pool).toBe('gw0_default')
    expect(Object.keys(config.connectivity_pools)).toEqual(['gw0_default'])
    expect(config.connectivity_pools['gw0_default']).toMatchObject({
      require_sso: false,
      source_address: ['0.0.0.0/0', '::/0'],
      participants: [{ node: 'gw0', listen_address: '127.0.0.1', listen_port: 6432 }],
    })
    expect(config).not.toHaveProperty('default_pool')
    expect(config).not.toHaveProperty('default_upstream')
    expect(noticesOf(bare)).toEqual([
      '1:1: connectivity_pools: no pool that is enabled has a participant on this node, "gw0", so that it has a pool of its own, "gw0_default", at 127.0.0.1 port 6432',
    ])
  })

  test('has it as well where pools are on other nodes, or switched off', () => {
    const elsewhere = minimal.replace('node: gw0', 'node: gw9')
    expect(Object.keys(load(elsewhere).config.connectivity_pools)).toEqual(['main', 'gw9_default'])
    expect(noticesOf(elsewhere).join()).toMatch(/there are some on "gw0"$/)
    const off = minimal.replace('main:', 'main:\n    enabled: false')
    expect(Object.keys(load(off).config.connectivity_pools)).toEqual(['gw0_default'])
    expect(load(minimal).config.implied_pool).toBeUndefined()
    expect(Object.keys(load(minimal).config.connectivity_pools)).toEqual(['main'])
  })

  test('has it as `default_pool` says', () => {
    const section =
      'default_pool: { listen_port: 7000, require_sso: true, socket_directory: run, idle_timeout: 1h }\n'
    withFiles(`${bare}${section}`, {}, (file) => {
      const { config } = loadConfig(file, {})
      expect(config.connectivity_pools['gw0_default']).toMatchObject({
        require_sso: true,
        idle_timeout: 3_600_000,
        participants: [{ socket_directory: join(file, '..', 'run'), listen_port: 7000 }],
      })
    })
  })

  test('has none where it is switched off', () => {
    for (const value of ['null', 'false', '"false"']) {
      expect(problemsOf(`${bare}default_pool: ${value}\n`)).toEqual([
        expect.stringContaining('and it has no `default_pool`'),
      ])
    }
  })

  test('is told where its section is wrong', () => {
    const section = 'default_pool: { listen_prot: 1, listen_port: 70000, idle_timeout: 1 }\n'
    expect(problemsOf(`${bare}${section}`)).toEqual([
      expect.stringMatching(/default_pool\.listen_prot: unknown key; did you mean "listen_port"/),
      expect.stringMatching(/default_pool\.listen_port: must be a port number/),
      expect.stringMatching(/default_pool\.idle_timeout: must be a duration/),
    ])
    const cleartext = 'default_pool: { listen_address: 10.0.0.1, allow_cleartext: true }\n'
    expect(problemsOf(`${bare}${cleartext}`)).toEqual([
      expect.stringMatching(/^3:60: default_pool\.allow_cleartext: may only be true/),
    ])
  })

  test('may have a pool of this name in its place, with the same listener', () => {
    const named = `${bare}default_pool: { listen_port: 7000, priority: 1, max_sessions: 5 }
connectivity_pools: { gw0_default: { require_sso: true, priority: 2 } }
`
    const { config } = load(named)
    expect(config.implied_pool).toBeUndefined()
    expect(config.connectivity_pools['gw0_default']).toMatchObject({
      require_sso: true,
      priority: 2,
      max_sessions: 5,
      participants: [{ node: 'gw0', listen_address: '127.0.0.1', listen_port: 7000 }],
    })
    const own = named.replace(
      'priority: 2',
      'participants: [{ node: gw0, listen_address: "::1", listen_port: 1 }]',
    )
    const pool = load(own).config.connectivity_pools['gw0_default']
    expect(pool).toMatchObject({ priority: 0, participants: [{ listen_address: '::1' }] })
    expect(load(own).config.implied_pool).toBeUndefined()
    // Beside others it stays.
    const both = minimal.replace('main:', 'gw0_default: { priority: 7 }\n  main:')
    expect(Object.keys(load(both).config.connectivity_pools)).toEqual(['gw0_default', 'main'])
  })

  test('that is called by a long name has one with as much of it as there is room for', () => {
    const { config } = load(bare.replace('gw0', 'n'.repeat(63)))
    expect(config.implied_pool).toBe(`${'n'.repeat(55)}_default`)
  })

  test('is not given one where nobody can read which node it is', () => {
    expect(problemsOf(bare.replace('gw0', '"a b"'))).toEqual([
      expect.stringContaining('node: must be 1 to 63 letters'),
    ])
    const unread = minimal.replace('{ node: gw0,', '{ node: [1],')
    expect(problemsOf(unread)).toEqual([expect.stringContaining('participants[0].node: must be')])
  })
})

test('a pool that is switched off is not there, and is checked all the same', () => {
  const pool = '  off: { enabled: false, sso_integration: nowhere, participants: [] }\n'
  expect(problemsOf(`${minimal}${pool}`)).toEqual([
    expect.stringContaining('off.sso_integration: integration "nowhere" does not exist'),
    expect.stringContaining('off.participants: must have at least one entry'),
  ])
  const twin = minimal
    .slice(minimal.indexOf('  main:'))
    .replace('main:', 'twin:\n    require_sso: true')
  expect(problemsOf(`${minimal}${twin}`)).toHaveLength(1)
  const off = `${minimal}${twin.replace('require', 'enabled: false\n    require')}`
  expect(Object.keys(load(off).config.connectivity_pools)).toEqual(['main'])
})

test('a group has a role of its own name where it has no other', () => {
  const { groups } = load(`${minimal}groups: { readonly: {}, "Read write": { role: rw } }\n`).config
  expect(groups['readonly']?.role).toBe('readonly')
  expect(groups['Read write']?.role).toBe('rw')
  const upstream =
    'databases: { app: { upstream: { host: "::1", auth: { method: password, passwords: { readonly: x } } } } }'
  expect(problemsOf(`${minimal}groups: { readonly: {} }\n${upstream}\n`)).toEqual([])
})

describe('when the pool of the node goes or comes', () => {
  const [before, after] = [load(bare).config, load(minimal).config]

  test('that is told', () => {
    expect(describeImpliedPool(before, after)).toBe(
      'the default pool "gw0_default" is gone, and pool "main" there in its place: sessions that came by it stay',
    )
    expect(describeImpliedPool(after, before)).toBe(
      'the node has its default pool "gw0_default" again: no other that is enabled has a participant on it',
    )
    const elsewhere = minimal.replace('main:', 'away:').replace('{ node: gw0,', '{ node: gw1,')
    const pools = `${elsewhere}${minimal.slice(minimal.indexOf('  main:'))}`
    expect(describeImpliedPool(before, load(pools).config)).toMatch(/and pool "main" there/)
  })

  test('and nothing is where it stays', () => {
    expect(describeImpliedPool(before, before)).toBeUndefined()
    expect(describeImpliedPool(after, after)).toBeUndefined()
  })
})
