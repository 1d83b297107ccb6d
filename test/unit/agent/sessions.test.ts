import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Sessions } from '../../../src/agent/sessions.ts'
import { Refusal } from '../../../src/refusal.ts'
import type { Splice } from '../../../src/session/splice.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

const endpoint = { host: 'db.example.com', port: 5432, address: '192.0.2.1' }

function splice() {
  const ends: string[] = []
  const one = {
    endWhenIdle: () => ends.push('when idle'),
    endNow: () => ends.push('now'),
  }
  return { ends, splice: one as unknown as Splice }
}

test('a key finds its gateway for as long as the session is there', () => {
  const sessions = new Sessions()
  const visit = sessions.enter()
  const key = { processId: 7, secretKey: Buffer.from('four'), endpoint }
  sessions.keep(visit, key)
  expect(sessions.find({ processId: 7, secretKey: Buffer.from('four') })).toBe(key)
  expect(sessions.find({ processId: 7, secretKey: Buffer.from('five') })).toBeUndefined()
  expect(sessions.find({ processId: 8, secretKey: Buffer.from('four') })).toBeUndefined()
  sessions.leave(visit)
  expect(sessions.find(key)).toBeUndefined()
})

test('who leaves does not take the key of another that is the same', () => {
  const sessions = new Sessions()
  const [first, second] = [sessions.enter(), sessions.enter()]
  const key = { processId: 7, secretKey: Buffer.from('four'), endpoint }
  sessions.keep(first, key)
  const other = { ...key, endpoint: { ...endpoint, host: 'other.example.com' } }
  sessions.keep(second, other)
  sessions.leave(first)
  expect(sessions.find(key)).toBe(other)
})

test('a drain ends sessions when they are idle, who is not in yet at once, and all at the deadline', async () => {
  const sessions = new Sessions()
  const [spliced, entering] = [sessions.enter(), sessions.enter()]
  const one = splice()
  spliced.spliced(one.splice)
  const drained = sessions.drain(1_000)
  expect(one.ends).toEqual(['when idle'])
  expect(entering.signal.reason).toBeInstanceOf(Refusal)
  sessions.leave(entering)
  await vi.advanceTimersByTimeAsync(999)
  expect(one.ends).toEqual(['when idle'])
  await vi.advanceTimersByTimeAsync(1)
  expect(one.ends).toEqual(['when idle', 'now'])
  sessions.leave(spliced)
  await drained
})

test('whoever does not go is not waited for', async () => {
  const sessions = new Sessions()
  sessions.enter().spliced(splice().splice)
  const drained = sessions.drain(1_000)
  await vi.advanceTimersByTimeAsync(6_000)
  await drained
})

test('a session that is spliced while all end ends with them', () => {
  const sessions = new Sessions()
  const [late, later] = [sessions.enter(), sessions.enter()]
  void sessions.drain(1_000)
  const [one, other] = [splice(), splice()]
  late.spliced(one.splice)
  expect(one.ends).toEqual(['when idle'])
  sessions.endNow()
  later.spliced(other.splice)
  expect(other.ends).toEqual(['now'])
})
