// The OpenAPI 3.1 document: its schemas are JSON Schema 2020-12, made of those that validate.
import { z } from 'zod'
import { type ErrorCode, errorCodes } from './api-error.ts'
import { type Operation, operations } from './operations.ts'
import { errorResponse } from './schemas.ts'

type Json = Readonly<Record<string, unknown>>

export function openapi(publicUrl: string, version: string): Json {
  const paths = Object.entries(operations).map(([name, operation]: [string, Operation]) => [
    operation.path,
    { [operation.method]: describe(name, operation) },
  ])
  return {
    openapi: '3.1.0',
    info: {
      title: 'Portcullis sign-in API',
      version,
      summary: 'Session tokens for databases, by single sign-on',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: publicUrl }],
    paths: Object.fromEntries(paths) as Json,
    components: {
      schemas: { Error: schemaOf(errorResponse, 'output') },
      securitySchemes: {
        sessionToken: { type: 'http', scheme: 'bearer', description: 'A session token.' },
      },
    },
  }
}

function describe(name: string, operation: Operation): Json {
  const { summary, description, body, query, bearer, successes, errors } = operation
  return {
    operationId: name,
    summary,
    description,
    security: bearer === undefined ? [] : [{}, { sessionToken: [] }],
    ...(query !== undefined && { parameters: parametersOf(query) }),
    ...(body !== undefined && {
      requestBody: {
        required: body.isRequired,
        content: { 'application/json': { schema: schemaOf(body.schema, 'input') } },
      },
    }),
    responses: Object.fromEntries([
      ...successes.map(({ status, description: what, schema, headers }) => [
        String(status),
        {
          description: what,
          ...(headers && { headers: headersOf(headers) }),
          ...(schema && {
            content: { 'application/json': { schema: schemaOf(schema, 'output') } },
          }),
        },
      ]),
      ...failuresOf(errors),
    ]) as Json,
  }
}

/** By status: several errors may have one. */
function failuresOf(errors: readonly ErrorCode[]): readonly (readonly [string, Json])[] {
  const statuses = [...new Set(errors.map((code) => errorCodes[code]))].sort()
  return statuses.map((status) => {
    const own = errors.filter((code) => errorCodes[code] === status)
    const headers = {
      ...(status === 401 && { 'WWW-Authenticate': 'What is wanted (RFC 6750, 3).' }),
      ...(status === 429 && { 'Retry-After': 'Seconds to wait.' }),
    }
    return [
      String(status),
      {
        description: [...new Set(own)].map((code) => `\`${code}\``).join(', '),
        ...(Object.keys(headers).length > 0 && { headers: headersOf(headers) }),
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    ]
  })
}

function headersOf(headers: Readonly<Record<string, string>>): Json {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [
      name,
      { description, schema: { type: 'string' } },
    ]),
  )
}

function parametersOf(query: z.ZodObject): readonly Json[] {
  return Object.entries(query.shape).map(([name, schema]) => {
    const { description, ...rest } = schemaOf(schema as z.ZodType, 'input')
    const required = !(schema instanceof z.ZodOptional)
    return {
      name,
      in: 'query',
      required,
      ...(description !== undefined && { description }),
      schema: rest,
    }
  })
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const made = z.toJSONSchema(schema, { io, target: 'draft-2020-12' })
  // The document says once which kind of schemas it has.
  return Object.fromEntries(Object.entries(made).filter(([name]) => name !== '$schema'))
}
