import { beforeAll, describe, expect, test } from 'vitest'
import { cstrings, message } from '../unit/wire/bytes.ts'
import { readError } from './frontend.ts'
import { createTrust, Gate, type Trust } from './gate.ts'
import { endOf, Session } from './spliced-session.ts'
import { turns, until } from './until.ts'
import { authentication, greeting, keyData, ready, Upstream, welcome } from './upstream.ts'

let trust: Trust

beforeAll(async () => {
  trust = await createTrust()
})

const query = message('Q', 'select 1\0')
const answer = Buffer.concat([message('C', 'SELECT 1\0'), ready])
const shutDown = { sqlstate: '57P01' }

describe('a session that is spliced', () => {
  test('carries bytes both ways as they are', async () => {
    await using session = await Session.start({ trust })
    const noise = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 7) % 256))
    session.frontend.send(message('d', noise))
    expect((await session.server.takeMessage()).body).toEqual(noise)
    session.server.send(message('d', noise))
    expect((await session.frontend.takeMessage()).body).toEqual(noise)
  })

  test('sends on what the client put behind its password', async () => {
    await using upstream = await Upstream.start(async (connection) => {
      await connection.takeStartup()
      connection.send(welcome)
      await connection.takeMessage()
      connection.send(answer)
    })
    await using gate = await Gate.start({
      trust,
      allowsCleartext: true,
      upstream: { port: upstream.port },
    })
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    frontend.send(query)
    let types = ''
    while (!types.endsWith('CZ')) types += (await frontend.takeMessage()).type
    expect(types).toBe('RSSKZCZ')
  })

  test('ends with the server, whose last words arrive', async () => {
    await using session = await Session.start({ trust })
    const farewell = message('E', cstrings('SFATAL', 'C57P01', 'Mbye', ''))
    session.server.send(farewell)
    session.server.close()
    expect(await session.frontend.rest()).toEqual(farewell)
    expect(await endOf(session)).toBe('upstream-closed')
  })

  test('ends with the client, whose Terminate arrives', async () => {
    await using session = await Session.start({ trust })
    session.frontend.send(message('X'))
    session.frontend.socket.end()
    expect((await session.server.rest()).toString('hex')).toBe('5800000004')
    expect(await endOf(session)).toBe('client-closed')
  })

  test('ends with a client that just closes', async () => {
    await using session = await Session.start({ trust })
    session.frontend.socket.end()
    expect(await session.server.rest()).toHaveLength(0)
    expect(await endOf(session)).toBe('client-closed')
  })

  test('ends with a client that is reset', async () => {
    await using session = await Session.start({ trust })
    session.frontend.reset()
    await session.server.rest()
    expect(await endOf(session)).toBe('client-lost')
  })

  test('ends with a server that is reset', async () => {
    await using session = await Session.start({ trust })
    session.server.reset()
    await session.frontend.rest()
    expect(await endOf(session)).toBe('upstream-lost')
  })

  test('tells how many bytes there were', async () => {
    await using session = await Session.start({ trust })
    session.frontend.send(query)
    await session.server.takeMessage()
    session.server.send(answer)
    await session.frontend.take(answer.length)
    session.frontend.send(message('X'))
    session.frontend.socket.end()
    expect((await session.gate.settled()).at(-1)).toMatchObject({
      end: { bytesFromFrontend: query.length + 5, bytesFromUpstream: answer.length },
    })
  })
})

describe('a drain', () => {
  test('ends an idle session with 57P01, and says goodbye to the server', async () => {
    await using session = await Session.start({ trust })
    const drained = session.gate.registry.drain(60_000)
    expect(readError(await session.frontend.rest())).toMatchObject(shutDown)
    expect((await session.server.rest()).toString('hex')).toBe('5800000004')
    await drained
    expect(await endOf(session)).toBe('drain')
  })

  test('waits for the statement and the transaction that are under way', async () => {
    await using session = await Session.start({ trust })
    session.frontend.send(query)
    await session.server.takeMessage()
    const drained = session.gate.registry.drain(60_000)
    const open = Buffer.concat([message('C', 'BEGIN\0'), message('Z', 'T')])
    session.server.send(open)
    expect(await session.frontend.take(open.length)).toBe(open.toString('latin1'))
    session.frontend.send(query)
    await session.server.takeMessage()
    session.server.send(answer)
    expect(await session.frontend.take(answer.length)).toBe(answer.toString('latin1'))
    expect(readError(await session.frontend.rest())).toMatchObject(shutDown)
    await drained
  })

  test('puts nothing into a message of the server that is under way', async () => {
    await using session = await Session.start({ trust })
    const notice = message('A', 'notification')
    session.server.send(notice.subarray(0, 9))
    await session.frontend.take(9)
    const drained = session.gate.registry.drain(60_000)
    session.server.send(notice.subarray(9))
    expect(await session.frontend.take(notice.length - 9)).toBe(notice.toString('latin1', 9))
    expect(readError(await session.frontend.rest())).toMatchObject(shutDown)
    await drained
  })

  test('knows where the messages are that came with the end of the login', async () => {
    const notice = message('A', 'notification')
    await using session = await Session.start({ trust }, async (connection) => {
      await connection.takeStartup()
      connection.send(welcome, notice.subarray(0, 9))
    })
    await session.frontend.take(9)
    const drained = session.gate.registry.drain(60_000)
    session.server.send(notice.subarray(9))
    expect(await session.frontend.take(notice.length - 9)).toBe(notice.toString('latin1', 9))
    expect(readError(await session.frontend.rest())).toMatchObject(shutDown)
    await drained
  })

  test('ends at its deadline what does not end by itself', async () => {
    await using session = await Session.start({ trust })
    session.frontend.send(query)
    await session.server.takeMessage()
    const drained = session.gate.registry.drain(1)
    expect(readError(await session.frontend.rest())).toMatchObject(shutDown)
    await drained
    expect(await endOf(session)).toBe('drain')
  })

  test.each([
    ['before its deadline', 60_000],
    ['after its deadline', 1],
  ])('ends a session that was logging in, and is let in %s', async (_, deadlineMs) => {
    const isAsked = Promise.withResolvers<undefined>()
    const letIn = Promise.withResolvers<undefined>()
    await using upstream = await Upstream.start(async (connection) => {
      await connection.takeStartup()
      isAsked.resolve(undefined)
      await letIn.promise
      connection.send(welcome)
    })
    await using gate = await Gate.start({
      trust,
      allowsCleartext: true,
      upstream: { port: upstream.port },
    })
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    await isAsked.promise
    let isDrained = false
    void gate.registry.drain(deadlineMs).then(() => (isDrained = true))
    const startedAt = performance.now()
    await until('the deadline', () => performance.now() - startedAt > 10)
    letIn.resolve(undefined)
    await until('the drain', () => isDrained)
    const told = await frontend.rest()
    expect(told.includes('C57P01') || told.includes('C57P03')).toBe(true)
  })
})

describe('a client that ends while its login goes on', () => {
  test.each([
    ['in the clear', true],
    ['over TLS', false],
  ])('%s leaves no session at the server', async (_, allowsCleartext) => {
    const isAsked = Promise.withResolvers<undefined>()
    const letIn = Promise.withResolvers<undefined>()
    await using upstream = await Upstream.start(async (connection) => {
      await connection.takeStartup()
      isAsked.resolve(undefined)
      await letIn.promise
      connection.send(authentication.ok, greeting, keyData, ready)
    })
    await using gate = await Gate.start({
      trust,
      allowsCleartext,
      upstream: { port: upstream.port },
    })
    await using frontend = await gate.connect()
    if (!allowsCleartext) await frontend.secure(trust.ca)
    await gate.logIn(frontend)
    await isAsked.promise
    // Half-closed: it still reads, as a client does that shut down its sending side.
    frontend.socket.end()
    await turns(50)
    letIn.resolve(undefined)
    await gate.settled()
    await until('the upstream to be left', () => upstream.isDeserted)
  })
})

describe('a client that is gone when its login fails', () => {
  test('leaves nothing behind', async () => {
    const isAsked = Promise.withResolvers<undefined>()
    const fail = Promise.withResolvers<undefined>()
    await using upstream = await Upstream.start(async (connection) => {
      await connection.takeStartup()
      isAsked.resolve(undefined)
      await fail.promise
      connection.send(message('E', cstrings('SFATAL', 'C53300', 'Mno', '')))
    })
    await using gate = await Gate.start({
      trust,
      allowsCleartext: true,
      upstream: { port: upstream.port },
    })
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    await isAsked.promise
    frontend.reset()
    await turns(50)
    fail.resolve(undefined)
    expect(await gate.settled()).toHaveLength(1)
    await until('the upstream to be left', () => upstream.isDeserted)
  })
})
