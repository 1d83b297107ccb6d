// src/admin/grammar/properties.ts: what the console may set, read off the schema of the configuration.
import { format, resolveConfig } from 'prettier'
import { jsonSchema, type JsonSchema } from '../src/config/index.ts'

type Kind = 'text' | 'number' | 'boolean' | 'list' | 'map'

interface Property {
  readonly kinds: readonly Kind[]
  /** In words, for an error. */
  readonly is: string
  readonly isSecret?: true
  readonly words?: readonly string[]
  readonly items?: Property
  readonly entries?: Properties
  readonly each?: Property
}

type Properties = Readonly<Record<string, Property>>

/** Keys that a statement of their own or a clause sets. */
const elsewhere: Readonly<Record<string, readonly string[]>> = {
  integrations: ['protocol'],
  groups: ['grants'],
  databases: ['integrations', 'primary'],
  connectivity_pools: ['participants'],
}

export async function consoleProperties(): Promise<string> {
  const sections = asSchema(jsonSchema()).properties ?? {}
  const of = (key: string): Properties => {
    const entries = entriesOf(asSchema(asSchema(sections[key]).additionalProperties))
    const isOurs = ([name]: [string, Property]): boolean => elsewhere[key]?.includes(name) !== true
    return Object.fromEntries(Object.entries(entries).filter(isOurs))
  }
  const pool = asSchema(asSchema(sections['connectivity_pools']).additionalProperties)
  const { node, ...participant } = entriesOf(itemsOf(asSchema(pool.properties?.['participants'])))
  if (node === undefined) throw new Error('participants have no node')
  const tables = {
    integrationProperties: of('integrations'),
    groupProperties: of('groups'),
    databaseProperties: of('databases'),
    poolProperties: of('connectivity_pools'),
    participantProperties: participant,
    clusterSettings: entriesOf(asSchema(sections['settings'])),
  }
  const source = [
    '// Written by `npm run docs` from src/config/schema. Do not edit.',
    "import type { Properties } from './property.ts'",
    ...Object.entries(tables).map(
      ([name, table]) => `export const ${name}: Properties = ${JSON.stringify(table)}`,
    ),
  ].join('\n\n')
  return format(source, { ...(await resolveConfig(import.meta.filename)), parser: 'typescript' })
}

function entriesOf(schema: JsonSchema): Properties {
  const own = Object.entries(schema.properties ?? {}).map(([name, child]) => {
    return [name, propertyOf(asSchema(child))] as const
  })
  const ofVariants = variantsOf(schema).flatMap((variant) => Object.entries(entriesOf(variant)))
  const merged = new Map<string, Property>()
  for (const [name, property] of [...own, ...ofVariants]) {
    const earlier = merged.get(name)
    // The variants of a union share keys: each has values of its own.
    merged.set(name, earlier === undefined ? property : united(earlier, property))
  }
  return Object.fromEntries(merged)
}

function united(one: Property, other: Property): Property {
  const words = [...(one.words ?? []), ...(other.words ?? [])]
  const kinds = [...new Set([...one.kinds, ...other.kinds])]
  return { ...one, kinds, ...(words.length > 0 ? { words } : {}) }
}

function propertyOf(schema: JsonSchema): Property {
  const kinds = kindsOf(schema)
  const words = wordsOf(schema)
  const items = itemsIn(schema)
  const entries = entriesOf(schema)
  const each = asSchema(schema.additionalProperties)
  const isDictionary = kinds.includes('map') && Object.keys(each).length > 0
  return {
    kinds,
    is: describe(schema, kinds, words),
    ...(isSecret(schema) ? { isSecret: true as const } : {}),
    ...(words.length > 0 ? { words } : {}),
    ...(items === undefined ? {} : { items: propertyOf(items) }),
    ...(Object.keys(entries).length > 0 ? { entries } : {}),
    ...(isDictionary ? { each: propertyOf(each) } : {}),
  }
}

function isSecret(schema: JsonSchema): boolean {
  return typeof schema['x-type'] === 'string' && schema['x-type'].startsWith('secret')
}

function describe(schema: JsonSchema, kinds: readonly Kind[], words: readonly string[]): string {
  if (words.length > 0) return words.join(', ')
  const special = schema['x-type']
  if (typeof special === 'string') return special
  const variants = variantsOf(schema).map((variant) => propertyOf(variant).is)
  return variants.length > 0 ? [...new Set(variants)].join(' or ') : kinds.join(' or ')
}

const everyKind: readonly Kind[] = ['text', 'number', 'boolean', 'list', 'map']

function kindsOf(schema: JsonSchema): readonly Kind[] {
  const variants = variantsOf(schema)
  if (schema.type === undefined && variants.length > 0) {
    return [...new Set(variants.flatMap(kindsOf))]
  }
  const found = [schema.type ?? []].flat().flatMap((type): readonly Kind[] => {
    if (type === 'string') return schema.pattern?.includes('env|file') === true ? [] : ['text']
    if (type === 'integer' || type === 'number') return ['number']
    if (type === 'boolean') return ['boolean']
    if (type === 'array') return ['list']
    return type === 'object' ? ['map'] : []
  })
  return found.length === 0 ? everyKind : [...new Set(found)]
}

function wordsOf(schema: JsonSchema): readonly string[] {
  const values = schema.const === undefined ? (schema.enum ?? []) : [schema.const]
  return values.filter((value) => typeof value === 'string')
}

function variantsOf(schema: JsonSchema): readonly JsonSchema[] {
  return [...(schema.oneOf ?? []), ...(schema.anyOf ?? [])].map(asSchema)
}

function itemsIn(schema: JsonSchema): JsonSchema | undefined {
  const found = [schema, ...variantsOf(schema)].find(({ items }) => items !== undefined)
  return found === undefined ? undefined : itemsOf(found)
}

function itemsOf(schema: JsonSchema): JsonSchema {
  return Array.isArray(schema.items) ? {} : asSchema(schema.items)
}

function asSchema(schema: JsonSchema | boolean | undefined): JsonSchema {
  return typeof schema === 'object' ? schema : {}
}
