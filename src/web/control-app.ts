// What an operator may do on this machine while sessions are open. Whoever can open the socket may do it.
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { parseNetwork } from '../policy/network.ts'
import type { EndCount, EndOrder } from '../session/revocations.ts'
import type { SessionList, SessionQuery } from '../session/session-summary.ts'
import type { SessionSelector } from '../session/session-selector.ts'
import { limitBody } from './body-limit.ts'
import { type HttpServer, serveSocket } from './hardened-server.ts'

export interface ControlOptions {
  readonly endSessions: (order: EndOrder) => Promise<EndCount>
  readonly listSessions: (query: SessionQuery) => Promise<SessionList>
  readonly catalog: ControlledCatalog
  /** Is told what was ended by whoever it was. */
  readonly onKill: (selector: SessionSelector, count: EndCount) => void
  readonly onError: (error: unknown) => void
}

/** What is said and answered is for the command line: it only passes by here. */
export interface ControlledCatalog {
  diff(text: string): Promise<object>
  apply(request: {
    readonly text: string
    readonly expectVersion: number | undefined
    readonly author: string
  }): Promise<object>
  export(): Promise<object>
}

const maxBodyBytes = 16_384
/** As long as a file of the configuration may be; in JSON a line end counts twice. */
const maxCatalogBytes = 1_048_576
const maxCatalogBodyBytes = 2 * maxCatalogBytes
const maxAuthorLength = 128
const maxValueLength = 1_024
const usualLimit = 1_000
const maxLimit = 10_000

/** Listens on a Unix socket that its owner alone may open. */
export async function startControl(path: string, options: ControlOptions): Promise<HttpServer> {
  return serveSocket(createControlApp(options), path, options)
}

export function createControlApp(options: ControlOptions): Hono {
  const app = new Hono()
  const { endSessions, listSessions, catalog, onKill, onError } = options

  app.use(async (c, next) => {
    c.header('Cache-Control', 'no-store')
    await next()
  })
  const limit = (maxSize: number): MiddlewareHandler =>
    limitBody(maxSize, (c) => c.json({ error: 'the body is too long' }, 413))
  app.use('/sessions/*', limit(maxBodyBytes))
  app.use('/catalog/*', limit(maxCatalogBodyBytes))

  app.post('/sessions/list', async (c) => {
    const { selector, limit = usualLimit } = await readBody(c)
    return c.json(await listSessions({ selector, limit }))
  })

  app.post('/sessions/kill', async (c) => {
    const { selector } = await readBody(c)
    if (Object.keys(selector).length === 0) throw new BadRequest('no session is selected')
    const count = await endSessions({ selectors: [selector], end: 'killed' })
    onKill(selector, count)
    return c.json(count)
  })

  app.post('/catalog/diff', async (c) => c.json(await catalog.diff((await readCatalog(c)).text)))
  app.post('/catalog/apply', async (c) => c.json(await catalog.apply(await readCatalog(c))))
  app.post('/catalog/export', async (c) => c.json(await catalog.export()))

  app.notFound((c) => c.json({ error: 'not found' }, 404))
  app.onError((error, c) => {
    if (error instanceof BadRequest) return c.json({ error: error.message }, 400)
    onError(error)
    return c.json({ error: 'internal error' }, 500)
  })
  return app
}

class BadRequest extends Error {}

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

async function readBody(c: Context): Promise<{
  readonly selector: SessionSelector
  readonly limit: number | undefined
}> {
  const body = await c.req.json<unknown>().catch(() => undefined)
  if (!isRecord(body)) throw new BadRequest('the body is no JSON object')
  const { selector, limit, ...more } = body
  const [unknown] = Object.keys(more)
  if (unknown !== undefined) throw new BadRequest('an unknown member is in the body')
  const isCount = typeof limit === 'number' && Number.isInteger(limit)
  if (limit !== undefined && !(isCount && limit >= 1 && limit <= maxLimit)) {
    throw new BadRequest(`limit must be a number between 1 and ${maxLimit}`)
  }
  return { selector: readSelector(selector), limit: isCount ? limit : undefined }
}

async function readCatalog(c: Context): Promise<Parameters<ControlledCatalog['apply']>[0]> {
  const body = await c.req.json<unknown>().catch(() => undefined)
  if (!isRecord(body)) throw new BadRequest('the body is no JSON object')
  const { text, expectVersion, author = 'apply', ...more } = body
  if (Object.keys(more).length > 0) throw new BadRequest('an unknown member is in the body')
  if (typeof text !== 'string' || Buffer.byteLength(text) > maxCatalogBytes) {
    throw new BadRequest(`text must be a text of at most ${maxCatalogBytes} bytes`)
  }
  if (typeof author !== 'string' || author === '' || author.length > maxAuthorLength) {
    throw new BadRequest(`author must be a text of at most ${maxAuthorLength} characters`)
  }
  if (expectVersion === undefined) return { text, author, expectVersion }
  if (typeof expectVersion !== 'number' || !Number.isSafeInteger(expectVersion)) {
    throw new BadRequest('expectVersion must be a number')
  }
  return { text, author, expectVersion }
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

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
