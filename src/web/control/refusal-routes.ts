import { Hono } from 'hono'
import type { DeniedLogin, ExplainedDenial } from '../../session/denied-login.ts'
import { BadRequest, limitControlBody, readMembers } from './read-body.ts'

/** What is remembered of logins that were refused, and how many processes gave no answer. */
export interface RefusalRouteOptions {
  readonly list: () => Promise<Remembered<readonly DeniedLogin[]>>
  readonly find: (reference: string) => Promise<Remembered<ExplainedDenial>>
}

interface Remembered<T> {
  readonly answers: readonly T[]
  readonly unanswered: number
}

const maxBodyBytes = 1_024
const maxReferenceLength = 64

export function refusalRoutes({ list, find }: RefusalRouteOptions): Hono {
  const app = new Hono()
  app.use('/refusals/*', limitControlBody(maxBodyBytes))

  app.post('/refusals/list', async (c) => {
    await readMembers(c, [])
    const { answers, unanswered } = await list()
    return c.json({ refusals: answers.flat(), unanswered })
  })

  app.post('/refusals/find', async (c) => {
    const { reference } = await readMembers(c, ['reference'])
    if (
      typeof reference !== 'string' ||
      reference === '' ||
      reference.length > maxReferenceLength
    ) {
      throw new BadRequest(`reference must be a text of at most ${maxReferenceLength} characters`)
    }
    const { answers, unanswered } = await find(reference)
    return c.json({ refusals: answers, unanswered })
  })
  return app
}
