// What changed between two texts, line by line (Myers' O(ND) algorithm).

export interface DiffLine {
  readonly kind: 'same' | 'added' | 'removed'
  readonly text: string
  /** Line numbers, from 1 on. */
  readonly before: number | undefined
  readonly after: number | undefined
}

/** Texts that differ in more are told as one that went and one that came. */
const maxDifferences = 400

export function diffLines(before: string, after: string): readonly DiffLine[] {
  const [old, fresh] = [linesOf(before), linesOf(after)]
  const isSame = (x: number, y: number): boolean => old[x] === fresh[y]
  let begin = 0
  while (begin < old.length && begin < fresh.length && isSame(begin, begin)) begin++
  let [oldEnd, freshEnd] = [old.length, fresh.length]
  while (oldEnd > begin && freshEnd > begin && isSame(oldEnd - 1, freshEnd - 1)) {
    oldEnd--
    freshEnd--
  }
  const same = (x: number, y: number): DiffLine => ({
    ...{ kind: 'same', text: old[x] ?? '', before: x + 1, after: y + 1 },
  })
  const middle = differ(old.slice(begin, oldEnd), fresh.slice(begin, freshEnd))
  return [
    ...old.slice(0, begin).map((_, index) => same(index, index)),
    ...middle.map((line) => ({
      ...line,
      before: line.before === undefined ? undefined : line.before + begin,
      after: line.after === undefined ? undefined : line.after + begin,
    })),
    ...old.slice(oldEnd).map((_, index) => same(oldEnd + index, freshEnd + index)),
  ]
}

/** Without those that are far from any change; `skipped` stands for how many. */
export function withContext(
  lines: readonly DiffLine[],
  context: number,
): readonly (DiffLine | { readonly kind: 'skipped'; readonly count: number })[] {
  const near = new Set<number>()
  for (const [index, { kind }] of lines.entries()) {
    if (kind === 'same') continue
    for (let at = index - context; at <= index + context; at++) near.add(at)
  }
  const shown: (DiffLine | { readonly kind: 'skipped'; readonly count: number })[] = []
  let count = 0
  const skip = (): void => {
    if (count > 0) shown.push({ kind: 'skipped', count })
    count = 0
  }
  for (const [index, line] of lines.entries()) {
    if (!near.has(index)) {
      count++
      continue
    }
    skip()
    shown.push(line)
  }
  skip()
  return shown
}

function linesOf(text: string): readonly string[] {
  const lines = text.split('\n')
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines
}

function differ(old: readonly string[], fresh: readonly string[]): readonly DiffLine[] {
  // By how many lines of the new text than of the old one we are ahead -> how far we are in the old one.
  let reached = new Map<number, number>([[1, 0]])
  const trace: Map<number, number>[] = []
  for (let differences = 0; differences <= maxDifferences; differences++) {
    trace.push(new Map(reached))
    const next = new Map(reached)
    for (let ahead = -differences; ahead <= differences; ahead += 2) {
      const isDown = comesDown(reached, ahead, differences)
      let x = isDown ? (reached.get(ahead + 1) ?? 0) : (reached.get(ahead - 1) ?? 0) + 1
      while (x < old.length && x - ahead < fresh.length && old[x] === fresh[x - ahead]) x++
      next.set(ahead, x)
      if (x >= old.length && x - ahead >= fresh.length) return walkBack(trace, old, fresh)
    }
    reached = next
  }
  return [
    ...old.map((text, x): DiffLine => removed(text, x)),
    ...fresh.map((text, y): DiffLine => added(text, y)),
  ]
}

function comesDown(
  reached: ReadonlyMap<number, number>,
  ahead: number,
  differences: number,
): boolean {
  if (ahead === -differences) return true
  if (ahead === differences) return false
  return (reached.get(ahead - 1) ?? 0) < (reached.get(ahead + 1) ?? 0)
}

function walkBack(
  trace: readonly ReadonlyMap<number, number>[],
  old: readonly string[],
  fresh: readonly string[],
): readonly DiffLine[] {
  const lines: DiffLine[] = []
  let [x, y] = [old.length, fresh.length]
  for (const [differences, reached] of [...trace.entries()].reverse()) {
    const ahead = x - y
    const before = comesDown(reached, ahead, differences) ? ahead + 1 : ahead - 1
    const [fromX, fromY] = [reached.get(before) ?? 0, (reached.get(before) ?? 0) - before]
    while (x > fromX && y > fromY) {
      x--
      y--
      lines.push({ kind: 'same', text: old[x] ?? '', before: x + 1, after: y + 1 })
    }
    if (differences === 0) break
    if (x === fromX) {
      y--
      lines.push(added(fresh[y] ?? '', y))
    } else {
      x--
      lines.push(removed(old[x] ?? '', x))
    }
  }
  return lines.reverse()
}

function removed(text: string, x: number): DiffLine {
  return { kind: 'removed', text, before: x + 1, after: undefined }
}

function added(text: string, y: number): DiffLine {
  return { kind: 'added', text, before: undefined, after: y + 1 }
}
