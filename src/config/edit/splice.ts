// One change of the text of a YAML document: everything else of it stays as it is, byte for byte.
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'
import { EditRefused } from './edit-refused.ts'
import {
  behindColon,
  behindDash,
  columnOf,
  endOf,
  endOfEntry,
  endOfPair,
  first,
  isAbsent,
  isBlockScalar,
  isFirstInLine,
  isFlow,
  keyOf,
  layoutOf,
  lineEnd,
  lineStart,
  nameOf,
  nextLine,
  rangeOf,
  startOf,
  unusual,
} from './layout.ts'
import {
  indent,
  isInline,
  type Layout,
  type Quotes,
  renderBlock,
  renderForcedLiteral,
  renderInline,
  renderKey,
  renderLiteral,
  renderPair,
} from './render.ts'
import type { Step } from './steps.ts'
import type { Written, WrittenPath } from './written.ts'

/** What holds a value: the document, a pair of a mapping, or an entry of a list. */
type Holder =
  | { readonly kind: 'root' }
  | { readonly kind: 'pair'; readonly map: YAMLMap; readonly index: number; readonly pair: Pair }
  | { readonly kind: 'entry'; readonly list: YAMLSeq; readonly index: number }

/** Replaces `[from, to)`. */
interface Cut {
  readonly from: number
  readonly to: number
  /** Its line ends are made those of the document. */
  readonly by: string
}

/** Throws an `EditRefused`. */
export function applyStep(text: string, step: Step, lineBreak: string): string {
  const document = parseDocument(text, {
    keepSourceTokens: true,
    schema: 'core',
    stringKeys: true,
    uniqueKeys: false,
    resolveKnownTags: false,
    prettyErrors: false,
    logLevel: 'error',
  })
  if (document.errors.length > 0) throw new EditRefused('the file is no YAML')
  const cuts = new Splicer(text, document).cutsFor(step)
  return [...cuts]
    .sort((one, other) => other.from - one.from)
    .reduce(
      (at, { from, to, by }) => at.slice(0, from) + by.replaceAll('\n', lineBreak) + at.slice(to),
      text,
    )
}

class Splicer {
  readonly #text: string
  readonly #document: Document
  readonly #layout: Layout

  constructor(text: string, document: Document) {
    this.#text = text
    this.#document = document
    this.#layout = layoutOf(text, document.contents)
  }

  cutsFor(step: Step): readonly Cut[] {
    return step.kind === 'put' ? this.#put(step.path, step.value) : this.#remove(step.path)
  }

  #put(path: WrittenPath, value: Written): readonly Cut[] {
    let holder: Holder = { kind: 'root' }
    let node: unknown = this.#document.contents
    let isInFlow = false
    for (const [depth, step] of path.entries()) {
      guard(node)
      const wanted = (): Written => wrap(value, path.slice(depth + 1))
      if (isHollow(node))
        return this.#replace(holder, node, wrap(value, path.slice(depth)), isInFlow)
      isInFlow ||= isFlow(node)
      if (isMap(node) && typeof step === 'string') {
        const index = node.items.findIndex((pair) => nameOf(pair) === step)
        const pair = node.items[index]
        if (pair === undefined) return this.#insertPair(node, step, wanted(), isInFlow)
        holder = { kind: 'pair', map: node, index, pair }
        node = pair.value
      } else if (isSeq(node) && typeof step === 'number') {
        if (step === node.items.length) return this.#append(node, wanted(), isInFlow)
        holder = { kind: 'entry', list: node, index: step }
        node = node.items[step]
      } else throw unusual()
    }
    guardWhole(node)
    return this.#replace(holder, node, value, isInFlow)
  }

  #replace(holder: Holder, node: unknown, value: Written, isInFlow: boolean): readonly Cut[] {
    if (isInFlow) return this.#replaceInFlow(holder, node, value)
    if (isAbsent(node)) return this.#fill(holder, value)
    if (!isNode(node)) throw unusual()
    if (isBlockScalar(node)) return this.#replaceBlockScalar(holder, node, value)
    if ((isMap(node) || isSeq(node)) && !isFlow(node))
      return this.#replaceBlock(holder, node, value)
    return this.#replaceLine(holder, node, value)
  }

  #replaceInFlow(holder: Holder, node: unknown, value: Written): readonly Cut[] {
    const rendered = renderInline(value, quotesOf(node))
    if (isNode(node) && !isAbsent(node)) return [replacing(rangeOf(node), rendered)]
    if (holder.kind !== 'pair') throw unusual()
    const colon = behindColon(holder.pair)
    if (colon !== undefined) return [inserting(colon, ` ${rendered}`)]
    return [inserting(rangeOf(keyOf(holder.pair))[1], `: ${rendered}`)]
  }

  /** Puts a value where there is none. */
  #fill(holder: Holder, value: Written): readonly Cut[] {
    if (holder.kind === 'root')
      return [this.#lines(this.#text.length, renderBlock(value, this.#layout))]
    const at = this.#behindMark(holder)
    if (isInline(value)) return [inserting(at, ` ${renderInline(value)}`)]
    return this.#hangBlock(holder, at, at, value)
  }

  /** What stands in the line of its key or dash, or in lines of its own, and is no block. */
  #replaceLine(holder: Holder, node: Node, value: Written): readonly Cut[] {
    const [from, to] = rangeOf(node)
    const wasCollection = isMap(node) || isSeq(node)
    const staysFlow = wasCollection && !isHollow(node)
    if (isInline(value) || staysFlow)
      return [replacing([from, to], renderInline(value, quotesOf(node)))]
    if (holder.kind === 'root') {
      return [replacing([from, to], renderBlock(value, this.#layout).join('\n'))]
    }
    const mark = this.#behindMark(holder)
    return this.#hangBlock(holder, from < mark ? mark : from, to, value)
  }

  /** Takes `[from, to)` away and puts a block under the key, or behind the dash. */
  #hangBlock(holder: Holder, from: number, to: number, value: Written): readonly Cut[] {
    if (holder.kind === 'root') throw unusual()
    const { header, lines } = this.#blockFor(holder, value)
    // A comment behind it is about all of it: it stays in the line of the dash.
    const hasComment = this.#text.slice(to, lineEnd(this.#text, to)).includes('#')
    if (holder.kind === 'entry' && header === undefined && !hasComment) {
      const [firstLine = '', ...rest] = lines
      return [replacing([from, to], [` ${firstLine.trimStart()}`, ...rest].join('\n'), this.#text)]
    }
    const shown = header ?? ''
    const cut = replacing([from, to], shown, this.#text)
    return [
      shown === '' ? this.#trimBefore(cut) : cut,
      this.#lines(nextLine(this.#text, to), lines),
    ]
  }

  /** Without the blanks in front of what is taken away, where nothing else comes behind it. */
  #trimBefore({ from, to, by }: Cut): Cut {
    const isLast = this.#text.slice(to, lineEnd(this.#text, to)).trim() === ''
    if (!isLast) return { from, to, by }
    const blanks = /[ \t]*$/.exec(this.#text.slice(0, from))?.[0].length ?? 0
    return { from: from - blanks, to: lineEnd(this.#text, to), by }
  }

  #blockFor(
    holder: Exclude<Holder, { kind: 'root' }>,
    value: Written,
  ): { readonly header: string | undefined; readonly lines: readonly string[] } {
    const column = this.#columnOf(holder)
    const { step, listStep } = this.#layout
    if (typeof value === 'string') {
      const literal = renderLiteral(value)
      if (literal === undefined) throw unusual()
      return { header: literal.header, lines: indent(literal.lines, column + step) }
    }
    const isEntry = holder.kind === 'entry'
    const by = isEntry ? 2 : Array.isArray(value) ? listStep : step
    return { header: undefined, lines: indent(renderBlock(value, this.#layout), column + by) }
  }

  #replaceBlockScalar(holder: Holder, node: Node, value: Written): readonly Cut[] {
    if (holder.kind === 'root') throw unusual()
    const [from, to] = rangeOf(node)
    const headerEnd = lineEnd(this.#text, from)
    const comment = /\s#.*$/.exec(this.#text.slice(from, headerEnd))?.[0] ?? ''
    const body = nextLine(this.#text, from)
    const literal = typeof value === 'string' ? renderForcedLiteral(value) : undefined
    if (literal !== undefined) {
      const written = /^[ \t]*(?=\S)/m.exec(this.#text.slice(body, to))?.[0].length
      const by =
        written === undefined || written === 0
          ? this.#columnOf(holder) + this.#layout.step
          : written
      const lines = indent(literal.lines, by).map((line) => `${line}\n`)
      return [replacing([from, to], `${literal.header}${comment}\n${lines.join('')}`)]
    }
    if (isInline(value)) return [replacing([from, to], `${renderInline(value)}${comment}\n`)]
    const { lines } = this.#blockFor(holder, value)
    return [
      replacing([from, to], `${comment.trimStart()}\n${lines.map((line) => `${line}\n`).join('')}`),
    ]
  }

  #replaceBlock(holder: Holder, node: YAMLMap | YAMLSeq, value: Written): readonly Cut[] {
    const from = startOf(node)
    const to = endOf(node)
    if (holder.kind === 'root') throw unusual()
    if (!isFirstInLine(this.#text, from)) {
      const rendered = isInline(value)
        ? renderInline(value)
        : indent(renderBlock(value, this.#layout), columnOf(this.#text, from))
            .join('\n')
            .trimStart()
      if (typeof value === 'string' && !isInline(value)) throw unusual()
      return [replacing([from, this.#behindLineEnd(to)], rendered)]
    }
    const taken = [lineStart(this.#text, from), this.#behindWholeLine(to)] as const
    const mark = this.#behindMark(holder)
    if (isInline(value)) return [inserting(mark, ` ${renderInline(value)}`), replacing(taken, '')]
    const { header, lines } = this.#blockFor(holder, value)
    const body = replacing(taken, lines.map((line) => `${line}\n`).join(''))
    return header === undefined ? [body] : [inserting(mark, ` ${header}`), body]
  }

  #insertPair(map: YAMLMap, key: string, value: Written, isInFlow: boolean): readonly Cut[] {
    const end = endOfPair(map.items.at(-1) ?? failing())
    if (isInFlow) return [inserting(end, `, ${renderKey(key)}: ${renderInline(value)}`)]
    const column = columnOf(this.#text, rangeOf(keyOf(first(map.items)))[0])
    return [this.#behind(end, indent(renderPair(key, value, this.#layout), column))]
  }

  #append(list: YAMLSeq, value: Written, isInFlow: boolean): readonly Cut[] {
    const end = endOfEntry(list, list.items.length - 1)
    if (isInFlow) return [inserting(end, `, ${renderInline(value)}`)]
    const column = columnOf(this.#text, startOf(list))
    return [this.#behind(end, indent(renderBlock([value], this.#layout), column))]
  }

  #remove(path: WrittenPath): readonly Cut[] {
    let holder: Holder = { kind: 'root' }
    let node: unknown = this.#document.contents
    let isInFlow = false
    for (const [depth, step] of path.entries()) {
      guard(node)
      isInFlow ||= isFlow(node)
      const isLast = depth === path.length - 1
      if (isMap(node)) {
        const index = node.items.findIndex((pair) => nameOf(pair) === step)
        const pair = node.items[index]
        if (pair === undefined) throw unusual()
        if (isLast) {
          guardWhole(pair.value)
          return isInFlow
            ? this.#removeFromFlow(node, index)
            : this.#removeFromBlock(holder, node, index)
        }
        holder = { kind: 'pair', map: node, index, pair }
        node = pair.value
      } else if (isSeq(node) && typeof step === 'number') {
        if (step >= node.items.length) throw unusual()
        if (isLast) {
          guardWhole(node.items[step])
          return isInFlow
            ? this.#removeFromFlow(node, step)
            : this.#removeFromBlock(holder, node, step)
        }
        holder = { kind: 'entry', list: node, index: step }
        node = node.items[step]
      } else throw unusual()
    }
    throw unusual()
  }

  #removeFromFlow(collection: YAMLMap | YAMLSeq, index: number): readonly Cut[] {
    const [from, to] = this.#bounds(collection, index)
    if (collection.items.length === 1) {
      const [opening, closing] = rangeOf(collection)
      return [this.#dropping([opening + 1, closing - 1], [from, to])]
    }
    if (index + 1 < collection.items.length) {
      return [this.#dropping([from, this.#bounds(collection, index + 1)[0]], [from, to])]
    }
    return [this.#dropping([this.#bounds(collection, index - 1)[1], to], [from, to])]
  }

  /** Takes the outer range away; a comment in it that is not of the inner one must stay. */
  #dropping(outer: readonly [number, number], inner: readonly [number, number]): Cut {
    const around = this.#text.slice(outer[0], inner[0]) + this.#text.slice(inner[1], outer[1])
    if (around.includes('#')) throw unusual()
    return replacing(outer, '')
  }

  #removeFromBlock(holder: Holder, collection: YAMLMap | YAMLSeq, index: number): readonly Cut[] {
    const [from, to] = this.#bounds(collection, index)
    const text = this.#text
    if (collection.items.length === 1 && holder.kind !== 'root') {
      const empty = isMap(collection) ? '{}' : '[]'
      if (!isFirstInLine(text, from)) return [replacing([from, this.#behindLineEnd(to)], empty)]
      const taken = replacing([lineStart(text, from), this.#behindWholeLine(to)], '')
      return [inserting(this.#behindMark(holder), ` ${empty}`), taken]
    }
    if (isFirstInLine(text, from)) {
      const begin = index === 0 ? lineStart(text, from) : this.#withCommentsAbove(from)
      return [replacing([begin, this.#behindWholeLine(to)], '')]
    }
    // Behind a dash: what comes next takes its place, as it is in the same column.
    const [next] = this.#bounds(collection, index + 1)
    if (index !== 0 || !text.slice(to, next).includes('#')) return [replacing([from, next], '')]
    return [this.#trimBefore(replacing([from, lineEnd(text, this.#behindLineEnd(to))], ''))]
  }

  #bounds(collection: YAMLMap | YAMLSeq, index: number): readonly [number, number] {
    if (isMap(collection)) {
      const pair = collection.items[index] ?? failing()
      return [rangeOf(keyOf(pair))[0], endOfPair(pair)]
    }
    if (isFlow(collection)) {
      const item = collection.items[index]
      if (!isNode(item)) throw unusual()
      return rangeOf(item)
    }
    return [behindDash(collection, index) - 1, endOfEntry(collection, index)]
  }

  /** Comments right above what is taken away are about it. */
  #withCommentsAbove(from: number): number {
    const column = columnOf(this.#text, from)
    let begin = lineStart(this.#text, from)
    while (begin > 0) {
      const above = lineStart(this.#text, begin - 1)
      const line = this.#text.slice(above, begin)
      if (line.search(/\S/) !== column || line[column] !== '#') break
      begin = above
    }
    return begin
  }

  #columnOf(holder: Exclude<Holder, { kind: 'root' }>): number {
    const at =
      holder.kind === 'pair'
        ? rangeOf(keyOf(holder.pair))[0]
        : behindDash(holder.list, holder.index) - 1
    return columnOf(this.#text, at)
  }

  #behindMark(holder: Holder): number {
    switch (holder.kind) {
      case 'root':
        throw unusual()
      case 'pair':
        return behindColon(holder.pair) ?? failing()
      case 'entry':
        return behindDash(holder.list, holder.index)
    }
  }

  /** A block scalar ends with its last line end, everything else within a line. */
  #behindLineEnd(end: number): number {
    if (this.#text[end - 1] !== '\n') return end
    return this.#text[end - 2] === '\r' ? end - 2 : end - 1
  }

  #behindWholeLine(end: number): number {
    return this.#text[end - 1] === '\n' ? end : nextLine(this.#text, end)
  }

  /** Puts lines behind the line in which something ends. */
  #behind(end: number, lines: readonly string[]): Cut {
    return this.#lines(this.#behindWholeLine(end), lines)
  }

  #lines(at: number, lines: readonly string[]): Cut {
    const isAtStart = at === 0 || this.#text[at - 1] === '\n'
    const block = lines.map((line) => `${line}\n`).join('')
    return inserting(at, isAtStart ? block : `\n${block}`)
  }
}

function replacing([from, to]: readonly [number, number], by: string, text?: string): Cut {
  // Behind a colon or a dash there is a blank.
  const isGlued = text !== undefined && by !== '' && /[:-]/.test(text[from - 1] ?? '')
  const isDoubled = text !== undefined && by.startsWith(' ') && /\s/.test(text[from - 1] ?? '')
  const fitting = isDoubled ? by.trimStart() : isGlued && !by.startsWith(' ') ? ` ${by}` : by
  return { from, to, by: fitting }
}

function inserting(at: number, by: string): Cut {
  return { from: at, to: at, by }
}

/** What stands for a mapping or list without anything in it. */
function isHollow(node: unknown): boolean {
  if (node === null || node === undefined) return true
  if (isScalar(node)) return node.value === null
  return (isMap(node) || isSeq(node)) && node.items.length === 0
}

function wrap(value: Written, path: WrittenPath): Written {
  return path.reduceRight<Written>((inside, step) => {
    if (typeof step === 'string') return { [step]: inside }
    if (step !== 0) throw unusual()
    return [inside]
  }, value)
}

/** Whether text has quotes is its author's choice. */
function quotesOf(node: unknown): Quotes {
  if (!isScalar(node) || typeof node.value !== 'string') return undefined
  if (node.type === 'QUOTE_DOUBLE') return 'double'
  return node.type === 'QUOTE_SINGLE' ? 'single' : undefined
}

const shared =
  'the file has this, or what it is in, in several places at once, by an anchor (&) and aliases (*): edit the file'

/** What has an anchor may stand elsewhere too; what is an alias does. */
function guard(node: unknown): void {
  if (isAlias(node)) throw new EditRefused(shared)
  if (!isNode(node)) return
  if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor !== undefined) {
    throw new EditRefused(shared)
  }
  if (node.tag?.startsWith('!') === true) throw unusual()
}

function guardWhole(node: unknown): void {
  if (!isNode(node)) return
  visit(node, {
    Node: (_, inside) => {
      guard(inside)
    },
  })
}

function failing(): never {
  throw unusual()
}
