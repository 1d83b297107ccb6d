// The fewest changes of a text that make one value another: what stays the same is not touched.
import { isList, isMapping, isSame, type Written, type WrittenPath } from './written.ts'

/** Puts a value at a place, or at the end of a list; or takes away what is there. */
export type Step =
  | { readonly kind: 'put'; readonly path: WrittenPath; readonly value: Written }
  | { readonly kind: 'remove'; readonly path: WrittenPath }

export function stepsBetween(
  before: Written | undefined,
  after: Written,
  path: WrittenPath,
): readonly Step[] {
  if (before !== undefined && isSame(before, after)) return []
  if (isMapping(before) && isMapping(after)) return stepsOfMapping(before, after, path)
  if (isList(before) && isList(after)) return stepsOfList(before, after, path)
  return [{ kind: 'put', path, value: after }]
}

/** Added before others are removed, so that a mapping never loses all it has on the way. */
function stepsOfMapping(
  before: Readonly<Record<string, Written>>,
  after: Readonly<Record<string, Written>>,
  path: WrittenPath,
): readonly Step[] {
  const put = Object.entries(after).flatMap(([key, value]) =>
    stepsBetween(Object.hasOwn(before, key) ? before[key] : undefined, value, [...path, key]),
  )
  const gone = Object.keys(before).filter((key) => !Object.hasOwn(after, key))
  return [...put, ...gone.map((key): Step => ({ kind: 'remove', path: [...path, key] }))]
}

function stepsOfList(
  before: readonly Written[],
  after: readonly Written[],
  path: WrittenPath,
): readonly Step[] {
  const shorter = Math.min(before.length, after.length)
  let head = 0
  while (head < shorter && isSame(before[head], after[head])) head++
  let tail = 0
  const isSameTail = (): boolean =>
    isSame(before[before.length - 1 - tail], after[after.length - 1 - tail])
  while (tail < shorter - head && isSameTail()) tail++
  // There is no step that inserts: then everything behind is written anew.
  if (after.length > before.length) tail = 0
  const changed = after.slice(head, after.length - tail).flatMap((value, index) => {
    const at = head + index
    return stepsBetween(before[at], value, [...path, at])
  })
  const kept = after.length - tail
  const extra = before.length - tail - kept
  const gone = Array.from({ length: Math.max(0, extra) }, (_, index): Step => ({
    kind: 'remove',
    path: [...path, kept + extra - 1 - index],
  }))
  return [...changed, ...gone]
}
