import type { UpstreamHost, UpstreamTarget } from './target.ts'

interface Knowledge {
  readonly isFailing: (host: UpstreamHost) => boolean
  /** Whether it was another kind of server than wanted when it was last asked. */
  readonly isUnwanted: (host: UpstreamHost) => boolean
  readonly random: () => number
}

/**
 * The hosts in the order in which a login tries them: those that failed a moment ago last, and before them
 * those that were of another kind. None is left out, since all of that may have changed.
 */
export function orderHosts(
  { hosts, isBalanced }: Pick<UpstreamTarget, 'hosts' | 'isBalanced'>,
  { isFailing, isUnwanted, random }: Knowledge,
): readonly UpstreamHost[] {
  const [only, ...others] = hosts
  if (only === undefined || others.length === 0) return hosts
  const rank = (host: UpstreamHost): number =>
    (isFailing(host) ? 2 : 0) + (isUnwanted(host) ? 1 : 0)
  return inRankOrder(isBalanced ? shuffled(hosts, random) : hosts, rank)
}

/** Stable: what has the same rank keeps its order. */
export function inRankOrder<T>(items: readonly T[], rank: (item: T) => number): readonly T[] {
  const ranked = items.map((item) => ({ item, rank: rank(item) }))
  return ranked.toSorted((a, b) => a.rank - b.rank).map(({ item }) => item)
}

/** Fisher and Yates: every order is as likely as any other. */
export function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  const left = [...items]
  const drawn: T[] = []
  while (left.length > 0) drawn.push(...left.splice(Math.floor(random() * left.length), 1))
  return drawn
}

const firstWaitMs = 100
const longestWaitMs = 1_000

/** How long to wait before all hosts are tried once more. Half of it is chance, so that not all come at once. */
export function retryDelayMs(retry: number, random: () => number): number {
  const longest = Math.min(firstWaitMs * 2 ** retry, longestWaitMs)
  return longest * (0.5 + random() / 2)
}
