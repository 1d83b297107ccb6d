// A configuration as it may be shown: the schema says which of its values are secrets.
import { type JsonSchema, jsonSchema } from './json-schema.ts'
import {
  isList,
  isMapping,
  type Written,
  type WrittenMap,
  type WrittenPath,
} from './edit/written.ts'

export const maskedSecret = '********'

/** Says only where the secret comes from. */
const references = /^(?:\$\{(?:env|file):[^}]*\}\s*)+$/

export type Masker = (value: Written, path?: WrittenPath) => Written

/**
 * Masks what stands at a place of a configuration, with `masksUnknown` also what no schema knows. Making one takes a
 * moment.
 */
export function createMasker({ masksUnknown = false } = {}): Masker {
  const root = jsonSchema()
  return (value, path = []) => {
    const at = path.reduce<Schemas>(
      (schemas, step) => schemas.flatMap((one) => inside(one, step)),
      [root],
    )
    return mask(value, at, masksUnknown)
  }
}

type Schemas = readonly JsonSchema[]

function mask(value: Written, schemas: Schemas, masksUnknown: boolean): Written {
  if (schemas.length === 0 && masksUnknown) return maskWhole(value)
  if (schemas.flatMap(variantsOf).some(isSecret)) return maskWhole(value)
  const insideOf = (step: string | number): Schemas => schemas.flatMap((one) => inside(one, step))
  if (isList(value)) return value.map((one, index) => mask(one, insideOf(index), masksUnknown))
  if (!isMapping(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, mask(one, insideOf(key), masksUnknown)]),
  ) satisfies WrittenMap
}

function maskWhole(value: Written): Written {
  return typeof value === 'string' && references.test(value) ? value : maskedSecret
}

function isSecret(schema: JsonSchema): boolean {
  const type = (schema as { readonly 'x-type'?: unknown })['x-type']
  return typeof type === 'string' && type.startsWith('secret')
}

/** The schemas of which one may be meant. */
function variantsOf(schema: JsonSchema): Schemas {
  const variants = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])]
  return [schema, ...variants.filter(isSchema).flatMap(variantsOf)]
}

function inside(schema: JsonSchema, step: string | number): Schemas {
  return variantsOf(schema).flatMap(({ properties, additionalProperties, items }) => {
    if (typeof step === 'number') return [items].flat().filter(isSchema)
    const own = properties !== undefined && Object.hasOwn(properties, step)
    return [own ? properties[step] : additionalProperties].filter(isSchema)
  })
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null
}
