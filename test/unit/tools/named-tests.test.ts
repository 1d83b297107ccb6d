import { describe, expect, test } from 'vitest'
import { missingTests } from '../../../tools/named-tests.ts'
import type { TestTitle } from '../../../tools/test-titles.ts'

const titles: readonly TestTitle[] = [
  { file: 'a.test.ts', source: '', path: ['a token', 'is refused'] },
  { file: 'b.test.ts', source: `['empty', 5]`, path: ['an %s audience of %d is refused'] },
  { file: 'c.test.ts', source: '', path: ['semicolons; are kept', 'a | too'] },
]

function problemsOf(...cells: readonly string[]): readonly string[] {
  const rows = cells.map((cell) => `| what | ${cell} |`)
  return missingTests(['| requirement | test |', '|---|---|', ...rows, ''].join('\n'), titles)
}

describe('a test that a page names', () => {
  test.each([
    'is refused',
    'a token > is refused',
    'a token is refused',
    '`is refused`',
    'is refused<br>a token is refused',
    'is refused; a token > is refused',
    'an %s audience of %d is refused',
    'an empty audience of 5 is refused',
    String.raw`a \| too`,
    String.raw`semicolons; are kept > a \| too`,
  ])('is there: %s', (cell) => {
    expect(problemsOf(cell)).toEqual([])
  })

  test.each([
    ['is accepted', 'line 3: there is no test "is accepted"'],
    ['refused', 'line 3: there is no test "refused"'],
    ['a token', 'line 3: there is no test "a token"'],
    ['is refused<br>is accepted', 'line 3: there is no test "is accepted"'],
    [
      'an odd audience of 5 is refused',
      'line 3: there is no test "an odd audience of 5 is refused"',
    ],
    ['', 'line 3: no test is named'],
  ])('is missed: %s', (cell, problem) => {
    expect(problemsOf(cell)).toEqual([problem])
  })

  test('is looked for in the tables that are about tests, of which there has to be one', () => {
    const other = '| key | type |\n|---|---|\n| a | b |\n'
    expect(missingTests(other, titles)).toEqual(['no table names a test'])
    expect(
      missingTests(`${other}\n| what | tests |\n|:--|--:|\n| x | is refused |\n`, titles),
    ).toEqual([])
  })
})
