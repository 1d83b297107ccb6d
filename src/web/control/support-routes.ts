import { Hono } from 'hono'
import { limitControlBody, readMembers } from './read-body.ts'

/** What a service says of itself for somebody who helps: nothing of it is a secret. */
export function supportRoutes(describe: () => Promise<object>): Hono {
  const app = new Hono()
  app.use('/support', limitControlBody(1_024))
  app.post('/support', async (c) => {
    await readMembers(c, [])
    return c.json(await describe())
  })
  return app
}
