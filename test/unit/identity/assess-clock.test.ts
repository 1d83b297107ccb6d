import { expect, test } from 'vitest'
import { assessClock } from '../../../src/identity/assess-clock.ts'
import { Findings } from '../../../src/identity/finding.ts'

const now = new Date('2026-01-01T12:00:00.500Z')

function assess(
  date: string | undefined,
  leewayMs: number,
  { age, tookMs = 100 }: { age?: string; tookMs?: number } = {},
): string {
  const findings = new Findings('x')
  const receivedAt = new Date(now.getTime() + tookMs)
  assessClock({ sentAt: now, receivedAt, date, age }, leewayMs, findings)
  const [one] = findings.all
  return `${one?.verdict ?? ''}: ${one?.found ?? ''}`
}

const at = (time: string): string => new Date(`2026-01-01T${time}Z`).toUTCString()

test.each<[string, string, number, RegExp]>([
  ['the same second', '12:00:00', 30_000, /^ok: at most 1 s/],
  ['the same second, without leeway', '12:00:00', 0, /^ok/],
  ['five seconds ahead', '12:00:05', 30_000, /^ok/],
  ['six seconds ahead', '12:00:06', 30_000, /^warning: .* at least 5.4 s ahead of ours/],
  ['seven seconds behind', '11:59:53', 30_000, /^warning: .* at least 6.5 s behind ours/],
  ['half a short leeway ahead', '12:00:03', 4_000, /^warning: .* at least 2.4 s ahead/],
  [
    'more than the leeway ahead',
    '12:00:32',
    30_000,
    /^problem: .* at least 31.4 s ahead .*not valid yet/,
  ],
  ['any time ahead without leeway', '12:00:01', 0, /^problem: .* at least 0.4 s ahead/],
  ['more than the leeway behind', '11:59:00', 30_000, /^warning: .* behind/],
])('%s', (_, time, leewayMs, told) => {
  expect(assess(at(time), leewayMs)).toMatch(told)
})

test.each([undefined, '', 'yesterday'])('a date of %o says nothing', (date) => {
  expect(assess(date, 0)).toBe('ok: the provider does not tell its time')
})

test('a slow answer proves less', () => {
  expect(assess(at('12:00:10'), 30_000, { tookMs: 9_000 })).toMatch(/^ok/)
  expect(assess(at('12:00:10'), 30_000, { tookMs: 100 })).toMatch(/^warning/)
})

test('an answer out of a cache was made before', () => {
  expect(assess(at('11:55:00'), 30_000, { age: '300' })).toMatch(/^ok/)
  expect(assess(at('11:55:00'), 30_000, { age: 'x' })).toMatch(/^warning/)
})
