// What operators look at, live: server-sent events.
import type { Context } from 'hono'
import { readVisitor } from '../people/visit.ts'
import type { WebEnv } from '../visitor.ts'
import { isOperator } from './allow.ts'
import { catalogTopic } from './catalog-page.ts'
import type { Desk, Operator } from './desk.ts'
import type { EventHub, Topic } from './event-hub.ts'
import { integrationsTopic } from './integrations-page.ts'
import { poolsTopic } from './pools-page.ts'
import { refusalsTopic } from './refusals-page.ts'
import { sessionsTopic } from './sessions-page.ts'
import { statisticsTopic } from './statistics-page.ts'

type Query = (name: string) => string | undefined

const topics: Readonly<
  Record<string, (desk: Desk, operator: Operator, query: Query) => Topic | undefined>
> = {
  sessions: (desk, { right }, query) => sessionsTopic(desk, right, query),
  refusals: (desk, _, query) => refusalsTopic(desk, query),
  integrations: (desk) => integrationsTopic(desk),
  pools: (desk) => poolsTopic(desk),
  catalog: (desk, { right }) => catalogTopic(desk, right === 'admin'),
  statistics: (desk, _, query) => statisticsTopic(desk, query),
}

export function events(c: Context<WebEnv>, desk: Desk, hub: EventHub): Response {
  const { services } = desk
  const visitor = c.get('visitor')
  // Browsers do not come again after these, and nobody is sent to the provider by them.
  if (visitor === undefined) return c.text('Sign in first.\n', 401)
  if (!isOperator(visitor, 'stats')) return c.text('This is for operators.\n', 403)
  const { right, session } = visitor
  const wanted = topicsIn(c, desk, visitor)
  if (wanted === undefined) return c.text('There is nothing of this name.\n', 404)
  const stream = hub.open(wanted, {
    person: JSON.stringify([session.identity.issuer, session.identity.subject]),
    // What was rendered for one right is not for another.
    isAllowed: async () => (await readVisitor(c, services))?.right === right,
  })
  if (stream === undefined) {
    c.header('Retry-After', '10')
    return c.text('Too many pages are open at once.\n', 429)
  }
  c.header('Content-Type', 'text/event-stream; charset=utf-8')
  c.header('Cache-Control', 'no-store, no-transform')
  // nginx would keep them back.
  c.header('X-Accel-Buffering', 'no')
  return c.body(stream)
}

/** Undefined where there is one that we do not know. */
function topicsIn(
  c: Context<WebEnv>,
  desk: Desk,
  operator: Operator,
): readonly Topic[] | undefined {
  const names = new Set((c.req.query('topics') ?? '').split(','))
  const found = [...names].flatMap((name) =>
    Object.hasOwn(topics, name)
      ? (topics[name]?.(desk, operator, (key) => c.req.query(key)) ?? [])
      : [],
  )
  return found.length === names.size ? found : undefined
}
