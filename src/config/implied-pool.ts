import type { Config } from './config.ts'
import { quote } from './problem.ts'

/** What an operator hears when the pool that a node has by default goes, or comes, by a reload. */
export function describeImpliedPool(before: Config, after: Config): string | undefined {
  const { implied_pool: old } = before
  const { implied_pool: now } = after
  if (old === now) return undefined
  if (now !== undefined) {
    return `the node has its default pool ${quote(now)} again: no other that is enabled has a participant on it`
  }
  const others = Object.entries(after.connectivity_pools).filter(([, { participants }]) =>
    participants.some(({ node }) => node === after.node),
  )
  const [successor = ''] = others.map(([name]) => name)
  return `the default pool ${quote(old ?? '')} is gone, and pool ${quote(successor)} there in its place: sessions that came by it stay`
}
