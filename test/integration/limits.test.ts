// Limits of sessions, the throttle of guesses and the rate of logins, over two workers and a real PostgreSQL.
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type AuditRecord, Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { errorFields, startupPacket, WireClient } from '../support/wire-client.ts'

const password = 'correct horse battery staple'
const users = ['ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gil']

let stack: Stack
let ca: string

beforeAll(async () => {
  stack = await Stack.start({
    configure: (config) => {
      config.workers = 2
      config['trusted_proxies'] = ['127.0.0.8']
      config.connectivity_pools = {
        ...config.connectivity_pools,
        open: {
          auth_methods: ['cleartext', 'scram-sha-256'],
          participants: [{ node: 'gw0', listen_address: '127.0.0.2', listen_port: 0 }],
        },
      }
      // Relays are counted by each worker, and the kernel may give all to one.
      config.limits = { max_relays: 100 }
    },
  })
  for (const user of users) {
    await stack.postgres.sql(`create role ${user} login password '${password}'`)
  }
  ca = stack.authority.certificate
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

interface Refused {
  readonly sqlstate: string
  readonly message: string
}

/** The session, or why there is none. */
async function tokenLogin(token: string, from?: string): Promise<WireClient | Refused> {
  const client = await WireClient.connect(stack.gateway.port, '127.0.0.1', from)
  await client.startTls(ca)
  return goIn(client, { user: 'app_readonly', database: 'sandbox' }, token)
}

async function goIn(
  client: WireClient,
  parameters: Readonly<Record<string, string>>,
  credential: string,
): Promise<WireClient | Refused> {
  const first = await client.logIn(parameters, credential)
  if (first.type === 'E') {
    const { sqlstate, message } = errorFields(first)
    client.destroy()
    return { sqlstate, message }
  }
  await client.readUntil('Z')
  return client
}

async function sessionsOpen(): Promise<number> {
  return stack.metric('portcullis_sessions_open')
}

async function leaveAll(clients: readonly WireClient[]): Promise<void> {
  for (const client of clients) client.destroy()
  await until('all to have left', async () => (await sessionsOpen()) === 0)
}

async function open(count: number, token: string): Promise<readonly WireClient[]> {
  const all = await Promise.all(Array.from({ length: count }, async () => tokenLogin(token)))
  return all.map((one) => {
    if (!(one instanceof WireClient)) throw new Error(one.message)
    return one
  })
}

async function reload(changes: object): Promise<void> {
  await stack.gateway.reload({ ...stack.config, ...changes })
}

async function lastRefusal(): Promise<AuditRecord | undefined> {
  return (await stack.audit()).findLast(({ status }) => status === 'Failure')
}

describe('the sessions of two workers', () => {
  const pools = (): Record<string, Record<string, unknown>> => stack.config.connectivity_pools
  const cases: readonly (readonly [string, () => object, string, RegExp])[] = [
    [
      'in all',
      () => ({ limits: { max_sessions: 6 } }),
      'sorry, too many clients already',
      /^undefined$/,
    ],
    [
      'of one identity',
      () => ({ limits: { max_sessions_per_principal: 6 } }),
      'too many sessions for identity "alice"',
      /^6 of identity "alice" are open: limits\.max_sessions_per_principal$/,
    ],
    [
      'of one role',
      () => ({ limits: { max_sessions_per_role: 6 } }),
      'too many sessions for role "app_readonly"',
      /^6 of role "app_readonly" are open/,
    ],
    [
      'of a pool',
      () => ({
        connectivity_pools: { ...pools(), sso_pool: { ...pools()['sso_pool'], max_sessions: 6 } },
      }),
      'too many sessions for pool "sso_pool"',
      /^6 of pool "sso_pool" are open: max_sessions of the pool$/,
    ],
    [
      'on a database',
      () => ({
        databases: {
          ...stack.config.databases,
          sandbox: { ...stack.config.databases['sandbox'], max_sessions: 6 },
        },
      }),
      'too many sessions for database "sandbox"',
      /^6 of database "sandbox" are open/,
    ],
  ]

  test.each(cases)('%s are as many as the limit has', async (_, changes, message, detail) => {
    await reload(changes())
    const token = await stack.token()
    const tries = await Promise.all(Array.from({ length: 20 }, async () => tokenLogin(token)))
    const clients = tries.filter((one) => one instanceof WireClient)
    const refused = tries.filter((one) => !(one instanceof WireClient))
    expect(clients).toHaveLength(6)
    expect(new Set(refused.map((one) => JSON.stringify(one)))).toEqual(
      new Set([JSON.stringify({ sqlstate: '53300', message })]),
    )
    expect(String((await lastRefusal())?.unmapped.portcullis['log_detail'])).toMatch(detail)
    // As when the client was killed: the kernel closes what it had.
    clients[0]!.destroy()
    await until('the place of the one that is gone', async () => {
      const next = await tokenLogin(token)
      if (!(next instanceof WireClient)) return false
      clients.push(next)
      return true
    })
    expect(await tokenLogin(token)).toEqual({ sqlstate: '53300', message })
    await leaveAll(clients)
    await leaveAll(await open(6, token))
  })

  test('of one identity or role leave room for others', async () => {
    await reload({ limits: { max_sessions_per_principal: 1 } })
    const alice = await open(1, await stack.token())
    const bob = await open(1, await stack.provider.mintIdToken('bob'))
    await leaveAll([...alice, ...bob])
  })

  test('that are open stay so when a reload lowers the limit', async () => {
    await reload({})
    const token = await stack.token()
    const clients = await open(4, token)
    await reload({ limits: { max_sessions_per_role: 2 } })
    expect(await tokenLogin(token)).toMatchObject({ sqlstate: '53300' })
    for (const client of clients) {
      client.query('select 1')
      await client.readUntil('Z')
    }
    await leaveAll(clients)
    await leaveAll(await open(2, token))
  })

  test('of a worker that is killed make room', async () => {
    await reload({ limits: { max_sessions_per_role: 8 } })
    const token = await stack.token()
    const clients = await open(8, token)
    const [victim] = stack.workers()
    await stack.gateway.untilLogged(/a worker ended/, () => process.kill(victim!, 'SIGKILL'))
    await until('its successor', () => stack.workers().length === 2)
    const left = await sessionsOpen()
    const others = await open(8 - left, token)
    expect(await tokenLogin(token)).toMatchObject({ sqlstate: '53300' })
    await leaveAll([...clients, ...others])
  })
})

const pool = '127.0.0.2'

async function passwordLogin(user: string, text: string, from: string): Promise<string> {
  const client = await WireClient.connect(stack.gateway.portOf(1), pool, from)
  await client.startTls(ca)
  const parameters = { user, database: 'sandbox' }
  const result = await goIn(client, parameters, text)
  if (!(result instanceof WireClient)) return `${result.sqlstate} ${result.message}`
  result.destroy()
  return 'in'
}

async function many(count: number, login: (index: number) => Promise<string>): Promise<string[]> {
  return Promise.all(Array.from({ length: count }, async (_, index) => login(index)))
}

function wrong(user: string): string {
  return `28P01 password authentication failed for user "${user}"`
}

const throttled = /^53300 too many failed authentication attempts; retry in (\d+) s$/

async function waitOut(answer: string): Promise<void> {
  const [, seconds = '?'] = throttled.exec(answer) ?? []
  const untilMs = Date.now() + Number(seconds) * 1_000
  await until('the delay to be over', () => Date.now() > untilMs, 10_000)
}

describe('wrong passwords', () => {
  beforeAll(async () => {
    // Both ways of taking passwords, on pools of their own.
    const { open: both } = stack.config.connectivity_pools
    await reload({
      limits: { max_relays: 100 },
      connectivity_pools: {
        ...stack.config.connectivity_pools,
        open: { ...both, auth_methods: ['cleartext'] },
      },
    })
  })

  test('delay the next one, right or wrong, whichever worker it comes to, and a right one lifts it', async () => {
    const from = '127.0.1.1'
    const guesses = await many(2, async (index) => passwordLogin('ann', `a guess ${index}`, from))
    expect(guesses).toContain(wrong('ann'))
    const answers = await many(12, async (index) =>
      passwordLogin('ann', index % 2 === 0 ? password : `guess ${index}`, from),
    )
    for (const answer of answers) expect(answer).toMatch(throttled)
    expect(await stack.metric('portcullis_throttled')).toBe(1)
    await waitOut(answers.at(-1)!)
    expect(await many(12, async () => passwordLogin('ann', password, from))).toEqual(
      Array(12).fill('in'),
    )
    expect(await stack.metric('portcullis_throttled')).toBe(0)
  })

  test('of one address and user delay no other address and no other user', async () => {
    const from = '127.0.1.2'
    expect(await passwordLogin('ben', 'a guess', from)).toBe(wrong('ben'))
    expect(await passwordLogin('ben', password, from)).toMatch(throttled)
    expect(await passwordLogin('ben', password, '127.0.1.3')).toBe('in')
    expect(await passwordLogin('cat', password, from)).toBe('in')
    expect(await passwordLogin('ben', password, from)).toMatch(throttled)
  })

  test('that are tried at once are no more guesses than in turn', async () => {
    const from = '127.0.1.4'
    const answers = await many(30, async (index) => passwordLogin('dan', `guess ${index}`, from))
    const looked = answers.filter((answer) => answer === wrong('dan'))
    expect(looked.length).toBeLessThanOrEqual(8)
    expect(answers.filter((answer) => throttled.test(answer))).toHaveLength(30 - looked.length)
    const [, seconds] = throttled.exec(await passwordLogin('dan', password, from)) ?? []
    expect(Number(seconds)).toBeGreaterThanOrEqual(2 ** looked.length - 5)
    await expect
      .poll(async () => stack.audit())
      .toEqual(expect.arrayContaining([expect.objectContaining({ status_detail: 'throttled' })]))
  })

  test('do not keep an application from opening its connections at once, with the right one', async () => {
    expect(await many(60, async () => passwordLogin('eve', password, '127.0.1.5'))).toEqual(
      Array(60).fill('in'),
    )
  })

  test('are not counted where PostgreSQL refuses for another reason', async () => {
    await stack.postgres.sql('alter role fay connection limit 0')
    for (let i = 0; i < 5; i++) {
      expect(await passwordLogin('fay', password, '127.0.1.6')).toMatch(
        /^53300 too many connections/,
      )
    }
  })

  test('are counted in whatever case and length the user is written', async () => {
    const from = '127.0.1.7'
    expect(await passwordLogin('gil', 'a guess', from)).toBe(wrong('gil'))
    expect(await passwordLogin('GIL', password, from)).toMatch(throttled)
  })
})

describe('passwords that are relayed', () => {
  beforeAll(async () => {
    const { open: both } = stack.config.connectivity_pools
    await reload({
      limits: { max_relays: 100 },
      connectivity_pools: {
        ...stack.config.connectivity_pools,
        open: { ...both, auth_methods: ['scram-sha-256'] },
      },
    })
  })

  async function relayLogin(user: string, text: string): Promise<string> {
    const client = new pg.Client({
      host: pool,
      port: stack.gateway.portOf(1),
      user,
      password: text,
      database: 'sandbox',
      ssl: { ca, servername: 'localhost' },
    })
    client.on('error', () => {})
    try {
      await client.connect()
      await client.end()
      return 'in'
    } catch (error) {
      return error instanceof pg.DatabaseError
        ? `${error.code ?? ''} ${error.message}`
        : String(error)
    }
  }

  test('get in many at once, also behind a wrong one when its delay is over', async () => {
    expect(await many(40, async () => relayLogin('ann', password))).toEqual(Array(40).fill('in'))
    expect(await relayLogin('ann', 'a guess')).toBe(wrong('ann'))
    const answer = await relayLogin('ann', password)
    expect(answer).toMatch(throttled)
    await waitOut(answer)
    expect(await many(40, async () => relayLogin('ann', password))).toEqual(Array(40).fill('in'))
  })

  test('are eight guesses, however many are tried at once', async () => {
    const answers = await many(30, async (index) => relayLogin('ben', `guess ${index}`))
    expect(answers.filter((answer) => answer === wrong('ben')).length).toBeLessThanOrEqual(8)
    expect(await relayLogin('ben', password)).toMatch(throttled)
  })
})

test('forged tokens delay nobody: no token with a signature is come upon by guesses', async () => {
  await reload({})
  const [header, claims] = (await stack.token()).split('.')
  const forged = `${header!}.${claims!}.${Buffer.alloc(256, 7).toString('base64url')}`
  for (let i = 0; i < 12; i++) {
    expect(await tokenLogin(forged)).toMatchObject({ sqlstate: '28P01' })
  }
  await leaveAll(await open(1, await stack.token()))
})

describe('connections in a second', () => {
  beforeEach(async () => {
    await reload({ limits: { logins_per_second_per_address: 1, login_burst_per_address: 4 } })
  })

  /** What becomes of so many connections: a request for a password, 53300, or the end without a word. */
  async function connect(count: number, from: string, header = ''): Promise<readonly string[]> {
    return Promise.all(
      Array.from({ length: count }, async () => {
        const client = await WireClient.connect(stack.gateway.port, '127.0.0.1', from)
        try {
          if (header !== '') client.send(header)
          await client.startTls(ca)
          client.send(startupPacket({ user: 'app_readonly', database: 'sandbox' }))
          const first = await client.read()
          return first.type === 'E' ? errorFields(first).message : 'asked'
        } catch {
          return 'closed'
        } finally {
          client.destroy()
        }
      }),
    )
  }

  test('beyond the burst of one address are refused before any work, and those of others are not', async () => {
    const answers = await connect(60, '127.0.2.1')
    const asked = answers.filter((answer) => answer === 'asked').length
    expect(asked).toBeGreaterThanOrEqual(2)
    expect(asked).toBeLessThanOrEqual(6)
    const told = answers.filter((answer) => answer.startsWith('too many connections from address'))
    expect(told.length).toBeGreaterThan(0)
    expect(told.length).toBeLessThanOrEqual(40)
    expect(answers).toContain('closed')
    expect(await connect(1, '127.0.2.2')).toEqual(['asked'])
    const reason = 'too-many-logins'
    expect(await stack.metric('portcullis_logins_total', { reason })).toBe(60 - asked)
  })

  test('are those of the address that a trusted PROXY header tells', async () => {
    const header = (host: string): string => `PROXY TCP4 ${host} 127.0.0.1 5000 5432\r\n`
    const answers = await connect(40, '127.0.0.8', header('192.0.2.1'))
    expect(answers.filter((answer) => answer === 'asked').length).toBeLessThanOrEqual(6)
    expect(await connect(1, '127.0.0.8', header('192.0.2.2'))).toEqual(['asked'])
  })
})
