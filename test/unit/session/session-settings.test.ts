import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Refusal } from '../../../src/refusal.ts'
import {
  type LocalEnd,
  refuseReserved,
  type SessionSettings,
  settingsOf,
  type ToldIdentity,
  type ToldSession,
} from '../../../src/session/session-settings.ts'

const nothing: SessionSettings = {
  tellsIdentity: false,
  claims: [],
  claimSettings: new Map(),
  signing: undefined,
}
const now = new Date('2026-03-04T05:06:07.890Z')
const local: LocalEnd = { address: '10.0.0.1', port: 40_000 }
const identity: ToldIdentity = {
  issuer: 'https://auth.example.com',
  subject: 'alice',
  principal: 'alice@example.com',
  groups: ['a', 'ä'],
  claims: new Map<string, unknown>([
    ['sub', 'alice'],
    ['n', 1],
    ['no', null],
    ['/org/id', 'o-1'],
    ['list', ['x', 'ö', '\u{1f600}']],
  ]),
}
const session: ToldSession = { id: 'an id', role: 'app', database: 'db', identity }

function told(rules: Partial<SessionSettings>, changes: Partial<ToldSession> = {}) {
  const all = settingsOf({ ...nothing, ...rules }, { ...session, ...changes }, local, now)
  return Object.fromEntries(all)
}

test('nothing is told where nothing is asked for', () => {
  expect(told({})).toEqual({})
})

test('the identity has a setting for each of its parts', () => {
  expect(told({ tellsIdentity: true })).toEqual({
    'portcullis.subject': 'alice',
    'portcullis.issuer': 'https://auth.example.com',
    'portcullis.principal': 'alice@example.com',
    'portcullis.groups': '["a","\\u00e4"]',
    'portcullis.session': 'an id',
  })
})

test('chosen claims are an object in ASCII, and no other is in it', () => {
  const { 'request.jwt.claims': claims } = told({ claims: ['sub', 'list', 'missing'] })
  expect(claims).toBe('{"sub":"alice","list":["x","\\u00f6","\\ud83d\\ude00"]}')
  expect(JSON.parse(String(claims))).toEqual({ sub: 'alice', list: ['x', 'ö', '\u{1f600}'] })
})

test('single claims are text as it is, anything else as JSON, and empty where they are missing', () => {
  const claimSettings = new Map([
    ...[['app.sub', 'sub'] as const, ['app.n', 'n'] as const, ['app.no', 'no'] as const],
    ...[['app.org', '/org/id'] as const, ['app.list', 'list'] as const],
    ['app.missing', 'missing'] as const,
  ])
  expect(told({ claimSettings })).toEqual({
    'app.sub': 'alice',
    'app.n': '1',
    'app.no': '',
    'app.org': 'o-1',
    'app.list': '["x","\\u00f6","\\ud83d\\ude00"]',
    'app.missing': '',
  })
})

const signing = { secret: 'a secret', validityMs: 90_500, isBoundToConnection: true }
const everything: SessionSettings = {
  tellsIdentity: true,
  claims: ['sub'],
  claimSettings: new Map([['app.sub', 'sub']]),
  signing,
}

test('without an identity every setting is there and empty', () => {
  const values = told(everything, { identity: undefined })
  expect(Object.keys(values)).toEqual(Object.keys(told(everything)))
  expect(Object.keys(values)).toHaveLength(8)
  expect(new Set(Object.values(values))).toEqual(new Set(['']))
})

test.each(['a\0role\0postgres', 'a\ud800'])('a claim like %j is told to nobody', (value) => {
  const claims = new Map([['sub', value]])
  const changes = { identity: { ...identity, claims } }
  expect(() => told({ claimSettings: new Map([['app.sub', 'sub']]) }, changes)).toThrow(
    expect.objectContaining({ reason: 'identity-unusable' }) as Refusal,
  )
  expect(told({ claims: ['sub'] }, changes)['request.jwt.claims']).toMatch(/^[\x20-\x7e]+$/)
})

describe('the signature', () => {
  function signed(rules: Partial<typeof signing> = {}, end: LocalEnd = local) {
    const all = { ...nothing, claims: ['sub', 'list'], signing: { ...signing, ...rules } }
    const jws = settingsOf(all, session, end, now).get('portcullis.identity') ?? ''
    const [header = '', payload = '', signature] = jws.split('.')
    const read = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString())
    return { header: read(header), payload: read(payload), text: `${header}.${payload}`, signature }
  }

  test('is a JWS by HMAC with SHA-256 of what is told', () => {
    const { header, payload, text, signature } = signed()
    expect(header).toEqual({ alg: 'HS256', typ: 'portcullis+jwt' })
    expect(payload).toEqual({
      sid: 'an id',
      role: 'app',
      database: 'db',
      iss: 'https://auth.example.com',
      sub: 'alice',
      principal: 'alice@example.com',
      groups: ['a', 'ä'],
      claims: { sub: 'alice', list: ['x', 'ö', '\u{1f600}'] },
      iat: 1_772_600_767,
      exp: 1_772_600_857,
      connection: { address: '10.0.0.1', port: 40_000 },
    })
    expect(signature).toBe(createHmac('sha256', 'a secret').update(text).digest('base64url'))
  })

  test('is for the role alone where it is bound to nothing else', () => {
    expect(signed({ isBoundToConnection: false }).payload).not.toHaveProperty('connection')
  })

  test.each([
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    [undefined, null],
  ])('has the address %s as PostgreSQL has it', (address, expected) => {
    const port = address === undefined ? undefined : 1
    expect(signed({}, { address, port }).payload).toMatchObject({
      connection: { address: expected, port: port ?? null },
    })
  })
})

describe('a client', () => {
  const rules = { ...nothing, claimSettings: new Map([['app.tenant', 'org']]) }
  const asks = (parameters: Record<string, string>) => (): void => {
    refuseReserved(rules, new Map(Object.entries(parameters)))
  }

  test.each([
    { 'portcullis.subject': 'x' },
    { 'PORTCULLIS.other': 'x' },
    { 'request.jwt.claims': 'x' },
    { 'Request.JWT.claim.sub': 'x' },
    { 'app.tenant': 'x' },
    { 'App.Tenant': 'x' },
    { options: '-c portcullis.subject=x' },
    { options: '-cportcullis.subject=x' },
    { options: '--portcullis.subject=x' },
    { options: '--Request.jwt.claims={}' },
    { options: '-Bc request.jwt.claims={}' },
    { options: '-ec\tapp.tenant=x' },
    { options: '-c work_mem=1MB -c App.Tenant=x' },
    { options: '-c port\\cullis.subject=x' },
    { options: '-c request.jwt.claims=' },
  ])('cannot ask for a setting of ours by %j', (parameters) => {
    expect(asks(parameters)).toThrow(
      expect.objectContaining({ reason: 'setting-reserved' }) as Refusal,
    )
  })

  test.each([
    {},
    { application_name: 'portcullis.subject' },
    { 'app.tenants': 'x' },
    { 'my.portcullis': 'x' },
    { 'my.portcullis.x': 'x' },
    { options: '-c application_name=portcullis.subject' },
    { options: '-c app.tenant_id=x -c search_path=request' },
  ])('can ask for anything else, such as %j', (parameters) => {
    expect(asks(parameters)).not.toThrow()
  })
})
