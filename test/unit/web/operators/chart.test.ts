import { describe, expect, test } from 'vitest'
import { chart, mostLines, niceLimit } from '../../../../src/web/operators/chart.ts'
import { pointsOf } from '../../../../src/web/operators/statistics-page.ts'

async function drawn(values: readonly (number | undefined)[], more: object = {}): Promise<string> {
  const parts = { id: 'x', title: 'T <b>', description: 'D', write: String, from: 'a', to: 'b' }
  return (await chart({ ...parts, lines: [{ label: 'L <i>', values }], ...more })).toString()
}

const pathIn = (svg: string) => /class="line-0"\s+d="(M[^"]*)"/.exec(svg)?.[1]

describe('a chart', () => {
  test('is named and described, and escapes what it is called', async () => {
    const svg = await drawn([1])
    expect(svg).toContain('aria-labelledby="x-title x-text"')
    expect(svg).toContain('<desc id="x-text">D</desc>')
    expect(svg).toContain('L &lt;i&gt;')
    expect(svg).not.toMatch(/<b>|<i>|style=/)
  })

  test('runs from left to right, and the most is at the top', async () => {
    expect(pathIn(await drawn([0, 5, 10]))).toBe('M64 172L346 92L628 12')
  })

  test('is broken where there is nothing, and a value alone is seen', async () => {
    expect(pathIn(await drawn([10, undefined, 10, 0]))).toBe('M64 12h1M440 12L628 172')
    expect(await drawn([undefined, undefined])).toMatch(/class="line-0"\s+d=""/)
  })

  test('tells lines apart by more than colours, and has no more than that', async () => {
    const lines = Array.from({ length: 8 }, (_, index) => ({ label: `l${index}`, values: [index] }))
    const svg = await drawn([], { lines })
    const dashes = [...svg.matchAll(/class="line-\d" d="[^"]*" stroke-dasharray="([^"]*)"/g)]
    expect(new Set(dashes.map(([, dash]) => dash)).size).toBe(mostLines)
    expect(svg).not.toContain('l5')
  })

  test.each([
    [0, 1],
    [1, 1],
    [3, 4],
    [4.1, 5],
    [70, 100],
    [0.03, 0.04],
    [Number.NaN, 1],
  ])('of at most %d has an axis up to %d', (most, limit) => {
    expect(niceLimit(most)).toBeCloseTo(limit, 9)
  })
})

test('there is a point for each step until now, whether something is known of it or not', () => {
  const interval = { at: 65, admitted: 1, abandoned: 0, sessions: 1, refused: {}, durations: [] }
  const points = pointsOf([interval, { ...interval, at: 61 }], { stepMs: 10, steps: 4 }, 89)
  expect(points.map(({ at }) => at)).toEqual([50, 60, 70, 80])
  expect(points.map((one) => one.interval?.admitted)).toEqual([undefined, 2, undefined, undefined])
})
