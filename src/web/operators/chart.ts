// Lines over time as SVG, which is told apart by dashes and names and not by colours alone.
import { html } from 'hono/html'
import type { Html } from '../layout/html.ts'

export interface Line {
  readonly label: string
  /** Undefined: there is nothing to draw. */
  readonly values: readonly (number | undefined)[]
}

export interface Chart {
  readonly id: string
  readonly title: string
  /** What is in it, for whoever does not see it. */
  readonly description: string
  readonly lines: readonly Line[]
  /** How a value is written at the axis. */
  readonly write: (value: number) => string
  /** Below the first and the last value. */
  readonly from: string
  readonly to: string
}

const [width, height] = [640, 200]
const [left, top, right, bottom] = [64, 12, 12, 28]
const dashes = ['', '7 4', '2 4', '10 3 2 3', '4 2'] as const

/** As many lines as can be told apart. */
export const mostLines = dashes.length

export function chart({ id, title, description, lines, write, from, to }: Chart): Html {
  const drawn = lines.slice(0, mostLines)
  const most = niceLimit(
    Math.max(0, ...drawn.flatMap(({ values }) => values.map((one) => one ?? 0))),
  )
  const floor = height - bottom
  const y = (value: number): number => round(floor - (value / most) * (floor - top))
  const grid = [0, most / 2, most].map(
    (value): Html =>
      html`<line
          class="grid"
          x1="${left}"
          x2="${width - right}"
          y1="${y(value)}"
          y2="${y(value)}"
        />
        <text x="${left - 8}" y="${y(value) + 4}" text-anchor="end">${write(value)}</text>`,
  )
  const paths = drawn.map(
    ({ values }, index): Html =>
      html`<path
        class="line-${index}"
        d="${pathOf(values, y)}"
        stroke-dasharray="${dashes[index] ?? ''}"
      />`,
  )
  const names = drawn.map(
    ({ label }, index): Html =>
      html`<li>
        <svg class="chart-key" width="36" height="10" aria-hidden="true" focusable="false">
          <path class="line-${index}" d="M0 5H36" stroke-dasharray="${dashes[index] ?? ''}" />
        </svg>
        ${label}
      </li>`,
  )
  return html`<figure class="chart">
    <figcaption>${title}</figcaption>
    <svg
      viewBox="0 0 ${width} ${height}"
      role="img"
      aria-labelledby="${id}-title ${id}-text"
      focusable="false"
    >
      <title id="${id}-title">${title}</title>
      <desc id="${id}-text">${description}</desc>
      ${grid} ${paths}
      <text x="${left}" y="${height - 8}">${from}</text>
      <text x="${width - right}" y="${height - 8}" text-anchor="end">${to}</text>
    </svg>
    <ul class="chart-keys">
      ${names}
    </ul>
  </figure>`
}

/** Where there is nothing the line is broken; a value that stands alone is a dot. */
function pathOf(values: Line['values'], y: (value: number) => number): string {
  const step = (width - left - right) / Math.max(1, values.length - 1)
  let path = ''
  let isBroken = true
  for (const [index, value] of values.entries()) {
    if (value === undefined) {
      isBroken = true
      continue
    }
    const isAlone = isBroken && values[index + 1] === undefined
    path += `${isBroken ? 'M' : 'L'}${round(left + index * step)} ${y(value)}${isAlone ? 'h1' : ''}`
    isBroken = false
  }
  return path
}

/** 1, 2, 4, 5 or 10 times a power of ten: half of it is a number that is read at a glance. */
export function niceLimit(value: number): number {
  if (!(value > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  const factor = [1, 2, 4, 5, 10].find((one) => one * power >= value) ?? 10
  return factor * power
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
