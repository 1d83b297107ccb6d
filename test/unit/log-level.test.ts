import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { LiveLogLevel } from '../../src/log-level.ts'
import { createLog, type Log, type LogLevel } from '../../src/telemetry/log.ts'

let told: LogLevel[]
let lines: string[]
let configured: 'info' | 'warn'
let log: Log
let live: LiveLogLevel

beforeEach(() => {
  vi.useFakeTimers({ now: 0 })
  told = []
  lines = []
  configured = 'info'
  log = createLog({ level: 'info', format: 'json', base: {}, write: (line) => lines.push(line) })
  live = new LiveLogLevel({
    log,
    configured: () => configured,
    tell: async (level) => Promise.resolve(told.push(level) === 0 ? 1 : 0),
  })
})

afterEach(() => {
  vi.useRealTimers()
})

test('a level holds in every process for its time, and then the configured one', async () => {
  const state = await live.set({ level: 'debug', forMs: 600_000, by: 'root' })
  expect(state).toEqual({ level: 'debug', configured: 'info', untilMs: 600_000, unanswered: 0 })
  expect(log.isEnabled('debug')).toBe(true)
  await vi.advanceTimersByTimeAsync(599_999)
  expect(live.level).toBe('debug')
  await vi.advanceTimersByTimeAsync(1)
  expect(live.state).toEqual({ level: 'info', configured: 'info', untilMs: null, unanswered: 0 })
  expect(log.isEnabled('debug')).toBe(false)
  expect(told).toEqual(['debug', 'info'])
})

test('the last of several counts, with its own time', async () => {
  await live.set({ level: 'debug', forMs: 10, by: 'root' })
  await live.set({ level: 'error', forMs: undefined, by: 'root' })
  await vi.advanceTimersByTimeAsync(1_000_000)
  expect(live.state).toMatchObject({ level: 'error', untilMs: null })
})

test('a reload brings back the level that is configured now', async () => {
  await live.set({ level: 'debug', forMs: undefined, by: 'root' })
  configured = 'warn'
  await live.reset('a reload')
  expect(live.level).toBe('warn')
  expect(told.at(-1)).toBe('warn')
})

test('a change is in the log whatever the level was and will be, with who says to have made it', async () => {
  await live.set({ level: 'error', forMs: undefined, by: 'alice' })
  await live.set({ level: 'debug', forMs: undefined, by: 'bob' })
  await live.reset('a reload')
  const parsed = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
  expect(parsed.map(({ by, level, before, why }) => [by, level, before, why])).toEqual([
    ['alice', 'error', 'info', undefined],
    ['bob', 'debug', 'error', undefined],
    [undefined, 'info', undefined, 'a reload'],
  ])
})

test('processes that do not answer are told', async () => {
  const alone = new LiveLogLevel({
    log,
    configured: () => 'info',
    tell: async () => Promise.reject(new Error('gone')),
  })
  expect(await alone.set({ level: 'debug', forMs: undefined, by: 'x' })).toMatchObject({
    unanswered: 1,
  })
})
