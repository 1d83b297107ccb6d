import type { RefusedLogin } from './refused-login.ts'
import type { RefusalSource } from './search-audit.ts'

/** What a process remembers was seen by it a moment before or after it was recorded. */
const leadMs = 2_000

/**
 * What is recorded, and what is remembered besides, such as by other replicas. What is in both comes out once, as it
 * was recorded.
 */
export function unitedSource(recorded: RefusalSource, remembered: RefusalSource): RefusalSource {
  return {
    newestFirst: (search) =>
      merged(recorded.newestFirst(search), remembered.newestFirst(search), isNewer),
    oldestFirst: (search) =>
      merged(recorded.oldestFirst(search), remembered.oldestFirst(search), isOlder),
  }
}

type Order = (recorded: RefusedLogin, remembered: RefusedLogin) => boolean

const isNewer: Order = (recorded, remembered) => recorded.atMs > remembered.atMs - leadMs
const isOlder: Order = (recorded, remembered) => recorded.atMs < remembered.atMs + leadMs

async function* merged(
  recorded: ReturnType<RefusalSource[keyof RefusalSource]>,
  remembered: ReturnType<RefusalSource[keyof RefusalSource]>,
  isFirst: Order,
): AsyncGenerator<RefusedLogin> {
  const waiting: RefusedLogin[] = []
  for await (const one of remembered) waiting.push(one)
  const known = new Set(waiting.map(({ session }) => session))
  const told = new Set<string>()
  const isNew = ({ session }: RefusedLogin): boolean => {
    // Of those that are in one place alone nothing needs to be kept.
    if (!known.has(session)) return true
    const isFirstTime = !told.has(session)
    told.add(session)
    return isFirstTime
  }
  for await (const one of recorded) {
    for (let next = waiting[0]; next !== undefined && !isFirst(one, next); next = waiting[0]) {
      waiting.shift()
      if (isNew(next)) yield next
    }
    if (isNew(one)) yield one
  }
  for (const one of waiting) if (isNew(one)) yield one
}
