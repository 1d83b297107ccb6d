// What an operator may do on this machine while sessions are open. Whoever can open the socket may do it.
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Hono } from 'hono'
import { BadRequest } from './control/read-body.ts'
import { type HttpServer, serveSocket } from './hardened-server.ts'

export interface ControlOptions {
  /** One for each group of what can be done: files of control/, each with the limit of its bodies. */
  readonly routes: readonly Hono[]
  readonly onError: (error: unknown) => void
}

/** Listens on a Unix socket that its owner alone may open. Its folder is made where only that is missing. */
export async function startControl(path: string, options: ControlOptions): Promise<HttpServer> {
  // In a container what is mounted for it may be open to all, and then a folder of one's own is needed in it.
  await mkdir(dirname(path), { mode: 0o700 }).catch((error: unknown) => {
    // Whatever else is wrong with the folder is told when it is used.
    if (!(error instanceof Error)) throw error
  })
  return serveSocket(createControlApp(options), path, options)
}

export function createControlApp({ routes, onError }: ControlOptions): Hono {
  const app = new Hono()
  app.use(async (c, next) => {
    c.header('Cache-Control', 'no-store')
    await next()
  })
  for (const group of routes) app.route('/', group)
  app.notFound((c) => c.json({ error: 'not found' }, 404))
  app.onError((error, c) => {
    if (error instanceof BadRequest) return c.json({ error: error.message }, 400)
    onError(error)
    return c.json({ error: 'internal error' }, 500)
  })
  return app
}
