// What happens to sessions when one side goes away, stops reading or is told to stop.
import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { cancelRequest, message, WireClient } from '../support/wire-client.ts'

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start()
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

async function noBackends(deadlineMs?: number): Promise<void> {
  await until('no backends', async () => (await stack.backends()) === 0, deadlineMs)
}

function openFiles(): number {
  return readdirSync(`/proc/${String(stack.gateway.process.pid)}/fd`).length
}

describe('a client that goes away', () => {
  test('in the middle of a statement leaves no backend running', async () => {
    const { client } = await stack.logIn()
    client.query('select pg_sleep(60)')
    await until('the statement to run', async () => (await stack.activeStatements()) === 1)
    client.destroy()
    await noBackends(3_000)
  })

  test('by closing only its direction leaves no backend running either', async () => {
    const { client } = await stack.logIn()
    client.query('select pg_sleep(60)')
    await until('the statement to run', async () => (await stack.activeStatements()) === 1)
    client.end()
    await noBackends(3_000)
  })

  test('right behind its password leaves nothing open', async () => {
    const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
    client.startup({ user: 'app_readonly', database: 'sandbox' })
    await client.read()
    client.password(await stack.token())
    client.end()
    await client.closed()
    await until(
      'no sessions',
      async () => (await stack.metric('portcullis_connections_open')) === 0,
    )
    await noBackends()
  })

  test('with a farewell behind its last statement has that statement finished', async () => {
    const { client } = await stack.logIn('app_readwrite')
    client.send(
      Buffer.concat([
        message(
          'Q',
          Buffer.from(
            "insert into orders (customer, item, quantity) values ('Ken', 'last wish', 1)\0",
          ),
        ),
        message('X', Buffer.alloc(0)),
      ]),
    )
    client.end()
    await until('the row', async () => {
      const rows = await stack.postgres.sql("select 1 from orders where customer = 'Ken'", {
        database: 'sandbox',
      })
      return rows.length === 1
    })
    await noBackends()
  })
})

describe('a client that stops reading', () => {
  test('costs no memory for what it does not read', async () => {
    const { client } = await stack.logIn()
    const before = await stack.metric('portcullis_process_resident_memory_bytes')
    client.socket.pause()
    client.query("select repeat('x', 1000) from generate_series(1, 200000)")
    await until('the statement to be held up', async () => (await stack.activeStatements()) === 1)
    const received = async (): Promise<number> =>
      stack.metric('portcullis_session_bytes_total', { direction: 'from_upstream' })
    let last = -1
    await until('the bytes to stop', async () => {
      const now = await received()
      const stopped = now === last
      last = now
      return stopped
    })
    const grown = (await stack.metric('portcullis_process_resident_memory_bytes')) - before
    expect(grown).toBeLessThan(64 * 1024 * 1024)
    client.destroy()
    await noBackends(5_000)
  })
})

describe('a client that asks for much at once', () => {
  const parse = message('P', Buffer.from('\0select $1::int\0\0\0'))
  const rest = [message('E', Buffer.from('\0\0\0\0\0')), message('S', Buffer.alloc(0))]

  test('in a pipeline of two thousand statements gets every answer, in order', async () => {
    const { client } = await stack.logIn()
    const numbers = Array.from({ length: 2_000 }, (_, i) => String(i).padStart(4, '0'))
    const bind = (text: string): Buffer =>
      message('B', Buffer.from(`\0\0\0\0\0\x01\0\0\0\x04${text}\0\0`, 'latin1'))
    client.send(Buffer.concat(numbers.flatMap((text) => [parse, bind(text), ...rest])))
    const seen: string[] = []
    for (let done = 0; done < numbers.length;) {
      const { type, body } = await client.read()
      if (type === 'D') seen.push(body.toString('latin1', 6))
      if (type === 'Z') done++
    }
    expect(seen).toEqual(numbers.map((text) => String(Number(text))))
    client.destroy()
    await noBackends()
  })
})

describe('a cancel request', () => {
  test('with the session’s key cancels its statement', async () => {
    const { client, processId, secretKey } = await stack.logIn()
    client.query('select pg_sleep(60)')
    await until('the statement to run', async () => (await stack.activeStatements()) === 1)
    const canceller = await WireClient.connect(stack.gateway.port)
    canceller.send(cancelRequest(processId, secretKey))
    expect(await canceller.closed()).toHaveLength(0)
    expect(await client.readUntilError()).toMatchObject({ sqlstate: '57014', severity: 'ERROR' })
    expect((await client.readUntil('Z')).body.toString()).toBe('I')
    client.destroy()
  })

  test('over TLS does the same', async () => {
    const { client, processId, secretKey } = await stack.logIn()
    client.query('select pg_sleep(60)')
    await until('the statement to run', async () => (await stack.activeStatements()) === 1)
    const canceller = await WireClient.connectSecurely(
      stack.gateway.port,
      stack.authority.certificate,
    )
    canceller.send(cancelRequest(processId, secretKey))
    expect(await canceller.closed()).toHaveLength(0)
    expect(await client.readUntilError()).toMatchObject({ sqlstate: '57014' })
    client.destroy()
  })

  test('with another key does nothing, and is answered with nothing', async () => {
    const { client, processId, secretKey } = await stack.logIn()
    client.query('select pg_sleep(1), 7')
    const wrongKey = Buffer.from(secretKey.map((byte) => byte ^ 0xff))
    const canceller = await WireClient.connect(stack.gateway.port)
    canceller.send(cancelRequest(processId, wrongKey))
    expect(await canceller.closed()).toHaveLength(0)
    expect((await client.readUntil('D')).body.toString('latin1')).toContain('7')
    client.destroy()
    await noBackends()
  })

  test('with the key of one session and the process id of another does nothing', async () => {
    const [mine, theirs] = [await stack.logIn(), await stack.logIn()]
    theirs.client.query('select pg_sleep(1), 7')
    await until('the statement to run', async () => (await stack.activeStatements()) === 1)
    const canceller = await WireClient.connect(stack.gateway.port)
    canceller.send(cancelRequest(theirs.processId, mine.secretKey))
    expect(await canceller.closed()).toHaveLength(0)
    expect((await theirs.client.readUntil('D')).body.toString('latin1')).toContain('7')
    for (const { client } of [mine, theirs]) client.destroy()
    await noBackends()
  })

  test('after the end of the session finds nothing', async () => {
    const { client, processId, secretKey } = await stack.logIn()
    client.destroy()
    await noBackends()
    const outcome = { outcome: 'unknown-key' }
    const before = await stack.metric('portcullis_cancel_requests_total', outcome)
    const canceller = await WireClient.connect(stack.gateway.port)
    canceller.send(cancelRequest(processId, secretKey))
    await canceller.closed()
    await until(
      'the count',
      async () => (await stack.metric('portcullis_cancel_requests_total', outcome)) === before + 1,
    )
  })
})

describe('PostgreSQL that goes away', () => {
  test('by a restart under fifty sessions is told to all of them, and the next login works', async () => {
    const warmUp = await stack.logIn()
    warmUp.client.destroy()
    await noBackends()
    const filesBefore = openFiles()
    const sessions = await Promise.all(Array.from({ length: 50 }, async () => stack.logIn()))
    expect(await stack.metric('portcullis_sessions_open')).toBe(50)
    const told = sessions.map(async ({ client }) => client.readError())
    await stack.postgres.restart('fast')
    for (const error of await Promise.all(told)) {
      expect(error).toMatchObject({ severity: 'FATAL', sqlstate: '57P01' })
    }
    await Promise.all(sessions.map(async ({ client }) => client.closed()))
    const { client } = await stack.logIn()
    client.destroy()
    await noBackends()
    await until('no sessions', async () => (await stack.metric('portcullis_sessions_open')) === 0)
    await until('all files closed', () => openFiles() <= filesBefore)
  })

  test.each([
    ['an idle session', undefined],
    ['a session whose statement runs', 'select pg_sleep(60)'],
  ])('without a word closes %s at once', async (_, statement) => {
    const { client } = await stack.logIn()
    if (statement !== undefined) {
      client.query(statement)
      await until('the statement to run', async () => (await stack.activeStatements()) === 1)
    }
    const startedAt = performance.now()
    await stack.postgres.stop('immediate')
    await client.closed()
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    await stack.postgres.startAgain()
  })

  test('while it is away refuses with 08001 and not as if the token were wrong', async () => {
    await stack.postgres.stop('fast')
    await expect(stack.logIn()).rejects.toThrow('could not connect to the database')
    await stack.postgres.startAgain()
    const { client } = await stack.logIn()
    client.destroy()
  })
})

describe('logins that come and go', () => {
  test('a thousand times leak neither files nor backends', async () => {
    await noBackends()
    const filesBefore = openFiles()
    for (let round = 0; round < 50; round++) {
      const sessions = await Promise.all(Array.from({ length: 20 }, async () => stack.logIn()))
      for (const { client } of sessions) client.destroy()
    }
    await noBackends()
    await until('all files closed', () => openFiles() <= filesBefore)
    expect(await stack.metric('portcullis_sessions_open')).toBe(0)
    expect(await stack.metric('portcullis_connections_open')).toBe(0)
  }, 120_000)
})
