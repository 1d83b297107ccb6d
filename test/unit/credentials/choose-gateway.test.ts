import { describe, expect, test } from 'vitest'
import {
  chooseGateway,
  type GatewayWish,
  type KnownGateway,
} from '../../../src/credentials/choose-gateway.ts'
import { readGatewayAddress } from '../../../src/credentials/gateway-address.ts'
import { readDescription } from '../../../src/credentials/gateway-description.ts'
import { CredentialProblem } from '../../../src/credentials/problem.ts'

type Members = Readonly<Record<string, unknown>>

function pool(more: Members = {}): Members {
  return {
    name: 'main',
    endpoints: [{ host: 'db.example.com', port: 5432 }],
    api_url: 'https://pages.example.com',
    sso_flows: ['deviceGrant'],
    client_certificate: false,
    ...more,
  }
}

function tools(more: Members = {}): Members {
  return {
    name: 'tools',
    issuer: 'https://auth.example.com',
    public_client: true,
    client_id: 'cli',
    scopes: ['openid', 'offline_access'],
    usual: true,
    primary: false,
    ...more,
  }
}

function pages(more: Members = {}): Members {
  const issuer = 'https://auth.example.com/'
  return { name: 'pages', issuer, public_client: false, usual: true, primary: true, ...more }
}

function described(more: Members = {}): Members {
  return { format: 1, session_tokens: true, pools: [pool()], integrations: [tools()], ...more }
}

function choose(more: Members = {}, wish: GatewayWish = {}, host = 'db.example.com'): KnownGateway {
  return chooseGateway(readDescription(described(more), 'https://db.example.com'), host, wish)
}

function problemOf(run: () => unknown): CredentialProblem {
  try {
    run()
  } catch (error) {
    if (error instanceof CredentialProblem) return error
    throw error
  }
  throw new Error('no problem')
}

describe('an address', () => {
  test.each([
    ['db.example.com', 'db.example.com', ['https://db.example.com', 'https://db.example.com:8443']],
    [
      'DB.Example.com ',
      'db.example.com',
      ['https://db.example.com', 'https://db.example.com:8443'],
    ],
    ['db.example.com:8443', 'db.example.com', ['https://db.example.com:8443']],
    ['db.example.com:443', 'db.example.com', ['https://db.example.com']],
    ['https://db.example.com', 'db.example.com', ['https://db.example.com']],
    ['https://db.example.com:9443/', 'db.example.com', ['https://db.example.com:9443']],
    ['localhost', 'localhost', ['https://localhost', 'https://localhost:8443']],
    ['[::1]:8443', '::1', ['https://[::1]:8443']],
    ['10.0.0.5', '10.0.0.5', ['https://10.0.0.5', 'https://10.0.0.5:8443']],
  ])('may be typed as %s', (typed, host, origins) => {
    expect(readGatewayAddress(typed)).toEqual({ host, origins })
  })

  test.each([
    ['without TLS', 'http://db.example.com', 'http://'],
    ['of PostgreSQL', 'postgresql://db.example.com', 'https address'],
    ['with a user', 'https://alice@db.example.com', '--user'],
    ['with a password', 'alice:secret@db.example.com', '--user'],
    ['with a query', 'https://db.example.com/?x=y', 'https address'],
    ['with a fragment', 'db.example.com#x', 'https address'],
    ['with a path', 'https://db.example.com/login', 'https address'],
    ['of nothing', '', 'https address'],
    ['of blanks', 'db example.com', 'https address'],
    ['with a line end', 'db.example.com\nx', 'https address'],
    ['with a port that there is not', 'db.example.com:70000', 'https address'],
    ['that is too long', `${'a'.repeat(301)}.example.com`, 'https address'],
  ])('is refused %s', (_, typed, hint) => {
    const problem = problemOf(() => readGatewayAddress(typed))
    expect(problem.kind).toBe('usage')
    expect(problem.hint).toContain(hint)
    expect(problem.message).not.toContain('\n')
  })
})

describe('a description', () => {
  test.each([
    ['nothing', undefined, 'unreachable'],
    ['a text', 'hello', 'unreachable'],
    ['a later format', described({ format: 2 }), 'failed'],
    [
      'an API without TLS',
      described({ pools: [pool({ api_url: 'http://x.example' })] }),
      'unreachable',
    ],
    [
      'an API with a path',
      described({ pools: [pool({ api_url: 'https://x.example/a' })] }),
      'unreachable',
    ],
    [
      'an API with a user',
      described({ pools: [pool({ api_url: 'https://alice@x.example' })] }),
      'unreachable',
    ],
    [
      'a host that is more than one',
      described({ pools: [pool({ endpoints: [{ host: 'a b', port: 5432 }] })] }),
      'unreachable',
    ],
    [
      'a port that there is not',
      described({ pools: [pool({ endpoints: [{ host: 'a', port: 65_536 }] })] }),
      'unreachable',
    ],
    [
      'a provider without TLS',
      described({ integrations: [tools({ issuer: 'http://x' })] }),
      'unreachable',
    ],
    ['a name with a line end', described({ pools: [pool({ name: 'a\nb' })] }), 'unreachable'],
    [
      'too many pools',
      described({ pools: Array.from({ length: 201 }, () => pool()) }),
      'unreachable',
    ],
    [
      'a scope that is two',
      described({ integrations: [tools({ scopes: ['a b'] })] }),
      'unreachable',
    ],
  ])('is not read from %s', (_, value, kind) => {
    expect(problemOf(() => readDescription(value, 'https://db.example.com')).kind).toBe(kind)
  })

  test('may have members of a later version', () => {
    expect(choose({ later: true, pools: [pool({ later: {} })] }).pool).toBe('main')
  })
})

describe('a pool', () => {
  const other = pool({ name: 'other', endpoints: [{ host: 'other.example.com', port: 5433 }] })

  test.each<[string, Members, GatewayWish, string, string]>([
    ['that is named', { pools: [pool(), other] }, { pool: 'other' }, 'db.example.com', 'other'],
    ['that is the only one', {}, {}, 'x.example.com', 'main'],
    ['whose host was typed', { pools: [pool(), other] }, {}, 'other.example.com', 'other'],
    [
      'one of whose names was typed',
      { pools: [pool(), { ...other, server_names: ['N.example.com'] }] },
      {},
      'n.example.com',
      'other',
    ],
    [
      'where a tool can sign in by itself',
      { pools: [pool({ integrations: ['pages'] }), other], integrations: [pages(), tools()] },
      {},
      'x.example.com',
      'other',
    ],
    ['that is the first', { pools: [pool(), other] }, {}, 'x.example.com', 'main'],
  ])('is chosen %s', (_, more, wish, host, name) => {
    expect(choose(more, wish, host).pool).toBe(name)
  })

  test('that is not there is said to be none of those that are', () => {
    const problem = problemOf(() => choose({ pools: [pool(), other] }, { pool: 'x' }))
    expect(problem).toMatchObject({ kind: 'usage', hint: 'Use --pool with one of: main, other.' })
    expect(problemOf(() => choose({ pools: [] })).kind).toBe('configuration')
  })

  test('says which it is where there are several, and nothing where it is the only one', () => {
    expect(choose().notes).toEqual([])
    expect(choose({ pools: [pool(), other] }).notes).toEqual([
      'The pool is main; choose another one with --pool.',
    ])
  })

  test.each<[string, Members, KnownGateway['endpoints'], string | undefined]>([
    ['its endpoints', {}, [{ host: 'db.example.com', port: 5432 }], undefined],
    ['none that it does not say', { endpoints: [] }, [], '--host'],
    [
      'the endpoint that is one of its names in TLS',
      {
        endpoints: [
          { host: '10.0.0.5', port: 5432 },
          { host: 'DB.example.com', port: 5433 },
        ],
        server_names: ['db.example.com'],
      },
      [{ host: 'DB.example.com', port: 5433 }],
      undefined,
    ],
    [
      'a name in TLS where it is found by no other',
      { endpoints: [{ host: '10.0.0.5', port: 5433 }], server_names: ['tls.example.com'] },
      [{ host: 'tls.example.com', port: 5433 }],
      undefined,
    ],
    [
      'a word on the certificate that it wants',
      { client_certificate: true },
      [{ host: 'db.example.com', port: 5432 }],
      'client certificate',
    ],
  ])('has %s', (_, more, endpoints, note) => {
    const chosen = choose({ pools: [pool(more)] })
    expect(chosen.endpoints).toEqual(endpoints)
    expect(chosen.notes.join('\n')).toContain(note ?? '')
    expect(chosen.notes).toHaveLength(note === undefined ? 0 : 1)
  })
})

describe('an integration', () => {
  test.each<[string, readonly Members[], Members, GatewayWish, string]>([
    ['that is named', [tools(), pages()], {}, { integration: 'pages' }, 'pages'],
    ['that is the only one', [pages()], {}, {}, 'pages'],
    ['that is the primary one', [tools({ issuer: 'https://x' }), pages()], {}, {}, 'pages'],
    [
      'of the pool',
      [pages(), tools({ issuer: 'https://x' })],
      { sso_integration: 'tools' },
      {},
      'tools',
    ],
    ['of the same provider with a public client', [pages(), tools()], {}, {}, 'tools'],
    [
      'of the same provider but for one that databases do not take',
      [pages(), tools({ usual: false })],
      {},
      {},
      'pages',
    ],
    ['that is the first of no others', [tools({ usual: false })], {}, {}, 'tools'],
    [
      'that the pool takes',
      [tools({ primary: true }), pages({ primary: false })],
      { integrations: ['pages'] },
      {},
      'pages',
    ],
    ['with a client that it names', [pages(), tools({ client_id: undefined })], {}, {}, 'pages'],
  ])('is chosen %s', (_, integrations, more, wish, name) => {
    expect(choose({ integrations, pools: [pool(more)] }, wish).integration).toBe(name)
  })

  test('with a public client is one that we are', () => {
    expect(choose()).toMatchObject({
      url: 'https://pages.example.com',
      hasSessions: true,
      client: {
        issuer: 'https://auth.example.com',
        clientId: 'cli',
        scopes: ['openid', 'offline_access'],
      },
    })
  })

  test('with a secret is one by way of the gateway, if that gives out tokens', () => {
    expect(choose({ integrations: [pages()] })).toMatchObject({
      client: undefined,
      hasSessions: true,
    })
    expect(choose({ session_tokens: false }).hasSessions).toBe(false)
  })

  test('that is not there, or not for the pool, is said to be none of those that are', () => {
    const more = { integrations: [tools(), pages()], pools: [pool({ integrations: ['tools'] })] }
    expect(problemOf(() => choose(more, { integration: 'pages' }))).toMatchObject({
      kind: 'usage',
      hint: 'Use --integration with one of: tools.',
    })
    expect(problemOf(() => choose({ integrations: [] })).kind).toBe('configuration')
    expect(problemOf(() => choose({ integrations: [] }, { integration: 'x' })).hint).toBe(
      'Leave out --integration.',
    )
  })
})
