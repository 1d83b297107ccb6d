import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { Splice } from '../../../src/session/splice.ts'
import { message } from '../wire/bytes.ts'

/** As much of a socket as bytes that pass need. */
class Wire extends EventEmitter {
  write(): boolean {
    return true
  }

  resume(): void {}

  pause(): void {}
}

function splice() {
  const [frontend, upstream] = [new Wire(), new Wire()]
  const one = new Splice({
    frontend: frontend as unknown as Socket,
    upstream: upstream as unknown as Socket,
    cancel() {},
    onEnd() {},
    traffic: { fromFrontend: 0, fromUpstream: 0 },
    keepsTime: false,
  })
  one.start(Buffer.alloc(0), Buffer.alloc(0))
  const say = (type: string, body: string): void => {
    frontend.emit('data', Buffer.from(message(type, body)))
  }
  const answer = (type: string, body: string): void => {
    upstream.emit('data', Buffer.from(message(type, body)))
  }
  return { one, say, answer }
}

/** Until the clock has moved on. */
function aMoment(): void {
  const before = performance.now()
  while (performance.now() - before < 1);
}

test('a session that never asked for anything has done nothing', () => {
  expect(splice().one.activity).toEqual({
    standing: 'idle',
    askedAtMs: undefined,
    queries: 0,
    transactions: 0,
    queryMs: 0,
    transactionMs: 0,
    bytesFromFrontend: 0,
    bytesFromUpstream: 0,
  })
})

test('a session counts what was answered, and how long that took', () => {
  const { one, say, answer } = splice()
  say('Q', 'begin')
  expect(one.activity).toMatchObject({ standing: 'busy', queries: 0 })
  const { askedAtMs } = one.activity
  expect(Math.abs(askedAtMs! - Date.now())).toBeLessThan(1_000)
  aMoment()
  answer('Z', 'T')
  const { queryMs } = one.activity
  expect(queryMs).toBeGreaterThanOrEqual(1)
  expect(one.activity).toMatchObject({
    standing: 'in-transaction',
    queries: 1,
    transactions: 0,
    transactionMs: 0,
  })
  // The client thinks: that is time of the transaction, and of no statement.
  aMoment()
  expect(one.activity.queryMs).toBe(queryMs)
  say('Q', 'commit')
  answer('Z', 'I')
  const done = one.activity
  expect(done).toMatchObject({ standing: 'idle', queries: 2, transactions: 1 })
  expect(done.transactionMs).toBeGreaterThanOrEqual(2)
  expect(done.transactionMs).toBeGreaterThan(done.queryMs)
  expect(done).toMatchObject({ bytesFromFrontend: 21, bytesFromUpstream: 12 })
})
