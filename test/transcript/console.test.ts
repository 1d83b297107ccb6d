// The console byte by byte: what a client says, and what it is answered.
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import type { ConsoleOrder, ConsoleReply } from '../../src/admin/order.ts'
import { cstrings, int16, int32, message, packet, codes, startup } from '../unit/wire/bytes.ts'
import type { TypedMessage } from './byte-stream.ts'
import { type Frontend, readError } from './frontend.ts'
import { createTrust, Gate, type GateOptions, type Trust } from './gate.ts'
import { until } from './until.ts'

let trust: Trust

beforeAll(async () => {
  trust = await createTrust()
})

const hello = startup(['user', 'alice', 'database', 'system'])

async function start(options: Partial<GateOptions> = {}): Promise<Gate> {
  return Gate.start({ trust, allowsCleartext: true, adminGroups: ['readonly'], ...options })
}

/** Goes to the console by a token. */
async function enter(gate: Gate, packetOfHello = hello): Promise<Frontend> {
  const frontend = await gate.connect()
  frontend.send(packetOfHello)
  expect((await frontend.takeMessage()).type).toBe('R')
  frontend.send(message('p', `${await trust.token()}\0`))
  return frontend
}

async function entered(gate: Gate): Promise<Frontend> {
  const frontend = await enter(gate)
  await frontend.takeCancelKey()
  return frontend
}

const query = (text: string): Buffer => message('Q', cstrings(text))
const parse = (text: string, name = ''): Buffer =>
  message('P', Buffer.concat([cstrings(name, text), int16(0)]))
const bind = (portal = '', statement = '', ...values: readonly string[]): Buffer =>
  message(
    'B',
    Buffer.concat([
      cstrings(portal, statement),
      int16(0),
      int16(values.length),
      ...values.flatMap((value) => [int32(value.length), Buffer.from(value)]),
      int16(0),
    ]),
  )
const describePortal = message('D', 'P\0')
const execute = (maxRows = 0, portal = ''): Buffer =>
  message('E', Buffer.concat([cstrings(portal), int32(maxRows)]))
const sync = message('S')
const flush = message('H')

/** Up to the next ReadyForQuery. */
async function answers(frontend: Frontend, count = 1): Promise<readonly TypedMessage[]> {
  const all: TypedMessage[] = []
  for (let left = count; left > 0;) {
    const next = await frontend.takeMessage()
    all.push(next)
    if (next.type === 'Z') left--
  }
  return all
}

/** The types, with the state of the transaction and the SQLSTATE of each error. */
function shown(all: readonly TypedMessage[]): string {
  return all
    .map(({ type, raw, body }) => {
      if (type === 'Z') return `Z${body.toString('latin1')}`
      return type === 'E' ? `E${readError(raw).sqlstate ?? ''}` : type
    })
    .join(' ')
}

describe('the greeting', () => {
  test('has the parameters that drivers look for, a key, and says that it is ready', async () => {
    await using gate = await start()
    await using frontend = await enter(gate)
    const all = await answers(frontend)
    expect(all[0]?.raw).toEqual(message('R', int32(0)))
    const parameters = new Map(
      all
        .filter(({ type }) => type === 'S')
        .map(({ body }) => body.toString().split('\0').slice(0, 2) as [string, string]),
    )
    expect(Object.fromEntries(parameters)).toMatchObject({
      server_version: '18.0 (Portcullis 0.0.0)',
      server_encoding: 'UTF8',
      client_encoding: 'UTF8',
      DateStyle: 'ISO, MDY',
      TimeZone: 'UTC',
      integer_datetimes: 'on',
      standard_conforming_strings: 'on',
      is_superuser: 'on',
      session_authorization: 'alice',
      in_hot_standby: 'off',
      default_transaction_read_only: 'off',
    })
    expect(all.find(({ type }) => type === 'K')?.body).toHaveLength(8)
    expect(all.at(-1)?.raw).toEqual(message('Z', 'I'))
  })

  test('is one of protocol 3.2 where that is asked for', async () => {
    await using gate = await start()
    await using frontend = await enter(gate, startup(['user', 'alice', 'database', 'system'], 2))
    const all = await answers(frontend)
    expect(all.find(({ type }) => type === 'K')?.body).toHaveLength(36)
  })
})

describe('a client at the console', () => {
  test.each([
    ['asks for nothing', [query('')], 'I ZI'],
    ['asks for a literal', [query('select 1')], 'T D C ZI'],
    ['asks for two', [query("select 1; select 'a'")], 'T D C T D C ZI'],
    ['makes a mistake behind a statement', [query('select 1; selec 2')], 'E42601 ZI'],
    ['asks what there is not', [query("select 1; select '1'::uuid; select 3")], 'T D C E42704 ZI'],
    [
      'begins a transaction and fails',
      [query('begin'), query('x'), query('select 1'), query('commit')],
      'C ZT E42601 ZE E25P02 ZE C ZI',
    ],
    ['ends a transaction that there is not', [query('commit')], 'N C ZI'],
    ['sets a parameter that it is told of', [query("set application_name = 'x'")], 'C S ZI'],
    [
      'prepares, binds and asks',
      [parse('select $1'), bind('', '', 'a'), describePortal, execute(), sync],
      '1 2 T D C ZI',
    ],
    ['prepares nothing', [parse(''), bind(), describePortal, execute(), sync], '1 2 n I ZI'],
    ['fetches in parts', [parse('select 1'), bind(), execute(1), execute(1), sync], '1 2 D s C ZI'],
    [
      'makes a mistake in a pipeline',
      [parse('selec'), bind(), execute(), sync, query('select 1')],
      'E42601 ZI T D C ZI',
    ],
    ['names a portal that there is not', [execute(0, 'p'), describePortal, sync], 'E34000 ZI'],
    ['names a statement that there is not', [bind('', 'p'), sync], 'E26000 ZI'],
    [
      'prepares the same name twice',
      [parse('select 1', 'a'), sync, parse('select 1', 'a'), sync],
      '1 ZI E42P05 ZI',
    ],
    ['prepares two statements in one', [parse('select 1; select 2'), sync], 'E42601 ZI'],
    ['binds too little', [parse('select $1'), bind(), sync], '1 E08P01 ZI'],
    [
      'loses its portals at the end of a transaction',
      [parse('select 1', 'a'), bind('p', 'a'), sync, execute(0, 'p'), sync],
      '1 2 ZI E34000 ZI',
    ],
    [
      'keeps its portals within one',
      [query('begin'), parse('select 1', 'a'), bind('p', 'a'), sync, execute(0, 'p'), sync],
      'C ZT 1 2 ZT D C ZT',
    ],
    [
      'closes what it has prepared',
      [parse('select 1', 'a'), message('C', 'Sa\0'), bind('', 'a'), sync],
      '1 3 E26000 ZI',
    ],
    ['calls a function', [message('F', Buffer.alloc(8))], 'E0A000 ZI'],
    ['sends data that nobody asked for', [message('d', 'x'), message('c'), query('')], 'I ZI'],
    ['sends text that is none', [message('Q', Buffer.of(0xff, 0))], 'E22021 ZI'],
    ['sends a message that is cut short', [message('B', Buffer.of(0)), sync], 'E08P01 ZI'],
    ['sends a text that is too long', [query(`select '${'x'.repeat(70_000)}'`)], 'E54000 ZI'],
    ['sends a parameter in a simple query', [query('select $1')], 'E42P02 ZI'],
    ['asks for a table', [query('select * from pg_class')], 'E0A000 ZI'],
  ])('that %s', async (_, sent, expected) => {
    await using gate = await start()
    await using frontend = await entered(gate)
    frontend.send(...sent)
    const count = expected.split(' ').filter((one) => one.startsWith('Z')).length
    expect(shown(await answers(frontend, count))).toBe(expected)
    expect(gate.bugs).toEqual([])
    frontend.send(message('X'))
    await frontend.rest()
    expect(await gate.settled()).toMatchObject([
      { kind: 'admitted' },
      { kind: 'ended', end: { reason: 'client-closed' } },
    ])
  })

  test('has what precedes a Flush answered at once', async () => {
    await using gate = await start()
    const frontend = await entered(gate)
    frontend.send(parse('select 1'), flush)
    expect((await frontend.takeMessage()).type).toBe('1')
    await frontend[Symbol.asyncDispose]()
  })

  test.each([
    ['an unknown message', message('?'), '08P01'],
    ['a message that is too long', message('Q', '', 2 * 1024 * 1024), '08P01'],
    ['a message of less than nothing', message('Q', '', 3), '08P01'],
  ])('is let go for %s', async (_, bytes, sqlstate) => {
    await using gate = await start()
    await using frontend = await entered(gate)
    frontend.send(bytes)
    expect(readError(await frontend.rest())).toMatchObject({ sqlstate })
    await gate.settled()
  })

  test('keeps no more than it may of what it prepares', async () => {
    await using gate = await start()
    await using frontend = await entered(gate)
    const text = `select '${'x'.repeat(60_000)}'`
    for (let index = 0; index < 20; index++) frontend.send(parse(text, `s${index}`))
    frontend.send(sync)
    expect(shown(await answers(frontend))).toMatch(/^(?:1 ){17}E53400 ZI$/)
  })
})

describe('an order', () => {
  const asked: ConsoleOrder[] = []
  const taking = (reply: (order: ConsoleOrder) => ConsoleReply) => async (order: ConsoleOrder) => {
    asked.push(order)
    return Promise.resolve(reply(order))
  }

  test('says who gives it, and with which right', async () => {
    const order = taking(() => ({ kind: 'answer', answer: { tag: 'CREATE GROUP' } }))
    await using gate = await start({ order })
    await using frontend = await entered(gate)
    frontend.send(query('create group g'))
    expect(shown(await answers(frontend))).toBe('C ZI')
    expect(asked.at(-1)).toMatchObject({
      text: 'create group g',
      index: 0,
      user: { name: 'alice', right: 'admin', by: 'sso', subject: 'alice', database: 'system' },
    })
  })

  test('that waits is ended by a cancel request', async () => {
    const order = taking(() => ({ kind: 'waiting', ticket: 't' }))
    await using gate = await start({ order })
    await using frontend = await enter(gate)
    const key = await frontend.takeCancelKey()
    const before = asked.length
    frontend.send(query('pause'))
    await until('the order', () => asked.length > before)
    await using canceller = await gate.connect()
    canceller.send(packet(codes.cancel, key))
    expect(shown(await answers(frontend))).toBe('E57014 ZI')
    expect(asked.at(-1)).toMatchObject({ ticket: 't', isAbandoned: true })
  })

  test('that waits ends with its client', async () => {
    const order = taking(() => ({ kind: 'waiting', ticket: 't' }))
    await using gate = await start({ order })
    const frontend = await entered(gate)
    const before = asked.length
    frontend.send(query('pause'))
    await until('the order', () => asked.length > before)
    await frontend[Symbol.asyncDispose]()
    await gate.settled()
    expect(asked.at(-1)).toMatchObject({ isAbandoned: true })
  })

  test('is not taken from whoever may only look', async () => {
    const order = taking(() => ({ kind: 'answer', answer: { tag: 'SHUTDOWN' } }))
    await using gate = await start({ order, adminGroups: [] })
    const before = asked.length
    await using frontend = await gate.connect()
    frontend.send(hello)
    await frontend.takeMessage()
    frontend.send(message('p', `${await trust.token()}\0`))
    expect(readError(await frontend.rest())).toMatchObject({ sqlstate: '28000' })
    expect(asked).toHaveLength(before)
  })

  test('that takes effect within a transaction is not undone, and that is said', async () => {
    const order = taking(() => ({ kind: 'answer', answer: { tag: 'CREATE GROUP' } }))
    await using gate = await start({ order })
    await using frontend = await entered(gate)
    frontend.send(query('begin; create group g'), query('rollback'))
    expect(shown(await answers(frontend, 2))).toBe('C C ZT N C ZI')
  })

  test('whose answer is a bug is told of as one, and the session goes on', async () => {
    const order = taking(() => ({
      kind: 'answer',
      answer: { tag: 'X', table: { columns: [{ name: 'a', type: 'int4' }], rows: [['x']] } },
    }))
    await using gate = await start({ order })
    await using frontend = await entered(gate)
    frontend.send(query('show sessions'), query('select 1'))
    expect(shown(await answers(frontend, 2))).toBe('T EXX000 ZI T D C ZI')
    expect(gate.bugs).toHaveLength(1)
  })
})

test('a drain ends a session that is idle, and one that is not when it is', async () => {
  await using gate = await start()
  const idle = await entered(gate)
  const busy = await entered(gate)
  busy.send(query('begin'))
  await answers(busy)
  const drained = gate.registry.drain(60_000)
  expect(readError(await idle.rest())).toMatchObject({ sqlstate: '57P01' })
  busy.send(query('commit'))
  await answers(busy)
  expect(readError(await busy.rest())).toMatchObject({ sqlstate: '57P01' })
  await idle[Symbol.asyncDispose]()
  await busy[Symbol.asyncDispose]()
  await drained
})

describe('a secret', () => {
  const offer = message('R', Buffer.concat([int32(10), cstrings('SCRAM-SHA-256', '')]))
  const saidFirst = (text: string, mechanism = 'SCRAM-SHA-256'): Buffer =>
    message('p', Buffer.concat([cstrings(mechanism), int32(text.length), Buffer.from(text)]))

  async function challenged(frontend: Frontend, user = 'root', flag = 'n'): Promise<string> {
    const asks = ['options', '-c auth_method=scram-sha-256']
    frontend.send(startup(['user', user, 'database', 'portcullis', ...asks]))
    expect((await frontend.takeMessage()).raw).toEqual(offer)
    frontend.send(saidFirst(`${flag},,n=,r=abc`))
    return (await frontend.takeMessage()).body.toString('utf8', 4)
  }

  function proofFor(challenge: string, password: string, flag = 'n'): Buffer {
    const [, nonce = '', salt = '', count = ''] = /^r=(.+),s=(.+),i=(\d+)$/.exec(challenge) ?? []
    const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(count), 32, 'sha256')
    const hmac = (key: Buffer, text: string): Buffer =>
      createHmac('sha256', key).update(text).digest()
    const clientKey = hmac(salted, 'Client Key')
    const channel = Buffer.from(`${flag},,`).toString('base64')
    const bare = `c=${channel},r=${nonce}`
    const signature = hmac(
      createHash('sha256').update(clientKey).digest(),
      `n=,r=abc,${challenge},${bare}`,
    )
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ signature[index]!))
    return message('p', `${bare},p=${proof.toString('base64')}`)
  }

  test.each(['n', 'y'])('is proved without being sent, with the flag %s', async (flag) => {
    await using gate = await start({ requireSso: false })
    await using frontend = await gate.connect()
    const challenge = await challenged(frontend, 'root', flag)
    frontend.send(proofFor(challenge, 'pencil', flag))
    const final = await frontend.takeMessage()
    expect(final.body.toString('utf8', 4)).toMatch(/^v=[A-Za-z0-9+/]{43}=$/)
    await frontend.takeCancelKey()
    frontend.send(query('select current_user'))
    expect((await answers(frontend))[1]?.body.toString('utf8', 6)).toBe('root')
  })

  test('that is wrong is refused, and the server proves nothing', async () => {
    await using gate = await start({ requireSso: false })
    await using frontend = await gate.connect()
    const challenge = await challenged(frontend)
    frontend.send(proofFor(challenge, 'pen'))
    expect(readError(await frontend.rest())).toMatchObject({
      sqlstate: '28P01',
      message: 'password authentication failed for user "root"',
    })
    expect(gate.bugs).toEqual([])
  })

  test('of nobody is asked for as that of somebody, with the same salt each time', async () => {
    await using gate = await start({ requireSso: false, limits: { throttled: new Set() } })
    const salts: string[] = []
    for (const user of ['eve', 'eve', 'bob']) {
      const frontend = await gate.connect()
      const challenge = await challenged(frontend, user)
      salts.push(/s=([^,]+),i=4096$/.exec(challenge)?.[1] ?? '')
      frontend.send(proofFor(challenge, 'pencil'))
      expect(readError(await frontend.rest())).toMatchObject({
        sqlstate: '28P01',
        message: `password authentication failed for user "${user}"`,
      })
      await frontend[Symbol.asyncDispose]()
    }
    expect(salts[0]).toHaveLength(24)
    expect(salts[1]).toBe(salts[0])
    expect(salts[2]).not.toBe(salts[0])
  })

  test.each([
    ['a binding to the channel', saidFirst('p=tls-server-end-point,,n=,r=abc'), '08P01'],
    ['another mechanism', saidFirst('n,,n=,r=abc', 'SCRAM-SHA-256-PLUS'), '08P01'],
    ['an authorization identity', saidFirst('n,a=x,n=,r=abc'), '0A000'],
    ['a password in the clear', message('p', 'pencil\0'), '08P01'],
  ])('is refused with %s', async (_, said, sqlstate) => {
    await using gate = await start({ requireSso: false })
    await using frontend = await gate.connect()
    frontend.send(startup(['user', 'root', 'database', 'system']))
    expect((await frontend.takeMessage()).raw).toEqual(offer)
    frontend.send(said)
    expect(readError(await frontend.rest())).toMatchObject({ sqlstate })
  })

  test('is not asked for where the pool wants single sign-on', async () => {
    await using gate = await start()
    await using frontend = await gate.connect()
    frontend.send(startup(['user', 'root', 'database', 'system']))
    expect(readError(await frontend.rest())).toMatchObject({
      message: expect.stringContaining('requires SSO authentication') as unknown,
    })
  })

  test('that was wrong is not tried again at once', async () => {
    await using gate = await start({ requireSso: false })
    const refused: (string | undefined)[] = []
    for (let index = 0; index < 3; index++) {
      const frontend = await gate.connect()
      frontend.send(startup(['user', 'root', 'database', 'system']))
      await frontend.takeMessage()
      frontend.send(saidFirst('n,,n=,r=abc'))
      const next = await frontend.takeMessage()
      if (next.type === 'R') {
        frontend.send(proofFor(next.body.toString('utf8', 4), `pen${index}`))
        refused.push(readError(await frontend.rest()).sqlstate)
      } else refused.push(readError(next.raw).sqlstate)
      await frontend[Symbol.asyncDispose]()
    }
    expect(refused[0]).toBe('28P01')
    expect(refused[2]).toBe('53300')
    const last = gate.witness.outcomes.at(-1)
    expect(last?.kind === 'refused' && last.refusal.reason).toBe('throttled')
  })
})
