import type { Context, MiddlewareHandler } from 'hono'
import { limitBody } from '../body-limit.ts'

/** Its message is for whoever asked. */
export class BadRequest extends Error {}

export function limitControlBody(maxBytes: number): MiddlewareHandler {
  return limitBody(maxBytes, (c) => c.json({ error: 'the body is too long' }, 413))
}

/** The members of the body, of which there may be no others: what is misspelt would be left out otherwise. */
export async function readMembers<Name extends string>(
  c: Context,
  names: readonly Name[],
): Promise<Readonly<Partial<Record<Name, unknown>>>> {
  const body = await c.req.json<unknown>().catch(() => undefined)
  if (!isRecord(body)) throw new BadRequest('the body is no JSON object')
  const known = new Set<string>(names)
  if (Object.keys(body).some((name) => !known.has(name))) {
    throw new BadRequest('an unknown member is in the body')
  }
  return body as Readonly<Partial<Record<Name, unknown>>>
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
