// What a call brings, as far as it can be looked at before anything is done about it.
import type { z } from 'zod'
import { printable } from '../../refusal.ts'
import { ApiError } from './api-error.ts'
import type { Call } from './respond.ts'

const mostIssues = 3
const longestDescription = 500

/** Of a page of another site nothing is taken, whatever it sends. What sends neither header is no browser. */
export function refuseForeign(c: Call, publicUrl: string): void {
  const [from, site] = [c.req.header('origin'), c.req.header('sec-fetch-site')]
  const isOwn =
    (from === undefined || from === publicUrl) && (site === undefined || site === 'same-origin')
  if (!isOwn) throw foreign()
}

export function foreign(): ApiError {
  return new ApiError('foreign_origin', 'the API is not called from pages of other sites')
}

/** JSON alone: forms of other sites can send anything else unasked. */
export async function readBody<S extends z.ZodType>(
  c: Call,
  { schema, isRequired }: { readonly schema: S; readonly isRequired: boolean },
): Promise<z.output<S>> {
  const text = await c.req.text()
  const type = c.req.header('content-type')
  if (text === '' && !isRequired) return parse(schema, {})
  if (type === undefined || !/^application\/json\s*(?:;|$)/i.test(type)) {
    throw new ApiError('unsupported_media_type', 'the body is to be application/json')
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new ApiError('invalid_request', 'the body is no JSON')
  }
  return parse(schema, value)
}

/** A parameter that is given twice is ambiguous. */
export function readQuery<S extends z.ZodObject>(c: Call, schema: S): z.output<S> {
  const all = c.req.queries()
  const twice = Object.keys(all).find((name) => (all[name]?.length ?? 0) > 1)
  if (twice !== undefined) {
    throw new ApiError('invalid_request', `${printable(twice)} is given more than once`)
  }
  return parse(schema, c.req.query())
}

function parse<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const { success, data, error } = schema.safeParse(value)
  if (success) return data
  throw new ApiError('invalid_request', describe(error.issues))
}

/** Names what is wrong, and never says what was given: it may be a token. */
function describe(issues: readonly z.core.$ZodIssue[]): string {
  const texts = issues.slice(0, mostIssues).map((issue) => {
    if (issue.code === 'invalid_union') return describeUnion(issue)
    const where = issue.path.length === 0 ? 'the body' : issue.path.join('.')
    return `${where}: ${issue.message}`
  })
  return printable(texts.join('; '), longestDescription)
}

/** As the member has it that comes closest. */
function describeUnion({ errors, path }: z.core.$ZodIssueInvalidUnion): string {
  const [closest = []] = [...errors].sort((a, b) => a.length - b.length)
  return describe(closest.map((issue) => ({ ...issue, path: [...path, ...issue.path] })))
}

/** The token of `Authorization: Bearer`; undefined where there is no such header. */
export function bearerOf(c: Call): string | undefined {
  const header = c.req.header('authorization')
  if (header === undefined) return undefined
  const [, token] = /^Bearer +([\w~+/.-]+=*) *$/i.exec(header) ?? []
  if (token !== undefined) return token
  throw new ApiError('invalid_token', 'Authorization is to be Bearer and a session token')
}
