import type { Findings } from './finding.ts'

/** When a question was sent and its answer came, and what the answer said the time was. */
export interface Timing {
  readonly sentAt: Date
  readonly receivedAt: Date
  readonly date: string | undefined
  /** RFC 9111 5.1: how long the answer has been in a cache, in seconds. */
  readonly age: string | undefined
}

const noticeableMs = 5_000

/** Compares the clock of a provider with ours, as far as an answer proves a difference. */
export function assessClock(timing: Timing, leewayMs: number, findings: Findings): void {
  const aheadMs = leastDifference(timing)
  if (aheadMs === undefined) {
    findings.ok('clock', 'the provider does not tell its time')
    return
  }
  const skew = `${Math.abs(aheadMs) / 1_000} s ${aheadMs < 0 ? 'behind' : 'ahead of'} ours`
  const told = `the clock of the provider is at least ${skew}, the leeway is ${leewayMs / 1_000} s`
  const remedy = 'synchronise the clock of this machine, then see whose is wrong'
  if (aheadMs > leewayMs) {
    findings.problem('clock', `${told}: fresh tokens are not valid yet here`, remedy)
  } else if (Math.abs(aheadMs) > Math.min(leewayMs / 2, noticeableMs)) {
    findings.warning('clock', told, remedy)
  } else {
    findings.ok('clock', `at most ${largestDifference(timing)} s from the provider's`)
  }
}

/** By how much theirs is ahead of ours at the very least; below zero it is behind. */
export function leastDifference(timing: Timing): number | undefined {
  const range = rangeOf(timing)
  if (range === undefined) return undefined
  return range.least > 0 ? range.least : Math.min(range.most, 0)
}

function largestDifference(timing: Timing): number {
  const { least = 0, most = 0 } = rangeOf(timing) ?? {}
  return Math.ceil(Math.max(Math.abs(least), Math.abs(most)) / 1_000)
}

/** The answer was made after the question and before it came, and `Date` is cut to whole seconds. */
function rangeOf({ sentAt, receivedAt, date, age }: Timing) {
  const seconds = /^\d{1,9}$/.test(age ?? '') ? Number(age) : 0
  const told = Date.parse(date ?? '') + seconds * 1_000
  if (Number.isNaN(told)) return undefined
  const inCache = seconds === 0 ? 0 : 1_000
  return { least: told - receivedAt.getTime(), most: told + 1_000 + inCache - sentAt.getTime() }
}
