import { Hono } from 'hono'
import { BadRequest, limitControlBody, readMembers } from './read-body.ts'

const levels = ['debug', 'info', 'warn', 'error'] as const
type Level = (typeof levels)[number]

export interface ControlledLog {
  readonly state: object
  set(order: {
    readonly level: Level
    readonly forMs: number | undefined
    readonly by: string
  }): Promise<object>
}

const maxBodyBytes = 1_024
/** A timer can wait no longer. */
const longestMs = 2_147_000_000
const maxNameLength = 64

/** Shows the level of the log, or changes it for a while. */
export function logRoutes(log: ControlledLog): Hono {
  const app = new Hono()
  app.use('/log/*', limitControlBody(maxBodyBytes))
  app.post('/log/level', async (c) => {
    const { level, forMs, by = 'unknown' } = await readMembers(c, ['level', 'forMs', 'by'])
    if (level === undefined) return c.json(log.state)
    const known = levels.find((one) => one === level)
    if (known === undefined) throw new BadRequest(`level must be one of ${levels.join(', ')}`)
    if (typeof by !== 'string' || by.length > maxNameLength) {
      throw new BadRequest(`by must be a text of at most ${maxNameLength} characters`)
    }
    return c.json(await log.set({ level: known, forMs: readTime(forMs), by }))
  })
  return app
}

function readTime(forMs: unknown): number | undefined {
  if (forMs === undefined) return undefined
  if (typeof forMs === 'number' && Number.isInteger(forMs) && forMs >= 1 && forMs <= longestMs) {
    return forMs
  }
  throw new BadRequest(`forMs must be a number between 1 and ${longestMs}`)
}
