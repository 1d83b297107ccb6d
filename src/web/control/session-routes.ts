import { type Context, Hono } from 'hono'
import { parseNetwork } from '../../policy/network.ts'
import type { EndCount, EndOrder } from '../../session/revocations.ts'
import type { SessionList, SessionQuery } from '../../session/session-summary.ts'
import type { SessionSelector } from '../../session/session-selector.ts'
import { BadRequest, isRecord, limitControlBody, readMembers } from './read-body.ts'

export interface SessionRouteOptions {
  readonly endSessions: (order: EndOrder) => Promise<EndCount>
  readonly listSessions: (query: SessionQuery) => Promise<SessionList>
  /** Is told what was ended by whoever it was. */
  readonly onKill: (selector: SessionSelector, count: EndCount) => void
}

const maxBodyBytes = 16_384
const maxValueLength = 1_024
const usualLimit = 1_000
const maxLimit = 10_000

export function sessionRoutes({ endSessions, listSessions, onKill }: SessionRouteOptions): Hono {
  const app = new Hono()
  app.use('/sessions/*', limitControlBody(maxBodyBytes))

  app.post('/sessions/list', async (c) => {
    const { selector, limit = usualLimit } = await readQuery(c)
    return c.json(await listSessions({ selector, limit }))
  })

  app.post('/sessions/kill', async (c) => {
    const { selector } = await readQuery(c)
    if (Object.keys(selector).length === 0) throw new BadRequest('no session is selected')
    const count = await endSessions({ selectors: [selector], end: 'killed' })
    onKill(selector, count)
    return c.json(count)
  })
  return app
}

const names = [
  'session',
  'issuer',
  'subject',
  'principal',
  'role',
  'group',
  'integration',
  'pool',
  'database',
  'tokenIdHash',
  'sid',
  'address',
] as const satisfies readonly (keyof SessionSelector)[]

async function readQuery(c: Context): Promise<{
  readonly selector: SessionSelector
  readonly limit: number | undefined
}> {
  const { selector, limit } = await readMembers(c, ['selector', 'limit'])
  const isCount = typeof limit === 'number' && Number.isInteger(limit)
  if (limit !== undefined && !(isCount && limit >= 1 && limit <= maxLimit)) {
    throw new BadRequest(`limit must be a number between 1 and ${maxLimit}`)
  }
  return { selector: readSelector(selector), limit: isCount ? limit : undefined }
}

function readSelector(value: unknown): SessionSelector {
  if (!isRecord(value)) throw new BadRequest('selector must be an object')
  const known = new Set<string>(names)
  for (const [name, one] of Object.entries(value)) {
    // What is misspelt must not be left out: it would select more than was meant.
    if (!known.has(name)) throw new BadRequest(`sessions are selected by ${names.join(', ')}`)
    if (typeof one !== 'string' || one === '' || one.length > maxValueLength) {
      throw new BadRequest(`${name} must be a text of at most ${maxValueLength} characters`)
    }
    if (name === 'address' && !isNetwork(one)) {
      throw new BadRequest('address must be an address or a range such as 10.0.0.0/8')
    }
  }
  return value
}

function isNetwork(value: string): boolean {
  try {
    parseNetwork(value)
    return true
  } catch {
    return false
  }
}
