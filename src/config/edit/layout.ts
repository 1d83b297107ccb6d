// Where things stand in the text of a document.
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'
import { EditRefused } from './edit-refused.ts'
import type { Layout } from './render.ts'

/** The first of them. */
export function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1
}

/** Behind the line end, or the end of the text. */
export function nextLine(text: string, offset: number): number {
  const end = text.indexOf('\n', offset)
  return end === -1 ? text.length : end + 1
}

/** Behind what is written in the line, comments included. */
export function lineEnd(text: string, offset: number): number {
  const next = nextLine(text, offset)
  if (text[next - 1] !== '\n' || next === offset) return next
  return text[next - 2] === '\r' ? next - 2 : next - 1
}

export function columnOf(text: string, offset: number): number {
  return offset - lineStart(text, offset)
}

export function isFirstInLine(text: string, offset: number): boolean {
  return text.slice(lineStart(text, offset), offset).trim() === ''
}

export function rangeOf(node: Node): readonly [number, number] {
  const range = node.range
  if (!range) throw unusual()
  return [range[0], range[1]]
}

export function unusual(): EditRefused {
  return new EditRefused(
    'the file has this written in a way that is not changed from here: edit the file',
  )
}

export function isFlow(node: unknown): boolean {
  return (isMap(node) || isSeq(node)) && node.flow === true
}

/** No value at all is written. */
export function isAbsent(node: unknown): boolean {
  if (node === null || node === undefined) return true
  return isScalar(node) && node.value === null && isEmptyRange(node)
}

function isEmptyRange({ range }: Node): boolean {
  return range === null || range === undefined || range[0] === range[1]
}

export function isBlockScalar(node: unknown): boolean {
  return isScalar(node) && (node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED')
}

export function keyOf(pair: Pair): Node {
  if (!isScalar(pair.key)) throw unusual()
  return pair.key
}

export function nameOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : ''
}

interface Marked {
  readonly srcToken?: unknown
}

interface Mark {
  readonly type: string
  readonly offset: number
  readonly source: string
}

/** Behind the colon of a pair; undefined: it has none. */
export function behindColon(pair: Pair): number | undefined {
  const { sep = [] } = ((pair as Marked).srcToken ?? {}) as { sep?: readonly Mark[] }
  const colon = sep.find(({ type }) => type === 'map-value-ind')
  return colon && colon.offset + 1
}

/** Behind the dash of an entry. */
export function behindDash(list: YAMLSeq, index: number): number {
  const { items = [] } = ((list as Marked).srcToken ?? {}) as {
    items?: readonly { readonly start: readonly Mark[] }[]
  }
  // What stands behind the last entry may be an item of the text without one.
  const dashes = items.flatMap(({ start }) => start.filter(({ type }) => type === 'seq-item-ind'))
  const dash = dashes[index]
  if (dash === undefined) throw unusual()
  return dash.offset + 1
}

/** Behind what a pair has written, without comments. */
export function endOfPair(pair: Pair): number {
  if (!isAbsent(pair.value)) return endOf(pair.value as Node)
  return behindColon(pair) ?? rangeOf(keyOf(pair))[1]
}

/** Behind what a value has written, without comments. */
export function endOf(node: Node): number {
  if (isScalar(node) || isAlias(node) || isFlow(node)) return rangeOf(node)[1]
  if (isMap(node)) return endOfPair(last(node.items))
  if (isSeq(node)) return endOfEntry(node, node.items.length - 1)
  throw unusual()
}

export function endOfEntry(list: YAMLSeq, index: number): number {
  const item = list.items[index]
  return isAbsent(item) ? behindDash(list, index) : endOf(item as Node)
}

/** Where a block collection begins: its first key, or its first dash. */
export function startOf(node: YAMLMap | YAMLSeq): number {
  return isMap(node) ? rangeOf(keyOf(first(node.items)))[0] : behindDash(node, 0) - 1
}

export function first<T>(items: readonly T[]): T {
  const [one] = items
  if (one === undefined) throw unusual()
  return one
}

function last<T>(items: readonly T[]): T {
  const one = items.at(-1)
  if (one === undefined) throw unusual()
  return one
}

const usualStep = 2
const mostSteps = 8

/** As most of the document has it. */
export function layoutOf(text: string, root: unknown): Layout {
  let step: number | undefined
  let listStep: number | undefined
  const look = (node: unknown): void => {
    if (isFlow(node) || (step !== undefined && listStep !== undefined)) return
    if (isSeq(node)) node.items.forEach(look)
    if (!isMap(node)) return
    for (const pair of node.items) {
      const { value } = pair
      if ((isMap(value) || isSeq(value)) && !isFlow(value) && value.items.length > 0) {
        const by = columnOf(text, startOf(value)) - columnOf(text, rangeOf(keyOf(pair))[0])
        if (isMap(value) && by > 0) step ??= by
        if (isSeq(value)) listStep ??= by
      }
      look(value)
    }
  }
  look(root)
  const chosen = Math.min(step ?? usualStep, mostSteps)
  return { step: chosen, listStep: Math.min(listStep ?? chosen, mostSteps) }
}
