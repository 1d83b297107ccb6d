import { type Context, Hono } from 'hono'
import { BadRequest, limitControlBody, readMembers } from './read-body.ts'

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

/** As long as a file of the configuration may be; in JSON a line end counts twice. */
const maxCatalogBytes = 1_048_576
const maxAuthorLength = 128

export function catalogRoutes(catalog: ControlledCatalog): Hono {
  const app = new Hono()
  app.use('/catalog/*', limitControlBody(2 * maxCatalogBytes))
  app.post('/catalog/diff', async (c) => c.json(await catalog.diff((await readCatalog(c)).text)))
  app.post('/catalog/apply', async (c) => c.json(await catalog.apply(await readCatalog(c))))
  app.post('/catalog/export', async (c) => c.json(await catalog.export()))
  return app
}

async function readCatalog(c: Context): Promise<Parameters<ControlledCatalog['apply']>[0]> {
  const body = await readMembers(c, ['text', 'expectVersion', 'author'])
  const { text, expectVersion, author = 'apply' } = body
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
