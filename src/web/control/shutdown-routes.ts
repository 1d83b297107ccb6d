import { Hono } from 'hono'
import { BadRequest, limitControlBody, readMembers } from './read-body.ts'

export interface BegunShutdown {
  readonly state: 'begun' | 'under way'
  /** So long sessions may still go on. */
  readonly deadlineMs: number
}

const maxBodyBytes = 1_024

/** Has the service stop: at once, or as by SIGTERM. */
export function shutdownRoutes(shutDown: (way: 'now' | 'drain') => BegunShutdown): Hono {
  const app = new Hono()
  app.use('/shutdown', limitControlBody(maxBodyBytes))
  app.post('/shutdown', async (c) => {
    const { now = false } = await readMembers(c, ['now'])
    if (typeof now !== 'boolean') throw new BadRequest('now must be true or false')
    return c.json({ ...shutDown(now ? 'now' : 'drain'), pid: process.pid })
  })
  return app
}
