import { expect, test } from 'vitest'
import { GroupMarks } from '../../../src/identity/group-marks.ts'

/** Two whose digests begin alike. */
function alike(): readonly [string, string] {
  const seen = new Map<string, string>()
  for (let index = 0; ; index++) {
    const group = `group-${index}`
    const mark = new GroupMarks([group]).write([group])
    const other = seen.get(mark)
    if (other !== undefined) return [other, group]
    seen.set(mark, group)
  }
}

test('groups come back as they were written, and take five characters each', () => {
  const marks = new GroupMarks(['readers', 'writers', 'others'])
  const written = marks.write(['writers', 'readers'])
  expect(written).toHaveLength(10)
  expect(marks.read(written)).toEqual(['writers', 'readers'])
  expect(marks.read('')).toEqual([])
})

test('what is not among them is not written, and not read', () => {
  const some = new GroupMarks(['readers'])
  expect(some.write(['strangers'])).toBe('')
  const written = new GroupMarks(['readers', 'strangers']).write(['strangers', 'readers'])
  expect(some.read(written)).toEqual(['readers'])
})

test('of two that look alike neither is told, written or read', () => {
  const [one, other] = alike()
  const both = new GroupMarks([one, other, 'readers'])
  const written = new GroupMarks([one]).write([one])
  expect(both.isAmbiguous(one)).toBe(true)
  expect(both.isAmbiguous(other)).toBe(true)
  expect(both.isAmbiguous('readers')).toBe(false)
  expect(both.isAmbiguous('strangers')).toBe(false)
  expect(both.write([one, 'readers', other])).toHaveLength(5)
  expect(both.read(written)).toEqual([])
})
