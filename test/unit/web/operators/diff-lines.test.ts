import { describe, expect, test } from 'vitest'
import { diffLines, withContext } from '../../../../src/web/operators/diff-lines.ts'

const signs = { same: ' ', added: '+', removed: '-' }

function shown(before: readonly string[], after: readonly string[]): readonly string[] {
  return diffLines(before.join('\n'), after.join('\n')).map(({ kind, text }) => signs[kind] + text)
}

describe('the difference of two texts', () => {
  test.each([
    ['nothing', ['a', 'b'], ['a', 'b'], [' a', ' b']],
    ['a line that came', ['a', 'c'], ['a', 'b', 'c'], [' a', '+b', ' c']],
    ['a line that went', ['a', 'b', 'c'], ['a', 'c'], [' a', '-b', ' c']],
    ['a line that is another', ['a', 'b', 'c'], ['a', 'x', 'c'], [' a', '-b', '+x', ' c']],
    ['everything', ['a'], ['b'], ['-a', '+b']],
    ['one at the end', ['a'], ['a', 'b'], [' a', '+b']],
    ['one at the beginning', ['b'], ['a', 'b'], ['+a', ' b']],
    [
      'several places',
      ['a', 'b', 'c', 'a', 'b', 'b', 'a'],
      ['c', 'b', 'a', 'b', 'a', 'c'],
      ['-a', '-b', ' c', '+b', ' a', ' b', '-b', ' a', '+c'],
    ],
  ])('of %s', (_, before, after, lines) => {
    expect(shown(before, after)).toEqual(lines)
  })

  test('has the line numbers of both', () => {
    const lines = diffLines('a\nb\nc\n', 'a\nx\nc\n')
    expect(lines.map(({ before, after }) => [before, after])).toEqual([
      [1, 1],
      [2, undefined],
      [undefined, 2],
      [3, 3],
    ])
  })

  test('gives both texts back, whatever they are', () => {
    let seed = 1
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647)
    for (let round = 0; round < 200; round++) {
      const text = () => Array.from({ length: random() % 30 }, () => `l${random() % 6}`)
      const [before, after] = [text(), text()]
      const lines = diffLines(
        before.map((one) => `${one}\n`).join(''),
        after.map((one) => `${one}\n`).join(''),
      )
      const of = (kind: string) =>
        lines.filter((one) => one.kind !== kind).map(({ text: one }) => one)
      expect(of('added')).toEqual(before)
      expect(of('removed')).toEqual(after)
    }
  })

  test('is one text for another where nearly nothing is the same', () => {
    const many = (sign: string) => Array.from({ length: 2_000 }, (_, index) => `${sign}${index}`)
    const lines = shown(['x', ...many('a')], ['x', ...many('b')])
    expect(lines).toHaveLength(4_001)
    expect(lines[1]).toBe('-a0')
    expect(lines[2_001]).toBe('+b0')
  })

  test('is shown with the lines around it, and says how many are left out', () => {
    const before = Array.from({ length: 20 }, (_, index) => `l${index}`)
    const after = before.with(10, 'x')
    const lines = withContext(diffLines(before.join('\n'), after.join('\n')), 1)
    expect(lines).toMatchObject([
      { kind: 'skipped', count: 9 },
      { kind: 'same', text: 'l9' },
      { kind: 'removed', text: 'l10' },
      { kind: 'added', text: 'x' },
      { kind: 'same', text: 'l11' },
      { kind: 'skipped', count: 8 },
    ])
  })
})
