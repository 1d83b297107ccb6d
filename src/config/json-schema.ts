import { z } from 'zod'
import { configSchema } from './schema/index.ts'

export type JsonSchema = z.core.JSONSchema.BaseSchema

/** The schema of the file, for editors: what may be written, not what the server makes of it. */
export function jsonSchema(): JsonSchema {
  return z.toJSONSchema(configSchema, {
    io: 'input',
    override: ({ jsonSchema: schema }) => {
      if (schema.type !== 'integer' && schema.type !== 'boolean') return
      // JSON Schema lets one schema have several types, each with keywords that concern it alone.
      Object.assign(schema, {
        type: [schema.type, 'string'],
        pattern: '^\\$\\{(env|file):[^}]+\\}$',
      })
    },
  })
}
