// Sessions that come back from their clients, at a server that says of them what it likes.
import { beforeAll, describe, expect, test } from 'vitest'
import type { UpstreamSession } from '../../src/upstream/log-in.ts'
import { cstrings, int32, message, startup } from '../unit/wire/bytes.ts'
import type { Frontend } from './frontend.ts'
import { createTrust, database, Gate, role, type Trust } from './gate.ts'
import { turns, until } from './until.ts'
import { row, startWarm } from './warm-upstream.ts'
import { authentication, greeting, keyData, ready, Upstream } from './upstream.ts'

const discarded = message('C', 'DISCARD ALL\0')
const notice = message('N', cstrings('Mhello', ''))
const notification = message('A', Buffer.concat([int32(1), cstrings('channel', 'payload')]))
const failure = message('E', cstrings('SERROR', 'C57014', 'Mcanceled', ''))
const status = message('S', cstrings('TimeZone', 'UTC'))

/** What the server says, of a session that comes back, to each question. */
interface Server {
  discard: Buffer | undefined
  clean: Buffer | undefined
  facts: Buffer | undefined
}

const facts = (fingerprint: string, isSuperuser = 'f'): Buffer =>
  Buffer.concat([row([25, 16, 16, 16, 25], [fingerprint, isSuperuser, 't', 'f', 'name']), ready])
const clean = (hash: string, isClean = 't'): Buffer =>
  Buffer.concat([row([25, 16, 25], [hash, isClean, '']), ready])

const honest: Server = {
  discard: Buffer.concat([status, discarded, ready]),
  clean: clean('hash'),
  facts: facts('same'),
}

/** The messages of each connection behind its login, `Q` as the first word of what is asked. */
async function serve(server: Server, opening: Partial<Server> = {}) {
  const said: string[][] = []
  const upstream = await Upstream.start(async (connection) => {
    const mine: string[] = []
    said.push(mine)
    const { code } = await connection.takePacket()
    if (code === 80_877_102) return
    connection.send(authentication.ok, greeting, keyData, ready)
    let isBack = false
    for (;;) {
      const { type, body } = await connection.takeMessage()
      const text = body.toString()
      let answer: Buffer | undefined = Buffer.alloc(0)
      let word = type
      if (text.startsWith('DISCARD')) {
        word = 'discard'
        isBack = true
        answer = server.discard
      } else if (text.includes('pg_my_temp_schema')) {
        word = 'clean'
        answer = isBack ? server.clean : (opening.clean ?? honest.clean)
      } else if (text.includes('pg_is_in_recovery')) {
        word = 'facts'
        answer = isBack ? server.facts : (opening.facts ?? honest.facts)
      } else if (text.startsWith('wait')) answer = undefined
      else if (text.startsWith('begin')) {
        answer = Buffer.concat([message('C', 'BEGIN\0'), message('Z', 'T')])
      } else if (type === 'Q') answer = Buffer.concat([message('C', 'SELECT 1\0'), ready])
      mine.push(word)
      if (answer !== undefined) connection.send(answer)
    }
  })
  return { upstream, said }
}

const warmLimits = { maxPerRole: 2, max: 10, maxAgeMs: 60_000, reuse: 'reset' } as const

async function start(changes: Partial<Server> = {}, opening: Partial<Server> = {}) {
  const { upstream, said } = await serve({ ...honest, ...changes }, opening)
  const { clock, events, warm, target } = startWarm(upstream.port, warmLimits)
  const request = { role: 'app', credential: { kind: 'none' }, requirement: undefined } as const
  const open = async (): Promise<UpstreamSession> =>
    warm.open(target, { ...request, parameters: new Map() })
  /** A session that was ready. */
  const lend = async (): Promise<UpstreamSession> => {
    for (let count = 0; count < 2; count++) (await open()).socket.destroy()
    await until('sessions to wait', () => warm.size === 2)
    const session = await open()
    events.length = 0
    return session
  }
  return {
    ...{ upstream, said, clock, events, warm, target, open, lend },
    [Symbol.asyncDispose]: async () => {
      warm.close()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

/** What was said in the session since a client had it. */
function lastWords(said: readonly (readonly string[])[]): readonly string[] {
  return said.find((words) => words.includes('discard') || words.includes('X'))?.slice(3) ?? []
}

describe('a session that comes back', () => {
  test('is asked to forget, is looked at and waits again, with its own greeting', async () => {
    await using one = await start()
    const session = await one.lend()
    session.giveBack?.()
    await until('it to wait', () => one.warm.size === 2)
    expect(one.events).toEqual(['returned 1'])
    expect(lastWords(one.said)).toEqual(['discard', 'clean', 'facts'])
    const next = await one.open()
    expect(next.socket).toBe(session.socket)
    expect(next.greeting).toEqual(Buffer.concat([greeting, status]))
    next.socket.destroy()
  })

  test('comes back once, whoever asks', async () => {
    await using one = await start()
    const session = await one.lend()
    session.giveBack?.()
    session.giveBack?.()
    await until('it to wait', () => one.warm.size === 2)
    expect(lastWords(one.said)).toEqual(['discard', 'clean', 'facts'])
  })

  test.each<[string, Partial<Server>]>([
    ['has other settings', { clean: clean('other') }],
    ['has something left in it', { clean: clean('hash', 'f') }],
    ['has a role that is another by now', { facts: facts('other') }],
    ['is a superuser by now', { facts: facts('same', 't') }],
    ['refuses to forget', { discard: Buffer.concat([failure, ready]) }],
    [
      'says that it did something else',
      { discard: Buffer.concat([message('C', 'DISCARD\0'), ready]) },
    ],
    ['says it twice', { discard: Buffer.concat([discarded, discarded, ready]) }],
    ['says nothing of it', { discard: ready }],
    ['is in a transaction', { discard: Buffer.concat([discarded, message('Z', 'T')]) }],
    ['has a notice for somebody', { discard: Buffer.concat([notice, discarded, ready]) }],
    [
      'has a notification for somebody',
      { discard: Buffer.concat([notification, discarded, ready]) },
    ],
    [
      'has more to say when it has forgotten',
      { discard: Buffer.concat([discarded, ready, ready]) },
    ],
    ['has more to say when it was looked at', { clean: Buffer.concat([clean('hash'), notice]) }],
    ['has more to say at the end', { facts: Buffer.concat([facts('same'), notice]) }],
    ['cannot be looked at', { clean: Buffer.concat([failure, ready]) }],
    ['is silent', { discard: undefined }],
    ['falls silent', { clean: undefined }],
    [
      'tells of more parameters than there are',
      { discard: Buffer.concat([...Array<Buffer>(100).fill(status), discarded, ready]) },
    ],
  ])('is closed where it %s', async (_, changes) => {
    await using one = await start(changes)
    const { socket, giveBack } = await one.lend()
    giveBack?.()
    await until('it to be closed', () => socket.destroyed)
    await turns(5)
    expect(one.events).toEqual([])
    expect(one.warm.size).toBe(1)
  })

  test.each<[string, Partial<Server>]>([
    ['is a superuser', { facts: facts('same', 't') }],
    ['is not what its role alone would be', { clean: clean('hash', 'f') }],
  ])('is none that %s', async (_, opening) => {
    await using one = await start({}, opening)
    const session = await one.lend()
    expect(session.giveBack).toBeUndefined()
    session.socket.destroy()
  })

  test('is none that was opened while its client waited', async () => {
    await using one = await start()
    const session = await one.open()
    expect(session.giveBack).toBeUndefined()
    session.socket.destroy()
  })

  test('is none unless it is chosen', async () => {
    await using one = await start()
    const target = { ...one.target, warm: { ...warmLimits, reuse: 'never' as const } }
    one.warm.adopt([target])
    const request = { role: 'app', credential: { kind: 'none' }, requirement: undefined } as const
    for (let count = 0; count < 3; count++) {
      const session = await one.warm.open(target, { ...request, parameters: new Map() })
      expect(session.giveBack).toBeUndefined()
      session.socket.destroy()
      await until('sessions to wait', () => count === 0 || one.warm.size === 2)
    }
    expect(one.said.flat()).not.toContain('clean')
  })

  test.each([
    ['waits again while it is young enough', 59_999, true],
    ['is closed when it is too old', 60_000, false],
  ])('%s, by when it was opened first', async (_, nowMs, waits) => {
    await using one = await start()
    const first = await one.lend()
    first.giveBack?.()
    await until('it to wait', () => one.warm.size === 2)
    one.clock.nowMs = 55_000
    const taken = [await one.open(), await one.open()]
    const again = taken.find(({ socket }) => socket === first.socket)!
    await until('one that is young to wait', () => one.warm.size === 1)
    one.clock.nowMs = nowMs
    again.giveBack?.()
    await until('the outcome', () => again.socket.destroyed || one.warm.size === 2)
    expect(again.socket.destroyed).toBe(!waits)
    for (const { socket } of taken) socket.destroy()
  })

  test('is closed when as many wait as are worth it', async () => {
    await using one = await start()
    const first = await one.lend()
    const second = await one.open()
    const third = await one.open()
    await until('one to wait', () => one.warm.size === 1)
    first.giveBack?.()
    await until('it to wait', () => one.warm.size === 2)
    second.giveBack?.()
    await until('it to be closed', () => second.socket.destroyed)
    third.socket.destroy()
    expect(one.warm.size).toBe(2)
  })

  test.each([
    ['before it is asked', 0],
    ['while it is asked', 1],
  ])('is closed where its configuration is gone %s', async (_, order) => {
    await using one = await start()
    const { socket, giveBack } = await one.lend()
    const steps = [
      () => {
        one.warm.adopt([])
      },
      () => giveBack?.(),
    ]
    if (order === 1) steps.reverse()
    for (const step of steps) step()
    await until('it to be closed', () => socket.destroyed)
    expect(one.warm.size).toBe(0)
  })
})

describe('a client', () => {
  let trust: Trust

  beforeAll(async () => {
    trust = await createTrust()
  })

  async function enter() {
    const server = await serve({ ...honest })
    const gate = await Gate.start({
      trust,
      allowsCleartext: true,
      upstream: { port: server.upstream.port, warm: warmLimits },
    })
    const connect = async (): Promise<{ frontend: Frontend; key: Buffer }> => {
      const frontend = await gate.connect()
      await gate.logIn(frontend)
      let key = Buffer.alloc(0)
      for (;;) {
        const { type, body } = await frontend.takeMessage()
        if (type === 'K') key = Buffer.from(body)
        if (type === 'Z') return { frontend, key }
      }
    }
    for (let count = 0; count < 2; count++) {
      const { frontend } = await connect()
      await frontend[Symbol.asyncDispose]()
    }
    await until('sessions to wait', () => gate.warm.size === 2)
    const client = await connect()
    const session = [...gate.registry.live()].find(
      ({ facts }) => gate.witness.opens.at(-1) === facts,
    )!
    return {
      ...{ ...server, gate, session, ...client },
      /** Why the session ended, once it has. */
      end: async () => {
        const { outcomes } = gate.witness
        const its = () =>
          outcomes.find((one) => one.kind === 'ended' && one.facts === session.facts)
        await until('the end to be told', () => its() !== undefined && gate.registry.size === 0)
        const outcome = its()
        return outcome?.kind === 'ended' ? outcome.end.reason : undefined
      },
      [Symbol.asyncDispose]: async () => {
        await client.frontend[Symbol.asyncDispose]()
        await gate[Symbol.asyncDispose]()
        await server.upstream[Symbol.asyncDispose]()
      },
    }
  }

  const terminate = message('X')

  test('that says goodbye leaves a session that waits, and its own end is told as ever', async () => {
    await using one = await enter()
    one.frontend.send(terminate)
    await until('it to wait', () => one.gate.warm.size === 2)
    expect(await one.end()).toBe('client-closed')
    expect(one.gate.ledger.open).toBe(0)
    expect(one.said.flat()).not.toContain('X')
  })

  test('that goes without a word leaves a session that waits', async () => {
    await using one = await enter()
    one.frontend.socket.end()
    await until('it to wait', () => one.gate.warm.size === 2)
    await one.end()
  })

  test('that sends as many bytes as a farewell has is not taken to leave', async () => {
    await using one = await enter()
    one.frontend.send(message('S'))
    await until('the Sync to arrive', () => one.said.flat().includes('S'))
    expect(one.said.flat()).not.toContain('discard')
  })

  test.each([
    ['in a transaction', 'begin\0', 'Z'],
    ['while it waits for an answer', 'wait\0', undefined],
  ])('that leaves %s leaves none', async (_, sql, last) => {
    await using one = await enter()
    one.frontend.send(message('Q', sql))
    while (last !== undefined && (await one.frontend.takeMessage()).type !== last);
    await until('it to be asked', () => one.said.flat().includes('Q'))
    one.frontend.send(terminate)
    await until('the end of its session', () => one.said.flat().includes('X'))
    expect(one.said.flat()).not.toContain('discard')
  })

  test('that says goodbye with its credential leaves none', async () => {
    await using one = await enter()
    await using frontend = await one.gate.connect()
    frontend.send(startup(['user', role, 'database', database]))
    await frontend.takeMessage()
    frontend.send(message('p', `${await trust.token()}\0`), terminate)
    await until('the end of its session', () => one.said.flat().includes('X'))
    expect(one.said.flat()).not.toContain('discard')
  })

  test('whose statement was cancelled leaves none, be it delivered or not', async () => {
    await using one = await enter()
    void one.session.cancel().catch(() => {})
    one.frontend.send(terminate)
    await one.end()
    await until('the end of its session', () => one.said.flat().includes('X'))
    expect(one.said.flat()).not.toContain('discard')
    expect(one.gate.warm.size).toBe(1)
  })

  test('that has left has nothing cancelled any more', async () => {
    await using one = await enter()
    one.frontend.send(terminate)
    await until('it to wait', () => one.gate.warm.size === 2)
    const connections = one.upstream.connections.length
    await one.session.cancel()
    await turns(5)
    expect(one.upstream.connections.length).toBe(connections)
  })

  test.each(['killed', 'revoked', 'drain'] as const)(
    'that is ended (%s) leaves none',
    async (why) => {
      await using one = await enter()
      one.session.endNow(why)
      one.frontend.send(terminate)
      await one.end()
      await until('the end of its session', () => one.said.flat().includes('X'))
      expect(one.said.flat()).not.toContain('discard')
      expect(one.gate.warm.size).toBe(1)
    },
  )

  test('that is to end at its next idle moment leaves none', async () => {
    await using one = await enter()
    one.session.drain()
    one.frontend.send(terminate)
    await one.end()
    await until('the end of its session', () => one.said.flat().includes('X'))
    expect(one.said.flat()).not.toContain('discard')
  })
})
