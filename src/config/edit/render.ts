// Values as YAML. Text stands without quotes only where no reader could take it for anything else.
import { isList, isMapping, type Written, type WrittenMap } from './written.ts'

/** How a document is laid out. */
export interface Layout {
  /** By how many columns a mapping stands further in than what it is in. */
  readonly step: number
  /** The same for a list in a mapping. */
  readonly listStep: number
}

export type Quotes = 'double' | 'single' | undefined

type ScalarValue = string | number | boolean | null

/** Words and paths, in any number; not at the end of it: what begins a value, or a comment. */
const plain = /^[A-Za-z_/](?:[A-Za-z0-9_./@+=-]| (?=[A-Za-z0-9_/])|:(?=[A-Za-z0-9_/]))*$/
const network = /^\d{1,3}(?:\.\d{1,3}){3}(?:\/\d{1,2})?$/
const quantity = /^\d{1,15}(?:ms|s|m|h|KiB|MiB|kB)$/
/** Of YAML 1.1 too: other readers of the file may be older. */
const otherType = /^(?:true|false|null|yes|no|on|off|y|n)$/i
/** Characters that only an escape between double quotes keeps as they are. */
const escaped = /[\0-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\p{Cs}/u
const escapedButLineFeed = /[\0-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\p{Cs}/u

/** In one line, fit for a block and between brackets. */
export function renderInline(value: Written, quotes?: Quotes): string {
  if (isList(value)) return `[${value.map((one) => renderInline(one)).join(', ')}]`
  if (isMapping(value)) {
    const pairs = Object.entries(value).map(
      ([key, one]) => `${renderKey(key)}: ${renderInline(one)}`,
    )
    return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`
  }
  return renderScalar(value, quotes)
}

function renderScalar(value: ScalarValue, quotes: Quotes): string {
  if (typeof value === 'number') return renderNumber(value)
  if (typeof value !== 'string') return String(value)
  const isPlain =
    (plain.test(value) && !otherType.test(value)) || network.test(value) || quantity.test(value)
  if (isPlain && quotes === undefined) return value
  const isReadableSingly = !escaped.test(value)
  const wantsSingle = quotes === 'single' || (quotes === undefined && /["\\]/.test(value))
  return isReadableSingly && wantsSingle ? `'${value.replaceAll("'", "''")}'` : inJson(value)
}

function renderNumber(value: number): string {
  if (Number.isNaN(value)) return '.nan'
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf'
  return Object.is(value, -0) ? '-0.0' : String(value)
}

function inJson(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

export function renderKey(key: string): string {
  return renderScalar(key, undefined)
}

/** Whether it stands in one line, behind its key. */
export function isInline(value: Written): boolean {
  if (isList(value)) return value.length === 0
  if (isMapping(value)) return Object.keys(value).length === 0
  return typeof value !== 'string' || renderLiteral(value) === undefined
}

/** A block scalar: its header, and its lines without indentation; undefined: it is none. */
export function renderLiteral(
  text: string,
): { readonly header: string; readonly lines: readonly string[] } | undefined {
  if (!text.includes('\n')) return undefined
  return renderForcedLiteral(text)
}

/** As `renderLiteral`, for text of one line too. */
export function renderForcedLiteral(
  text: string,
): { readonly header: string; readonly lines: readonly string[] } | undefined {
  if (escapedButLineFeed.test(text) || !/^[^\s#]/.test(text)) return undefined
  // What ends in several line ends, or in blanks, depends on what stands behind it.
  if (/\s$/.test(text.replace(/\n$/, ''))) return undefined
  const isEnded = text.endsWith('\n')
  return { header: isEnded ? '|' : '|-', lines: text.replace(/\n$/, '').split('\n') }
}

/** A collection that is not empty, as lines that begin in the first column. */
export function renderBlock(value: Written, layout: Layout): readonly string[] {
  if (isList(value)) {
    return value.flatMap((one) => hang('- ', renderEntry(one, layout)))
  }
  if (isMapping(value)) return renderMapping(value, layout)
  return [renderInline(value)]
}

/** An entry of a list, the first line of which stands behind the dash. */
function renderEntry(value: Written, layout: Layout): readonly string[] {
  if (isInline(value)) return [renderInline(value)]
  if (typeof value === 'string') return literalLines(value, 2)
  return renderBlock(value, layout)
}

function renderMapping(value: WrittenMap, layout: Layout): readonly string[] {
  return Object.entries(value).flatMap(([key, one]) => renderPair(key, one, layout))
}

export function renderPair(key: string, value: Written, layout: Layout): readonly string[] {
  const name = `${renderKey(key)}:`
  if (isInline(value)) return [`${name} ${renderInline(value)}`]
  if (typeof value === 'string') {
    const [header = '', ...lines] = literalLines(value, layout.step)
    return [`${name} ${header}`, ...lines]
  }
  const by = isList(value) ? layout.listStep : layout.step
  return [name, ...indent(renderBlock(value, layout), by)]
}

function literalLines(text: string, by: number): readonly string[] {
  const literal = renderLiteral(text)
  return literal === undefined ? [inJson(text)] : [literal.header, ...indent(literal.lines, by)]
}

export function indent(lines: readonly string[], by: number): readonly string[] {
  return lines.map((line) => (line === '' ? '' : `${' '.repeat(by)}${line}`))
}

function hang(mark: string, [first = '', ...rest]: readonly string[]): readonly string[] {
  return [`${mark}${first}`, ...indent(rest, mark.length)]
}
