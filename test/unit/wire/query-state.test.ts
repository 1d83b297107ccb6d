import { describe, expect, test } from 'vitest'
import { QueryState } from '../../../src/wire/query-state.ts'
import { message } from './bytes.ts'

/** `>Q` is a message of the frontend, `<Z:I` one of the upstream with the body `I`. */
function replay(script: string): QueryState {
  const state = new QueryState()
  for (const step of script.split(' ').filter((word) => word !== '')) {
    const [head, body = ''] = step.split(':')
    const bytes = message(head!.charAt(1), body)
    if (step.startsWith('>')) state.fromFrontend(bytes)
    else state.fromUpstream(bytes)
  }
  return state
}

describe('a session is idle', () => {
  test.each([
    ['before its first statement', ''],
    ['after a simple query', '>Q:x <T <D <C <Z:I'],
    ['after a simple query that failed', '>Q:x <E <Z:I'],
    ['after an empty query', '>Q <I <Z:I'],
    ['after the extended protocol', '>P >B >D >E >S <1 <2 <T <D <C <Z:I'],
    ['after a portal was closed', '>C >S <3 <Z:I'],
    ['after pipelined simple queries', '>Q:a >Q:b <C <Z:I <C <Z:I'],
    ['after a pipeline of two Syncs', '>P >B >E >S >P >B >E >S <Z:I <Z:I'],
    ['after a pipeline that failed at its first statement', '>P >B >E >P >B >E >S <E <Z:I'],
    ['after a Sync alone', '>S <Z:I'],
    ['after a function call', '>F <V <Z:I'],
    ['after COPY IN', '>Q:x <G >d >d >c <C <Z:I'],
    ['after COPY IN that the client gave up', '>Q:x <G >d >f <E <Z:I'],
    ['after COPY OUT', '>Q:x <H <d <d <c <C <Z:I'],
    ['after COPY IN in the extended protocol', '>P >B >E >H <1 <2 <G >d >c >S <C <Z:I'],
    ['after a transaction', '>Q:b <C <Z:T >Q:c <C <Z:I'],
    ['after a failed transaction was rolled back', '>Q:b <Z:T >Q:x <E <Z:E >Q:r <C <Z:I'],
    ['after notifications and parameters that nobody asked for', '<A <S <N'],
    ['after a ReadyForQuery that nobody asked for', '<Z:I'],
    ['after a Flush', '>H'],
  ])('%s', (_, script) => {
    expect(replay(script).isIdle).toBe(true)
  })
})

describe('a session is busy', () => {
  test.each([
    ['with a simple query', '>Q:x'],
    ['with rows under way', '>Q:x <T <D'],
    ['until ReadyForQuery, not CommandComplete', '>Q:x <C'],
    ['until ReadyForQuery, not the error', '>Q:x <E'],
    ['with Parse sent and no Sync', '>P'],
    ['with everything answered and no Sync', '>P >B >E >H <1 <2 <C'],
    ['with an error and no Sync yet', '>P >B >E <E'],
    ['with one of two queries answered', '>Q:a >Q:b <C <Z:I'],
    ['with one of two Syncs answered', '>P >E >S >P >E >S <Z:I'],
    ['with a statement behind the Sync that is answered', '>P >S >P <Z:I'],
    ['with a function call', '>F'],
    ['while it copies in', '>Q:x <G >d'],
    ['while it copies out', '>Q:x <H <d'],
    ['after CopyDone', '>Q:x <G >d >c'],
  ])('%s', (_, script) => {
    const state = replay(script)
    expect([state.isBusy, state.isIdle]).toEqual([true, false])
  })

  test('for good after a Sync within COPY IN, which the server ignores', () => {
    expect(replay('>P >B >E >S <G >d >c >S <C <Z:I').isBusy).toBe(true)
  })
})

describe('a transaction', () => {
  test.each([
    ['that is open', '>Q:b <C <Z:T'],
    ['that has failed', '>Q:b <C <Z:T >Q:x <E <Z:E'],
    ['of an unknown status', '>Q:b <C <Z:?'],
  ])('%s keeps a session from being idle, though nothing runs', (_, script) => {
    const state = replay(script)
    expect([state.isBusy, state.isIdle]).toEqual([false, false])
    expect([state.isRunning, state.inTransaction]).toEqual([false, true])
  })
})

describe('a message that is under way', () => {
  test('from the frontend makes the session busy, though nothing runs', () => {
    const state = new QueryState()
    expect(state.atFrontendBoundary).toBe(true)
    state.fromFrontend(message('X').subarray(0, 3))
    expect([state.isBusy, state.isRunning, state.atFrontendBoundary]).toEqual([true, false, false])
  })

  test('from the upstream can be taken alone', () => {
    const state = new QueryState()
    state.fromUpstream(message('N', 'notice').subarray(0, 7))
    const rest = Buffer.concat([message('N', 'notice').subarray(7), message('Z', 'T')])
    expect(state.fromUpstreamToBoundary(rest)).toBe(4)
    expect([state.atUpstreamBoundary, state.inTransaction]).toEqual([true, false])
  })

  test('from the upstream leaves no room for one of ours', () => {
    const state = new QueryState()
    state.fromUpstream(message('N', 'notice').subarray(0, 7))
    expect([state.isBusy, state.atUpstreamBoundary, state.isIdle]).toEqual([false, false, false])
  })

  test('counts when its header is complete', () => {
    const state = new QueryState()
    const [query, ready] = [message('Q', 'select 1\0'), message('Z', 'I')]
    state.fromFrontend(query.subarray(0, 8))
    state.fromFrontend(query.subarray(8))
    expect(state.isBusy).toBe(true)
    state.fromUpstream(ready.subarray(0, 5))
    expect(state.isBusy).toBe(true)
    state.fromUpstream(ready.subarray(5))
    expect(state.isIdle).toBe(true)
  })
})

test.each([
  ['Terminate', '>X', true],
  ['Terminate with a query open', '>Q:x >X', true],
  ['a query', '>Q:x', false],
  ['nothing', '', false],
])('after %s the frontend has said goodbye: %s %s', (_, script, isTerminated) => {
  expect(replay(script).isTerminated).toBe(isTerminated)
})

describe('the count of statements can err', () => {
  test.each([
    ['where data was copied in', '>Q:x <G >d >c <C <Z:I', false],
    ['where copying was given up', '>Q:x <G >f <E <Z:I', false],
    ['where no data came at all', '>Q:x <G >c <C <Z:I', false],
    ['by a message that nobody knows', '>?', false],
    ['by no other', '>Q:x >P >B >D >E >H >C >S >F >X', true],
    ['by nothing of the server', '>Q:x <H <d <c <C <Z:I', true],
  ])('%s', (_, script, isPlain) => {
    expect(replay(script).isPlain).toBe(isPlain)
  })
})

describe('what was answered is counted', () => {
  test.each([
    ['a query', '>Q:x <C <Z:I', 1, 1],
    ['a transaction of three statements', '>Q:b <Z:T >Q:x <Z:T >Q:c <Z:I', 3, 1],
    ['a failed transaction', '>Q:b <Z:T >Q:x <E <Z:E >Q:r <Z:I', 3, 1],
    ['a pipeline of two Syncs', '>P >B >E >S >P >B >E >S <Z:I <Z:I', 2, 2],
    ['nothing yet', '>Q:x <T <D', 0, 0],
  ])('%s', (_, script, answered, transactions) => {
    expect(replay(script)).toMatchObject({ answered, transactions })
  })
})
