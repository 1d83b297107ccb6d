import { describe, expect, test } from 'vitest'
import { ConsoleError } from '../../../../src/admin/answer.ts'
import { untilOf } from '../../../../src/admin/govern/until.ts'

const now = Date.parse('2026-03-01T12:00:00Z')

describe('a time', () => {
  test.each([
    ['2030-01-01', '2030-01-01T00:00:00Z'],
    ['2030-01-01 12:30', '2030-01-01T12:30:00Z'],
    ['2030-01-01 12:30:15', '2030-01-01T12:30:15Z'],
    ['2030-01-01 12:30:15Z', '2030-01-01T12:30:15Z'],
    ['2030-01-01 12:30:15 UTC', '2030-01-01T12:30:15Z'],
    ['2030-01-01T12:30:15.5+02:00', '2030-01-01T10:30:15.500Z'],
    ['2030-01-01 00:30+0230', '2029-12-31T22:00:00Z'],
    [' 2030-01-01 12:30-05 ', '2030-01-01T17:30:00Z'],
    ['2028-02-29', '2028-02-29T00:00:00Z'],
    ['2026-03-01 12:00:00.001', '2026-03-01T12:00:00.001Z'],
    ['2036-03-01 12:00', '2036-03-01T12:00:00Z'],
  ])('%j is %s', (text, time) => {
    expect(untilOf(text, now, 1)).toBe(Date.parse(time))
  })

  test.each([
    ['', '22007'],
    ['tomorrow', '22007'],
    ['infinity', '22007'],
    ['2030-02-31', '22007'],
    ['2030-13-01', '22007'],
    ['2030-01-01 25:00', '22007'],
    ['2030-01-01 12:30 Europe/Berlin', '22007'],
    ['01.01.2030', '22007'],
    ['2026-03-01 12:00:00', '22008'],
    ['2026-02-28', '22008'],
    ['2036-03-01 12:00:00.001', '22008'],
    ['9999-12-31', '22008'],
  ])('%j is refused by %s', (text, sqlstate) => {
    let fault: unknown
    try {
      untilOf(text, now, 7)
    } catch (error) {
      if (error instanceof ConsoleError) ({ fault } = error)
    }
    expect(fault).toMatchObject({ sqlstate, position: 7 })
  })
})
